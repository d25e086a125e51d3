package bench

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/m365"
)

// BenchmarkSlots sends slots of all technicians at once, sends them again unchanged, and sends them changed: how many requests each took.
func BenchmarkSlots(b *testing.B) {
	slots := setting(b, "BENCH_SLOTS", 10_000, strconv.Atoi)
	h := app.StartForTest(b, app.TestOptions{})
	f := h.Form("plan", "Seneschal", m365.Dispatch)
	var technicians []string
	f.Mailboxes = nil
	for _, u := range h.Cloud.Ready().Tenants[0].Users {
		if u.Mailbox && u.Purpose == "user" {
			technicians = append(technicians, u.UPN)
			f.Mailboxes = append(f.Mailboxes, connection.MailboxEntry{Address: u.UPN, Purposes: []connection.Purpose{connection.ForDispatch}})
		}
	}
	h.Connect(f)
	day := h.Time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 30)
	plan := func(location string) []dispatch.SlotIn {
		all := make([]dispatch.SlotIn, slots)
		for i := range all {
			at := day.Add(time.Duration(i) * time.Hour)
			all[i] = dispatch.SlotIn{ExternalID: strconv.Itoa(i), Technician: technicians[i%len(technicians)], Start: at.Format(time.RFC3339), End: at.Add(time.Hour).Format(time.RFC3339), Subject: "Visit", Location: location}
		}
		return all
	}
	for _, run := range []struct {
		name, location string
		most           float64 // requests a slot
	}{{"new", "Harbour 1", 1.1}, {"unchanged", "Harbour 1", 0}, {"changed", "Harbour 2", 1.1}} {
		since, begin := h.Time.Now(), time.Now()
		if _, err := h.Dispatch.PutAll(b.Context(), access.Local("bench"), plan(run.location), false); err != nil {
			b.Fatal(err)
		}
		for resting(b, h) < slots {
			for late(b, h) {
				time.Sleep(time.Millisecond)
			}
			h.Time.Advance(time.Second)
		}
		each := float64(asked(h, since)) / float64(slots)
		name := fmt.Sprintf("%d slots of %d technicians, %s: ", slots, len(technicians), run.name)
		note(b, name+"time", fmt.Sprintf("%.1f s", time.Since(begin).Seconds()))
		report(b, name+"requests for each", fmt.Sprintf("%.3f", each), fmt.Sprint(run.most), (each+1)/(run.most+1))
	}
}

// asked counts the requests about events since then: calendars' feeds ask for changes all the while, whatever is planned.
func asked(h *app.Hub, since time.Time) int {
	n := 0
	for _, r := range h.Cloud.Requests() {
		if !r.At.Before(since) && strings.Contains(r.Path, "/events") {
			n++
		}
	}
	return n
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
