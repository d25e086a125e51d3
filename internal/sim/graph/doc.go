// Package graph is the simulated Microsoft Graph: directory, mail, calendars, subscriptions, batches, as far as the product and its checks use them.
// Owns: the router over Microsoft's permission table (permission first, then the operation, else 501), the shapes of answers and errors, throttling.
// Imports: sim/world, sim/entra (tokens), sim/trouble, sim/odata, sim/zone, m365/table's raw text with a reader of its own. Never a client package.
package graph
