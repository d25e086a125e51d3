// Package telemetry makes the program observable: structured logs with request and run ids, and Prometheus metrics.
// Owns: the log handler, the ids in a context, and the registry of metrics.
// Imports: the dictionary. No label ever holds a mailbox, and no log line a body or a secret.
package telemetry
