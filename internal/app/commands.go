package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"seneschal/internal/access"
	"seneschal/internal/clock"
	"seneschal/internal/config"
	"seneschal/internal/sim"
	"seneschal/internal/telemetry"
)

// commands are those that are no actions.
func (p *process) commands() []*cobra.Command {
	return []*cobra.Command{p.serveCommand(), p.simCommand(), p.demoCommand(), p.configCommand(), p.versionCommand(), p.keysCommand(), p.backupCommand(), p.supportCommand(), p.traceCommand(), p.connectCommand(), p.mcpCommand(), p.fidelityCommand()}
}

func (p *process) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version.", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		_, err := fmt.Fprintln(p.io.Out, "seneschal "+Version)
		return err
	}}
}

func (p *process) configCommand() *cobra.Command {
	parent := &cobra.Command{Use: "config", Short: "The settings."}
	parent.AddCommand(&cobra.Command{Use: "describe", Short: "List every setting with its meaning, default and an example.", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		w := tabwriter.NewWriter(p.io.Out, 2, 4, 2, ' ', 0)
		for _, s := range config.Settings() {
			def := s.Default
			if def == "" {
				def = "(none)"
			}
			_, _ = fmt.Fprintf(w, "%s%s\tdefault %s\texample %s\n\t%s\n", config.Prefix, s.Name, def, s.Example, s.Doc)
		}
		return w.Flush()
	}})
	return parent
}

func (p *process) serveCommand() *cobra.Command {
	return &cobra.Command{Use: "serve", Short: "Run the hub.", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		c, err := p.load(givenFlags(cmd.Root()))
		if err != nil {
			return err
		}
		a, err := New(cmd.Context(), c, p.surroundings(c))
		if err != nil {
			return err
		}
		defer func() { _ = a.Close() }()
		return a.serveUntilStopped(cmd.Context(), p)
	}}
}

// serveUntilStopped serves until a signal, and tells how to get in.
func (a *App) serveUntilStopped(ctx context.Context, p *process) error {
	if err := a.applyConnectionsFile(ctx); err != nil {
		return err
	}
	awaited, err := a.Access.EnsureFirstAdmin(context.WithoutCancel(ctx)) // before anybody can come in
	if err != nil {
		return err
	}
	s, err := a.Serve(ctx)
	if err != nil {
		return err
	}
	if awaited {
		if err := a.welcome(context.WithoutCancel(ctx), p); err != nil { // a signal that comes this early stops the hub in good order all the same
			return err
		}
	}
	select {
	case <-ctx.Done():
		a.Log.Info("stopping", "reason", "signal")
	case err = <-s.Failed():
	}
	return errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
}

// welcome lets the first admin in by a one-time link.
func (a *App) welcome(ctx context.Context, p *process) error {
	token, err := a.Access.LoginLink(ctx, access.System("setup"), access.FirstAdmin)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.io.Out, "\nSign in as the first admin (once, within 15 minutes):\n  %s\nAnother link at any time, on this host: seneschal person login-link admin\n\n", a.loginURL(token.Reveal()))
	return err
}

func (p *process) simCommand() *cobra.Command {
	var c sim.Config
	var readyFile string
	var printWorld bool
	cmd := &cobra.Command{Use: "sim", Short: "Play a simulated Microsoft cloud: for trials and your own tests.", Args: cobra.NoArgs}
	cmd.Flags().StringVar(&c.Listen, "sim-listen", "127.0.0.1:9443", "address of login and Graph")
	cmd.Flags().StringVar(&c.World, "world", "contoso", "contoso, large, or a YAML file")
	cmd.Flags().StringVar(&c.MailDir, "mail", "", "load DIR/<upn>/*.eml into mailboxes; loose files go to the first mailbox")
	cmd.Flags().StringVar(&c.ICSDir, "ics", "", "load DIR/<upn>/*.ics into calendars")
	cmd.Flags().StringVar(&c.Dir, "dir", "", "keep the world in this folder; without, it is gone at the end")
	cmd.Flags().StringVar(&readyFile, "ready", "", "write the ready file here")
	cmd.Flags().Uint64Var(&c.Seed, "seed", 1, "seed of everything random")
	cmd.Flags().DurationVar(&c.Latency, "latency", 0, "delay of every answer")
	cmd.Flags().IntVar(&c.Users, "users", 0, "mailboxes of the large world")
	cmd.Flags().IntVar(&c.MessagesPerMailbox, "messages", 0, "messages a mailbox of the large world")
	cmd.Flags().BoolVar(&printWorld, "print", false, "print the world's file instead")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if printWorld {
			text, err := sim.WorldFile(c.World)
			if err != nil {
				return err
			}
			_, err = p.io.Out.Write(text)
			return err
		}
		if f := cmd.Root().PersistentFlags().Lookup("listen"); f != nil && f.Changed {
			c.Listen = f.Value.String() // CONTRACT calls it --listen, as serve does
		}
		c.Clock, c.Log = clock.NewAdjustable(), telemetry.NewLog(p.io.Err, "text", slog.LevelWarn)
		return runSim(cmd.Context(), c, readyFile, p)
	}
	return cmd
}

func runSim(ctx context.Context, c sim.Config, readyFile string, p *process) error {
	s, err := sim.Start(ctx, c)
	if err != nil {
		return err
	}
	text, err := json.Marshal(s.Ready())
	if err != nil {
		return errors.Join(err, s.Close())
	}
	if readyFile != "" {
		if err := writeWhole(readyFile, text); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	if _, err := fmt.Fprintln(p.io.Out, string(text)); err != nil {
		return errors.Join(err, s.Close())
	}
	<-ctx.Done()
	return s.Close()
}

// writeWhole makes the file appear with all its text or not at all: a reader waits for its existence.
func writeWhole(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (p *process) keysCommand() *cobra.Command {
	parent := &cobra.Command{Use: "keys", Short: "The keys that seal secrets."}
	parent.AddCommand(&cobra.Command{Use: "rotate", Short: "Make a new key and seal every secret with it, while the hub runs.", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return p.withApp(cmd, func(ctx context.Context, a *App) error {
			err := a.Vault.Rotate(ctx, func(done, total int) { _, _ = fmt.Fprintf(p.io.Err, "\r%d of %d secrets", done, total) })
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.io.Out, "rotated")
			return err
		})
	}})
	return parent
}

// withApp opens the database of the settings, beside a hub that may be running on it.
func (p *process) withApp(cmd *cobra.Command, f func(context.Context, *App) error) error {
	c, err := p.load(givenFlags(cmd.Root()))
	if err != nil {
		return err
	}
	a, err := New(cmd.Context(), c, p.surroundings(c))
	if err != nil {
		return err
	}
	return errors.Join(f(cmd.Context(), a), a.Close())
}
