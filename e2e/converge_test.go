package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/feed"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// Whatever happens between Microsoft and the hub, and whenever the hub is killed: in the end its timeline is that of a hub that saw nothing
// but the end.
func TestAnyStormEndsInTheSameTimeline(t *testing.T) {
	t.Parallel()
	seeds, first := 2, rand.Uint64()
	if os.Getenv("SENESCHAL_SOAK") == "full" {
		seeds = 500
	}
	if n, err := strconv.Atoi(os.Getenv("SENESCHAL_SEEDS")); err == nil {
		seeds = n
	}
	if n, err := strconv.ParseUint(os.Getenv("SENESCHAL_SEED"), 10, 64); err == nil {
		first = n // to play a storm again
	}
	log := openStormLog(t)
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			for i := range seeds {
				seed := first + uint64(i) //nolint:gosec // wraps, which does not matter
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
					t.Parallel()
					storming(t, engine, seed, log).run()
				})
			}
		})
	}
	log.Seeds += 2 * seeds
	t.Logf("%d seeds; faults played: %v; killed at: %v", log.Seeds, log.Faults, log.Deaths)
	log.keep(t)
	if log.Seeds < 1000 {
		return
	}
	for _, kind := range stormFaults {
		if n := log.Faults[kind]; n < enough {
			t.Errorf("the fault %s was played %d times, want %d", kind, n, enough)
		}
	}
	for point := range log.Points {
		if n := log.Deaths[point]; n < enough {
			t.Errorf("killed at %s %d times, want %d", point, n, enough)
		}
	}
}

// stormLog is what all storms together did.
type stormLog struct {
	mu     sync.Mutex
	plans  map[string]int  // how often a hub was to die there
	Seeds  int             `json:"seeds"`
	Faults map[string]int  `json:"faults"`
	Deaths map[string]int  `json:"deaths"` // how often it did
	Points map[string]bool `json:"points"` // crash points that feeds and their walks pass
}

// stormsBefore names a file in which runs add up: 1,000 storms take an hour, and may be done in parts.
const stormsBefore = "SENESCHAL_STORM_LOG"

func openStormLog(t *testing.T) *stormLog {
	t.Helper()
	l := &stormLog{Faults: map[string]int{}, Deaths: map[string]int{}, plans: map[string]int{}, Points: map[string]bool{}}
	if text, err := os.ReadFile(os.Getenv(stormsBefore)); err == nil {
		if err := json.Unmarshal(text, l); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func (l *stormLog) keep(t *testing.T) {
	t.Helper()
	name := os.Getenv(stormsBefore)
	if name == "" {
		return
	}
	text, err := json.Marshal(l)
	if err == nil {
		err = os.WriteFile(name, text, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

// rarest is the known crash point at which a hub was to die least often, of those that it did not die at often enough. One that is hardly
// ever passed is no reason to forget the others.
func (l *stormLog) rarest(r *rand.Rand, told bool) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.DeleteFunc(slices.Sorted(maps.Keys(l.Points)), func(p string) bool { return !told && isAt(p, toldOnly) })
	if len(all) == 0 {
		return ""
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if wanting := slices.DeleteFunc(slices.Clone(all), func(p string) bool { return l.Deaths[p] >= enough }); len(wanting) > 0 {
		all = wanting
	}
	rare := slices.MinFunc(all, func(a, b string) int { return l.plans[a] - l.plans[b] })
	l.plans[rare]++
	return rare
}

// enough is how often a full run must have met each fault and each crash point.
const enough = 20

// stormFaults are those that a hub gets over by itself.
var stormFaults = []string{"status", "reset", "truncate", "delay", "html", "429", "batch_inner", "expire_token", "delta_gone", "aadsts",
	"silent_subscription", "duplicate_notification", "late_notification", "forged_notification", "wrong_content"}

var stormLifecycle = []string{"missed", "subscriptionRemoved", "reauthorizationRequired"}

type storm struct {
	*ground
	r      *rand.Rand
	log    *stormLog
	hub    *steered
	ahead  time.Duration
	calm   time.Time // from then on nothing is wrong any more
	plan   string    // where the hub shall die
	told   bool      // Microsoft can reach it
	passed string    // file of the crash points passed
	mails  int
	events map[string]string // id -> mailbox
}

func storming(t *testing.T, engine store.Engine, seed uint64, log *stormLog) *storm {
	t.Helper()
	s := &storm{ground: newGround(t, engine), r: rand.New(rand.NewPCG(seed, 0)), log: log, events: map[string]string{}} //nolint:gosec // a storm is no secret
	s.passed = filepath.Join(s.dir, "passed")
	s.env = append(s.env, "GOTRACEBACK=all") // should one end by itself, what everybody did
	if s.told = s.r.IntN(4) > 0; s.told {    // most crash points are passed by those alone
		address := freeAddress(t)
		s.env = append(s.env, "SENESCHAL_LISTEN="+address, "SENESCHAL_PUBLIC_URL=http://"+address)
	} else {
		s.env = append(s.env, "SENESCHAL_LISTEN=127.0.0.1:0")
	}
	return s
}

func (s *storm) run() {
	s.hub = s.start(s.env, "")
	s.prepare(s.hub)
	for range 4 + s.r.IntN(4) {
		s.round()
	}
	s.cloud.ClearFaults()
	if s.hub != nil {
		s.hub.kill()
	}
	s.calm = s.time.Now()
	s.hub = s.start(s.env, "")
	if _, err := s.hub.rest("PATCH", "/connections/contoso", map[string]any{"mailboxes": mailboxList(ada + "," + ben)}, nil); err != nil {
		s.t.Fatal(err)
	}
	s.pass(7 * time.Hour) // longer than silence is trusted
	s.early()
	got := s.rest(s.hub)

	other := slices.DeleteFunc(slices.Clone(s.env), func(kv string) bool {
		return strings.HasPrefix(kv, "SENESCHAL_DATABASE_URL=") || strings.HasPrefix(kv, "SENESCHAL_LISTEN=") || strings.HasPrefix(kv, "SENESCHAL_PUBLIC_URL=")
	})
	fresh := s.start(append(other, "SENESCHAL_DATABASE_URL="+store.TestURL(s.t, store.SQLite), "SENESCHAL_LISTEN=127.0.0.1:0"), "")
	s.prepare(fresh)
	want := s.rest(fresh)
	fresh.end()
	s.hub.end()
	s.tally()
	s.counted()
	if len(want) < 10 {
		s.t.Errorf("only %d communications: the storm shows little", len(want))
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("after the storm:\n%s\na hub that saw nothing of it:\n%s", difference(got, want), difference(want, got))
	}
}

func (s *storm) today() time.Time { return s.time.Now().UTC().Truncate(24 * time.Hour) }

// early has both hubs looked at on the same day, as the window of meetings moves on at midnight.
func (s *storm) early() {
	const long = 2 * time.Hour // as both take to come to rest
	if left := s.today().AddDate(0, 0, 1).Sub(s.time.Now()); left < long {
		s.pass(left + time.Second)
	}
}

// start starts a hub that dies at a crash point, or at none; with a plan it may be dead at once.
func (s *storm) start(env []string, plan string) *steered {
	s.t.Helper()
	s.plan = plan
	h := startSteered(s.t, s.dir, append(slices.Clone(env), steeredBy+"="+s.ahead.String(), steeredDies+"="+plan, steeredLog+"="+s.passed))
	if h == nil && plan == "" {
		s.t.Fatal("a hub did not start")
	}
	return h
}

// prepare connects two mailboxes and makes a customer.
func (s *storm) prepare(h *steered) {
	s.t.Helper()
	if _, err := h.rest("POST", "/customers", map[string]any{"name": "Northwind", "domains": []string{"northwind.example"}}, nil); err != nil {
		s.t.Fatal(err)
	}
	form := s.form()
	form["capabilities"] = []string{"timeline", "mail", "calendar"}
	form["mailboxes"] = mailboxList(ada + "," + ben)
	if _, err := h.rest("POST", "/connections", form, nil); err != nil {
		s.t.Fatal(err)
	}
}

func (s *storm) round() {
	s.cloud.ClearFaults()
	for range 2 {
		s.trouble("silent_subscription", "duplicate_notification", "late_notification", "forged_notification", "wrong_content")
	}
	for range 1 + s.r.IntN(4) {
		s.change()
	}
	for range s.r.IntN(3) {
		s.trouble("status", "reset", "truncate", "delay", "html", "429", "batch_inner", "expire_token", "delta_gone", "aadsts")
	}
	if s.r.IntN(4) == 0 {
		_ = s.cloud.Fault(sim.Fault{Kind: "lifecycle", Code: stormLifecycle[s.r.IntN(len(stormLifecycle))]}) // without a subscription nothing happens
	}
	switch s.r.IntN(4) {
	case 0:
		s.restart(true)
	case 1, 2:
		s.restart(false)
	}
	if s.r.IntN(6) == 0 {
		s.relist()
	}
	if s.r.IntN(6) == 0 {
		s.pass(13 * time.Hour) // subscriptions are renewed
		return
	}
	s.pass(time.Duration(1+s.r.IntN(600)) * time.Duration(1+s.r.IntN(30)) * time.Second / 4)
}

// relist takes a mailbox off the list and puts it back: its subscriptions end, and new ones are made. A hub that dies meanwhile is told again.
func (s *storm) relist() {
	for _, list := range []string{ada, ada + "," + ben} {
		for range 20 {
			if s.hub == nil {
				s.died()
			}
			if _, err := s.hub.rest("PATCH", "/connections/contoso", map[string]any{"mailboxes": mailboxList(list)}, nil); err == nil {
				break
			}
			s.pass(time.Second)
		}
		s.pass(time.Minute)
	}
}

func mailboxList(list string) []map[string]any {
	var out []map[string]any
	for upn := range strings.SplitSeq(list, ",") {
		out = append(out, map[string]any{"upn": upn, "purposes": []string{"timeline", "actions"}})
	}
	return out
}

// trouble plays one of the kinds a few times.
func (s *storm) trouble(kinds ...string) {
	f := sim.Fault{Kind: kinds[s.r.IntN(len(kinds))], Times: 1 + s.r.IntN(4), After: s.r.IntN(6)}
	switch f.Kind {
	case "status":
		f.Status = []int{500, 502, 503, 504}[s.r.IntN(4)]
	case "429", "batch_inner":
		f.RetryAfter = []string{"", "1", "20"}[s.r.IntN(3)]
	case "delay":
		f.Delay = "30s"
	case "late_notification":
		f.Delay = "10m"
	case "wrong_content":
		f.Code = []string{"token_signature", "token_audience", "token_missing", "certificate_unknown", "key_foreign", "data_tampered", "replay"}[s.r.IntN(7)]
	case "delta_gone":
		f.After = 0
	case "aadsts":
		f.Code, f.After = "90033", 0 // a transient error of the service
	}
	if err := s.cloud.Fault(f); err != nil {
		s.t.Fatal(err)
	}
}

// restart ends the hub in peace or kills it, and starts it with a place to die at.
func (s *storm) restart(peace bool) {
	if s.hub != nil && peace && s.plan == "" {
		s.hub.end()
	} else if s.hub != nil {
		s.hub.kill()
	}
	s.tally()
	plan := ""
	if s.r.IntN(5) > 0 {
		plan = fmt.Sprint(s.log.rarest(s.r, s.told), "|", 1+s.r.IntN(2))
	}
	s.hub = s.start(s.env, plan)
	s.provoke()
}

// pass lets time go by at both ends, in steps shorter than a token lives, as one end is ahead for a moment; a hub that died meanwhile is
// started again.
func (s *storm) pass(d time.Duration) {
	for left := d; left > 0; {
		step := min(left, max(d/6, time.Second), 20*time.Minute)
		left -= step
		s.ahead += step
		s.time.Advance(step)
		if s.hub == nil || !s.hub.advance(step) {
			s.died()
		}
		time.Sleep(time.Duration(20+s.r.IntN(60)) * time.Millisecond)
	}
}

func (s *storm) died() {
	at, _, _ := strings.Cut(s.plan, "\x00")
	if i := strings.LastIndexByte(at, '|'); i >= 0 {
		s.log.mu.Lock()
		s.log.Deaths[at[:i]]++
		s.log.mu.Unlock()
	}
	if s.hub != nil {
		s.hub.end()
	}
	s.tally()
	s.hub = s.start(s.env, "")
}

// counted adds the faults that were played.
func (s *storm) counted() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for name, n := range s.cloud.Counters() {
		if kind, ok := strings.CutPrefix(name, "faults."); ok {
			s.log.Faults[kind] += n
		}
	}
}

// tally notes the crash points passed.
func (s *storm) tally() {
	text, _ := os.ReadFile(s.passed) // none yet
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for _, p := range strings.Fields(strings.ReplaceAll(string(text), " ", "\x01")) {
		p = strings.ReplaceAll(p, "\x01", " ")
		if strings.Contains(p, "feed.") || strings.Contains(p, "jobs.") || strings.Contains(p, "/delta()") || strings.Contains(p, "subscriptions") {
			s.log.Points[p] = true
		}
	}
}

// rest waits until every feed is live again, and gives what the customer's page shows.
func (s *storm) rest(h *steered) []string {
	s.t.Helper()
	for try := range 400 {
		var list struct{ Feeds []feed.Feed }
		if _, err := h.rest("GET", "/feeds", nil, &list); err != nil {
			s.t.Fatalf("%v\n%s", err, h.errors.String())
		}
		mails := slices.ContainsFunc(list.Feeds, func(f feed.Feed) bool { return f.Kind == feed.Mail })
		behind := func(f feed.Feed) bool {
			return f.State != feed.Live || f.WalkedAt.Before(s.calm) || f.Kind == feed.Calendar && f.WalkedAt.Before(s.today())
		}
		if mails && !slices.ContainsFunc(list.Feeds, behind) && try > 5 {
			break
		}
		if try == 399 {
			for _, f := range slices.DeleteFunc(list.Feeds, func(f feed.Feed) bool { return !behind(f) }) {
				s.t.Errorf("%s %s of %s is %s (%+v), walked at %s; calm since %s", f.Kind, f.Title, f.Mailbox, f.State, f.Reason, f.WalkedAt, s.calm)
			}
		}
		const step = 5 * time.Second // all together longer than a feed waits for people: it may have met a token that was too old
		s.ahead += step
		s.time.Advance(step)
		h.advance(step)
		if h != s.hub {
			s.hub.advance(step)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return s.lines(h)
}

func (s *storm) lines(h *steered) []string {
	s.t.Helper()
	start := s.time.Now().AddDate(0, -6, 0).UTC() // a storm may take weeks, and all that was kept is compared
	var out struct{ Communications []map[string]any }
	if _, err := h.rest("GET", "/customers/Northwind/communications?limit=500&since="+start.Format(time.RFC3339), nil, &out); err != nil {
		s.t.Fatal(err)
	}
	var all []string
	for _, c := range out.Communications {
		delete(c, "id")
		delete(c, "thread")
		text, err := json.Marshal(c)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, string(text))
	}
	slices.Sort(all)
	return all
}

// difference is what one has and the other has not.
func difference(a, b []string) string {
	only := slices.DeleteFunc(slices.Clone(a), func(line string) bool { return slices.Contains(b, line) })
	return strings.Join(only, "\n")
}
