package m365

import (
	"strings"
	"sync"

	"seneschal/internal/m365/table"
)

// OperationKey names one Microsoft Graph operation: "GET /users/{user-id}/messages".
type OperationKey string

// Accepted is what one mode needs for an operation.
type Accepted struct {
	Known bool                // false: Microsoft's data do not say
	Least []string            // least privileged first
	All   []string            // any one of them is enough; empty and Known: the mode does not exist
	Pairs map[string][]string // a permission that serves only together with one of these
	apps  bool                // it is the application mode
}

// Operation is one row of Microsoft's permission data.
type Operation struct {
	Key    OperationKey
	Source string // exact, inherited, docs-table, per-resource, per-inner-request, none; page: Microsoft's data lack it, a page of its documentation has it
	modes  map[Mode]Accepted
}

// In gives what the mode needs.
func (o Operation) In(m Mode) Accepted { return o.modes[m] }

// Allows reports whether the granted permissions suffice for the operation in the mode.
func (a Accepted) Allows(granted map[string]bool) bool {
	for _, p := range a.All {
		if granted[p] && a.paired(p, granted) {
			return true
		}
	}
	return false
}

func (a Accepted) paired(p string, granted map[string]bool) bool {
	with, ok := a.Pairs[p]
	if !ok {
		return true
	}
	for _, w := range with {
		if granted[w] {
			return true
		}
	}
	return false
}

// PermissionIDs are the GUIDs by which an app registration names a permission; "" where the form does not exist or is not public.
type PermissionIDs struct {
	Scope         string // oauth2PermissionScope
	AppRole       string
	AdminRequired bool // the delegated form needs an administrator by its own flag; a tenant's policy may ask for one all the same
}

// LookupOperation finds an operation of the table.
func LookupOperation(k OperationKey) (Operation, bool) {
	o, ok := operations()[k]
	return o, ok
}

// LookupPermission finds a permission's ids.
func LookupPermission(name string) (PermissionIDs, bool) {
	p, ok := permissions()[name]
	return p, ok
}

var operations = sync.OnceValue(func() map[OperationKey]Operation {
	ops := map[OperationKey]Operation{}
	for _, col := range rows(table.Operations+table.Documented, 10) {
		k := OperationKey(col[0] + " " + col[1])
		app := accepted(col[6], col[7], col[8])
		app.apps = true
		ops[k] = Operation{Key: k, Source: col[2], modes: map[Mode]Accepted{Delegated: accepted(col[3], col[4], col[5]), Application: app}}
	}
	return ops
})

var permissions = sync.OnceValue(func() map[string]PermissionIDs {
	ps := map[string]PermissionIDs{}
	for _, col := range rows(table.Permissions+table.DocumentedPermissions, 4) {
		ps[col[0]] = PermissionIDs{Scope: undash(col[1]), AdminRequired: col[2] == "yes", AppRole: undash(col[3])}
	}
	return ps
})

func accepted(least, all, pairs string) Accepted {
	if all == "?" {
		return Accepted{}
	}
	a := Accepted{Known: true, Least: list(least), All: list(all)}
	for _, pair := range list(pairs) {
		name, with, _ := strings.Cut(pair, "=")
		if a.Pairs == nil {
			a.Pairs = map[string][]string{}
		}
		a.Pairs[name] = strings.Split(with, ",")
	}
	return a
}

func rows(text string, columns int) [][]string {
	var out [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if col := strings.Split(line, "\t"); len(col) == columns {
			out = append(out, col)
		}
	}
	return out
}

func list(s string) []string {
	if s == "-" || s == "?" {
		return nil
	}
	return strings.Fields(s)
}

func undash(s string) string {
	if s == "-" {
		return ""
	}
	return s
}
