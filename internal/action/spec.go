package action

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/m365"
)

// Effect is what an action does to the world.
type Effect uint8

// The effects. There is no zero: Define refuses an action that does not say.
const (
	_       Effect = iota
	Reads          // safe to repeat; all that a read-only caller sees
	Writes         // changes Microsoft 365 or the hub; outside it needs an idempotency key
	Deletes        // as Writes, and a person is asked twice
)

// String is the effect's word at the faces.
func (e Effect) String() string {
	return map[Effect]string{Reads: "reads", Writes: "writes", Deletes: "deletes"}[e]
}

// MarshalText writes the word.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// Target is what an action works on.
type Target uint8

// The targets.
const (
	OnConnection Target = iota // Microsoft 365, through a connection
	OnHub                      // the hub itself
)

// File is a stream an action takes beside its JSON input.
type File struct {
	Name     string `json:"name"`
	Doc      string `json:"doc"`
	Required bool   `json:"required"`
	Max      int64  `json:"max_bytes"`
}

// Spec says once what every face shows of an action.
type Spec struct {
	Name       string // noun path, then verb: calendar.event.create
	Summary    string
	Effect     Effect
	Target     Target
	Operations []m365.OperationKey // what it calls; modes and permissions follow from m365
	MayCall    []m365.OperationKey // what it calls besides where mode and grants allow it, and can do without
	Foreign    string              // what it calls outside Microsoft Graph, where it calls no operation of that; no permission follows then
	Capability m365.Capability     // which capability of the connection it belongs to
	Or         m365.Capability     // serves as well, for some inputs: the handler asks which is meant (NotChosen)
	Purpose    connection.Purpose  // what the mailbox must be listed for; empty: actions
	Files      []File
	// Streams are the media types it answers with instead of one JSON value: bytes that it writes to Call.Out, or, of EventStream,
	// messages that it gives to Call.Send as long as its caller listens; its output describes one of them.
	Streams   []string
	ShowsBody bool // hands out a body: one audit row before anything is fetched
	Plans     bool // makes a plan, the one effect that an agent has by itself
	// Repeatable says that running it twice has the effect of running it once, so an unclear run is simply run again.
	// Every other Writes or Deletes on a connection declares a Reconcile.
	Repeatable bool
	// Late says that such a repetition undoes nothing that came since, however late it comes: Microsoft knows it by the key, or by an id that
	// is given once. So the outcome is found out by it where a refusal came after a lost answer.
	Late bool
	// Resumes says that a run that was refused leaves its checkpoint to the next one with the same key and input, which goes on from it.
	Resumes bool
	// Keyed says of an action on the hub that it takes an idempotency key, and says itself whether it needs one; every effect on a connection does.
	Keyed bool

	Scope access.Scope // of hub actions; actions on connections have theirs from the effect
	// Narrows says of a hub action that it asks by itself on which connections its caller may have its scope, so that keys narrowed to one are let in.
	Narrows bool
	Route   string   // REST, where it differs from the default: "POST /connections/{id}/test"
	CLI     string   // command words, where they differ: "connection test"; "-" for none
	Args    []string // input fields that the CLI takes as arguments, in order
}

// Call is what a handler gets besides its input.
type Call struct {
	Caller     access.Caller
	Run        string    // id of the run; "" for reads
	Began      time.Time // when the run did, by the hub's clock
	Key        string    // the idempotency key, for keys that Microsoft honours
	Connection connection.Connection
	Bound      connection.Bound // its client reaches the mailboxes of the spec's purpose only
	Files      map[string]*Content
	Out        func(Bytes) io.Writer // of an action that streams bytes: the face says where to; asked once, when nothing can go wrong any more but the writing

	send       func(Message) error
	checkpoint func(ctx context.Context, v any) error
	recall     func(ctx context.Context, v any) (bool, error)
	progress   func(ctx context.Context, done, total int64, note string)
}

// EventStream is the media type of a stream of messages: server-sent events.
const EventStream = "text/event-stream"

// Wants is what a hub action asks of its caller before anything else.
func (s Spec) Wants() access.Want { return access.Want{Scope: s.Scope, Somewhere: s.Narrows} }

// TakesKey says whether its caller names an idempotency key.
func (a Action) TakesKey() bool { return a.Keyed || a.Target == OnConnection && a.Effect != Reads }

// Messages says whether it streams messages.
func (a Action) Messages() bool { return slices.Contains(a.Streams, EventStream) }

// Message is one piece of a stream. One without data is a sign of life.
type Message struct {
	ID   string // where to go on from after a break
	Type string
	Data any
}

// Send gives the caller of an action that streams messages one; it blocks as long as the caller does not read.
func (c Call) Send(m Message) error { return c.send(m) }

// Checkpoint keeps v for Reconcile, committed before it returns. Call it before each step that cannot be taken back.
func (c Call) Checkpoint(ctx context.Context, v any) error { return c.checkpoint(ctx, v) }

// Recall reads what the last Checkpoint kept; false where there was none.
func (c Call) Recall(ctx context.Context, v any) (bool, error) { return c.recall(ctx, v) }

// Progress tells how far a long run is. Units are the action's own; total 0 means not known.
func (c Call) Progress(ctx context.Context, done, total int64, note string) {
	c.progress(ctx, done, total, note)
}

// Answer is what a Reconcile found out.
type Answer uint8

// The answers.
const (
	_          Answer = iota
	Happened          // the effect is there; the output is filled in
	NotStarted        // the effect is certainly not there and will not come
	StillOpen         // not known yet; ask again later
)

// Action is a defined action, its types hidden behind JSON.
type Action struct {
	Spec
	input, output func() *huma.Schema

	check     func(raw json.RawMessage) (any, error)
	run       func(ctx context.Context, c Call, in any) (any, error)
	reconcile func(ctx context.Context, c Call, in any) (any, Answer, error)
}

// Input is the JSON schema of what the action takes. Schemas are made when first asked for: most commands need one of them, if any.
func (a Action) Input() *huma.Schema { return a.input() }

// Output is the JSON schema of what the action gives.
func (a Action) Output() *huma.Schema { return a.output() }

// Checker is implemented by inputs that can tell more than their schema.
type Checker interface {
	Check() error
}

// Option adds to a definition.
type Option[In, Out any] func(*Action)

// WithReconcile declares how an unclear run is answered.
func WithReconcile[In, Out any](f func(ctx context.Context, c Call, in In) (Out, Answer, error)) Option[In, Out] {
	return func(a *Action) {
		a.reconcile = func(ctx context.Context, c Call, in any) (any, Answer, error) { return f(ctx, c, in.(In)) }
	}
}

var nameForm = regexp.MustCompile(`^[a-z0-9]+(\.[a-z0-9_]+)+$`)

// Define makes an action of its Go types. A definition that breaks a rule of the house panics: it is a mistake in the program text.
func Define[In, Out any](s Spec, run func(ctx context.Context, c Call, in In) (Out, error), options ...Option[In, Out]) Action {
	a := Action{
		Spec: s, input: sync.OnceValue(schemaOf[In]), output: sync.OnceValue(schemaOf[Out]),
		run: func(ctx context.Context, c Call, in any) (any, error) { return run(ctx, c, in.(In)) },
	}
	a.check = func(raw json.RawMessage) (any, error) {
		var in In
		if err := decode(a.Input(), raw, &in); err != nil {
			return nil, err
		}
		if c, ok := any(in).(Checker); ok {
			if err := c.Check(); err != nil {
				return nil, err
			}
		}
		return in, nil
	}
	for _, o := range options {
		o(&a)
	}
	if err := a.sound(); err != nil {
		panic(fmt.Sprintf("action %s: %v", s.Name, err))
	}
	return a
}

func (a Action) sound() error {
	switch {
	case !nameForm.MatchString(a.Name):
		return fmt.Errorf("the name is not noun path and verb")
	case a.Effect < Reads || a.Effect > Deletes:
		return fmt.Errorf("no effect is said")
	case a.Summary == "" || !strings.HasSuffix(a.Summary, "."):
		return fmt.Errorf("the summary is not a sentence")
	case a.Target == OnHub && a.Scope == "":
		return fmt.Errorf("a hub action names its scope")
	case len(a.Streams) > 0 && a.Effect != Reads:
		return fmt.Errorf("only reads stream")
	case a.Messages() && a.Target != OnHub:
		return fmt.Errorf("only the hub itself streams messages")
	case a.Target == OnConnection && len(a.Operations) == 0 && a.Foreign == "":
		return fmt.Errorf("no operation is named")
	case a.Target == OnConnection && a.Effect != Reads && !a.Repeatable && a.reconcile == nil:
		return fmt.Errorf("it is not repeatable and declares no Reconcile")
	}
	for _, o := range slices.Concat(a.Operations, a.MayCall) {
		if _, ok := m365.LookupOperation(o); !ok {
			return fmt.Errorf("the operation %q is not in the table", o)
		}
	}
	return nil
}

// Modes lists the sign-in modes in which Microsoft has every operation of the action.
func (a Action) Modes() []m365.Mode {
	var out []m365.Mode
	for _, m := range []m365.Mode{m365.Application, m365.Delegated} {
		if _, ok := a.unavailable(m); !ok {
			out = append(out, m)
		}
	}
	return out
}

// unavailable names the first operation that Microsoft does not have in the mode. A delegated call on the own mailbox uses the /me form.
func (a Action) unavailable(m m365.Mode) (m365.OperationKey, bool) {
	for _, key := range a.Operations {
		op, _ := m365.LookupOperation(key)
		acc := op.In(m)
		if me, ok := m365.LookupOperation(m365.OperationKey(strings.Replace(string(key), "/users/{user-id}", "/me", 1))); ok && m == m365.Delegated {
			acc = me.In(m)
		}
		if !acc.Offered() {
			return key, true
		}
	}
	return "", false
}

// Permissions lists the least permission of each operation in a mode, without repeats.
func (a Action) Permissions(m m365.Mode) []string {
	var out []string
	seen := map[string]bool{}
	info, _ := m365.LookupCapability(a.Capability)
	for _, key := range a.Operations {
		op, _ := m365.LookupOperation(key)
		name := preferred(info, op, m)
		if name != "" && !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}

// preferred takes the permission that the action's capability asks for anyway, where it serves; else Microsoft's least one.
func preferred(info m365.CapabilityInfo, op m365.Operation, m m365.Mode) string {
	for _, n := range info.Needs {
		if op.In(m).Allows(map[string]bool{n.Name(m): true}) {
			return n.Name(m)
		}
	}
	least := op.In(m).Least
	if len(least) == 0 {
		return ""
	}
	// Microsoft's rows for reading one entry leave X.ReadWrite out although it includes X.Read: asking for both would be too much. X.Read.All it
	// does not include.
	for _, n := range info.Needs {
		if base, ok := strings.CutSuffix(n.Name(m), ".ReadWrite"); ok && strings.HasPrefix(least[0], base+".Read") && !strings.HasSuffix(least[0], ".All") {
			return n.Name(m)
		}
	}
	return least[0]
}

// Registry is all actions there are, in the order they were handed in. It is data; nothing registers itself.
type Registry struct {
	all    []Action
	byName map[string]Action
}

// NewRegistry joins the actions of all sources and refuses a name used twice.
func NewRegistry(sources ...[]Action) (*Registry, error) {
	r := &Registry{byName: map[string]Action{}}
	for _, source := range sources {
		for _, a := range source {
			if _, ok := r.byName[a.Name]; ok {
				return nil, fmt.Errorf("the action %s is defined twice", a.Name)
			}
			r.byName[a.Name] = a
			r.all = append(r.all, a)
		}
	}
	return r, nil
}

// All lists the actions.
func (r *Registry) All() []Action { return r.all }

// Lookup finds an action by name.
func (r *Registry) Lookup(name string) (Action, bool) {
	a, ok := r.byName[name]
	return a, ok
}
