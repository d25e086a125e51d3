// Command seneschal is a self-hosted Microsoft 365 hub.
//
// Owns: what a process is: its arguments, its streams, the signals that end it and its exit code.
// Imports: app, and the CLI's face for the streams.
package main
