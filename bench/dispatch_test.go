package bench

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/wire"
)

// What a mailbox allows in these runs: Microsoft's window, with so few requests in it that the limit is what a run waits for.
const (
	slotWindow  = 10 * time.Minute
	slotAllowed = 48
)

// sent counts what leaves the hub.
type sent struct{ n atomic.Int64 }

// Record counts one.
func (s *sent) Record(wire.Exchange) { s.n.Add(1) }

// BenchmarkSlots sends slots of many technicians in one run, sends them again unchanged, and sends them changed, under scaled limits: how many
// requests each took, and how long by the clock that is moved as fast as the hub follows.
func BenchmarkSlots(b *testing.B) {
	slots, people := setting(b, "BENCH_SLOTS", 10_000, strconv.Atoi), setting(b, "BENCH_TECHNICIANS", 50, strconv.Atoi)
	h, out, technicians := planning(b, people)
	day := h.Time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 30)
	plan := func(location string) []dispatch.SlotIn {
		all := make([]dispatch.SlotIn, slots)
		for i := range all {
			at := day.Add(time.Duration(i) * time.Hour)
			all[i] = dispatch.SlotIn{ExternalID: strconv.Itoa(i), Technician: technicians[i%people], Start: at.Format(time.RFC3339), End: at.Add(time.Hour).Format(time.RFC3339), Subject: "Visit", Location: location}
		}
		return all
	}
	for _, run := range []struct {
		name, location string
		most           float64 // requests a slot
	}{{"new", "Harbour 1", 1.1}, {"unchanged", "Harbour 1", 0}, {"changed", "Harbour 2", 1.1}} {
		h.Time.Advance(slotWindow) // nothing of the run before counts any more
		since, begin := h.Time.Now(), time.Now()
		if _, err := h.Dispatch.PutAll(b.Context(), access.Local("bench"), plan(run.location), false); err != nil {
			b.Fatal(err)
		}
		for resting(b, h) < slots {
			following(b, h, out)
			h.Time.Advance(5 * time.Second)
		}
		name := fmt.Sprintf("%d slots of %d technicians, %s: ", slots, people, run.name)
		asked := askedSince(h, since)
		each := float64(asked.events) / float64(slots)
		report(b, name+"requests for each", fmt.Sprintf("%.3f", each), fmt.Sprint(run.most), (each+1)/(run.most+1))
		note(b, name+"by the machine's clock", fmt.Sprintf("%.1f s", time.Since(begin).Seconds()))
		if run.most > 0 {
			bound := time.Duration((asked.busiest-1)/slotAllowed) * slotWindow
			report(b, name+"from the first to the last", fmt.Sprintf("%v, bound %v (%d requests of the busiest mailbox, %d in %v)", asked.last.Sub(since).Round(time.Second), bound, asked.busiest, slotAllowed, slotWindow), "1.05 of the bound",
				asked.last.Sub(since).Seconds()/bound.Seconds()/1.05)
		}
		report(b, name+"429 caused by us", strconv.Itoa(asked.throttled), "0", float64(asked.throttled)+1)
	}
}

// planning is a hub that reaches so many technicians' calendars.
func planning(b *testing.B, people int) (h *app.Hub, out *sent, technicians []string) {
	b.Helper()
	out = &sent{}
	limits := maps.Clone(graph.Limits())
	outlook := limits["outlook"]
	outlook.Requests = slotAllowed
	limits["outlook"] = outlook
	h = app.StartForTest(b, app.TestOptions{Recorder: out, Limits: limits, Cloud: func(c *sim.Config) { c.World, c.Users = "large", people }})
	if err := h.Cloud.SetLimits(sim.Limits{MailboxRequests: slotAllowed, MailboxWindow: slotWindow.String()}); err != nil {
		b.Fatal(err)
	}
	f := h.Form("plan", "Seneschal", m365.Dispatch)
	f.Mailboxes = nil
	for i := range people {
		technicians = append(technicians, fmt.Sprintf("user%05d@large.example", i))
		f.Mailboxes = append(f.Mailboxes, connection.MailboxEntry{Address: technicians[i], Purposes: []connection.Purpose{connection.ForDispatch}})
	}
	h.Connect(f)
	return h, out, technicians
}

// following waits until the hub has done what is due, or waits for the clock itself.
func following(b *testing.B, h *app.Hub, out *sent) {
	b.Helper()
	seen, since := out.n.Load(), time.Now()
	for late(b, h) && time.Since(since) < 500*time.Millisecond {
		time.Sleep(time.Millisecond)
		if n := out.n.Load(); n != seen {
			seen, since = n, time.Now()
		}
	}
}

// traffic is what was asked of Microsoft.
type traffic struct {
	events    int // requests about events: calendars' feeds ask for changes all the while, whatever is planned
	busiest   int // requests of one mailbox, all of them
	throttled int
	last      time.Time // when an event was last asked for
}

func askedSince(h *app.Hub, since time.Time) (t traffic) {
	boxes := map[string]int{}
	for _, r := range h.Cloud.Requests() {
		if r.At.Before(since) {
			continue
		}
		if r.Status == 429 {
			t.throttled++
		}
		if r.Mailbox != "" {
			boxes[r.Mailbox]++
		}
		if strings.Contains(r.Path, "/events") {
			t.events++
			t.last = r.At
		}
	}
	if len(boxes) > 0 {
		t.busiest = slices.Max(slices.Collect(maps.Values(boxes)))
	}
	return t
}

// resting counts the slots that are placed.
func resting(b *testing.B, h *app.Hub) int {
	b.Helper()
	var n int
	if err := h.Store.Reader().QueryRowContext(b.Context(), "select count(*) from dispatch_slot where state = 'placed' and operation is null").Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}
