package e2e

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

var update = flag.Bool("update", false, "write the generated reference anew")

const works = "works"

// sample is an action's input as it was used once.
type sample struct {
	in    map[string]any
	files []map[string][]byte
}

// way is one way of acting: through an app's connection or a person's, of a tenant or a personal account.
type way struct {
	by         access.Caller
	connection string
	mailbox    string
	came       map[string]string // what came of each action: works, or the code of its refusal
}

// ways are all of them, with an input for every action.
type ways struct {
	h                               *app.Hub
	samples                         map[string]sample
	app, person, private, ungranted *way
}

// TestEveryActionInEveryMode runs every action there is through an app's connection, through a person's, through a personal account's and
// through an app's that was granted nothing. Each works, or is refused with the code that stands in docs/reference/modes.md; all traffic
// agrees with Microsoft's contract.
func TestEveryActionInEveryMode(t *testing.T) {
	r := &recorder{}
	w := everyWay(t, app.StartForTest(t, app.TestOptions{Recorder: r}))
	w.exercise(t)
	for _, a := range w.h.Registry.All() {
		if a.Target != action.OnConnection {
			continue
		}
		s, ok := w.samples[a.Name]
		if !ok {
			t.Errorf("%s: no mode lets it work", a.Name)
			continue
		}
		for _, one := range []*way{w.app, w.person, w.private, w.ungranted} {
			if one.came[a.Name] == "" {
				one.came[a.Name] = w.refusal(t, one, a.Name, s)
			}
		}
		if a.Foreign == "" && w.ungranted.came[a.Name] == works {
			t.Errorf("%s works without any permission", a.Name)
		}
	}
	t.Run("contract", func(t *testing.T) { agrees(t, r.all) })
	t.Run("table", func(t *testing.T) { inReference(t, "modes.md", w.page()) })
}

// everyWay connects them all, each with every capability that Microsoft has for it.
func everyWay(t *testing.T, h *app.Hub) *ways {
	t.Helper()
	w := &ways{h: h, samples: map[string]sample{}}
	local := access.Local("test")
	w.app = &way{by: local, connection: "contoso", mailbox: "ada@contoso.example"}
	h.Connect(h.Form("contoso", "Seneschal", acting(h)...))
	w.ungranted = &way{by: local, connection: "nothing", mailbox: "ada@contoso.example"}
	h.Connect(h.Form("nothing", "Nothing granted", acting(h)...))
	ada, _ := signedIn(t, h, acting(h)...)
	w.person = &way{by: ada, connection: "mine"}
	f := h.Form("pat's", "Seneschal sign-in", m365.Mail, m365.MailSettings, m365.Calendar, m365.Contacts, m365.Todo, m365.OneDrive)
	f.Owner, f.TenantID, f.AccountTypes = ada.ID, "", m365.Personal
	h.Connect(f)
	admitted(t, h, ada, "pat's", "pat@outlook.example", "Pat-Pass-1")
	w.private = &way{by: ada, connection: "pat's"}
	for _, one := range []*way{w.app, w.person, w.private, w.ungranted} {
		one.came = map[string]string{}
	}
	return w
}

// perform acts one way, and remembers what worked with which input.
func (w *ways) perform(t *testing.T, one *way, connectionName string) perform {
	do := doer(t, w.h, one.by, connectionName, one.mailbox)
	return func(name string, in map[string]any, files ...map[string][]byte) map[string]any {
		t.Helper()
		kept := maps.Clone(in)
		out := do(name, in, files...)
		one.came[name] = works
		if _, known := w.samples[name]; !known {
			w.samples[name] = sample{kept, files}
		}
		return out
	}
}

// exercise runs what each way is made for.
func (w *ways) exercise(t *testing.T) {
	t.Helper()
	const ada, ben, pat = "ada@contoso.example", "ben@contoso.example", "pat@outlook.example"
	for _, one := range []*way{w.app, w.person, w.private} {
		do, own, work := w.perform(t, one, one.connection), ada, one != w.private
		if !work {
			own = pat
		}
		exerciseMail(t, do, own, ben, w.h.Time.Advance)
		exerciseMailSettings(t, do, w.h.Time.Now().Add(time.Hour))
		exerciseCalendar(t, do, w.h.Time.Now(), own, ben, work)
		exerciseSeries(t, do, w.h.Time.Now(), ben)
		exerciseEventFiles(t, do, w.h.Time.Now())
		exerciseSharing(t, do, ben)
		exerciseInvitation(t, w.perform(t, w.app, w.app.connection), do, w.h.Time.Now(), own, ben)
		exerciseContacts(t, do)
		exerciseTasks(t, do)
		exerciseFiles(t, do)
		if work {
			exerciseDirectory(t, do, ada)
			exerciseRooms(t, do, one == w.person)
			exerciseLabels(t, do)
			exerciseSites(t, do)
			exerciseTeams(t, do, one == w.person, w.h.Cloud.Ready().Tenants[0].Teams[0].WorkflowURL)
		}
	}
	do := w.perform(t, w.app, w.app.connection)
	exercisePosts(t, w.perform(t, w.person, w.person.connection), do, w.h.Cloud.Ready().Tenants[0].Teams[0].ID)
	do("directory.incident.list", map[string]any{}) // people's sign-in does not ask for its permission
	do("sharepoint.site.list", map[string]any{})
	w.h.Connect(w.h.Form("grants", "Administration of sites", m365.SharePoint))
	exerciseGrants(t, w.perform(t, w.app, "grants"), w.h.ReadyApp("Seneschal for chosen sites").ClientID)
}

// refusal runs an action with an input that works another way, and tells what came of it.
func (w *ways) refusal(t *testing.T, one *way, name string, s sample) string {
	t.Helper()
	in := maps.Clone(s.in)
	if a, _ := w.h.Registry.Lookup(name); a.Input().Properties["user"] != nil && in["user"] == nil && one.mailbox != "" {
		in["user"] = one.mailbox
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	q := action.Request{Action: name, Connection: one.connection, Caller: one.by, Input: text, Key: "refusal of " + name, Files: spooled(t, s.files), Out: func(action.Bytes) io.Writer { return io.Discard }}
	if _, err = w.h.Runner.Do(t.Context(), q); err == nil {
		return works
	}
	f := fault.As(err)
	if f.Fix == "" || f.Who == "" {
		t.Errorf("%s through %s: %+v says neither what to do nor who can", name, one.connection, f)
	}
	return f.Code
}

// spooled are the files of a call.
func spooled(t *testing.T, files []map[string][]byte) map[string]*action.Content {
	t.Helper()
	out := map[string]*action.Content{}
	for _, list := range files {
		for field, content := range list {
			c, err := action.Spool(field, "application/octet-stream", bytes.NewReader(content), int64(len(content)))
			if err != nil {
				t.Fatal(err)
			}
			out[field] = c
		}
	}
	return out
}

// page is the table of the reference.
func (w *ways) page() string {
	var b strings.Builder
	b.WriteString("# Actions, modes, permissions\n\nMade by running every action in every mode against the simulated cloud (go test ./e2e -run TestEveryActionInEveryMode -update). It works with the permissions named, or is refused with the code given.\n\n" +
		"| action | an app | its permissions | a person | their permissions | a personal account | an app without permissions |\n|---|---|---|---|---|---|---|\n")
	for _, a := range w.h.Registry.All() {
		if a.Target != action.OnConnection {
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", a.Name, w.app.came[a.Name], needed(a, m365.Application), w.person.came[a.Name], needed(a, m365.Delegated), w.private.came[a.Name], w.ungranted.came[a.Name])
	}
	return b.String()
}

// needed are the permissions of a mode, where there is that mode.
func needed(a action.Action, mode m365.Mode) string {
	if !slices.Contains(a.Modes(), mode) {
		return ""
	}
	return strings.Join(a.Permissions(mode), ", ")
}

// inReference wants a generated page to be as it is kept.
func inReference(t *testing.T, name, want string) {
	t.Helper()
	file := "../docs/reference/" + name
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what came of the actions (%v); -update writes it anew:\n%s", file, err, want)
	}
}
