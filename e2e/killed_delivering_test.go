package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/config"
	"seneschal/internal/connection"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/store"
	"seneschal/internal/telemetry"
	"seneschal/internal/vault"
)

// killer ends whoever passes its n-th crash point, and every later one: from there on nothing is sent and nothing committed.
type killer struct {
	mu     sync.Mutex
	at     int // 0: nobody is killed
	passed []string
	dead   chan struct{} // closed at the kill; whoever passed the point may not be who waits
}

func (k *killer) hook(p clock.Point, detail string) {
	k.mu.Lock()
	k.passed = append(k.passed, fmt.Sprintf("%s %s", p, detail))
	dead := k.at > 0 && len(k.passed) >= k.at
	if k.at > 0 && len(k.passed) == k.at {
		close(k.dead)
	}
	k.mu.Unlock()
	if dead {
		runtime.Goexit()
	}
}

// join is a hub that nobody serves, on the ground's database.
func (g *ground) join(hook clock.Hook) *app.App {
	g.t.Helper()
	c, err := config.Load(g.dir, append(append([]string{}, g.env...), "SENESCHAL_LISTEN=127.0.0.1:0"), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	a, err := app.New(context.Background(), c, app.Surroundings{Clock: g.time, Log: telemetry.NewLog(io.Discard, "text", 0), Hook: hook})
	if err != nil {
		g.t.Fatal(err)
	}
	return a
}

// posting is a ground with a connection that sends, by an app of the world.
func posting(t *testing.T, engine store.Engine, by string) *ground {
	t.Helper()
	g := newGround(t, engine)
	a := g.join(nil)
	defer func() { _ = a.Close() }()
	tenant := g.cloud.Ready().Tenants[0]
	i := slices.IndexFunc(tenant.Apps, func(r sim.ReadyApp) bool { return r.Name == by })
	f := connection.Form{Name: "post", Kind: m365.Application, TenantID: m365.TenantID(tenant.TenantID), ClientID: m365.ClientID(tenant.Apps[i].ClientID), Capabilities: []m365.Capability{m365.Send},
		Credential: connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(tenant.Apps[i].ClientSecret)}, Mailboxes: connection.MailboxList{{Address: ada, Purposes: []connection.Purpose{connection.ForSend}}}}
	if _, _, err := a.Connections.Add(t.Context(), access.Local("test"), f); err != nil {
		t.Fatal(err)
	}
	return g
}

// deliverUntilKilled hands a mail in with a file and brings it on its way, and tells how many crash points were passed and whether it came to the end.
func (g *ground) deliverUntilKilled(k *killer, file string) (ended bool) {
	g.t.Helper()
	return g.untilKilled(k, func(ctx context.Context, a *app.App) error {
		d, err := handIn(g.t, a, "invoice", letterTo(ben, "Killed"), file)
		for err == nil && d.State != delivery.Sent {
			var next time.Time
			if next, err = a.Deliveries.Post(ctx, d.ID, 1); err != nil || next.IsZero() {
				break
			}
			g.time.Advance(max(0, next.Sub(g.time.Now())))
		}
		return err
	})
}

// untilKilled does something on a hub that nobody serves, and tells the crash points that were passed and whether it came to the end.
func (g *ground) untilKilled(k *killer, do func(ctx context.Context, a *app.App) error) (ended bool) {
	g.t.Helper()
	var joining killer
	_ = g.join(joining.hook).Close()
	from := len(joining.passed) // only what follows is looked at
	counted := &killer{at: k.at, dead: make(chan struct{})}
	if k.at > 0 {
		counted.at += from
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a := g.join(counted.hook)
		defer func() { _ = a.Store.Close() }()
		if err := do(ctx, a); err != nil && ctx.Err() == nil {
			g.t.Error(err)
		}
		ended = ctx.Err() == nil
	}()
	select {
	case <-done:
	case <-counted.dead: // whoever waited for what died must not wait for ever
	}
	cancel()
	<-done
	k.passed = counted.passed[min(from, len(counted.passed)):]
	return ended
}

// The hub is killed at every point of taking and sending a mail. With drafts it leaves exactly once; with Mail.Send alone at most once, and
// where nobody can know, a person is asked. Every point on both databases with SENESCHAL_SOAK=full, else some that chance chooses.
func TestKilledWhileSendingMail(t *testing.T) {
	t.Parallel()
	file := pdf(t, "invoice.pdf", 700<<10)
	kills, duplicates, lost, parked := 0, 0, 0, 0
	for _, by := range []string{"Seneschal", sendingAlone} {
		for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
			all := &killer{}
			if !posting(t, engine, by).deliverUntilKilled(all, file) || len(all.passed) < 20 {
				t.Fatalf("a run that nobody kills passed %d points", len(all.passed))
			}
			seed := rand.Uint64()
			chosen := rand.New(rand.NewPCG(seed, 0)).Perm(len(all.passed)) //nolint:gosec // which points are looked at is no secret
			if os.Getenv("SENESCHAL_SOAK") != "full" {
				chosen = someOf(chosen, all.passed, engine)
			}
			t.Logf("%s on %s, seed %d: killed at %d of %d points", by, engine, seed, len(chosen), len(all.passed))
			for _, i := range chosen {
				t.Run(fmt.Sprintf("%s/%s/killed at point %d", by, engine, i+1), func(t *testing.T) {
					g := posting(t, engine, by)
					if g.deliverUntilKilled(&killer{at: i + 1}, file) {
						t.Fatal("it was not killed")
					}
					state, n := g.recovered(t, file)
					kills++
					duplicates += max(0, n-1)
					if n == 0 && state != delivery.Unsure {
						lost++
						t.Errorf("after %s it is %s, and nobody has it", all.passed[i], state)
					}
					if state == delivery.Unsure {
						parked++
					}
					if n > 1 || by == "Seneschal" && (state != delivery.Sent || n != 1) || state != delivery.Sent && state != delivery.Unsure {
						t.Errorf("after %s it is %s, and Ben has it %d times", all.passed[i], state, n)
					}
				})
			}
		}
	}
	t.Logf("%d kills: %d duplicates, %d lost, %d parked for a person", kills, duplicates, lost, parked)
}

// someOf are points of each kind: of the requests that make something, on both databases, and of the rest on the embedded one, where a kill is quick.
func someOf(shuffled []int, passed []string, engine store.Engine) []int {
	wanted := []func(string) bool{func(p string) bool { return posts(p) && strings.Contains(strings.ToLower(p), "send") }}
	if engine == store.SQLite {
		wanted = append(wanted, posts, func(p string) bool { return strings.HasPrefix(p, string(clock.AfterCommit)) }, func(p string) bool { return strings.HasPrefix(p, string(clock.BeforeCommit)) })
	}
	var out []int
	for _, want := range wanted {
		if at := slices.IndexFunc(shuffled, func(i int) bool { return want(passed[i]) && !slices.Contains(out, i) }); at >= 0 {
			out = append(out, shuffled[at])
		}
	}
	return out
}

// recovered starts the hub anew; whoever handed the mail in repeats it, as nobody told them of its end. It gives what became of it.
func (g *ground) recovered(t *testing.T, file string) (delivery.State, int) {
	t.Helper()
	g.time.Advance(2 * time.Minute)
	a, stop := g.open()
	defer stop()
	d := mustHandIn(t, a, "invoice", letterTo(ben, "Killed"), file)
	waitFor(t, g, "the mail is sent, or parked", func() bool {
		d = showDelivery(t, a, d.ID).Delivery
		return d.State == delivery.Sent || d.State == delivery.Unsure && d.Mode == delivery.SendOnly && g.time.Now().Sub(d.StartedAt) > 20*time.Minute
	})
	g.time.Advance(time.Minute)
	if err := g.cloud.Advance(0); err != nil {
		t.Fatal(err)
	}
	verifyAudit(t, a)
	page, err := a.Deliveries.List(t.Context(), delivery.Query{})
	if err != nil || len(page.Deliveries) != 1 {
		t.Errorf("%d deliveries for one key: %v", len(page.Deliveries), err)
	}
	return showDelivery(t, a, d.ID).State, copies(t, g.cloud, "ben@", "Killed")
}
