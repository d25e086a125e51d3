// Command seneschal is a self-hosted Microsoft 365 hub.
//
// Owns: what a process is: its arguments, its streams, the signals that end it and its exit code.
// Imports: app, and the CLI's face for the streams.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"seneschal/internal/app"
	"seneschal/internal/face/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := app.Main(ctx, os.Args[1:], os.Environ(), cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
