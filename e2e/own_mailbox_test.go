package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/customer"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/sim/person"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// ownForm is a person's own connection through the world's app for sign-ins.
func ownForm(h *app.Hub, name string, owner access.Caller, capabilities ...m365.Capability) connection.Form {
	a := h.ReadyApp("Seneschal sign-in")
	return connection.Form{Name: name, Kind: m365.Delegated, TenantID: m365.TenantID(h.Cloud.Ready().Tenants[0].TenantID), ClientID: m365.ClientID(a.ClientID),
		Credential: connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(a.ClientSecret)}, Capabilities: capabilities, Owner: owner.ID}
}

// signsIn opens the link that the owner makes, as the person of an account, and gives the page where that ends.
func signsIn(t *testing.T, h *app.Hub, owner access.Caller, name, account string) person.Page {
	t.Helper()
	link, err := h.Connections.NewLink(t.Context(), owner, name)
	if err != nil {
		t.Fatal(err)
	}
	page, err := person.New(h.Cloud.HTTPClient().Transport).SignIn(t.Context(), link.URL, account, passwords[account], "/auth/microsoft/callback")
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// ownHub is a hub that Microsoft notifies. It follows Ben through an app-only connection, and Ada through her own.
func ownHub(t *testing.T, engine store.Engine) (*app.Hub, access.Caller) {
	t.Helper()
	address := freeAddress(t)
	h := app.StartForTest(t, app.TestOptions{Engine: engine, Change: func(s map[string]string) { s["LISTEN"], s["PUBLIC_URL"] = address, "http://"+address }})
	if _, err := h.Customers.Add(t.Context(), access.Local("test"), customer.Form{Name: "Northwind", Domains: []string{"northwind.example"}}); err != nil {
		t.Fatal(err)
	}
	f := h.Form("c", "Seneschal", m365.Timeline, m365.Mail)
	f.Mailboxes = forAll(ben)
	h.Connect(f)
	owner := staff(t, h, "Ada", access.Member, ada)
	connectOwn(t, h, owner)
	waitUntil(t, "both mailboxes are followed and told of", live(t, h, ada, ben))
	return h, owner
}

// forAll lists mailboxes for the timeline and for actions.
func forAll(addresses ...string) connection.MailboxList {
	list := followed(addresses...)
	for i := range list {
		list[i].Purposes = append(list[i].Purposes, connection.ForActions)
	}
	return list
}

func listedForAll(t *testing.T, h *app.Hub, addresses ...string) {
	t.Helper()
	list := forAll(addresses...)
	if _, _, err := h.Connections.Change(t.Context(), access.Local("test"), "c", connection.Edit{Mailboxes: &list}); err != nil {
		t.Fatal(err)
	}
}

func connectOwn(t *testing.T, h *app.Hub, owner access.Caller) {
	t.Helper()
	h.Connect(ownForm(h, "mine", owner, m365.Mail, m365.Timeline))
	signsIn(t, h, owner, "mine", ada)
	waitUntil(t, "the own connection is healthy", ownIs(t, h, "healthy"))
}

func ownIs(t *testing.T, h *app.Hub, state string) func() bool {
	return func() bool {
		h.Time.Advance(5 * time.Second)
		c, err := h.Connections.Lookup(t.Context(), "mine")
		if fault.KindOf(err) == fault.NotFound {
			return state == "removed"
		}
		if err != nil {
			t.Fatal(err)
		}
		return string(c.Current(h.Time.Now())) == state
	}
}

func TestAnOwnMailboxIsFollowed(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h, _ := ownHub(t, engine)
			kinds := map[feed.Kind]int{}
			for _, f := range feedsOf(t, h, ada) {
				kinds[f.Kind]++
			}
			if kinds[feed.Folders] != 1 || kinds[feed.Calendar] != 1 || kinds[feed.Mail] < 2 {
				t.Errorf("feeds of the own mailbox: %v", kinds)
			}
			all, err := h.Feeds.List(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			mine, err := h.Connections.Lookup(t.Context(), "mine")
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(all, func(f feed.Feed) bool { return f.Connection == mine.ID && f.Kind == feed.Users }) {
				t.Error("the directory is followed through a person's own connection")
			}
			if f := inboxOf(t, h, ada); f.Push == nil || !f.Push.Rich {
				t.Errorf("the inbox is not told of with who takes part: %q", f.PushNote)
			}
			deliver(t, h, ada, "VPN is down", nora, ada)
			waitUntil(t, "the mail is on the customer's page", shown(t, h, "VPN is down"))
			if with(mails(t, h), `"Kind":"mail"`) < 2 || with(lines(t, h, access.Local("test")), `"Kind":"meeting"`) == 0 {
				t.Errorf("communications:\n%s", strings.Join(lines(t, h, access.Local("test")), "\n"))
			}
			for _, r := range h.Cloud.Requests() {
				if r.Mailbox == ada && !strings.HasPrefix(r.Path, "/v1.0/me") {
					t.Fatalf("%s %s: a person's own mailbox is asked for as their own", r.Method, r.Path)
				}
			}
			for _, s := range subscriptions(t, h) {
				if s["applicationId"] == string(mine.ClientID) && !strings.HasPrefix(s["resource"].(string), "me/") {
					t.Errorf("a subscription to %v through a person's own connection", s["resource"])
				}
			}
		})
	}
}

// ends is how each situation of docs/faults.md begins and is mended.
type ends struct {
	begin, mend func(t *testing.T, h *app.Hub, owner access.Caller)
}

func follows(t *testing.T, h *app.Hub, owner access.Caller, yes bool) {
	t.Helper()
	do := `{"id": "mine"}`
	if !yes {
		do = `{"id": "mine", "stop": true}`
	}
	ask(t, h, owner, "connection.follow", do)
}

var partings = map[string]ends{
	"the person's sign-in is revoked": {
		begin: func(t *testing.T, h *app.Hub, _ access.Caller) { gone(t, h, sim.Fault{Kind: "revoke", User: ada}) },
		mend:  func(t *testing.T, h *app.Hub, owner access.Caller) { signsIn(t, h, owner, "mine", ada) }},
	"the consent for people is withdrawn": {
		begin: func(t *testing.T, h *app.Hub, _ access.Caller) {
			play(t, h, sim.Fault{Kind: "consent_withdrawn", App: h.ReadyApp("Seneschal sign-in").ClientID})
			h.Time.Advance(30 * time.Hour) // a person's token lives up to 28 hours, and keeps what it carries (graph/FACTS §1.2)
		},
		mend: func(t *testing.T, h *app.Hub, _ access.Caller) {
			play(t, h, sim.Fault{Kind: "consent_given", App: h.ReadyApp("Seneschal sign-in").ClientID})
		}},
	"its owner pauses the connection": {
		begin: func(t *testing.T, h *app.Hub, owner access.Caller) {
			ask(t, h, owner, "connection.pause", `{"id": "mine"}`)
		},
		mend: func(t *testing.T, h *app.Hub, owner access.Caller) {
			ask(t, h, owner, "connection.pause", `{"id": "mine", "resume": true}`)
		}},
	"its owner wants it followed no longer": {
		begin: func(t *testing.T, h *app.Hub, owner access.Caller) {
			follows(t, h, owner, false)
		},
		mend: func(t *testing.T, h *app.Hub, owner access.Caller) { follows(t, h, owner, true) }},
	"its owner disconnects": {
		begin: func(t *testing.T, h *app.Hub, owner access.Caller) {
			ask(t, h, owner, "connection.remove", `{"id": "mine"}`)
		},
		mend: connectOwn},
}

func TestFaultsOfOwnMailboxes(t *testing.T) {
	t.Parallel()
	rows := table(t, "situation of a person's own mailbox | its feeds | code | connection | remedy | who")
	if len(rows) != len(partings) {
		t.Errorf("docs/faults.md has %d rows, the test knows %d", len(rows), len(partings))
	}
	for i, row := range rows {
		t.Run(row[0], func(t *testing.T) {
			p, ok := partings[row[0]]
			if !ok {
				t.Fatal("the test does not know how to make this happen")
			}
			h, owner := ownHub(t, []store.Engine{store.SQLite, store.Postgres}[i%2])
			before := mailsBefore(t, h)
			p.begin(t, h, owner)
			awaitOwnTrouble(t, h, row)
			deliver(t, h, ben, "Meanwhile for Ben", nora, ben)
			waitUntil(t, "Ben's mailbox goes on", shown(t, h, "Meanwhile for Ben"))
			deliver(t, h, ada, "Meanwhile", nora, ada)
			during := mails(t, h)
			if lost := difference(before, during); row[1] != "gone" && lost != "" {
				t.Errorf("lost meanwhile:\n%s", lost)
			}
			if row[1] == "gone" {
				if with(during, `"Copies":["`+ada) != 0 || with(during, `"For both"`) != 1 {
					t.Errorf("left behind, or lost:\n%s", strings.Join(during, "\n"))
				}
				for _, s := range subscriptions(t, h) {
					if strings.HasPrefix(s["resource"].(string), "me/") {
						t.Errorf("a subscription to %v is left at Microsoft", s["resource"])
					}
				}
			}
			p.mend(t, h, owner)
			waitUntil(t, "all is well again", func() bool {
				h.Time.Advance(2 * time.Second) // a self-test during which a day passed counts for a minute
				return live(t, h, ada, ben)()
			})
			waitUntil(t, "what came meanwhile is shown", shown(t, h, `"Meanwhile"`))
			deliver(t, h, ada, "Afterwards", nora, ada)
			waitUntil(t, "what comes now is shown", shown(t, h, "Afterwards"))
			if lost := difference(before, mails(t, h)); lost != "" {
				t.Errorf("lost:\n%s", lost)
			}
		})
	}
}

// awaitOwnTrouble waits until the feeds of Ada's mailbox and her connection say what the row says.
func awaitOwnTrouble(t *testing.T, h *app.Hub, row []string) {
	t.Helper()
	feedsSay(t, h, row)
	if row[1] == "gone" {
		waitUntil(t, "nothing of her own is left at Microsoft", func() bool {
			h.Time.Advance(5 * time.Second)
			return !slices.ContainsFunc(subscriptions(t, h), func(s map[string]any) bool { return strings.HasPrefix(s["resource"].(string), "me/") })
		})
	}
	waitUntil(t, "the connection is "+row[3], ownIs(t, h, row[3]))
}
