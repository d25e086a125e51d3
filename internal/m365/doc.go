// Package m365 is the dictionary of Microsoft 365: typed ids, clouds, sign-in modes, and the manifest of what each capability needs.
// Owns: the table of operations and permissions (read from m365/table) and the capabilities' needs, from which the permission list,
// consent links, set-up scripts, the doctor's checks and the reference page all come.
// Imports: the standard library and m365/table.
package m365
