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
	"seneschal/internal/feed"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/vault"
)

const paula, nora = "paula@fabrikam.example", "Nora <nora@northwind.example>"

// neighbours is a hub that Microsoft notifies, which follows Ada and Ben through one connection and Paula, of another tenant, through another.
func neighbours(t *testing.T) *app.Hub {
	t.Helper()
	address := freeAddress(t)
	h := app.StartForTest(t, app.TestOptions{Change: func(s map[string]string) { s["LISTEN"], s["PUBLIC_URL"] = address, "http://"+address }})
	if _, err := h.Customers.Add(t.Context(), access.Local("test"), customer.Form{Name: "Northwind", Domains: []string{"northwind.example"}}); err != nil {
		t.Fatal(err)
	}
	theirs := h.Cloud.Ready().Tenants[1]
	f := connection.Form{Name: "other", Kind: m365.Application, TenantID: m365.TenantID(theirs.TenantID), ClientID: m365.ClientID(theirs.Apps[0].ClientID), Capabilities: []m365.Capability{m365.Timeline},
		Credential: connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(theirs.Apps[0].ClientSecret)}, Mailboxes: followed(paula)}
	if c := h.Connect(f); c.State != connection.Healthy {
		t.Fatalf("%s %+v", c.State, c.Reason)
	}
	f = h.Form("c", "Seneschal", m365.Timeline)
	f.Mailboxes = followed(ada, ben)
	if c := h.Connect(f); c.State != connection.Healthy {
		t.Fatalf("%s %+v", c.State, c.Reason)
	}
	settled(t, h)
	pushed(t, h)
	return h
}

func followed(addresses ...string) connection.MailboxList {
	list := connection.ParseMailboxes(strings.Join(addresses, ";"))
	for i := range list {
		list[i].Purposes = []connection.Purpose{connection.ForTimeline}
	}
	return list
}

func listed(t *testing.T, h *app.Hub, addresses ...string) {
	t.Helper()
	list := followed(addresses...)
	if _, _, err := h.Connections.Change(t.Context(), access.Local("test"), "c", connection.Edit{Mailboxes: &list}); err != nil {
		t.Fatal(err)
	}
}

func paused(t *testing.T, h *app.Hub, yes bool) {
	t.Helper()
	if err := h.Connections.Pause(t.Context(), access.Local("test"), "c", yes); err != nil {
		t.Fatal(err)
	}
}

// upset is how each situation begins and ends. What holds up the whole connection spares only other connections.
type upset struct {
	begin, end func(t *testing.T, h *app.Hub)
	whole      bool // the whole connection is held up
	open       bool // mail still arrives in the mailbox meanwhile
}

func simply(f sim.Fault) func(*testing.T, *app.Hub) {
	return func(t *testing.T, h *app.Hub) { play(t, h, f) }
}

// gone has a tenant's tokens end, and no new ones be given.
func gone(t *testing.T, h *app.Hub, f sim.Fault) {
	t.Helper()
	play(t, h, f)
	h.Time.Advance(3 * time.Hour)
}

var upsets = map[string]upset{
	"it is taken off the list":  {begin: func(t *testing.T, h *app.Hub) { listed(t, h, ben) }, end: func(t *testing.T, h *app.Hub) { listed(t, h, ada, ben) }, open: true},
	"its licence is taken away": {begin: simply(sim.Fault{Kind: "mailbox_removed", User: ada}), end: simply(sim.Fault{Kind: "mailbox_returned", User: ada})},
	"its account is deleted":    {begin: simply(sim.Fault{Kind: "user_deleted", User: ada}), end: simply(sim.Fault{Kind: "user_restored", User: ada})},
	"the consent is withdrawn": {whole: true, open: true,
		begin: func(t *testing.T, h *app.Hub) {
			gone(t, h, sim.Fault{Kind: "consent_withdrawn", App: h.ReadyApp("Seneschal").ClientID})
		},
		end: func(t *testing.T, h *app.Hub) {
			play(t, h, sim.Fault{Kind: "consent_given", App: h.ReadyApp("Seneschal").ClientID})
		}},
	"the tenant is gone": {whole: true, open: true,
		begin: func(t *testing.T, h *app.Hub) {
			f := sim.Fault{Kind: "aadsts", Code: "90002"}
			f.Match.Tenant = h.Cloud.Ready().Tenants[0].TenantID
			gone(t, h, f)
		},
		end: func(_ *testing.T, h *app.Hub) { h.Cloud.ClearFaults() }},
	"the connection is paused": {whole: true, open: true, begin: func(t *testing.T, h *app.Hub) { paused(t, h, true) }, end: func(t *testing.T, h *app.Hub) { paused(t, h, false) }},
}

func feedsOf(t *testing.T, h *app.Hub, mailbox string) []feed.Feed {
	t.Helper()
	all, err := h.Feeds.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(f feed.Feed) bool { return f.Mailbox != mailbox })
}

// mails are the lines of the customer's mail, sorted: meetings leave their window as time passes.
func mails(t *testing.T, h *app.Hub) []string {
	t.Helper()
	all := slices.DeleteFunc(lines(t, h, access.Local("test")), func(l string) bool { return !strings.Contains(l, `"Kind":"mail"`) })
	slices.Sort(all)
	return all
}

// live tells whether all feeds of the mailboxes are, and can be told of changes.
func live(t *testing.T, h *app.Hub, mailboxes ...string) func() bool {
	return func() bool {
		h.Time.Advance(2 * time.Second)
		for _, m := range mailboxes {
			all := feedsOf(t, h, m)
			if !slices.ContainsFunc(all, func(f feed.Feed) bool { return f.Kind == feed.Mail }) ||
				slices.ContainsFunc(all, func(f feed.Feed) bool { return f.State != feed.Live || (f.Kind != feed.Folders && f.Push == nil) }) {
				return false
			}
		}
		return true
	}
}

func TestFaultsOfMailboxes(t *testing.T) {
	t.Parallel()
	rows := table(t, "situation of a mailbox | its feeds | code | connection | remedy | who")
	if len(rows) != len(upsets) {
		t.Errorf("docs/faults.md has %d rows, the test knows %d", len(rows), len(upsets))
	}
	for _, row := range rows {
		t.Run(row[0], func(t *testing.T) {
			u, ok := upsets[row[0]]
			if !ok {
				t.Fatal("the test does not know how to make this happen")
			}
			h := neighbours(t)
			before := mailsBefore(t, h)
			u.begin(t, h)
			awaitTrouble(t, h, row)
			others := []string{paula}
			if !u.whole {
				others = append(others, ben)
			}
			for _, m := range others {
				deliver(t, h, m, "Meanwhile for "+m, nora, m)
				waitUntil(t, m+" goes on", shown(t, h, "Meanwhile for "+m))
			}
			if u.open {
				deliver(t, h, ada, "Meanwhile", nora, ada)
			}
			during := mails(t, h)
			if row[1] == "gone" && with(during, `"Copies":["ada@contoso.example`) != 0 {
				t.Errorf("left behind:\n%s", strings.Join(during, "\n"))
			}
			if lost := difference(before, during); row[1] != "gone" && lost != "" {
				t.Errorf("lost meanwhile:\n%s", lost)
			}
			if with(during, `"For both"`) != 1 {
				t.Error("the communication whose other copy is Ben's is not shown once")
			}
			u.end(t, h)
			waitUntil(t, "all is well again", live(t, h, ada, ben, paula))
			waitUntil(t, "the connection is healthy again", connectionIs(t, h, "healthy"))
			arrived := append(others, "and Afterwards")
			if u.open {
				arrived = append(arrived, "and Meanwhile")
				waitUntil(t, "what came meanwhile is shown", shown(t, h, `"Meanwhile"`))
			}
			deliver(t, h, ada, "Afterwards", nora, ada)
			waitUntil(t, "what comes now is shown", shown(t, h, "Afterwards"))
			after := mails(t, h)
			if lost := difference(before, after); lost != "" {
				t.Errorf("lost:\n%s", lost)
			}
			if len(after) != len(before)+len(arrived) {
				t.Errorf("%d mails before, %d after, and only %v arrived:\n%s", len(before), len(after), arrived, difference(after, before))
			}
		})
	}
}

// mailsBefore has mail arrive for Ada alone, and for Ada and Ben, and gives all that is shown then.
func mailsBefore(t *testing.T, h *app.Hub) []string {
	t.Helper()
	for _, m := range []string{ada, ben} {
		deliver(t, h, m, "For both", nora, ada+", "+ben)
	}
	deliver(t, h, ada, "Before", nora, ada)
	waitUntil(t, "what came before is shown", shown(t, h, `"Before"`))
	waitUntil(t, "both copies are known", func() bool {
		h.Time.Advance(time.Second)
		return slices.ContainsFunc(mails(t, h), func(l string) bool {
			return strings.Contains(l, "For both") && strings.Contains(l, `"Copies":["`+ada+`","`+ben+`"]`)
		})
	})
	return mails(t, h)
}

// awaitTrouble waits until the feeds of Ada's mailbox and the connection say what the row says.
func awaitTrouble(t *testing.T, h *app.Hub, row []string) {
	t.Helper()
	feedsSay(t, h, row)
	waitUntil(t, "the connection is "+row[3], connectionIs(t, h, row[3]))
}

// feedsSay waits until the feeds of Ada's mailbox say what the row says: state, code, remedy, and who.
func feedsSay(t *testing.T, h *app.Hub, row []string) {
	t.Helper()
	waitUntil(t, "the feeds are "+row[1], func() bool {
		h.Time.Advance(5 * time.Second)
		all := feedsOf(t, h, ada)
		if row[1] == "gone" {
			return len(all) == 0
		}
		return !slices.ContainsFunc(all, func(f feed.Feed) bool { return string(f.State) != row[1] || f.Reason == nil || f.Reason.Code != row[2] })
	})
	for _, f := range feedsOf(t, h, ada) {
		if f.Reason.Fix != row[4] || f.Reason.Who != row[5] {
			t.Errorf("%s %s: fix %q, who %q", f.Kind, f.Title, f.Reason.Fix, f.Reason.Who)
		}
	}
}

func connectionIs(t *testing.T, h *app.Hub, state string) func() bool {
	return func() bool {
		h.Time.Advance(5 * time.Second)
		c, err := h.Connections.Lookup(t.Context(), "c")
		if err != nil {
			t.Fatal(err)
		}
		return string(c.Current(h.Time.Now())) == state
	}
}

// Another account that has the address now is another mailbox: what the old one held is not its.
func TestAnAccountMadeAnewIsAnotherMailbox(t *testing.T) {
	h := neighbours(t)
	before := feedsOf(t, h, ada)
	play(t, h, sim.Fault{Kind: "user_deleted", User: ada})
	play(t, h, sim.Fault{Kind: "user_made_anew", User: ada})
	deliver(t, h, ada, "To the new one", nora, ada)
	waitUntil(t, "the new mailbox is followed", shown(t, h, "To the new one"))
	waitUntil(t, "all is well", live(t, h, ada, ben, paula))
	if n := with(mails(t, h), `"Copies":["ada@contoso.example"`); n != 1 {
		t.Errorf("%d mails of the address, want the new one alone", n)
	}
	for _, f := range feedsOf(t, h, ada) {
		if slices.ContainsFunc(before, func(b feed.Feed) bool { return b.ID == f.ID }) {
			t.Errorf("the old mailbox's feed %s is still there", f.ID)
		}
	}
}
