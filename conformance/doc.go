// Package conformance lets clients that we did not write work against the simulator, unchanged: Microsoft's Graph SDK and MSAL for Go here,
// Microsoft's JavaScript Graph client and MSAL for Node in node/; and an agent of the Model Context Protocol's official SDK against the hub.
// Owns: nothing of the product; it is a module of its own, so that none of these clients is a dependency of it.
// Imports: those clients.
package conformance
