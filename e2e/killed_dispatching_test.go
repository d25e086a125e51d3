package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/feed"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// killedLife is what a planning system, and people, say and do with slots, one after the other. The hub is killed meanwhile.
type killedLife struct {
	name   string
	rule   dispatch.Rule
	before []word // what was done before there is any killing
	words  []word
	leaps  bool                       // after a kill nothing but the last word is said; else the one that was not answered, and all after it
	holds  func(p *planning) []string // what the calendars hold in the end, as planning.held shows it
	ends   map[string]dispatch.State  // where slots stand then
	points int                        // how many crash points there are at least
	mails  int                        // how often people are mailed, on somebody's word
}

// word is one of them. Said a second time, as after a kill nobody knows whether it was heard, it changes nothing more.
type word struct {
	say  func(ctx context.Context, p *planning, a *app.App) error
	done func(p *planning, a *app.App) bool
}

// planning is a ground with a connection that reaches the calendars of Ada and Ben, and how far a life on it has come.
type planning struct {
	*ground
	at   time.Time // when the first slot begins
	said int       // how many words are done with
	hand bool      // the person in Outlook has done their part
}

func planned(t *testing.T, engine store.Engine, l killedLife) *planning {
	t.Helper()
	g := newGround(t, engine)
	p := &planning{ground: g, at: g.time.Now().UTC().Truncate(time.Hour).AddDate(0, 0, 3)}
	a := g.join(nil)
	defer func() { _ = a.Close() }()
	tenant := g.cloud.Ready().Tenants[0]
	list := connection.ParseMailboxes(ada + " " + ben)
	for i := range list {
		list[i].Purposes = []connection.Purpose{connection.ForDispatch}
	}
	f := connection.Form{Name: "plan", Kind: m365.Application, TenantID: m365.TenantID(tenant.TenantID), ClientID: m365.ClientID(tenant.Apps[0].ClientID), Capabilities: []m365.Capability{m365.Dispatch},
		Credential: connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(tenant.Apps[0].ClientSecret)}, Mailboxes: list}
	c, _, err := a.Connections.Add(t.Context(), access.Local("test"), f)
	if err == nil && l.rule != "" {
		err = a.Dispatch.SetRule(t.Context(), access.Local("test"), c.ID, l.rule)
	}
	if err == nil {
		_, err = a.Feeds.Sync(t.Context(), c.ID, 1)
	}
	if err == nil {
		err = walkAll(t.Context(), a)
	}
	for _, w := range l.before {
		if err == nil {
			err = p.hear(t.Context(), a, w)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// walkAll walks what is followed, on a hub that nobody serves.
func walkAll(ctx context.Context, a *app.App) error {
	all, err := a.Feeds.List(ctx, "")
	for _, f := range all {
		if err == nil && f.Kind == feed.Calendar {
			_, err = a.Feeds.Walk(ctx, f.ID, 1)
		}
	}
	return err
}

// hear says a word to a hub that nobody serves, and has it do its work.
func (p *planning) hear(ctx context.Context, a *app.App, w word) error {
	if err := w.say(ctx, p, a); err != nil {
		return err
	}
	if p.hand {
		if err := walkAll(ctx, a); err != nil {
			return err
		}
	}
	if err := p.work(ctx, a); err != nil || w.done(p, a) {
		return err
	}
	return fmt.Errorf("word %d was heard, and did not come true", p.said+1)
}

// work does the slots' jobs until nothing is left to do.
func (p *planning) work(ctx context.Context, a *app.App) error {
	ids, err := store.Select(ctx, a.Store.Reader(), func(s store.Scanner) (id string, err error) { return id, s.Scan(&id) }, "select id from jobs_row where kind = $1 order by id", dispatch.PlaceJob)
	for _, id := range ids {
		for err == nil {
			var next time.Time
			if next, err = a.Dispatch.Place(ctx, id, 1); next.IsZero() {
				break
			}
			p.time.Advance(max(0, next.Sub(p.time.Now())))
		}
	}
	return err
}

// untilKilled lives the life, as far as it comes.
func (p *planning) untilKilled(k *killer, l killedLife) (ended bool) {
	p.t.Helper()
	return p.ground.untilKilled(k, func(ctx context.Context, a *app.App) error {
		for _, w := range l.words {
			if err := p.hear(ctx, a, w); err != nil {
				return err
			}
			p.said++
		}
		return nil
	})
}

// recovered starts the hub anew; whoever had no answer says their word once more, and the life goes on to its end.
func (p *planning) recovered(t *testing.T, l killedLife) {
	t.Helper()
	p.time.Advance(2 * time.Minute)
	a, stop := p.open()
	defer stop()
	if l.leaps {
		p.said = len(l.words) - 1
	}
	for ; p.said < len(l.words); p.said++ {
		w := l.words[p.said]
		if err := w.say(t.Context(), p, a); err != nil {
			t.Fatalf("word %d: %v", p.said+1, err)
		}
		if _, err := a.Feeds.WakeAll(t.Context(), "", ""); err != nil {
			t.Fatal(err)
		}
		p.patiently(t, fmt.Sprintf("word %d comes true", p.said+1), func() bool { return w.done(p, a) })
	}
	p.patiently(t, "every slot comes to rest", func() bool {
		for id, want := range l.ends {
			if stands(p, a, id) != want {
				return false
			}
		}
		return true
	})
	verifyAudit(t, a)
}

// patiently waits while time passes in small steps: the leases and requests of a hub at work run by the same clock.
func (p *planning) patiently(t *testing.T, what string, ok func() bool) {
	t.Helper()
	waitUntil(t, what, func() bool {
		p.time.Advance(time.Second)
		return ok()
	})
}

// held is what the calendars hold of ours: whose, what, when, and whether it is a meeting in Teams.
func (p *planning) held(t *testing.T) (out []string) {
	t.Helper()
	events, err := p.cloud.State(p.cloud.Ready().Tenants[0].TenantID, "events")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		subject := fmt.Sprint(e["subject"])
		if !strings.HasPrefix(subject, "Killed ") {
			continue
		}
		start, _ := e["start"].(map[string]any)
		at, err := time.Parse("2006-01-02T15:04:05.0000000", fmt.Sprint(start["dateTime"]))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, shownAs(subject, fmt.Sprint(e["mailbox"]), at, e["onlineMeeting"] != nil))
	}
	slices.Sort(out)
	return out
}

func shownAs(subject, mailbox string, at time.Time, online bool) string {
	who, _, _ := strings.Cut(mailbox, "@")
	return fmt.Sprintf("%s: %s at %s online %t", subject, who, at.UTC().Format(time.RFC3339), online)
}

// toll is what the kills did, all together.
type toll struct {
	mu                                    sync.Mutex
	kills, duplicates, lost, left, mailed int
}

func (l *toll) count(got, want []string, mailed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kills, l.mailed = l.kills+1, l.mailed+mailed
	subjects := func(all []string) map[string]int {
		n := map[string]int{}
		for _, one := range all {
			subject, _, _ := strings.Cut(one, ":")
			n[subject]++
		}
		return n
	}
	have, wanted := subjects(got), subjects(want)
	for subject, n := range wanted {
		l.lost += max(0, n-have[subject])
	}
	for subject, n := range have {
		if wanted[subject] == 0 {
			l.left += n
		} else {
			l.duplicates += max(0, n-wanted[subject])
		}
	}
}

// The hub is killed at every point of slots' lives; then whoever had no answer says it once more. In the end the calendars hold what they should,
// once, and nobody was mailed. Every point on both databases with SENESCHAL_SOAK=full, else some of each kind that chance chooses.
func TestKilledWhileDispatching(t *testing.T) {
	t.Parallel()
	var all toll
	for _, l := range killedLives() {
		for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
			t.Run(l.name+"/"+string(engine), func(t *testing.T) { l.killed(t, engine, &all) })
		}
	}
	t.Logf("%d kills: %d duplicates, %d lost, %d left over, people mailed %d times too often", all.kills, all.duplicates, all.lost, all.left, all.mailed)
}

// killed kills the life at its crash points.
func (l killedLife) killed(t *testing.T, engine store.Engine, all *toll) {
	whole := &killer{}
	if p := planned(t, engine, l); !p.untilKilled(whole, l) || len(whole.passed) < l.points || !slices.Equal(p.held(t), l.holds(p)) {
		t.Fatalf("a life that nobody ends passed %d points, want %d; the calendars hold %v", len(whole.passed), l.points, p.held(t))
	}
	seed := rand.Uint64()
	by := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // which points are looked at is no secret
	chosen := by.Perm(len(whole.passed))
	if os.Getenv("SENESCHAL_SOAK") != "full" {
		chosen = eachKind(by, chosen, whole.passed, engine, l.leaps)
	}
	t.Logf("seed %d: killed at %d of %d points", seed, len(chosen), len(whole.passed))
	for _, i := range chosen {
		t.Run(fmt.Sprintf("killed at point %d", i+1), func(t *testing.T) {
			t.Parallel()
			var p *planning
			diesAt(t, whole.passed, i, func(k *killer) bool { p = planned(t, engine, l); return p.untilKilled(k, l) })
			p.recovered(t, l)
			got, want, mailed := p.held(t), l.holds(p), mailsOf(p.cloud)-l.mails
			all.count(got, want, mailed)
			if !slices.Equal(got, want) || mailed != 0 {
				t.Errorf("after %s the calendars hold\n%s\nand should\n%s\nPeople were mailed %d times", whole.passed[i], strings.Join(got, "\n"), strings.Join(want, "\n"), mailed)
			}
		})
	}
}

// eachKind are points of the requests that write, and of commits; of every life but the first, two of them on the embedded database.
func eachKind(by *rand.Rand, shuffled []int, passed []string, engine store.Engine, first bool) []int {
	var kinds []func(string) bool
	for _, kind := range []string{" POST ", " DELETE ", " PATCH ", string(clock.BeforeCommit), string(clock.AfterCommit)} {
		kinds = append(kinds, func(point string) bool { return strings.Contains(point, kind) })
	}
	most := 1
	switch {
	case first && engine == store.SQLite:
		most = len(kinds)
	case first || engine == store.SQLite:
		most = 2
	}
	by.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	out := oneOfEach(shuffled, passed, kinds)
	return out[:min(most, len(out))]
}
