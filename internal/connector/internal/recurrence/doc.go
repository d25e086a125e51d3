// Package recurrence says how an event or a task repeats: every so many days, weeks, months or years, until a date, a number of times or for ever.
// Owns: the form in which people write it, what is wrong with it, and how Microsoft writes it (patternedRecurrence). Knows no product.
// Imports: graph, fault.
package recurrence
