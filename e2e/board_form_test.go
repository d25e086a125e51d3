package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/store"
)

const saves = `form[action="/dispatch/save"] button.primary`

// valueOf is what a control of the page holds.
func (p page) valueOf(selector string) string {
	return get(p, chromedp.Evaluate[string](`document.querySelector('`+selector+`').value`))
}

// plansAt is a member's window on a hub's board.
func plansAt(t *testing.T, h *app.Hub) page {
	t.Helper()
	p := browser(t)
	staff(t, h, "Dora", access.Member, "")
	p.enterAs(h, "Dora")
	p.do(chromedp.EmulateViewport(1440, 900))
	return p
}

func (p page) opens(h *app.Hub, slot string) {
	p.do(chromedp.Navigate(h.Server.URL()+"/dispatch?from="+monday(h).Format("2006-01-02")+"&slot="+slot), see(`#form`))
}

// A mailbox that two connections list for dispatch is planned through the one that somebody chose, and stays with it.
func TestTheBoardAsksForTheConnection(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	p := plansAt(t, h)
	at := h.Server.URL() + "/dispatch?from=" + monday(h).Format("2006-01-02") + "&new=1&day=" + monday(h).Format("2006-01-02") + "&technician=" + ada
	p.do(chromedp.Navigate(at), see(saves))
	if get(p, chromedp.Evaluate[bool](`document.querySelector('select[name="connection"]') !== null`)) {
		t.Error("there is nothing to choose among, and it is asked for")
	}
	second := dispatchForm(h)
	second.Name, second.Mailboxes = "second", dispatched(ada)
	through := h.Connect(second)
	p.do(chromedp.Navigate(at), fill(`input[name="subject"]`, "Chosen"), click(saves), see(".problem"))
	has(t, "without a choice", p.text("#main"), "is needed", "second")
	p.do(fill(`select[name="connection"]`, through.ID), click(saves), see(".flash"))
	all, err := h.Dispatch.List(t.Context(), dispatch.Query{Limit: 10})
	if err != nil || len(all) != 1 || all[0].Connection != through.ID {
		t.Fatalf("planned: %+v %v", all, err)
	}
	id := all[0].ExternalID
	slotIs(t, h, id, dispatch.Placed)
	p.opens(h, id)
	p.do(fill(`input[name="location"]`, "Harbour 9"), click(saves), see(".flash"))
	if s := slotIs(t, h, id, dispatch.Placed); s.Connection != through.ID || s.Location != "Harbour 9" {
		t.Errorf("changed: %+v", s)
	}
	p.sound(h, map[string]string{"board-connection": "/dispatch?from=" + monday(h).Format("2006-01-02") + "&slot=" + id})
}

// What a slot has stays as it is when somebody saves another field: its categories, and a technician who is on no list any more.
func TestTheFormKeepsWhatTheSlotHas(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	p := plansAt(t, h)
	put(t, h, slotFor(h, "1", ben, map[string]any{"categories": []string{"Field", "Site, north"}}))
	slotIs(t, h, "1", dispatch.Placed)
	p.opens(h, "1")
	p.do(fill(`input[name="customer"]`, "Fabrikam"), click(saves), see(".flash"))
	if s := slotIs(t, h, "1", dispatch.Placed); s.Customer != "Fabrikam" || !slices.Equal(s.Categories, []string{"Field", "Site, north"}) {
		t.Errorf("saved: %+v", s)
	}
	p.opens(h, "1")
	p.do(fill(`input[name="categories"]`, `"North, south", East`), click(saves), see(".flash"))
	if s := slotIs(t, h, "1", dispatch.Placed); !slices.Equal(s.Categories, []string{"East", "North, south"}) {
		t.Errorf("entered: %q", s.Categories)
	}
	alone := dispatched(ada)
	if _, err := runAs(t, h, access.Local("test"), "connection.change", map[string]any{"id": "c", "mailboxes": alone}); err != nil {
		t.Fatal(err)
	}
	p.opens(h, "1")
	if got := p.valueOf(`select[name="technician"]`); got != ben {
		t.Errorf("the form offers %s for Ben's slot", got)
	}
	p.do(click(saves), see(".problem"))
	has(t, "the refusal", p.text("#main"), ben+" is not known", "no longer listed")
	if s, err := h.Dispatch.Lookup(t.Context(), "1"); err != nil || s.Technician != ben {
		t.Errorf("it went to %s: %v", s.Technician, err)
	}
}

// Where the calendar cannot be asked, whoever saves or moves a slot is told so, and may do it all the same.
func TestTheBoardSaysThatACalendarCannotBeAsked(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	p := plansAt(t, h)
	put(t, h, slotFor(h, "1", ada, nil))
	slotIs(t, h, "1", dispatch.Placed)
	paused(t, h, true)
	p.opens(h, "1")
	p.do(fill(`input[name="location"]`, "Harbour 9"), click(saves), see(`button[name="sure"]`))
	has(t, "what is not known", p.text("#main"), "is not known", "The calendar cannot be asked", "paused")
	if s, err := h.Dispatch.Lookup(t.Context(), "1"); err != nil || s.Location != "Harbour 1" {
		t.Errorf("saved before anybody said so: %+v %v", s, err)
	}
	p.do(click(`button[name="sure"]`), see(".flash"))
	if s, err := h.Dispatch.Lookup(t.Context(), "1"); err != nil || s.Location != "Harbour 9" {
		t.Errorf("saved all the same: %+v %v", s, err)
	}
}

// A slot that asks for attendees is let go on the page, in the list and in its own form.
func TestAHeldSlotIsLetGoOnThePage(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	p := plansAt(t, h)
	for _, id := range []string{"1", "2"} {
		more := map[string]any{"attendees": []string{guest}, "start": monday(h).Add(5 * time.Hour).Format(time.RFC3339), "end": monday(h).Add(6 * time.Hour).Format(time.RFC3339)}
		if id == "1" {
			more = map[string]any{"attendees": []string{guest}, "categories": []string{"Field", "Site, north"}}
		}
		put(t, h, slotFor(h, id, ada, more))
		slotIs(t, h, id, dispatch.Held)
	}
	nobodyWasMailed(t, h)
	at := "/dispatch?from=" + monday(h).Format("2006-01-02")
	p.do(chromedp.Navigate(h.Server.URL()+at), see("#attention"))
	has(t, "what is to be looked at", p.text("#look-1"), "held back", guest)
	p.sound(h, map[string]string{"board-held": at + "&slot=1"})
	p.do(chromedp.EmulateViewport(1440, 900), chromedp.Navigate(h.Server.URL()+at), click(`#look-1 form[action="/dispatch/release"] button`), see(".flash"))
	slotIs(t, h, "1", dispatch.Placed)
	p.opens(h, "2")
	p.do(click(`section[aria-labelledby="form"] form[action="/dispatch/release"] button`), see(".flash"))
	slotIs(t, h, "2", dispatch.Placed)
	if n := outgoing(h); n != 2 {
		t.Errorf("%d mails for two slots that were let go", n)
	}
}
