// Package document makes a quote or an invoice of its data: subject, HTML and text from templates, and a PDF, all of the same figures.
// Owns: the form of the data, its arithmetic, the templates that come with the program, and those of an operator's folder.
// Imports: fault alone. It reads its folder once, and keeps no state.
//
// Figures are decimal and exact: what a caller gives is text, what is computed is rounded once, half away from zero, at the currency's own
// places. Nothing of a document depends on when or where it is made: the same data gives the same bytes.
package document
