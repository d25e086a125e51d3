// Package custody says in one form what the hub keeps: each owner of tables declares its classes of data, and the retention, the page
// "Where data lies" and its reference follow from them.
// Owns: nothing but the form.
// Imports: store's transaction.
package custody
