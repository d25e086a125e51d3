package action

import (
	"context"
	"fmt"
	"slices"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// allowed asks everything that can be told before a call: who, through which connection, in which mode, past which of its switches.
func (r *Runner) allowed(ctx context.Context, a Action, q Request) (connection.Connection, error) {
	if q.Connection == "" {
		return connection.Connection{}, fault.BadField("connection", "is missing: name the connection to act through")
	}
	// Who cannot see connections at all must not learn which ones there are.
	if err := access.Allow(q.Caller, access.Want{Scope: access.HubRead}); err != nil && q.Caller.Kind != "apikey" {
		return connection.Connection{}, err
	}
	c, err := r.connections.Lookup(ctx, q.Connection)
	if err != nil {
		return c, err
	}
	scope := access.ActionRead
	if a.Effect != Reads {
		scope = access.ActionWrite
	}
	if err := access.Allow(q.Caller, access.Want{Scope: scope, Connection: c.ID, Owner: c.Owner}); err != nil {
		return c, err
	}
	if err := a.Available(c.Kind); err != nil {
		return c, err
	}
	if q.For != "" {
		if q.Caller.Kind != "system" {
			return c, fmt.Errorf("%s was asked for in the name of %s by %s, which is no engine", a.Name, q.For, q.Caller)
		}
		a.Capability, a.Or = q.For, ""
	}
	switch {
	case c.Personal() && workOnly(a):
		return c, accountTypeNotSupported(a, c)
	case a.Capability != "" && !c.Serves(a.Capability) && (a.Or == "" || !c.Serves(a.Or)):
		return c, NotChosen(c, a.Capability)
	case c.ReadOnly && a.Effect != Reads:
		return c, &fault.Error{Kind: fault.Forbidden, Code: "read_only", Mode: string(c.Kind), Message: "The connection " + c.Name + " is set to read only",
			Cause: "The hub refused it; Microsoft was not asked", Fix: "Switch read-only off for the connection, if it may write", Who: "an admin of this hub"}
	case !c.AllowsAction(a.Name):
		return c, &fault.Error{Kind: fault.Forbidden, Code: "action_not_allowed", Message: fmt.Sprintf("The connection %s does not allow %s", c.Name, a.Name),
			Cause: "Its list of allowed actions leaves it out", Fix: "Add the action to the connection's list", Who: "an admin of this hub"}
	}
	return c, nil
}

// workOnly says whether an action needs what personal accounts lack: one of its operations, or a capability that none of them can be given.
func workOnly(a Action) bool {
	lacks := func(c m365.Capability) bool { return c == "" || m365.WorkOnlyCapability(c) }
	return slices.ContainsFunc(a.Operations, m365.WorkOnly) || a.Capability != "" && lacks(a.Capability) && lacks(a.Or)
}

// accountTypeNotSupported says that no consent helps a personal account to what only organisations have.
func accountTypeNotSupported(a Action, c connection.Connection) error {
	return &fault.Error{Kind: fault.NotSupported, Code: "account_type_not_supported", Operation: a.Name, Mode: string(c.Kind), Message: "Microsoft offers this to work and school accounts only, and the connection " + c.Name + " is a personal account's",
		Cause: "Personal Microsoft accounts have no Teams, SharePoint, directory, rooms or schedules of others", Fix: "Connect a work or school account for this action", Who: "an admin of this hub",
		Alternatives: []string{"a delegated connection of a work account", "an application connection, where the action has that mode"}, WrongFixes: []string{"granting more permissions: the account itself has nothing there"}}
}

// NotChosen is the refusal of what a connection is not set up for.
func NotChosen(c connection.Connection, capability m365.Capability) error {
	return &fault.Error{Kind: fault.Forbidden, Code: "capability_not_chosen", Mode: string(c.Kind), Message: fmt.Sprintf("The connection %s is not set up for %s", c.Name, capability),
		Fix: fmt.Sprintf("Add the capability %s to the connection and let its administrator consent", capability), Who: "an admin of this hub"}
}

// modeNotSupported is the honest error of dynamics/AUTH-MATRIX §1: no consent would help.
func modeNotSupported(a Action, kind m365.Mode, op m365.OperationKey) *fault.Error {
	why := m365.WhyNot(op, kind)
	f := &fault.Error{Kind: fault.NotSupported, Code: "mode_not_supported", Operation: a.Name, Mode: string(kind), Message: why.Title, Cause: why.Why,
		Fix: "Use another kind of connection for this action, or one of the alternatives", Who: "an admin of this hub", Alternatives: why.Instead, WrongFixes: why.Wrong}
	if len(f.Alternatives) == 0 {
		for _, m := range a.Modes() {
			f.Alternatives = append(f.Alternatives, connectionsOf[m])
		}
	}
	return f
}

// Available explains why an action has no use in a mode; nil where it has one. It is asked when a connection is configured, so that nobody
// finds out with the first call.
func (a Action) Available(kind m365.Mode) error {
	if op, missing := a.unavailable(kind); missing {
		return modeNotSupported(a, kind, op)
	}
	return nil
}

// connectionsOf names the kinds of connections.
var connectionsOf = map[m365.Mode]string{m365.Application: "an application connection", m365.Delegated: "a delegated connection"}
