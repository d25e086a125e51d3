package app

import (
	"fmt"
	"strings"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/m365"
)

// Who may do what is printed from the one function that decides it, for every action there is: a new one cannot be left out.
func TestGoldenAccess(t *testing.T) {
	r, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "../../../docs/reference/access.md", []byte(accessPage(r)))
}

const me, somebody = "me", "somebody"

// column is a kind of caller.
type column struct {
	title string
	as    func(s access.Scope) access.Caller
}

func columns() []column {
	person := func(role access.Role) func(access.Scope) access.Caller {
		return func(access.Scope) access.Caller { return access.Caller{Kind: "person", ID: me, Role: role} }
	}
	return []column{
		{"viewer", person(access.Viewer)}, {"member", person(access.Member)}, {"admin", person(access.Admin)},
		{"operator on the host", func(access.Scope) access.Caller { return access.Local("operator") }},
		{"API key with the scope", func(s access.Scope) access.Caller {
			return access.Caller{Kind: "apikey", ID: "key", Scopes: []access.Scope{access.KeyScope(s)}} // a key is no person and owns nothing
		}},
	}
}

// narrowed says in a word what a person below admin gets of what a scope lets through.
var narrowed = map[access.Scope]string{access.Communications: "own", access.Self: "own", access.OwnConnection: "own", access.Planned: "own", access.Acting: "own", access.Decide: "own"}

func cell(c column, w access.Want) string {
	who := c.as(w.Scope)
	if access.Allow(who, w) != nil {
		return "–"
	}
	if word := narrowed[w.Scope]; word != "" && who.Role != access.Admin && who.Kind == "person" {
		return word
	}
	return "yes"
}

// scopeWord is the scope by which a key may do it.
func scopeWord(w access.Want) string {
	s := string(access.KeyScope(w.Scope))
	if w.Somewhere {
		return "`" + s + "`, `" + s + ":CONNECTION`"
	}
	return "`" + s + "`"
}

func accessPage(r *action.Registry) string {
	var b strings.Builder
	b.WriteString("# Who may do what\n\nMade from the registry and access.Allow (go test ./internal/app -run Golden -update). \"own\" is what an own address takes part in, one's own account, or one's own connection.\n\n")
	head := func(first string) {
		fmt.Fprintf(&b, "| %s |", first)
		for _, c := range columns() {
			fmt.Fprintf(&b, " %s |", c.title)
		}
		b.WriteString(" scope |\n|---" + strings.Repeat("|---", len(columns())+1) + "|\n")
	}
	row := func(name, scope string, cells func(column) string) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, c := range columns() {
			fmt.Fprintf(&b, " %s |", cells(c))
		}
		fmt.Fprintf(&b, " %s |\n", scope)
	}
	head("what")
	for _, w := range []struct {
		name string
		want access.Want
	}{
		{"see the hub", access.Want{Scope: access.HubRead}},
		{"configure", access.Want{Scope: access.HubWrite}},
		{"see communications", access.Want{Scope: access.Communications}},
		{"hand out and erase what is kept about people", access.Want{Scope: access.AdminOnly}},
		{"set up a delegated connection: sign in, have its mailbox followed, pause, disconnect", access.Want{Scope: access.OwnConnection}},
		{"see and end sessions", access.Want{Scope: access.Self}},
		{"propose what changes something, and see own plans", access.Want{Scope: access.Planned}},
		{"ask for many actions at once, each judged alone", access.Want{Scope: access.Acting}},
		{"approve plans, make rules that do", access.Want{Scope: access.Decide}},
		{"read through the own delegated connection", access.Want{Scope: access.ActionRead, Connection: "c", Owner: me}},
		{"write through the own delegated connection", access.Want{Scope: access.ActionWrite, Connection: "c", Owner: me}},
		{"read through another person's", access.Want{Scope: access.ActionRead, Connection: "c", Owner: somebody}},
		{"write through another person's", access.Want{Scope: access.ActionWrite, Connection: "c", Owner: somebody}},
		{"read through an app-only connection", access.Want{Scope: access.ActionRead, Connection: "c"}},
		{"write through an app-only connection", access.Want{Scope: access.ActionWrite, Connection: "c"}},
	} {
		row(w.name, scopeWord(w.want), func(c column) string { return cell(c, w.want) })
	}
	b.WriteString("\n## Actions of the hub\n\nPeople below admin see their own runs only, and no events or budgets of single mailboxes. Login links are made on the host alone.\n\n")
	head("action")
	for _, a := range r.All() {
		if a.Target == action.OnHub {
			row("`"+a.Name+"`", scopeWord(a.Wants()), func(c column) string { return cell(c, a.Wants()) })
		}
	}
	b.WriteString("\n## Actions through connections\n\nThrough which connections a caller may run them. Nobody acts through another person's delegated connection.\n\n")
	head("action")
	for _, a := range r.All() {
		if a.Target == action.OnConnection {
			scope := access.ActionWrite
			if a.Effect == action.Reads {
				scope = access.ActionRead
			}
			row("`"+a.Name+"`", scopeWord(access.Want{Scope: scope}), func(c column) string { return through(a, scope, c) })
		}
	}
	return b.String()
}

func through(a action.Action, scope access.Scope, c column) string {
	var out []string
	for _, mode := range a.Modes() {
		w := access.Want{Scope: scope, Connection: "c"}
		word := "app-only"
		if mode == m365.Delegated {
			word, w.Owner = "own", me
		}
		if access.Allow(c.as(scope), w) == nil {
			out = append(out, word)
		}
	}
	if len(out) == 0 {
		return "–"
	}
	return strings.Join(out, ", ")
}
