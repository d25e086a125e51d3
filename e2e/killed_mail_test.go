package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/event"
	"seneschal/internal/face/smtp"
	"seneschal/internal/sim"
	"seneschal/internal/store"
	"seneschal/internal/telemetry"
)

// mailing is one mail on a ground of its own.
type mailing struct {
	*ground
	in     fields
	file   string
	id     string // where it was taken before the hub is killed
	apiKey string
}

// dying is something that is done with a mail, during which the hub is killed.
type dying struct {
	name, by string
	prepare  func(m *mailing, a *app.App)                            // on a hub that nobody kills
	do       func(ctx context.Context, m *mailing, a *app.App) error // until it is killed
	again    func(m *mailing, a *app.App)                            // what whoever asked does at the hub that was started anew, as nobody told them of the end
	over     func(m *mailing, d delivery.Detail) bool
	fine     func(d delivery.Detail, copies int) bool
	points   func(engine store.Engine) []func(point string) bool // which are looked at, one of each kind
}

// wentOnce is the end where drafts can be looked for.
func wentOnce(d delivery.Detail, n int) bool { return d.State == delivery.Sent && n == 1 }

// wentAtMostOnce is the end with Mail.Send alone; where nobody can know, a person is asked.
func wentAtMostOnce(d delivery.Detail, n int) bool {
	return wentOnce(d, n) || d.State == delivery.Unsure && n <= 1
}

func isSent(_ *mailing, d delivery.Detail) bool { return d.State == delivery.Sent }

func isSentOrParked(m *mailing, d delivery.Detail) bool {
	return d.State == delivery.Sent || d.State == delivery.Unsure && d.Mode == delivery.SendOnly && m.time.Now().Sub(d.StartedAt) > 20*time.Minute
}

var dyings = []dying{
	{name: "sent through a draft", by: "Seneschal", do: handedIn, again: repeated, over: isSent, fine: wentOnce, points: manyPoints},
	{name: "sent with Mail.Send alone", by: sendingAlone, do: handedIn, again: repeated, over: isSentOrParked, fine: wentAtMostOnce, points: manyPoints},
	{name: "sent at its time", by: "Seneschal", prepare: in10Minutes, do: handedIn, again: repeated, over: isSent, points: fewPoints,
		fine: func(d delivery.Detail, n int) bool { return wentOnce(d, n) && !d.StartedAt.Before(d.SendAt) }},
	{name: "taken in by SMTP", by: "Seneschal", prepare: withKey, do: bySMTP, again: func(m *mailing, a *app.App) {
		if err := m.submit(a); err != nil {
			m.t.Error(err)
		}
	}, over: isSent, fine: wentOnce, points: fewPoints},
	{name: "taken back", by: "Seneschal", points: fewPoints,
		prepare: func(m *mailing, a *app.App) { in10Minutes(m, a); m.id = mustHandIn(m.t, a, "invoice", m.in).ID },
		do: func(_ context.Context, m *mailing, a *app.App) error {
			return m.ask(a, "delivery.cancel", fields{"id": m.id})
		},
		again: func(m *mailing, a *app.App) {
			if err := m.ask(a, "delivery.cancel", fields{"id": m.id}); err != nil {
				m.t.Error(err)
			}
		},
		over: func(m *mailing, d delivery.Detail) bool { return m.time.Now().Sub(d.SendAt) > time.Minute },
		fine: func(d delivery.Detail, n int) bool { return d.State == delivery.Cancelled && n == 0 }},
	{name: "sent again after a refusal", by: "Seneschal", points: fewPoints,
		prepare: met(delivery.Failed, sim.Fault{Kind: "status", Status: http.StatusBadRequest, Code: "ErrorInvalidRecipients", Times: 1, Match: matching("POST", "/v1.0/users/*/messages/*/send")}),
		do:      resolvedAs(delivery.SendAgain), again: resolvedIfNot(delivery.Failed, delivery.SendAgain), over: isSent, fine: wentOnce},
	{name: "sent again after a doubt", by: sendingAlone, points: fewPoints,
		prepare: met(delivery.Unsure, sim.Fault{Kind: "reset", Times: 1, Match: matching("POST", "/v1.0/users/*/sendMail")}),
		do:      resolvedAs(delivery.SendAgain), again: resolvedIfNot(delivery.Unsure, delivery.SendAgain), over: isSentOrParked, fine: wentAtMostOnce},
	{name: "given up", by: sendingAlone, points: fewPoints,
		prepare: met(delivery.Unsure, sim.Fault{Kind: "reset", Times: 1, Match: matching("POST", "/v1.0/users/*/sendMail")}),
		do:      resolvedAs(delivery.GiveUp), again: resolvedIfNot(delivery.Unsure, delivery.GiveUp),
		over: func(_ *mailing, d delivery.Detail) bool { return d.State == delivery.Failed },
		fine: func(d delivery.Detail, n int) bool { return d.Problem.Code == "given_up" && d.LetterKept && n == 0 }},
	{name: "reported as not delivered", by: "Seneschal", points: fewPoints,
		prepare: func(m *mailing, a *app.App) {
			m.in["to"] = []string{"nobody@contoso.example"}
			met(delivery.Sent)(m, a)
			m.time.Advance(5 * time.Second)
			if err := m.cloud.Advance(0); err != nil {
				m.t.Fatal(err)
			}
		},
		do: func(ctx context.Context, m *mailing, a *app.App) error {
			d := showDelivery(m.t, a, m.id)
			_, err := a.Deliveries.Reports(ctx, d.Connection+"/"+d.Mailbox, 1)
			return err
		},
		again: func(*mailing, *app.App) {},
		over:  func(_ *mailing, d delivery.Detail) bool { return d.State == delivery.Bounced },
		fine:  func(d delivery.Detail, n int) bool { return d.State == delivery.Bounced && n == 0 }},
}

// handedIn hands the mail in and brings it on its way.
func handedIn(ctx context.Context, m *mailing, a *app.App) error {
	d, err := handIn(m.t, a, "invoice", m.in, m.file)
	if err != nil {
		return err
	}
	return m.bring(ctx, a, d.ID, delivery.Sent)
}

func repeated(m *mailing, a *app.App) { m.id = mustHandIn(m.t, a, "invoice", m.in, m.file).ID }

func in10Minutes(m *mailing, _ *app.App) {
	m.in["send_at"] = m.time.Now().Add(10 * time.Minute).Format(time.RFC3339)
}

// bring looks after a delivery until it is in a state, or rests.
func (m *mailing) bring(ctx context.Context, a *app.App, id string, until delivery.State) error {
	for {
		d, err := a.Deliveries.Show(ctx, id)
		if err != nil || d.State == until {
			return err
		}
		next, err := a.Deliveries.Post(ctx, id, 1)
		if err != nil || next.IsZero() {
			return err
		}
		m.time.Advance(max(0, next.Sub(m.time.Now())))
	}
}

// met has the mail end in a state because of something.
func met(state delivery.State, faults ...sim.Fault) func(*mailing, *app.App) {
	return func(m *mailing, a *app.App) {
		for _, f := range faults {
			if err := m.cloud.Fault(f); err != nil {
				m.t.Fatal(err)
			}
		}
		m.id = mustHandIn(m.t, a, "invoice", m.in, m.file).ID
		if err := m.bring(m.t.Context(), a, m.id, state); err != nil {
			m.t.Fatal(err)
		}
		if got := showDelivery(m.t, a, m.id).State; got != state {
			m.t.Fatalf("it is %s, not %s", got, state)
		}
	}
}

// ask runs an action of the hub.
func (m *mailing) ask(a *app.App, name string, in fields) error {
	text, err := json.Marshal(in)
	if err == nil {
		_, err = a.Runner.Do(context.Background(), action.Request{Action: name, Caller: access.Local("ops"), Input: text})
	}
	return err
}

func resolvedAs(word delivery.Word) func(context.Context, *mailing, *app.App) error {
	return func(ctx context.Context, m *mailing, a *app.App) error {
		if err := m.ask(a, "delivery.resolve", fields{"id": m.id, "as": word, "note": "I looked"}); err != nil || word != delivery.SendAgain {
			return err
		}
		return m.bring(ctx, a, m.id, delivery.Sent)
	}
}

// resolvedIfNot says the word again where the history does not show it.
func resolvedIfNot(before delivery.State, word delivery.Word) func(*mailing, *app.App) {
	return func(m *mailing, a *app.App) {
		d := showDelivery(m.t, a, m.id)
		if strings.Contains(fmt.Sprint(d.Steps), "I looked") {
			return
		}
		if d.State != before {
			m.t.Errorf("it is %s, and nobody said so", d.State)
		}
		if err := m.ask(a, "delivery.resolve", fields{"id": m.id, "as": word, "note": "I looked"}); err != nil {
			m.t.Error(err)
		}
	}
}

func withKey(m *mailing, _ *app.App) { m.apiKey = m.key("psa", "actions:write") }

// submit hands the mail in at the hub's door for SMTP.
func (m *mailing) submit(a *app.App) error {
	send, ok := a.Registry.Lookup("delivery.send")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil || !ok {
		return err
	}
	face := &smtp.Face{Send: send, Do: a.Runner.Do, Key: a.Access.KeyCaller, Limiter: &access.Limiter{Clock: m.time}, Recipients: 500, Domain: "localhost", Clear: true,
		Log: telemetry.NewLog(io.Discard, "text", 0), MachineNow: time.Now}
	s := face.Server(context.Background())
	served := make(chan struct{})
	go func() { defer close(served); _ = s.Serve(listener) }() // it ends with Stop
	defer func() { _ = s.Stop(context.Background()); <-served }()
	return submit(listener.Addr().String(), m.apiKey, written("1", "Killed"), ben)
}

func bySMTP(_ context.Context, m *mailing, a *app.App) error { return m.submit(a) }

func (d dying) start(t *testing.T, engine store.Engine, file string) *mailing {
	t.Helper()
	m := &mailing{ground: posting(t, engine, d.by), in: letterTo(ben, "Killed"), file: file}
	m.t = t
	if d.prepare != nil {
		a := m.join(nil)
		defer func() { _ = a.Close() }()
		d.prepare(m, a)
	}
	return m
}

func (d dying) until(m *mailing, k *killer) (ended bool) {
	m.t.Helper()
	return m.untilKilled(k, func(ctx context.Context, a *app.App) error { return d.do(ctx, m, a) })
}

// recovered starts the hub anew; whoever asked asks again.
func (d dying) recovered(m *mailing) (delivery.Detail, int) {
	m.t.Helper()
	m.time.Advance(2 * time.Minute)
	a, stop := m.open()
	defer stop()
	d.again(m, a)
	all := deliveries(m.t, a)
	if len(all) != 1 {
		m.t.Fatalf("%d deliveries of one mail", len(all))
	}
	hurry(m.t, a, m.time, "it is over", func() bool { return d.over(m, showDelivery(m.t, a, all[0].ID)) })
	m.time.Advance(time.Minute)
	if err := m.cloud.Advance(0); err != nil {
		m.t.Fatal(err)
	}
	verifyAudit(m.t, a)
	end := showDelivery(m.t, a, all[0].ID)
	if n := toldOf(m.t, a, end); n != 1 {
		m.t.Errorf("it is %s, and that was told %d times", end.State, n)
	}
	return end, copies(m.t, m.cloud, "ben@", "Killed")
}

// toldOf counts the events of the state that a delivery is in.
func toldOf(t *testing.T, a *app.App, d delivery.Detail) (n int) {
	t.Helper()
	all, err := a.Events.List(t.Context(), event.Everybody(), event.Query{Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	since := d.Steps[len(d.Steps)-1].At
	for _, e := range all {
		if e.About == "delivery/"+d.ID && e.Data["state"] == string(d.State) && !e.At.Before(since.Truncate(time.Second)) {
			n++
		}
	}
	return n
}

// mailToll is what the kills came to.
type mailToll struct {
	mu                              sync.Mutex
	kills, duplicates, lost, parked int
}

func (c *mailToll) count(d delivery.Detail, copies int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kills++
	switch {
	case copies > 1:
		c.duplicates += copies - 1
	case d.State == delivery.Sent && copies == 0:
		c.lost++
	case d.State == delivery.Unsure:
		c.parked++
	}
}

// The hub is killed at every point of what is done with a mail. With drafts it leaves exactly once; with Mail.Send alone at most once, and where
// nobody can know, a person is asked. Every point on both databases with SENESCHAL_SOAK=full, else some that chance chooses.
func TestKilledWhileSendingMail(t *testing.T) {
	t.Parallel()
	file := pdf(t, "invoice.pdf", 700<<10)
	var c mailToll
	t.Run("while", func(t *testing.T) {
		for _, d := range dyings {
			t.Run(d.name, func(t *testing.T) { t.Parallel(); d.killed(t, file, &c) })
		}
	})
	t.Logf("%d kills: %d duplicates, %d lost, %d parked for a person", c.kills, c.duplicates, c.lost, c.parked)
}

func (d dying) killed(t *testing.T, file string, c *mailToll) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		all := &killer{}
		if !d.until(d.start(t, engine, file), all) || len(all.passed) < 2 {
			t.Fatalf("a run that nobody kills passed %d points", len(all.passed))
		}
		seed := rand.Uint64()
		chosen := rand.New(rand.NewPCG(seed, 0)).Perm(len(all.passed)) //nolint:gosec // which points are looked at is no secret
		if os.Getenv("SENESCHAL_SOAK") != "full" {
			chosen = oneOfEach(chosen, all.passed, d.points(engine))
		}
		t.Logf("%s, seed %d: killed at %d of %d points", engine, seed, len(chosen), len(all.passed))
		for _, i := range chosen {
			t.Run(fmt.Sprintf("%s/killed at point %d", engine, i+1), func(t *testing.T) {
				var m *mailing
				diesAt(t, all.passed, i, func(k *killer) bool { m = d.start(t, engine, file); return d.until(m, k) })
				end, n := d.recovered(m)
				c.count(end, n)
				if !d.fine(end, n) {
					t.Errorf("after %s it is %s, and Ben has it %d times", all.passed[i], end.State, n)
				}
			})
		}
	}
}

func begins(p clock.Point) func(string) bool {
	return func(point string) bool { return strings.HasPrefix(point, string(p)) }
}

// manyPoints are those of requests that make something, on both databases, and the rest on the embedded one, where a kill is quick.
func manyPoints(engine store.Engine) []func(string) bool {
	wanted := []func(string) bool{func(p string) bool { return posts(p) && strings.Contains(strings.ToLower(p), "send") }}
	if engine == store.SQLite {
		wanted = append(wanted, posts, begins(clock.AfterCommit), begins(clock.BeforeCommit))
	}
	return wanted
}

func fewPoints(engine store.Engine) []func(string) bool {
	if engine == store.SQLite {
		return []func(string) bool{begins(clock.BeforeCommit), begins(clock.AfterCommit)}
	}
	return []func(string) bool{begins(clock.AfterCommit)}
}

// oneOfEach are points of each wanted kind, in the order of chance.
func oneOfEach(shuffled []int, passed []string, wanted []func(string) bool) (out []int) {
	taken := map[int]bool{}
	for _, want := range wanted {
		for _, i := range shuffled {
			if want(passed[i]) && !taken[i] {
				taken[i], out = true, append(out, i)
				break
			}
		}
	}
	return out
}
