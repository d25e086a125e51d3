package bench

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/m365"
)

// BenchmarkDeliveries hands in invoices at once and lets them leave at the mailbox's pace, on a clock that is moved as fast as the hub follows.
func BenchmarkDeliveries(b *testing.B) {
	mails := setting(b, "BENCH_MAILS", 5000, strconv.Atoi)
	h := app.StartForTest(b, app.TestOptions{})
	f := h.Form("post", "Seneschal for sending alone", m365.Send)
	f.Mailboxes = connection.MailboxList{{Address: "ada@contoso.example", Purposes: []connection.Purpose{connection.ForSend}}}
	h.Connect(f)
	before := heap()
	taking := time.Now()
	for i := range mails {
		in, err := json.Marshal(map[string]any{"from": "ada@contoso.example", "to": []string{fmt.Sprintf("customer%d@elsewhere.example", i)}, "subject": "Invoice " + strconv.Itoa(i), "html": "<p>Please find it enclosed.</p>"})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := h.Runner.Do(b.Context(), action.Request{Action: "delivery.send", Caller: access.Local("bench"), Input: in, Key: strconv.Itoa(i)}); err != nil {
			b.Fatal(err)
		}
	}
	took, grown := time.Since(taking), (float64(heap())-float64(before))/(1<<20)
	page := listed(b, h, delivery.Queued)
	began, foreseen := h.Time.Now(), page.Queues[0].EndsAt
	for left := page.Queues[0].Queued; left > 0; {
		for late(b, h) { // a clock that runs ahead of the machine would let requests run out of time
			time.Sleep(time.Millisecond)
		}
		h.Time.Advance(time.Second)
		page = listed(b, h, delivery.Unsure)
		if page.Counts[delivery.Unsure]+page.Counts[delivery.Failed] > 0 {
			b.Fatalf("%+v", page.Counts)
		}
		left = mails - page.Counts[delivery.Sent]
	}
	ended := h.Time.Now().Sub(began)
	throttled := 0
	for _, r := range h.Cloud.Requests() {
		if r.Status == 429 {
			throttled++
		}
	}
	bound := time.Duration(mails-1) * time.Minute / 30
	name := fmt.Sprintf("%d invoices: ", mails)
	note(b, name+"taken", fmt.Sprintf("%.1f s, %.0f a second", took.Seconds(), float64(mails)/took.Seconds()))
	report(b, name+"memory while they wait", fmt.Sprintf("%.1f MB more", grown), "32 MB", grown/32)
	report(b, name+"from the first to the last", fmt.Sprintf("%v, foreseen %v, bound %v", ended.Round(time.Second), foreseen.Sub(began).Round(time.Second), bound.Round(time.Second)), "1.05 of the bound", ended.Seconds()/bound.Seconds()/1.05)
	report(b, name+"429 caused by us", strconv.Itoa(throttled), "0", float64(throttled)+1)
}

func listed(b *testing.B, h *app.Hub, s delivery.State) delivery.Page {
	b.Helper()
	page, err := h.Deliveries.List(b.Context(), delivery.Query{State: s, Limit: 1})
	if err != nil {
		b.Fatal(err)
	}
	return page
}

// late says whether something is due and not done.
func late(b *testing.B, h *app.Hub) bool {
	b.Helper()
	rows, err := h.Jobs.Rows(b.Context(), 1)
	if err != nil {
		b.Fatal(err)
	}
	return len(rows) > 0 && !rows[0].Due.After(h.Time.Now())
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
