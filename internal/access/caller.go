package access

import (
	"fmt"
	"slices"
	"strings"

	"seneschal/internal/fault"
)

// Role is what a person may do in the hub.
type Role string

// The roles, each including the one before.
const (
	Viewer Role = "viewer" // reads
	Member Role = "member" // also acts through own delegated connections
	Admin  Role = "admin"  // also configures, and acts through app-only connections
)

// Roles lists them.
func Roles() []Role { return []Role{Viewer, Member, Admin} }

// Scope is one thing an API key may do. Scopes of actions may end in ":<connection id>".
type Scope string

// The scopes of API keys.
const (
	HubRead     Scope = "hub:read"      // see connections, health, runs, audit
	HubWrite    Scope = "hub:write"     // configure
	ActionRead  Scope = "actions:read"  // run actions that read
	ActionWrite Scope = "actions:write" // run actions that change something

	Communications Scope = "communications:read" // see communications with customers: a key all of them, people by their role

	Dispatch Scope = "dispatch" // see and plan technicians' slots

	OwnConnection Scope = "own_connection" // set up one's own delegated connection; with hub:write anybody's

	AdminOnly Scope = "admin" // what only an admin does, and no key

	Planned Scope = "plan"   // make plans and see what became of them, for what the caller could do through the connection
	Decide  Scope = "decide" // approve plans and make rules that do, for what the person could do through the connection; no key

	Acting Scope = "act" // ask for several actions at once: each is judged as if it came alone

	Self Scope = "self" // see and end one's own sessions; no key has it, as it is no person
)

// Caller is who asks the hub. The zero Caller is nobody.
type Caller struct {
	Kind   string // person, apikey, local, system; intake, of a planning system that signs its calls
	ID     string
	Name   string
	Role   Role    // of a person; local operators are admins
	Scopes []Scope // of an API key
	Agent  Agent   // the agent that asks in the caller's name; the zero Agent where nobody stands between

	madeBy string // of an API key: who made it
}

// Agent is a program that decides by itself what it asks for, such as a language model's client. It may do what its caller may and changes
// nothing by itself: what it wants changed becomes a plan.
type Agent struct {
	ID       string // apikey:ID, client:ID or local:NAME: what it came in with
	For      string // on whose behalf, as a caller is named
	ReadOnly bool   // that is all its person let it do
}

// ByAgent is the caller with an agent before it. Audit and ledger name the person on whose behalf it acts; of a key that is who made it.
func (c Caller) ByAgent() Caller {
	if c.Kind == "" || c.Agent.ID != "" {
		return c
	}
	c.Agent = Agent{ID: c.Kind + ":" + c.ID, For: c.String()}
	if c.madeBy != "" {
		c.Agent.For = c.madeBy
	}
	return c
}

// Anywhere says whether the caller has a scope on at least one connection, or on all.
func (c Caller) Anywhere(s Scope) bool {
	if c.Agent.ReadOnly && s == ActionWrite {
		return false
	}
	if c.Kind != "apikey" {
		return c.Role == Admin || c.Role == Member || c.Role == Viewer && s != ActionWrite
	}
	return slices.ContainsFunc(c.Scopes, func(have Scope) bool { return have == s || strings.HasPrefix(string(have), string(s)+":") })
}

// Within gives the connections to which the caller's scope is narrowed; all says that it is not narrowed.
func (c Caller) Within(s Scope) (connections []string, all bool) {
	if c.Kind != "apikey" || slices.Contains(c.Scopes, s) {
		return nil, true
	}
	for _, have := range c.Scopes {
		if id, narrowed := strings.CutPrefix(string(have), string(s)+":"); narrowed {
			connections = append(connections, id)
		}
	}
	return connections, false
}

// String names the caller in audit and logs.
func (c Caller) String() string {
	if c.Agent.For != "" {
		return c.Agent.For
	}
	name := c.Name
	if name == "" {
		name = c.ID
	}
	return c.Kind + ":" + name
}

// Local is the operator on the host itself, with the rights of an admin.
func Local(user string) Caller { return Caller{Kind: "local", ID: user, Name: user, Role: Admin} }

// System is the hub acting by itself.
func System(part string) Caller { return Caller{Kind: "system", ID: part, Name: part, Role: Admin} }

// Want is what a caller wants to do. Connection and Owner matter for actions on a connection only.
type Want struct {
	Scope      Scope
	Connection string
	Owner      string // the person a delegated connection belongs to; "" for an app-only one
	Somewhere  bool   // on one connection at least: whoever is let in by it is asked again when it is known on which
}

// Allow is the one table of who may do what:
//
//	                         viewer  member        admin  API key
//	see the hub              yes     yes           yes    hub:read
//	configure                no      no            yes    hub:write
//	set up own delegated     yes     yes           yes    never
//	act, own delegated       reads   yes           yes    never: a key is no person
//	act, another's delegated no      no            no     no
//	act, app-only            no      no            yes    actions:read / actions:write (of that connection)
//	deliver mail             no      no            yes    as acting through the connection that it leaves by, which the delivery asks
//	see communications       own     own           all    communications:read (all)
//	plan slots               no      yes           yes    dispatch
//	own account, sessions    own     own           all    never
//	hand out, erase people   no      no            yes    never
//	many actions at once     as each of them alone, which the corridor asks
//	plan, see own plans      as acting through the plan's connection, which the plan asks
//	decide plans             no      own connection  all  never
//
// "own" are those in which one of the person's addresses takes part.
func Allow(c Caller, w Want) error {
	if c.Kind == "" {
		return &fault.Error{Kind: fault.Unauthenticated, Code: "unauthenticated", Message: "The hub does not know who is asking",
			Fix: "Send an API key as Authorization: Bearer, or sign in", Who: "you"}
	}
	if w.Owner != "" && w.Owner != c.ID {
		return refused("This connection belongs to another person, and nobody else acts through it, admins included",
			"Connect your own account, or use an app-only connection", "you", nil)
	}
	if w.Scope == Planned || w.Scope == Acting {
		return nil
	}
	if c.Kind == "apikey" && w.Scope == Self {
		return refused("An API key is no person and has no account here", "Sign in to the console", "you", nil)
	}
	if c.Kind == "apikey" && w.Scope == Decide {
		return refused("A plan is approved by a person, or by a rule that a person made", "Approve it in the console, or on the hub's host: seneschal plan approve", "a person who may act through the connection", nil)
	}
	if c.Agent.ReadOnly && w.Scope == ActionWrite {
		return refused("This agent was allowed to read, and no more", "Connect it anew, and let it propose changes, too", c.Agent.For, nil)
	}
	if c.Kind == "apikey" && w.Scope == AdminOnly {
		return refused("An API key may not do this, whatever its scopes", "Sign in to the console as an admin, or use the command line on the hub's host", "an admin of this hub", nil)
	}
	if c.Kind == "apikey" {
		w.Scope = KeyScope(w.Scope)
		if hasScope(c.Scopes, w) || w.Somewhere && c.Anywhere(w.Scope) {
			return nil
		}
		return refused(fmt.Sprintf("The API key %s lacks the scope %s", c.Name, w.Scope),
			fmt.Sprintf("Make a key with it: seneschal apikey add NAME --scope %s", w.Scope), "an admin of this hub", nil)
	}
	if allowed(c.Role, w) {
		return nil
	}
	return refused(fmt.Sprintf("The role %s may not do this", c.Role), "Ask an admin of this hub for a higher role", "an admin of this hub",
		[]string{"granting more permissions in Microsoft Entra: this is the hub's own rule"})
}

// KeyScope is the scope by which a key may do what people do by another: a key is no person, and has no connection of its own.
func KeyScope(s Scope) Scope {
	if s == OwnConnection {
		return HubWrite
	}
	return s
}

// Configures says whether a caller may set up a connection: whoever configures the hub may, and the person whose own it is.
func Configures(c Caller, owner string) error {
	if c.Kind == "person" && owner != "" && owner == c.ID {
		return nil
	}
	return Allow(c, Want{Scope: HubWrite})
}

func allowed(r Role, w Want) bool {
	if r == Admin {
		return true
	}
	switch w.Scope {
	case HubRead, Communications, Self, OwnConnection:
		return r == Viewer || r == Member
	case ActionRead:
		return w.Owner != "" && (r == Viewer || r == Member)
	case Decide, Dispatch:
		return r == Member
	case ActionWrite:
		return w.Owner != "" && r == Member
	default:
		return false
	}
}

func hasScope(have []Scope, w Want) bool {
	return slices.Contains(have, w.Scope) || (w.Connection != "" && slices.Contains(have, w.Scope+":"+Scope(w.Connection)))
}

func refused(message, fix, who string, wrong []string) error {
	return &fault.Error{Kind: fault.Forbidden, Code: "not_allowed", Message: message, Fix: fix, Who: who, WrongFixes: wrong}
}

// ParseScopes checks a list of scopes.
func ParseScopes(in []string) ([]Scope, error) {
	var out []Scope
	for _, s := range in {
		base, connection, narrowed := strings.Cut(s, "@")
		sc := Scope(base)
		switch {
		case !slices.Contains([]Scope{HubRead, HubWrite, ActionRead, ActionWrite, Communications, Dispatch}, sc):
			return nil, fault.BadField("scopes", "%q is not a scope; there are hub:read, hub:write, communications:read, actions:read, actions:write, the last two also as actions:read@CONNECTION", s)
		case narrowed && ((sc != ActionRead && sc != ActionWrite) || connection == ""):
			return nil, fault.BadField("scopes", "%q: only actions:read and actions:write take @CONNECTION", s)
		case narrowed:
			sc += ":" + Scope(connection)
		}
		out = append(out, sc)
	}
	if len(out) == 0 {
		return nil, fault.BadField("scopes", "is empty; a key without scopes could do nothing")
	}
	return out, nil
}
