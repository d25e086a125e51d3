package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/audit"
	"seneschal/internal/connection"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// communication finds what the operator of the hub sees of a subject.
func communication(t *testing.T, h *app.Hub, subject string) timeline.Communication {
	t.Helper()
	out, err := h.Timeline.List(t.Context(), access.Local("test"), timeline.Query{Customer: "Northwind", Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range out.Communications {
		if c.Subject == subject {
			return c
		}
	}
	t.Fatalf("there is no %q", subject)
	return timeline.Communication{}
}

// since are the requests about mailboxes since a moment that read a message, as "METHOD PATH".
func since(h *app.Hub, before int) []string {
	var out []string
	for _, r := range h.Cloud.Requests()[before:] {
		if r.Mailbox != "" && strings.Contains(r.Path, "/messages/") && !strings.HasSuffix(r.Path, "/delta") {
			out = append(out, r.Method+" "+r.Path)
		}
	}
	return out
}

// Whoever may see a communication sees that it is there; its body is fetched through a person's own connection for that person alone.
func TestAnOwnMailboxIsOpenedForItsOwnerAlone(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h, owner := ownHub(t, engine)
			boss, colleague := staff(t, h, "boss", access.Admin, ""), staff(t, h, "Ben", access.Viewer, ben)
			key := access.Caller{Kind: "apikey", ID: "k", Name: "k", Scopes: []access.Scope{access.Communications, access.HubRead, access.HubWrite, access.ActionRead}}
			deliver(t, h, ada, "Only hers", nora, ada)
			for _, m := range []string{ada, ben} {
				deliver(t, h, m, "For both", nora, ada+", "+ben)
				deliver(t, h, m, "Gone at Bens", nora, ada+", "+ben)
			}
			waitUntil(t, "all copies are known", func() bool {
				h.Time.Advance(time.Second)
				return with(mails(t, h), `"Copies":["`+ada+`","`+ben+`"]`) == 2 && with(mails(t, h), "Only hers") == 1
			})
			do(t, h, "mail.message.delete", map[string]any{"user": ben, "message": messageID(t, h, ben, "Gone at Bens")})
			waitUntil(t, "Ben's copy is gone", func() bool {
				h.Time.Advance(time.Second)
				return len(communication(t, h, "Gone at Bens").Copies) == 1
			})
			const own, listed, nothing = "GET /v1.0/me/messages/", "GET /v1.0/users/", ""
			for _, tt := range []struct {
				name    string
				by      access.Caller
				subject string
				code    string
				through string
			}{
				{"her own, herself", owner, "Only hers", "", own},
				{"her own, an admin", boss, "Only hers", "only_the_owner", nothing},
				{"her own, the operator", access.Local("test"), "Only hers", "only_the_owner", nothing},
				{"her own, a key for communications", key, "Only hers", "only_the_owner", nothing},
				{"her own, somebody who does not take part", colleague, "Only hers", "not_found", nothing},
				{"in two mailboxes, an admin", boss, "For both", "", listed},
				{"in two mailboxes, the other", colleague, "For both", "", listed},
				{"in two mailboxes, a key", key, "For both", "", listed},
				{"the other copy is gone, an admin", boss, "Gone at Bens", "only_the_owner", nothing},
				{"the other copy is gone, herself", owner, "Gone at Bens", "", own},
			} {
				t.Run(tt.name, func(t *testing.T) {
					id, before := communication(t, h, tt.subject).ID, len(h.Cloud.Requests())
					body, err := h.Timeline.Open(t.Context(), tt.by, timeline.BodyQuery{ID: id})
					if fault.CodeOf(err) != tt.code || (err == nil) != strings.Contains(body.HTML, "Hello there") {
						t.Fatalf("%v, want %q: %s", err, tt.code, body.HTML)
					}
					asked := since(h, before)
					if tt.through == nothing && len(asked) > 0 {
						t.Errorf("asked for %v", asked)
					}
					if tt.by.ID != owner.ID && slices.ContainsFunc(asked, func(r string) bool { return strings.HasPrefix(r, own) }) {
						t.Errorf("her mailbox was asked for somebody else: %v", asked)
					}
					if tt.through != nothing && !slices.ContainsFunc(asked, func(r string) bool { return strings.HasPrefix(r, tt.through) }) {
						t.Errorf("asked for %v, want %s", asked, tt.through)
					}
					if tt.code == "only_the_owner" && (fault.As(err).Who != "Ada" || !strings.Contains(fault.As(err).Fix, "app-only")) {
						t.Errorf("who can: %+v", fault.As(err))
					}
				})
			}
			mine, err := h.Connections.Lookup(t.Context(), "mine")
			if err != nil {
				t.Fatal(err)
			}
			entries, err := h.Audit.List(t.Context(), 0, 100)
			looks := slices.DeleteFunc(entries, func(e audit.Entry) bool {
				return e.Action != "communication.body" || e.Detail["connection"] != mine.ID
			})
			if err != nil || len(looks) != 2 || slices.ContainsFunc(looks, func(e audit.Entry) bool { return e.Actor != "person:Ada" }) {
				t.Errorf("looks through her connection: %+v %v", looks, err)
			}
		})
	}
}

// Each row is something about a person's own connection that a caller may do or may not.
func TestWhoseAnOwnConnectionIs(t *testing.T) {
	h, owner := ownHub(t, store.SQLite)
	boss, colleague := staff(t, h, "boss", access.Admin, ""), staff(t, h, "Ben", access.Member, ben)
	h.Connect(ownForm(h, "later", owner, m365.Mail))
	signsIn(t, h, owner, "later", ada)
	for _, tt := range []struct {
		name   string
		by     access.Caller
		action string
		in     string
		code   string
	}{
		{"the owner previews it", owner, "communication.preview", `{"connection": "mine"}`, ""},
		{"the owner previews it by address", owner, "communication.preview", `{"connection": "mine", "mailbox": "ADA@contoso.example"}`, ""},
		{"the owner previews a mailbox that is not theirs", owner, "communication.preview", `{"connection": "mine", "mailbox": "ben@contoso.example"}`, "invalid_input"},
		{"the owner previews before it is followed", owner, "communication.preview", `{"connection": "later"}`, ""},
		{"an admin previews it", boss, "communication.preview", `{"connection": "mine"}`, "not_allowed"},
		{"a colleague previews it", colleague, "communication.preview", `{"connection": "mine"}`, "not_allowed"},
		{"the operator previews it", access.Local("test"), "communication.preview", `{"connection": "mine"}`, "not_allowed"},
		{"an admin previews an app-only one", boss, "communication.preview", `{"connection": "c"}`, ""},
		{"the owner previews an app-only one", owner, "communication.preview", `{"connection": "c"}`, "not_allowed"},
		{"an admin has it followed afterwards", boss, "connection.follow", `{"id": "later"}`, "only_the_owner"},
		{"an admin adds timeline afterwards", boss, "connection.change", `{"id": "later", "capabilities": ["mail", "timeline"]}`, "only_the_owner"},
		{"a colleague has it followed", colleague, "connection.follow", `{"id": "later"}`, "not_allowed"},
		{"the owner has it followed", owner, "connection.follow", `{"id": "later"}`, ""},
		{"an admin has it followed no longer", boss, "connection.follow", `{"id": "later", "stop": true}`, ""},
		{"an app-only one is followed so", boss, "connection.follow", `{"id": "c"}`, "invalid_input"},
		{"the owner walks it now", owner, "feed.sync", `{"connection": "mine"}`, ""},
		{"the owner walks an app-only one", owner, "feed.sync", `{"connection": "c"}`, "not_allowed"},
		{"the owner walks a mailbox by its name alone", owner, "feed.sync", `{"mailbox": "ben@contoso.example"}`, "not_allowed"},
		{"a colleague disconnects it", colleague, "connection.remove", `{"id": "mine"}`, "not_allowed"},
		{"a colleague makes a sign-in link", colleague, "connection.link", `{"id": "mine"}`, "not_allowed"},
		{"the owner makes a sign-in link", owner, "connection.link", `{"id": "mine"}`, ""},
		{"an admin lists a shared mailbox on it", boss, "mailbox.add", `{"id": "mine", "mailboxes": "support@contoso.example", "purposes": ["timeline"]}`, "invalid_input"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(h.Cloud.Requests())
			_, err := h.Runner.Do(t.Context(), action.Request{Action: tt.action, Caller: tt.by, Input: json.RawMessage(tt.in)})
			if code := fault.CodeOf(err); code != tt.code && (err != nil || tt.code != "") {
				t.Errorf("%q: %v, want %q", code, err, tt.code)
			}
			if asked := since(h, before); tt.code != "" && len(asked) > 0 {
				t.Errorf("asked for %v", asked)
			}
		})
	}
}

// What others see of an own mailbox: that it is followed, and what the timeline keeps of it; neither its folders' names nor anything else.
func TestWhatOthersSeeOfAnOwnMailbox(t *testing.T) {
	h, owner := ownHub(t, store.SQLite)
	boss, colleague := staff(t, h, "boss", access.Admin, ""), staff(t, h, "Ben", access.Member, ben)
	deliver(t, h, ada, "Only hers", nora, ada)
	waitUntil(t, "the mail is on the customer's page", shown(t, h, "Only hers"))
	deliver(t, h, ada, "Lunch", "Carla <carla@private.example>", ada)
	for _, tt := range []struct {
		name           string
		by             access.Caller
		titles, others bool
		event          bool
	}{{"the owner", owner, true, false, true}, {"an admin", boss, false, true, true}, {"a colleague", colleague, false, false, false}} {
		var out struct{ Feeds []feed.Feed }
		if err := json.Unmarshal([]byte(ask(t, h, tt.by, "feed.list", `{}`)), &out); err != nil {
			t.Fatal(err)
		}
		for _, f := range out.Feeds {
			if want := f.Kind == feed.Mail && (f.Mailbox == ada && tt.titles || f.Mailbox == ben && tt.others); (f.Title != "") != want {
				t.Errorf("%s sees the folder %q of %s", tt.name, f.Title, f.Mailbox)
			}
		}
		if got := ask(t, h, tt.by, "event.list", `{"types": ["message.received"]}`); strings.Contains(got, communication(t, h, "Only hers").ID) != tt.event {
			t.Errorf("events of %s: %s", tt.name, got)
		}
	}
	why, err := h.Timeline.Explain(t.Context(), boss, timeline.Question{Message: "<Lunch@northwind.example>"})
	if text := strings.Join(why.Reasons, " "); err != nil || !strings.Contains(text, "mine was not asked") || strings.Contains(text, "carla") {
		t.Errorf("%s %v", text, err)
	}
}

// What personal Microsoft accounts do not have is refused when the connection is configured.
func TestAPersonalAccountIsNotSetUpForTeams(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	owner := staff(t, h, "Pat", access.Member, "")
	for _, k := range []m365.Capability{m365.Teams, m365.SharePoint, m365.Directory} {
		form := ownForm(h, "mine", owner, k)
		form.AccountTypes, form.TenantID = m365.Personal, ""
		switch k {
		case m365.SharePoint:
			form.Sites = []string{connection.EverySite}
		case m365.Teams:
			form.Teams = []string{connection.EveryTeam}
		}
		_, _, err := h.Connections.Add(t.Context(), access.Local("test"), form)
		if f := fault.As(err); f.Kind != fault.Invalid || len(f.Fields) != 1 || f.Fields[0].Name != "capabilities[0]" || !strings.Contains(f.Fields[0].Message, "work accounts") {
			t.Errorf("%s: %v", k, err)
		}
	}
}

func TestWhatAnOwnConnectionIsNotFor(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	owner := staff(t, h, "Ada", access.Member, ada)
	f := ownForm(h, "mine", owner, m365.Timeline)
	f.Mailboxes = followed("support@contoso.example")
	_, _, err := h.Connections.Add(t.Context(), access.Local("test"), f)
	if text := fault.As(err).Error(); fault.KindOf(err) != fault.Invalid || !strings.Contains(text, "app-only connection") {
		t.Errorf("a shared mailbox: %v", err)
	}
	for _, k := range []m365.Capability{m365.Tap, m365.Send, m365.Dispatch} {
		if _, _, err := h.Connections.Add(t.Context(), access.Local("test"), ownForm(h, "mine", owner, k)); !strings.Contains(fault.As(err).Error(), "needs an app-only connection") {
			t.Errorf("%s: %v", k, err)
		}
	}
}

// One mailbox seen by the hub as itself and as its owner is one communication with two copies, and either copy may go.
func TestOneMailboxThroughTwoConnections(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h, owner := ownHub(t, engine)
			listedForAll(t, h, ada, ben)
			waitUntil(t, "both connections follow her mailbox", live(t, h, ada, ben))
			deliver(t, h, ada, "Once", nora, ada)
			twice := func(n int) func() bool {
				return func() bool {
					h.Time.Advance(time.Second)
					return len(communication(t, h, "Once").Copies) == n
				}
			}
			waitUntil(t, "it is shown", shown(t, h, `"Once"`))
			waitUntil(t, "both copies are known", twice(2))
			ask(t, h, owner, "connection.remove", `{"id": "mine"}`)
			waitUntil(t, "her own copy is gone", twice(1))
			connectOwn(t, h, owner)
			waitUntil(t, "both copies are known again", twice(2))
			listedForAll(t, h, ben)
			waitUntil(t, "the listed copy is gone", twice(1))
			if n := with(mails(t, h), `"Once"`); n != 1 {
				t.Errorf("it is shown %d times", n)
			}
		})
	}
}

// People who share one app registration do not end each other's subscriptions, and are told of their own mailboxes alone.
func TestOwnMailboxesOfOneApplication(t *testing.T) {
	h, owner := ownHub(t, store.SQLite)
	other := staff(t, h, "Ben", access.Viewer, ben)
	h.Connect(ownForm(h, "bens", other, m365.Timeline))
	signsIn(t, h, other, "bens", ben)
	waitUntil(t, "both are told of", func() bool {
		calendars := slices.DeleteFunc(feedsOf(t, h, ben), func(f feed.Feed) bool { return f.Kind != feed.Calendar })
		return live(t, h, ada, ben)() && len(calendars) == 2 // the hub's own, and his
	})
	ids := func() (out []string) {
		for _, s := range subscriptions(t, h) {
			if strings.HasPrefix(s["resource"].(string), "me/") {
				out = append(out, s["id"].(string))
			}
		}
		slices.Sort(out)
		return out
	}
	before := ids()
	if len(before) < 8 {
		t.Fatalf("%d subscriptions of two people", len(before))
	}
	// A second connection of the same person finds the place taken: it is polled and says so, and ends nothing of the first.
	again := h.Connect(ownForm(h, "again", owner, m365.Timeline))
	signsIn(t, h, owner, "again", ada)
	waitUntil(t, "the second is followed, and says why it is polled", func() bool {
		h.Time.Advance(time.Second)
		all, err := h.Feeds.List(t.Context(), again.ID)
		return err == nil && slices.ContainsFunc(all, func(f feed.Feed) bool { return f.Kind == feed.Mail }) &&
			!slices.ContainsFunc(all, func(f feed.Feed) bool {
				return f.State != feed.Live || f.Kind != feed.Folders && (f.Push != nil || f.PushNote == "")
			})
	})
	if after := ids(); !slices.Equal(after, before) {
		t.Errorf("subscriptions before %v, after %v", before, after)
	}
	if _, err := h.Connections.Remove(t.Context(), owner, again.ID); err != nil {
		t.Fatal(err)
	}
	play(t, h, sim.Fault{Kind: "lifecycle", Code: "reauthorizationRequired"})
	deliver(t, h, ada, "While it was paused", nora, ada)
	waitUntil(t, "it is shown all the same", shown(t, h, "While it was paused"))
	deliver(t, h, ada, "Afterwards", nora, ada)
	waitUntil(t, "what comes now is told", shown(t, h, "Afterwards"))
}

// What its owner said about their mailbox stands, whatever a file declares.
func TestADeclaredOwnConnectionKeepsItsOwnersChoice(t *testing.T) {
	h, owner := ownHub(t, store.SQLite)
	f := ownForm(h, "mine", owner)
	t.Setenv("OWN_SECRET", f.Credential.Secret.Reveal())
	for _, tt := range []struct {
		declared string
		follows  bool
	}{{"[mail, timeline]", false}, {"[mail]", true}} {
		follows(t, h, owner, tt.follows)
		text := fmt.Sprintf("connections:\n  - {name: mine, kind: delegated, owner: %s, tenant_id: %s, client_id: %s, capabilities: %s, credential: {type: secret}, credential_from: {secret_env: OWN_SECRET}}\n",
			owner.ID, f.TenantID, f.ClientID, tt.declared)
		if err := h.Connections.ApplyFile(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
		if c, err := h.Connections.Lookup(t.Context(), "mine"); err != nil || c.Serves(m365.Timeline) != tt.follows || !c.Managed {
			t.Errorf("declared %s: %v %v", tt.declared, c.Capabilities, err)
		}
	}
}
