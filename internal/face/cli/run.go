package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"os"
	"path/filepath"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/spf13/cobra"

	"seneschal/internal/action"
	"seneschal/internal/fault"
)

// addRun is the command for every action on a connection.
func (f *Face) addRun() {
	var q action.Request
	var inputFile string
	var files []string
	var yes bool
	cmd := &cobra.Command{Use: "run NAME", Short: "Run an action on a connection.", Args: cobra.ExactArgs(1)}
	cmd.Flags().StringVar(&q.Connection, "connection", "", "id or name of the connection to act through")
	cmd.Flags().StringVar(&inputFile, "input", "", "read the input as JSON from a file, or - for standard input")
	fileFlag(cmd, &files)
	keyFlag(cmd, &q.Key)
	cmd.Flags().BoolVar(&q.DryRun, "dry-run", false, "show what would happen; nothing leaves the hub")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask, where something is deleted")
	cmd.ValidArgsFunction = f.actions(true)
	f.completeFlag(cmd, "connection", &huma.Schema{})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a, ok := f.Registry.Lookup(args[0])
		if !ok || a.Target != action.OnConnection {
			return action.Missing(args[0])
		}
		q.Action = a.Name
		in, err := f.readInput(inputFile)
		if err != nil {
			return err
		}
		if q.Files, err = openFiles(a, files); err != nil {
			return err
		}
		defer closeFiles(q.Files)
		if a.Effect == action.Deletes && !yes && !q.DryRun && !f.confirmed(a, in) {
			return usageError{errNotConfirmed}
		}
		q.Key = keyFor(a, q.Key)
		if len(a.Streams) > 0 {
			q.Out = func(action.Bytes) io.Writer { return f.IO.Out }
		}
		result, err := f.do(cmd.Context(), q, in)
		if err != nil {
			if result.Run != "" && !f.quiet {
				_, _ = fmt.Fprintf(f.IO.Err, "run %s, key %s\n", result.Run, q.Key)
			}
			return err
		}
		if len(a.Streams) > 0 && !q.DryRun {
			return nil
		}
		return f.printResult(a, result)
	}
	child(f.root, "action").AddCommand(cmd)
}

func fileFlag(cmd *cobra.Command, files *[]string) {
	cmd.Flags().StringArrayVar(files, "file", nil, "NAME=PATH of a file the action takes")
}

func closeFiles(files map[string]*action.Content) {
	for _, c := range files {
		_ = c.Close()
	}
}

func keyFlag(cmd *cobra.Command, key *string) {
	cmd.Flags().StringVar(key, "idempotency-key", "", "repeating a command with the same key never has a second effect (a random one without)")
}

// keyFor is the key a person gave, or a fresh one.
func keyFor(a action.Action, given string) string {
	if given == "" && a.TakesKey() {
		return "cli-" + rand.Text()
	}
	return given
}

func (f *Face) printResult(a action.Action, r action.Result) error {
	if f.output == "json" || r.DryRun != nil {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return f.print(a.Name, text)
	}
	if r.Run != "" && !f.quiet {
		_, _ = fmt.Fprintf(f.IO.Err, "done, run %s\n", r.Run)
	}
	if len(r.Output) == 0 {
		return nil
	}
	return f.print(a.Name, r.Output)
}

func openFiles(a action.Action, given []string) (map[string]*action.Content, error) {
	out := map[string]*action.Content{}
	for _, g := range given {
		name, path, ok := strings.Cut(g, "=")
		if !ok {
			return nil, usageError{fmt.Errorf("--file %s is not NAME=PATH", g)}
		}
		limit := int64(0)
		for _, spec := range a.Files {
			if spec.Name == name {
				limit = spec.Max
			}
		}
		if limit == 0 {
			return nil, fault.BadField(name, "is not a file of this action")
		}
		r, err := os.Open(path)
		if err != nil {
			return nil, usageError{fmt.Errorf("--file %s: %w", g, err)}
		}
		c, err := action.Own(filepath.Base(path), mime.TypeByExtension(filepath.Ext(path)), r, limit)
		if err != nil {
			return nil, err
		}
		out[name] = c
	}
	return out, nil
}

// addDoctor is the everyday command: every finding of every connection, worst first.
func (f *Face) addDoctor() {
	cmd := &cobra.Command{Use: "doctor [CONNECTION]", Short: "Tell for each connection and capability what works, what does not, and the exact fix.", Args: cobra.MaximumNArgs(1)}
	cmd.ValidArgsFunction = f.choices("connection")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		names := args
		if len(args) == 0 {
			var err error
			if names, err = f.connectionNames(cmd.Context()); err != nil {
				return err
			}
		}
		all := []any{}
		for _, name := range names {
			result, err := f.do(cmd.Context(), action.Request{Action: "connection.doctor"}, map[string]any{"id": name})
			if err != nil {
				return err
			}
			var v struct{ Lines []any }
			if err := json.Unmarshal(result.Output, &v); err != nil {
				return err
			}
			all = append(all, v.Lines...)
		}
		text, err := json.Marshal(all)
		if err != nil {
			return err
		}
		if err := f.print("doctor", text); err != nil {
			return err
		}
		return attentionFor(all)
	}
	f.root.AddCommand(cmd)
}

func attentionFor(lines []any) error {
	for _, l := range lines {
		if s := at(l, "state"); s == "failed" || s == "missing" || s == "cannot_tell" {
			return ErrAttention
		}
	}
	return nil
}

func (f *Face) connectionNames(ctx context.Context) ([]string, error) {
	result, err := f.do(ctx, action.Request{Action: "connection.list"}, map[string]any{})
	if err != nil {
		return nil, err
	}
	var v struct{ Connections []struct{ Name string } }
	if err := json.Unmarshal(result.Output, &v); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(v.Connections))
	for _, c := range v.Connections {
		names = append(names, c.Name)
	}
	return names, nil
}

// addStatus is the shortest answer to "is it all right?".
func (f *Face) addStatus() {
	cmd := &cobra.Command{Use: "status", Short: "Say whether everything is all right.", Args: cobra.NoArgs}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		result, err := f.do(cmd.Context(), action.Request{Action: "connection.list"}, map[string]any{})
		if err != nil {
			return err
		}
		if err := f.print("connection.list", result.Output); err != nil {
			return err
		}
		var v struct{ Connections []struct{ State string } }
		if err := json.Unmarshal(result.Output, &v); err != nil {
			return err
		}
		for _, c := range v.Connections {
			if c.State != "healthy" && c.State != "paused" {
				return ErrAttention
			}
		}
		return nil
	}
	f.root.AddCommand(cmd)
}
