// Package sim is the practice ground: a stateful, deterministic Microsoft 365 cloud over real HTTPS in this binary, for the demo, the tests and users' own CI.
// Owns: the listeners, the certificate authority, the ready file, the admin routes, the playing of faults. The cloud itself is in world, entra and graph below.
// Imports: only what lies below sim, and third-party libraries. Never wire, graph, entra, connector, store or clock: a misreading must not hide on both sides.
// What is played, from which source, and what is not: docs/fidelity.md.
package sim
