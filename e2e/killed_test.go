package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/sim/person"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// making is an action that makes one thing. The hub is killed while it runs.
type making struct {
	action     string
	capability m365.Capability
	mode       m365.Mode
	prepare    func(g *ground, ask asking) (in, there fields) // makes what must be there first, and gives the inputs of the action and of the list
	list, sign string                                         // the action that lists such things there, and what of its answer shows ours
}

// fields are an input.
type fields = map[string]any

// asking runs an action through the connection, and gives its output.
type asking func(name string, in fields) fields

// operator is who runs the program on this machine. A connection that is theirs is one that the program may act through.
func operator(t *testing.T) access.Caller {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return access.Local(u.Username)
}

// through asks a hub as the operator, with or without a key.
func (g *ground) through(a *app.App, name string, in fields, key string) (fields, error) {
	g.t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		g.t.Fatal(err)
	}
	r, err := a.Runner.Do(context.Background(), action.Request{Action: name, Connection: "contoso", Caller: operator(g.t), Input: text, Key: key})
	if err != nil {
		return nil, err
	}
	var out fields
	if err := json.Unmarshal(r.Output, &out); err != nil {
		g.t.Fatal(err)
	}
	return out, nil
}

// connect makes the connection, and what must be there before the making.
func (m making) connect(g *ground) (in, there fields) {
	g.t.Helper()
	a, stop := g.open()
	defer stop()
	tenant := g.cloud.Ready().Tenants[0]
	by := tenant.Apps[0]
	f := connection.Form{Name: "contoso", Kind: m.mode, Mailboxes: connection.ParseMailboxes(ada), Capabilities: []m365.Capability{m.capability}}
	if m.mode == m365.Delegated {
		by, f.Owner, f.Mailboxes, f.Teams = tenant.Apps[1], operator(g.t).ID, nil, []string{connection.EveryTeam}
	}
	f.TenantID, f.ClientID = m365.TenantID(tenant.TenantID), m365.ClientID(by.ClientID)
	f.Credential = connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(by.ClientSecret)}
	c, _, err := a.Connections.Add(g.t.Context(), operator(g.t), f)
	if err != nil {
		g.t.Fatal(err)
	}
	if m.mode == m365.Delegated {
		link, err := a.Connections.NewLink(g.t.Context(), operator(g.t), c.ID)
		if err != nil {
			g.t.Fatal(err)
		}
		if page, err := person.New(g.cloud.HTTPClient().Transport).SignIn(g.t.Context(), link.URL, ada, passwords[ada], "/auth/microsoft/callback"); err != nil || page.Status != 200 {
			g.t.Fatalf("%v %+v", err, page)
		}
	}
	return m.prepare(g, func(name string, in fields) fields {
		out, err := g.through(a, name, in, "before "+name)
		if err != nil {
			g.t.Fatalf("%s: %v", name, err)
		}
		return out
	})
}

// run is the making as a command that may be killed.
func (m making) run(g *ground, in fields, extra string) (killed bool) {
	g.t.Helper()
	_, killed = g.run(in, []string{extra}, "action", "run", m.action, "--yes", "--connection", "contoso", "--input", "-", "--idempotency-key", "4711")
	return killed
}

// posts tells the crash points of the request that makes the thing.
func posts(point string) bool { return strings.Contains(point, " POST ") }

// killed kills the making at its crash points: at every one on both databases with SENESCHAL_SOAK=full, else at some that chance chooses. A
// point that failed is found again by its test's name with SENESCHAL_SOAK=full.
func (m making) killed(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // which points are looked at is no secret
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		passed := m.points(t, engine)
		chosen := r.Perm(len(passed))
		if os.Getenv("SENESCHAL_SOAK") != "full" {
			chosen = few(chosen, passed, engine)
		}
		slices.Sort(chosen)
		t.Logf("%s, seed %d: killed at %d of %d points", engine, seed, len(chosen), len(passed))
		for _, i := range chosen {
			t.Run(fmt.Sprintf("%s/killed at point %d", engine, i+1), func(t *testing.T) {
				g := newGround(t, engine)
				in, there := m.connect(g)
				if !m.run(g, in, "SENESCHAL_CRASH_AT="+strconv.Itoa(i+1)) {
					t.Fatal("the command was not killed")
				}
				m.once(g, in, there)
			})
		}
	}
}

// few are the first of the shuffled points that belongs to the request, and on the embedded database, where a kill is quick, one that does not.
func few(shuffled []int, passed []string, engine store.Engine) []int {
	at := slices.IndexFunc(shuffled, func(i int) bool { return posts(passed[i]) })
	out := []int{shuffled[at]}
	if engine == store.SQLite {
		at = slices.IndexFunc(shuffled, func(i int) bool { return !posts(passed[i]) })
		out = append(out, shuffled[at])
	}
	return out
}

// points are the crash points of the making, from a run on a ground of its own.
func (m making) points(t *testing.T, engine store.Engine) []string {
	t.Helper()
	g := newGround(t, engine)
	in, _ := m.connect(g)
	log := filepath.Join(g.dir, "points")
	m.run(g, in, "SENESCHAL_CRASH_LOG="+log)
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	passed := strings.Split(strings.TrimSpace(string(text)), "\n")
	if n := len(slices.DeleteFunc(slices.Clone(passed), func(p string) bool { return !posts(p) })); n != 3 || len(passed) < 12 {
		t.Fatalf("want one request that makes something, and what is around it:\n%s", text)
	}
	return passed
}

// once wants one thing in the end. Who asks again soon gets it, or is told that it is not known yet; who asks when nothing can be under way
// any more gets it. Nobody makes a second one.
func (m making) once(g *ground, in, there fields) {
	g.t.Helper()
	g.time.Advance(2 * time.Minute) // every lease of the killed process has run out
	a, stop := g.open()
	if answered := m.answered(g, a, in); !answered {
		if n := m.count(g, a, there); n > 1 {
			g.t.Errorf("soon there are %d of it", n)
		}
		stop()
		g.time.Advance(15 * time.Minute) // what has not happened by then is not coming any more
		a, stop = g.open()
		waitFor(g.t, g, "the same key ends in the thing", func() bool { return m.answered(g, a, in) })
	}
	defer stop()
	if n := m.count(g, a, there); n != 1 {
		g.t.Errorf("there are %d of it, want one", n)
	}
	verifyAudit(g.t, a)
}

// answered asks again with the same key. Either there is the answer, or it is said that it is not known yet.
func (m making) answered(g *ground, a *app.App, in fields) bool {
	g.t.Helper()
	_, err := g.through(a, m.action, in, "4711")
	if err != nil && fault.KindOf(err) != fault.Unclear && fault.CodeOf(err) != "in_progress" {
		g.t.Fatalf("asked again: %v", err)
	}
	return err == nil
}

// count is how many of the thing there are, as another action reads them back.
func (m making) count(g *ground, a *app.App, there fields) int {
	g.t.Helper()
	out, err := g.through(a, m.list, there, "")
	if err != nil {
		g.t.Fatalf("%s: %v", m.list, err)
	}
	text, err := json.Marshal(out)
	if err != nil {
		g.t.Fatal(err)
	}
	return strings.Count(string(text), m.sign)
}
