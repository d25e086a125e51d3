package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// The board is worked by mouse and by keyboard, and each slot says where it stands in the calendar.
func TestTheDispatchBoard(t *testing.T) {
	h := dispatchHub(t, store.SQLite)
	day := monday(h)
	week := day.Truncate(24*time.Hour).AddDate(0, 0, -(int(day.Weekday())+6)%7)
	at := "/dispatch?from=" + week.Format("2006-01-02")
	put(t, h, slotFor(h, "1", ada, map[string]any{"time_zone": "UTC", "start": week.AddDate(0, 0, 1).Add(9 * time.Hour).Format(time.RFC3339), "end": week.AddDate(0, 0, 1).Add(10 * time.Hour).Format(time.RFC3339)}))
	slotIs(t, h, "1", dispatch.Placed)
	p := browser(t)
	staff(t, h, "Dora", access.Member, "")
	p.enterAs(h, "Dora")
	p.do(chromedp.EmulateViewport(1440, 900), chromedp.Navigate(h.Server.URL()+at), see("#slot-1"))
	has(t, "the board", p.text("#main"), "ada@contoso.example", "ben@contoso.example", "Visit 1", "placed", "09:00–10:00")

	p.do(chromedp.Focus(chromedp.CSS("#slot-1")), chromedp.KeyEvent(kb.ArrowDown, chromedp.KeyModifiers(chromedp.ModifierAlt)), see(".flash")) // Alt: to Ben
	if s := slotIs(t, h, "1", dispatch.Placed); s.Technician != ben {
		t.Errorf("by keyboard it went to %s", s.Technician)
	}
	p.do(chromedp.Navigate(h.Server.URL()+at), chromedp.Focus(chromedp.CSS("#slot-1")), chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(chromedp.ModifierAlt)), see(".flash"))
	if s := slotIs(t, h, "1", dispatch.Placed); s.Start.Format("2006-01-02T15:04") != week.AddDate(0, 0, 2).Format("2006-01-02")+"T09:00" {
		t.Errorf("by keyboard it is at %v", s.Start)
	}
	p.do(chromedp.Navigate(h.Server.URL()+at), see("#slot-1"))
	p.do(chromedp.DragAndDrop(chromedp.CSS("#slot-1"), chromedp.CSS(`td[data-technician="`+ada+`"][data-day="`+week.AddDate(0, 0, 4).Format("2006-01-02")+`"]`)), see(".flash"))
	if s := slotIs(t, h, "1", dispatch.Placed); s.Technician != ada || s.Start.Format("2006-01-02") != week.AddDate(0, 0, 4).Format("2006-01-02") {
		t.Errorf("dragged it is %s's at %v", s.Technician, s.Start)
	}

	// A new one at the same time is shown what stands against it, and may be put there all the same.
	p.do(chromedp.Navigate(h.Server.URL()+at+"&new=1&technician="+ada+"&day="+week.AddDate(0, 0, 4).Format("2006-01-02")), see(`input[name="subject"]`), chromedp.SetValue(chromedp.CSS(`input[name="subject"]`), "Second"),
		click(`form[action="/dispatch/save"] button.primary`), see(`button[name="sure"]`))
	has(t, "the conflict", p.text("#main"), "Something stands against it", "Visit 1")
	p.do(click(`button[name="sure"]`), see(".flash"))
	waitUntil(t, "both are in the calendar", func() bool {
		h.Time.Advance(200 * time.Millisecond)
		all, err := h.Dispatch.List(t.Context(), dispatch.Query{States: []dispatch.State{dispatch.Placed}, Limit: 10})
		return err == nil && len(all) == 2
	})
	s := slotIs(t, h, "1", dispatch.Placed)
	p.meets(h, at, week)
	walked(t, h)
	byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": s.Event, "subject": "Moved by hand", "location": "Elsewhere"})
	slotIs(t, h, "1", dispatch.Drifted)
	p.do(chromedp.Navigate(h.Server.URL()+at), see("#attention"))
	has(t, "what is to be looked at", p.text("#main"), "changed by hand", "Harbour 1", "Elsewhere")
	p.sound(h, map[string]string{"board": at, "board-form": at + "&slot=1", "board-day": "/dispatch?span=1"})
	p.do(chromedp.Navigate(h.Server.URL()+at), click(`form[action="/dispatch/keep"]:has(input[value="calendar"]) button`), see(".flash"))
	if s := slotIs(t, h, "1", dispatch.Placed); s.Location != "Elsewhere" {
		t.Errorf("taken over from the calendar: %+v", s)
	}
	nobodyWasMailed(t, h)
}

// A week of many slots is shown whole, a slot stands on each of its days, and what is to be looked at says when it is not all.
func TestTheBoardShowsEverySlot(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	paused(t, h, true)
	week := monday(h).Truncate(24 * time.Hour)
	day := func(n int) string { return week.AddDate(0, 0, n).Format("2006-01-02") }
	all := []any{slotFor(h, "trip", ada, map[string]any{"time_zone": "UTC", "start": day(-2) + "T22:00:00", "end": day(1) + "T06:00:00"}),
		slotFor(h, "days", ben, map[string]any{"all_day": true, "start": day(2), "end": day(4)})}
	for i := range 1100 {
		all = append(all, slotFor(h, fmt.Sprint(i), ben, map[string]any{"time_zone": "UTC", "start": day(i%5) + "T09:00:00", "end": day(i%5) + "T10:00:00"}))
	}
	if _, err := runAs(t, h, planner(), "dispatch.slot.put_all", map[string]any{"slots": all}); err != nil {
		t.Fatal(err)
	}
	p := browser(t)
	staff(t, h, "Dora", access.Member, "")
	p.enterAs(h, "Dora")
	waitUntil(t, "most of them have failed", func() bool {
		failed, err := h.Dispatch.List(t.Context(), dispatch.Query{States: []dispatch.State{dispatch.Failed}, Limit: 100})
		return err == nil && len(failed) == 100
	})
	p.do(chromedp.EmulateViewport(1440, 900), chromedp.Navigate(h.Server.URL()+"/dispatch?from="+day(0)), see("#slot-1099"))
	if n := get(p, chromedp.Evaluate[int](`document.querySelectorAll("[data-slot]").length`)); n != 1101 {
		t.Errorf("the week shows %d slots that begin in it, want 1,101", n)
	}
	has(t, "what is to be looked at", p.text("#attention ~ p"), "There are more", "seneschal dispatch drift list")
	parts := get(p, chromedp.Evaluate[[]string](`[...document.querySelectorAll("[data-part], #slot-days")].map((s) => s.closest("td").dataset.day + " " + s.querySelector("b").innerText.trim())`))
	if want := []string{day(0) + " ← all day", day(1) + " ← until 06:00", day(2) + " all day", day(3) + " ← all day"}; !slices.Equal(parts, want) {
		t.Errorf("slots of several days stand at\n%v, want\n%v", parts, want)
	}
}

// meets moves a slot to where the technician has something else that is no slot: while it is dragged the cell says so, dropped its form does,
// and nothing is moved until somebody says so.
func (p page) meets(h *app.Hub, at string, week time.Time) {
	t := p.t
	t.Helper()
	busy := week.AddDate(0, 0, 5).Add(9 * time.Hour)
	if _, err := runOn(t, h, access.Local("test"), "calendar.event.create", "c", map[string]any{"user": ada, "subject": "Dentist", "start": busy, "end": busy.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	cell := `td[data-technician="` + ada + `"][data-day="` + busy.Format("2006-01-02") + `"]`
	p.do(chromedp.Navigate(h.Server.URL()+at), see("#slot-1"))
	get(p, chromedp.Evaluate[bool](`(() => {
		const data = new DataTransfer(), slot = document.getElementById("slot-1");
		slot.dispatchEvent(new DragEvent("dragstart", { bubbles: true, dataTransfer: data }));
		document.querySelector('`+cell+`').dispatchEvent(new DragEvent("dragover", { bubbles: true, cancelable: true, dataTransfer: data }));
		return true;
	})()`))
	p.do(see(cell + `[data-meets*="busy in the calendar"]`))
	p.do(chromedp.Focus(chromedp.CSS("#slot-1")), chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(chromedp.ModifierAlt)), see(`button[name="sure"]`))
	has(t, "what stands against the move", p.text("#main"), "Something stands against it", "busy in the calendar")
	if s := slotIs(t, h, "1", dispatch.Placed); s.Start.Format("2006-01-02") == busy.Format("2006-01-02") {
		t.Error("it was moved before anybody said so")
	}
	p.do(click(`button[name="sure"]`), see(".flash"))
	if s := slotIs(t, h, "1", dispatch.Placed); !s.Start.Equal(busy) {
		t.Errorf("it is at %v, want %v", s.Start, busy)
	}
}

// The open board follows what becomes of slots. What somebody plans there is the board's own: a planning system's complete file leaves it alone.
func TestTheBoardFollowsAndKeepsItsOwn(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	p := plansAt(t, h)
	play(t, h, sim.Fault{Match: matching(http.MethodPost, "/events"), Kind: "status", Status: http.StatusForbidden, Code: "ErrorAccessDenied"})
	put(t, h, slotFor(h, "1", ada, nil))
	slotIs(t, h, "1", dispatch.Failed)
	at := h.Server.URL() + "/dispatch?from=" + monday(h).Format("2006-01-02")
	p.do(chromedp.Navigate(at), see("#slot-1"), see(`html[data-live="on"]`))
	has(t, "at first", p.text("#slot-1"), "failed")
	h.Cloud.ClearFaults()
	comesToRest(t, h, "1")
	waitUntil(t, "the open page says that it is placed", func() bool {
		return strings.Contains(get(p, chromedp.Evaluate[string](`document.querySelector("#slot-1").innerText`)), "placed")
	})
	p.do(chromedp.Navigate(at+"&new=1&day="+monday(h).AddDate(0, 0, 1).Format("2006-01-02")+"&technician="+ada), fill(`input[name="subject"]`, "Of the board"), click(saves), see(".flash"))
	out := imported(t, h, map[string]any{"complete": true, "connection": "c"}, []any{slotFor(h, "1", ada, nil)})
	if out.Removed != 0 || out.Unchanged != 1 {
		t.Errorf("a complete file of a planning system without a name: %+v", out)
	}
}
