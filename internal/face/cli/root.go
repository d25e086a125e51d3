package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/spf13/cobra"

	"seneschal/internal/action"
	"seneschal/internal/fault"
)

// Doer runs an action: the corridor itself, or a running hub's REST face.
type Doer interface {
	Do(ctx context.Context, q action.Request) (action.Result, error)
}

// Stdio are the streams of the process.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

// Options are what the command tree is made of.
type Options struct {
	Registry *action.Registry
	// Open gives the way to the hub; the closer lets it go.
	Open  func(ctx context.Context, settings map[string]string) (Doer, func(), error)
	IO    Stdio
	Extra []*cobra.Command // commands that are no actions: serve, sim, demo, …
	Flags func(root *cobra.Command)
	Wait  func(ctx context.Context, d time.Duration) error // passes time between two looks at a long run
	// Settings reads the setting flags that were given.
	Settings func(root *cobra.Command) map[string]string
}

// attention is the outcome of a command that worked and found something to do.
type attention struct{}

func (attention) Error() string { return "needs attention" }

// ErrAttention makes a command end with exit code 3.
var ErrAttention error = attention{}

type usageError struct{ error }

// Face is the command line.
type Face struct {
	Options
	root   *cobra.Command
	flags  map[*cobra.Command]func() // what gives a command its flags, called for the one that is meant: they come from its schema
	output string
	quiet  bool
}

// New makes the command tree.
func New(o Options) *Face {
	f := &Face{Options: o, flags: map[*cobra.Command]func(){}}
	root := &cobra.Command{Use: "seneschal", Short: "A self-hosted Microsoft 365 hub", SilenceErrors: true, SilenceUsage: true,
		Long: "Seneschal connects Microsoft 365 tenants to the systems around them.\nStart with: seneschal demo"}
	root.SetIn(o.IO.In)
	root.SetOut(o.IO.Out)
	root.SetErr(o.IO.Err)
	root.PersistentFlags().StringVar(&f.output, "output", "text", "text, json or csv")
	root.PersistentFlags().BoolVar(&f.quiet, "quiet", false, "print results only")
	root.PersistentFlags().Bool("no-color", false, "no colours (there are none where output is no terminal)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	if o.Flags != nil {
		o.Flags(root)
	}
	f.root = root
	for _, a := range o.Registry.All() {
		if a.Target == action.OnHub && a.CLI != "-" {
			f.add(a)
		}
	}
	f.addRun()
	f.addDoctor()
	f.addStatus()
	root.AddCommand(o.Extra...)
	return f
}

// Run executes the arguments and gives the exit code.
func (f *Face) Run(ctx context.Context, args []string) int {
	f.root.SetArgs(args)
	f.addFlags(args)
	err := f.root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrAttention):
		return 3
	case errors.As(err, &usage), isCobraUsage(err):
		_, _ = fmt.Fprintf(f.IO.Err, "%v\nseneschal --help lists the commands\n", err)
		return 2
	}
	f.printFault(err)
	if fault.KindOf(err) == fault.Invalid {
		return 2
	}
	return 1
}

// asking are the words before a command that ask about it instead of running it.
var asking = []string{"help", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}

// addFlags gives the command that is meant its flags, before cobra reads the arguments. Words that name no command are flags, or what
// belongs to them; an unknown command is cobra's to refuse.
func (f *Face) addFlags(args []string) {
	if len(args) > 0 && slices.Contains(asking, args[0]) {
		args = args[1:]
	}
	cmd := f.root
	for _, word := range args {
		if i := slices.IndexFunc(cmd.Commands(), func(c *cobra.Command) bool { return c.Name() == word }); i >= 0 {
			cmd = cmd.Commands()[i]
		}
	}
	if add := f.flags[cmd]; add != nil {
		add()
	}
}

// isCobraUsage recognises the errors that cobra makes itself: they are about the command line and carry no type.
func isCobraUsage(err error) bool {
	var known *fault.Error
	return !errors.As(err, &known) && (strings.HasPrefix(err.Error(), "unknown command") || strings.HasPrefix(err.Error(), "accepts ") || strings.HasPrefix(err.Error(), "requires "))
}

// words are the command words of an action.
func words(a action.Action) []string {
	if a.CLI != "" {
		return strings.Fields(a.CLI)
	}
	return strings.Split(strings.ReplaceAll(a.Name, "_", "-"), ".")
}

// add puts an action's command into the tree, making its parent on the way.
func (f *Face) add(a action.Action) {
	w := words(a)
	parent := f.root
	for _, word := range w[:len(w)-1] {
		parent = child(parent, word)
	}
	var inputFile, key string
	var files []string
	var yes bool
	use := w[len(w)-1]
	for _, arg := range a.Args {
		use += " " + strings.ToUpper(arg)
	}
	cmd := &cobra.Command{Use: use, Short: a.Summary, Args: cobra.MaximumNArgs(len(a.Args))}
	var flags flagSet
	f.flags[cmd] = func() {
		flags = f.newFlagSet(cmd, a.Input(), a.Args)
		if takesInput(a) {
			cmd.Flags().StringVar(&inputFile, "input", "", "read the input as JSON from a file, or - for standard input")
		}
		if a.Effect == action.Deletes {
			cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
		}
		if a.TakesKey() {
			keyFlag(cmd, &key)
		}
		if len(a.Files) > 0 {
			fileFlag(cmd, &files)
		}
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		in, err := f.readInput(inputFile)
		if err != nil {
			return err
		}
		for i, arg := range args {
			in[a.Args[i]] = arg
		}
		flags.fill(cmd, in)
		if a.Effect == action.Deletes && !yes && in["dry_run"] != true && !f.confirmed(a, in) {
			return usageError{errNotConfirmed}
		}
		q := action.Request{Action: a.Name, Key: keyFor(a, key)}
		if q.Files, err = openFiles(a, files); err != nil {
			return err
		}
		defer closeFiles(q.Files)
		if len(a.Streams) > 0 {
			q.Out = func(action.Bytes) io.Writer { return f.IO.Out }
		}
		result, err := f.do(cmd.Context(), q, in)
		if err != nil || len(a.Streams) > 0 {
			return err
		}
		if err := f.print(a.Name, result.Output); err != nil {
			return err
		}
		return verdictOf(a.Name, result.Output)
	}
	f.completeArgs(cmd, a)
	parent.AddCommand(cmd)
}

// groups says what each group of commands is about.
var groups = map[string]string{
	"access": "Who and what has access.", "agent": "Programs that act for people: how much they ask, and how to stop them.", "action": "What can be done through a connection: list, show, run.", "apikey": "The keys programs come in with.", "audit": "The record of what was done.",
	"communication": "Mail and meetings with customers.", "connection": "The tenants we are connected to.", "customer": "Whom we serve, by their e-mail domains.",
	"batch": "Many actions in one call.", "event": "What became true.", "feed": "What is followed at Microsoft 365, and how fresh it is.", "mailbox": "The mailboxes a connection may touch.",
	"data": "What the hub keeps.", "person": "The people who may sign in.", "plan": "What agents want done: see it, approve it, reject it.", "rule": "What approves plans in a person's place.", "privacy": "What is kept about one person.", "run": "What was started, and where it stands.", "session": "The browsers people are signed in with.", "technician": "Which mailboxes are whose.",
	"alarm": "What needs somebody, and who was told.", "webhook": "The addresses that are told of events.",
}

func child(parent *cobra.Command, word string) *cobra.Command {
	for _, c := range parent.Commands() {
		if c.Name() == word {
			return c
		}
	}
	c := &cobra.Command{Use: word, Short: groups[word]}
	parent.AddCommand(c)
	return c
}

var errNotConfirmed = errors.New("not confirmed; add --yes")

func (f *Face) confirmed(a action.Action, in map[string]any) bool {
	_, _ = fmt.Fprintf(f.IO.Err, "%s %v\nSure? Type yes: ", a.Summary, strings.Trim(fmt.Sprint(in), "map[]"))
	var answer string
	_, _ = fmt.Fscanln(f.IO.In, &answer)
	return answer == "yes"
}

// verdictOf says whether what a command found needs somebody.
func verdictOf(name string, output json.RawMessage) error {
	var v struct {
		OK    *bool  `json:"ok"`
		State string `json:"state"`
		Test  *struct {
			OK bool `json:"ok"`
		} `json:"test"`
	}
	_ = json.Unmarshal(output, &v) // what has no verdict has another form
	if (name == "audit.verify" || name == "connection.try") && v.OK != nil && !*v.OK {
		return ErrAttention
	}
	if v.Test != nil && !v.Test.OK || name == "webhook.test" && v.State != "delivered" {
		return ErrAttention
	}
	return nil
}

// flagSet are the flags made from a schema's plain fields.
type flagSet struct {
	schema *huma.Schema
	names  []string
}

func (f *Face) newFlagSet(cmd *cobra.Command, s *huma.Schema, taken []string) flagSet {
	set := flagSet{schema: s}
	for _, name := range sortedNames(s) {
		p := s.Properties[name]
		if slices.Contains(taken, name) || (p.Type != huma.TypeString && p.Type != huma.TypeInteger && p.Type != huma.TypeBoolean && !isTextList(p) && len(p.OneOf) == 0) {
			continue
		}
		flag := strings.ReplaceAll(name, "_", "-")
		switch p.Type {
		case huma.TypeBoolean:
			cmd.Flags().Bool(flag, false, p.Description)
		case huma.TypeInteger:
			cmd.Flags().Int64(flag, 0, p.Description)
		case huma.TypeArray:
			flag = singular(flag)
			cmd.Flags().StringSlice(flag, nil, p.Description)
		default:
			cmd.Flags().String(flag, "", p.Description)
		}
		f.completeFlag(cmd, flag, p)
		set.names = append(set.names, name)
	}
	return set
}

// singular names a repeatable flag: --scope a --scope b.
func singular(flag string) string {
	if s, ok := strings.CutSuffix(flag, "ies"); ok {
		return s + "y"
	}
	return strings.TrimSuffix(flag, "s")
}

func isTextList(p *huma.Schema) bool {
	return p.Type == huma.TypeArray && p.Items != nil && p.Items.Type == huma.TypeString
}

// fill takes over the flags that were given.
func (s flagSet) fill(cmd *cobra.Command, in map[string]any) {
	for _, name := range s.names {
		flag := strings.ReplaceAll(name, "_", "-")
		p := s.schema.Properties[name]
		if p.Type == huma.TypeArray {
			flag = singular(flag)
		}
		if !cmd.Flags().Changed(flag) {
			continue
		}
		switch p.Type {
		case huma.TypeBoolean:
			in[name], _ = cmd.Flags().GetBool(flag)
		case huma.TypeInteger:
			in[name], _ = cmd.Flags().GetInt64(flag)
		case huma.TypeArray:
			in[name], _ = cmd.Flags().GetStringSlice(flag)
		default:
			in[name], _ = cmd.Flags().GetString(flag)
		}
	}
}

func takesInput(a action.Action) bool { return len(a.Input().Properties) > len(a.Args) }

// readInput reads the JSON of --input. Secrets come this way, by file or standard input, and never as a flag's value.
func (f *Face) readInput(file string) (map[string]any, error) {
	in := map[string]any{}
	if file == "" {
		return in, nil
	}
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(f.IO.In)
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, usageError{fmt.Errorf("--input %s cannot be read: %w", file, err)}
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, usageError{fmt.Errorf("--input %s is not a JSON object: %w", file, err)}
	}
	return in, nil
}

func (f *Face) do(ctx context.Context, q action.Request, in map[string]any) (action.Result, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return action.Result{}, err
	}
	q.Input = text
	settings := map[string]string{}
	if f.Settings != nil {
		settings = f.Settings(f.root)
	}
	hub, done, err := f.Open(ctx, settings)
	if err != nil {
		return action.Result{}, err
	}
	defer done()
	defer f.watch(ctx, hub, q)()
	return hub.Do(ctx, q)
}
