// Package zone knows time zones by their Windows and IANA names, as Outlook accepts both.
// Owns: windows.tsv, made from CLDR's table.
// Imports: the standard library (its embedded time zone database included).
package zone
