package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// planned is a ground with a connection that reaches the calendars of Ada and Ben.
func planned(t *testing.T, engine store.Engine) *ground {
	t.Helper()
	g := newGround(t, engine)
	a := g.join(nil)
	defer func() { _ = a.Close() }()
	tenant := g.cloud.Ready().Tenants[0]
	list := connection.ParseMailboxes(ada + " " + ben)
	for i := range list {
		list[i].Purposes = []connection.Purpose{connection.ForDispatch}
	}
	f := connection.Form{Name: "plan", Kind: m365.Application, TenantID: m365.TenantID(tenant.TenantID), ClientID: m365.ClientID(tenant.Apps[0].ClientID), Capabilities: []m365.Capability{m365.Dispatch},
		Credential: connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(tenant.Apps[0].ClientSecret)}, Mailboxes: list}
	if _, _, err := a.Connections.Add(t.Context(), access.Local("test"), f); err != nil {
		t.Fatal(err)
	}
	return g
}

// life is what a planning system says of a slot, one after the other: made, moved, given to somebody else.
func life(g *ground) []dispatch.SlotIn {
	at := g.time.Now().UTC().Truncate(time.Hour).AddDate(0, 0, 3)
	in := dispatch.SlotIn{ExternalID: "4711", Technician: ada, Start: at.Format(time.RFC3339), End: at.Add(time.Hour).Format(time.RFC3339), Subject: "Killed slot", Customer: "Northwind"}
	moved := in
	moved.Start, moved.End = at.Add(2*time.Hour).Format(time.RFC3339), at.Add(3*time.Hour).Format(time.RFC3339)
	given := moved
	given.Technician = ben
	return []dispatch.SlotIn{in, moved, given}
}

// planUntilKilled lives through the slot's life, as far as it comes.
func (g *ground) planUntilKilled(k *killer) (ended bool) {
	g.t.Helper()
	return g.untilKilled(k, func(ctx context.Context, a *app.App) error {
		for _, in := range life(g) {
			if err := g.say(ctx, a, in); err != nil {
				return err
			}
		}
		return nil
	})
}

// say takes a slot and has it placed.
func (g *ground) say(ctx context.Context, a *app.App, in dispatch.SlotIn) error {
	if _, err := a.Dispatch.Put(ctx, access.Local("test"), in); err != nil {
		return err
	}
	ids, err := store.Select(ctx, a.Store.Reader(), func(s store.Scanner) (id string, err error) { return id, s.Scan(&id) }, "select id from jobs_row where kind = $1", dispatch.PlaceJob)
	for _, id := range ids {
		for err == nil {
			var next time.Time
			if next, err = a.Dispatch.Place(ctx, id, 1); next.IsZero() {
				break
			}
			g.time.Advance(max(0, next.Sub(g.time.Now())))
		}
	}
	return err
}

// The hub is killed at every point of a slot's life; then the planning system says the last of it once more. In the end there is one event,
// with whom it belongs. Every point on both databases with SENESCHAL_SOAK=full, else some of each kind that chance chooses.
func TestKilledWhileDispatching(t *testing.T) {
	t.Parallel()
	kills, duplicates, lost := 0, 0, 0
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		all := &killer{}
		if !planned(t, engine).planUntilKilled(all) || len(all.passed) < 40 {
			t.Fatalf("a run that nobody kills passed %d points", len(all.passed))
		}
		seed := rand.Uint64()
		chosen := rand.New(rand.NewPCG(seed, 0)).Perm(len(all.passed)) //nolint:gosec // which points are looked at is no secret
		if os.Getenv("SENESCHAL_SOAK") != "full" {
			chosen = oneOfEach(chosen, all.passed, eachKind(engine))
		}
		t.Logf("%s, seed %d: killed at %d of %d points", engine, seed, len(chosen), len(all.passed))
		for _, i := range chosen {
			t.Run(fmt.Sprintf("%s/killed at point %d", engine, i+1), func(t *testing.T) {
				g := planned(t, engine)
				if g.planUntilKilled(&killer{at: i + 1}) {
					t.Fatal("it was not killed")
				}
				at, elsewhere := g.planRecovered(t)
				kills, duplicates = kills+1, duplicates+max(0, at+elsewhere-1)
				if at == 0 {
					lost++
				}
				if at != 1 || elsewhere != 0 {
					t.Errorf("after %s Ben has it %d times, Ada %d times", all.passed[i], at, elsewhere)
				}
			})
		}
	}
	t.Logf("%d kills: %d duplicates, %d lost", kills, duplicates, lost)
}

// eachKind are points of the three requests that write, and of commits.
func eachKind(engine store.Engine) (out []func(string) bool) {
	kinds := []string{" POST ", " DELETE "}
	if engine == store.SQLite {
		kinds = append(kinds, " PATCH ", string(clock.BeforeCommit), string(clock.AfterCommit))
	}
	for _, kind := range kinds {
		out = append(out, func(point string) bool { return strings.Contains(point, kind) })
	}
	return out
}

// planRecovered starts the hub anew and says the last of the slot's life once more. It counts the events with whom it is, and elsewhere.
func (g *ground) planRecovered(t *testing.T) (at, elsewhere int) {
	t.Helper()
	g.time.Advance(2 * time.Minute)
	a, stop := g.open()
	defer stop()
	all := life(g)
	if _, err := a.Dispatch.Put(t.Context(), access.Local("test"), all[len(all)-1]); err != nil {
		t.Fatal(err)
	}
	waitFor(t, g, "the slot is placed", func() bool {
		s, err := a.Dispatch.Lookup(t.Context(), "4711")
		return err == nil && s.State == dispatch.Placed && s.Technician == ben
	})
	verifyAudit(t, a)
	events, err := g.cloud.State(g.cloud.Ready().Tenants[0].TenantID, "events")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e["subject"] != "Killed slot" {
			continue
		}
		if strings.Contains(fmt.Sprint(e["mailbox"]), "ben@") {
			at++
		} else {
			elsewhere++
		}
	}
	if n := g.cloud.Counters(); n["meeting_mails"]+n["invitations_left_the_world"] > 0 {
		t.Errorf("people were mailed: %v", n)
	}
	return at, elsewhere
}
