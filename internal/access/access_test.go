package access

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

func forTest(t *testing.T, f func(t *testing.T, a *Access, c *clock.Adjustable)) {
	store.ForTest(t, []fs.FS{audit.Migrations, Migrations}, func(t *testing.T, s *store.Store) {
		c := clock.NewAdjustable()
		f(t, &Access{Store: s, Clock: c, Audit: &audit.Log{Store: s, Clock: c, Key: vault.NewSecret("test")}}, c)
	})
}

func TestAllow(t *testing.T) {
	viewer, member, admin := Caller{Kind: "person", ID: "v", Role: Viewer}, Caller{Kind: "person", ID: "m", Role: Member}, Caller{Kind: "person", ID: "a", Role: Admin}
	key := func(s ...Scope) Caller { return Caller{Kind: "apikey", ID: "k", Scopes: s} }
	for _, tt := range []struct {
		name string
		c    Caller
		w    Want
		want fault.Kind
	}{
		{"nobody", Caller{}, Want{Scope: HubRead}, fault.Unauthenticated},
		{"a viewer sees the hub", viewer, Want{Scope: HubRead}, ""},
		{"a viewer configures nothing", viewer, Want{Scope: HubWrite}, fault.Forbidden},
		{"a member configures nothing", member, Want{Scope: HubWrite}, fault.Forbidden},
		{"an admin configures", admin, Want{Scope: HubWrite}, ""},
		{"a member acts through the own account", member, Want{Scope: ActionWrite, Connection: "c", Owner: "m"}, ""},
		{"a viewer reads through the own account", viewer, Want{Scope: ActionRead, Connection: "c", Owner: "v"}, ""},
		{"a viewer writes nothing", viewer, Want{Scope: ActionWrite, Connection: "c", Owner: "v"}, fault.Forbidden},
		{"a member not through an app-only connection", member, Want{Scope: ActionRead, Connection: "c"}, fault.Forbidden},
		{"an admin through an app-only connection", admin, Want{Scope: ActionWrite, Connection: "c"}, ""},
		{"an admin not through another's account", admin, Want{Scope: ActionRead, Connection: "c", Owner: "m"}, fault.Forbidden},
		{"the local operator neither", Local("root"), Want{Scope: ActionRead, Connection: "c", Owner: "m"}, fault.Forbidden},
		{"a key with the scope", key(ActionRead), Want{Scope: ActionRead, Connection: "c"}, ""},
		{"a key with the scope for this connection", key("actions:read:c"), Want{Scope: ActionRead, Connection: "c"}, ""},
		{"a key with the scope for another connection", key("actions:read:d"), Want{Scope: ActionRead, Connection: "c"}, fault.Forbidden},
		{"a reading key does not write", key(ActionRead), Want{Scope: ActionWrite, Connection: "c"}, fault.Forbidden},
		{"no key acts as a person", key(ActionRead, ActionWrite), Want{Scope: ActionRead, Connection: "c", Owner: "m"}, fault.Forbidden},
	} {
		if got := fault.KindOf(Allow(tt.c, tt.w)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestTheFirstAdminIsMadeWhereThereIsNone(t *testing.T) {
	forTest(t, func(t *testing.T, a *Access, _ *clock.Adjustable) {
		if _, err := a.AddPerson(t.Context(), System("microsoft"), "Ada", Member); err != nil { // who signed in first
			t.Fatal(err)
		}
		awaited := func(situation string, want bool) {
			t.Helper()
			if got, err := a.EnsureFirstAdmin(t.Context()); err != nil || got != want {
				t.Errorf("%s: awaited %v, %v", situation, got, err)
			}
		}
		awaited("nobody is an admin", true)
		awaited("a start that failed, or whose link nobody used", true)
		link, err := a.LoginLink(t.Context(), Local("root"), FirstAdmin)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.RedeemLogin(t.Context(), link.Reveal(), "a browser"); err != nil {
			t.Fatal(err)
		}
		awaited("the admin came in", false)
		if _, err := a.AddPerson(t.Context(), Local("root"), "ben", Admin); err != nil {
			t.Fatal(err)
		}
		if err := a.RemovePerson(t.Context(), Local("root"), FirstAdmin); err != nil {
			t.Fatal(err)
		}
		awaited("another is admin", false)
		if _, err := a.LookupPerson(t.Context(), FirstAdmin); fault.KindOf(err) != fault.NotFound {
			t.Errorf("the first admin was made again: %v", err)
		}
	})
}

func TestLoginLinksWorkOnceAndNotForLong(t *testing.T) {
	forTest(t, func(t *testing.T, a *Access, c *clock.Adjustable) {
		made, err := a.EnsureFirstAdmin(t.Context())
		if err != nil || !made {
			t.Fatalf("first admin: %v %v", made, err)
		}
		link := func() string {
			t.Helper()
			s, err := a.LoginLink(t.Context(), Local("root"), "admin")
			if err != nil {
				t.Fatal(err)
			}
			return s.Reveal()
		}
		first := link()
		s, err := a.RedeemLogin(t.Context(), first, "a browser")
		if err != nil || s.Method != ByLink {
			t.Fatalf("got %+v %v", s, err)
		}
		if _, err := a.RedeemLogin(t.Context(), first, ""); fault.CodeOf(err) != "login_link_used" {
			t.Errorf("a second use: got %v", err)
		}
		late := link()
		c.Advance(loginLinkLife + time.Second)
		if _, err := a.RedeemLogin(t.Context(), late, ""); fault.CodeOf(err) != "login_link_used" {
			t.Errorf("after its time: got %v", err)
		}
		if p, err := a.SessionPerson(t.Context(), s.ID); err != nil || p.Role != Admin {
			t.Errorf("%+v %v", p, err)
		}
		if err := a.EndSessions(t.Context(), Local("root"), "admin"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.SessionPerson(t.Context(), s.ID); fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("an ended session: got %v", err)
		}
		if err := a.RemovePerson(t.Context(), Local("root"), "admin"); fault.CodeOf(err) != "last_admin" {
			t.Errorf("removing the last admin: got %v", err)
		}
		if v, err := a.Audit.Verify(t.Context()); err != nil || !v.OK || v.Checked < 5 {
			t.Errorf("audit: %+v %v", v, err)
		}
	})
}

func TestAPIKeys(t *testing.T) {
	forTest(t, func(t *testing.T, a *Access, c *clock.Adjustable) {
		k, secret, err := a.AddAPIKey(t.Context(), Local("root"), "ci", []Scope{ActionRead}, time.Hour)
		if err != nil || !strings.HasPrefix(secret.Reveal(), keyPrefix) {
			t.Fatalf("%+v %v", k, err)
		}
		who, err := a.KeyCaller(t.Context(), secret.Reveal())
		if err != nil || who.String() != "apikey:ci" {
			t.Errorf("got %v %v", who, err)
		}
		if keys, err := a.APIKeys(t.Context()); err != nil || len(keys) != 1 || keys[0].LastUsed.IsZero() {
			t.Errorf("got %+v %v", keys, err)
		}
		if _, _, err := a.AddAPIKey(t.Context(), Local("root"), "ci", []Scope{HubRead}, 0); fault.CodeOf(err) != "name_taken" {
			t.Errorf("same name: got %v", err)
		}
		c.Advance(2 * time.Hour)
		if _, err := a.KeyCaller(t.Context(), secret.Reveal()); fault.CodeOf(err) != "api_key_expired" {
			t.Errorf("expired: got %v", err)
		}
		if err := a.RemoveAPIKey(t.Context(), Local("root"), "ci"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.KeyCaller(t.Context(), secret.Reveal()); fault.CodeOf(err) != "api_key_unknown" {
			t.Errorf("removed: got %v", err)
		}
		for _, bad := range [][]string{nil, {"everything"}, {"hub:read@c"}, {"actions:read@"}} {
			if _, err := ParseScopes(bad); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%v: got %v, want invalid", bad, err)
			}
		}
	})
}
