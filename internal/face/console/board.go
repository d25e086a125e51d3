package console

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/event"
	"seneschal/internal/fault"
)

// boardData is a week, or a day, of everybody's slots.
type boardData struct {
	Days        []time.Time
	Rows        []boardRow
	Attention   []dispatch.Slot // what somebody must look at, however far ahead it is; what is over keeps nobody from their work
	More        bool            // and there is more of it
	Imports     []dispatch.Waiting
	Technicians []string
	From        time.Time
	Span        int
	Form        *slotForm
}

// slotView is one slot with the board to come back to.
type slotView struct {
	Board boardData
	Slot  dispatch.Slot
}

const (
	dayFormat = "2006-01-02"
	formTime  = "2006-01-02T15:04" // as browsers write it
)

var boardEvents = string(event.SlotPlaced) + " " + string(event.SlotDrifted) + " " + string(event.SlotFailed)

func (f *Face) board(w http.ResponseWriter, r *http.Request, who access.Caller) {
	f.showBoard(w, r, who, http.StatusOK, nil)
}

func (f *Face) showBoard(w http.ResponseWriter, r *http.Request, who access.Caller, status int, form *slotForm) {
	d, err := f.readBoard(r, who)
	if err == nil && form == nil {
		form, err = f.formOf(r, who, d)
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	if d.Form = form; form != nil {
		if form.Connections, err = f.routes(r, who); err != nil {
			f.fail(w, r, err)
			return
		}
	}
	title := "Dispatch"
	if n := len(d.Attention) + len(d.Imports); n > 0 {
		title = strconv.Itoa(n) + " to look at · Dispatch"
	}
	f.render(w, r, status, "dispatch", view{Title: title, Section: "dispatch", Data: d, Live: live{URL: r.URL.RequestURI(), Types: boardEvents}})
}

// readBoard reads the days that are asked for: the week of today without.
func (f *Face) readBoard(r *http.Request, who access.Caller) (d boardData, err error) {
	d.Span = 7
	if r.FormValue("span") == "1" {
		d.Span = 1
	}
	today := f.clock.Now().UTC().Truncate(24 * time.Hour)
	d.From = today.AddDate(0, 0, -(int(today.Weekday())+6)%7)
	if d.Span == 1 {
		d.From = today
	}
	if day, err := time.Parse(dayFormat, r.FormValue("from")); err == nil {
		d.From = day
	}
	for i := range d.Span {
		d.Days = append(d.Days, d.From.AddDate(0, 0, i))
	}
	people, err := ask[struct{ Technicians []string }](f, r, who, "dispatch.technician.list", struct{}{})
	if err != nil {
		return d, err
	}
	d.Technicians = people.Technicians
	slots, err := f.everySlot(r, who, map[string]any{"from": d.From.AddDate(0, 0, -1), "to": d.From.AddDate(0, 0, d.Span+1), "limit": 1000})
	if err != nil {
		return d, err
	}
	d.Rows = rowsOf(d, slots)
	now := f.clock.Now()
	for _, list := range []struct {
		action string
		in     map[string]any
	}{{"dispatch.slot.list", map[string]any{"from": now, "state": dispatch.Failed, "limit": mostToLookAt}}, {"dispatch.drift.list", map[string]any{"from": now, "limit": mostToLookAt}}} {
		page, err := ask[slotPage](f, r, who, list.action, list.in)
		if err != nil {
			return d, err
		}
		d.Attention, d.More = append(d.Attention, page.Slots...), d.More || page.Next != ""
	}
	waiting, err := ask[struct{ Imports []dispatch.Waiting }](f, r, who, "dispatch.import.list", struct{}{})
	d.Imports = waiting.Imports
	return d, err
}

type slotPage struct {
	Slots []dispatch.Slot
	Next  string `json:"next_cursor"`
}

// mostToLookAt is how many slots of a kind the page lists above the board.
const mostToLookAt = 50

// everySlot asks page after page.
func (f *Face) everySlot(r *http.Request, who access.Caller, in map[string]any) (all []dispatch.Slot, err error) {
	for {
		out, err := ask[slotPage](f, r, who, "dispatch.slot.list", in)
		all = append(all, out.Slots...)
		if err != nil || out.Next == "" {
			return all, err
		}
		in["cursor"] = out.Next
	}
}

// boardDo is every button of the board.
func (f *Face) boardDo(w http.ResponseWriter, r *http.Request, who access.Caller) {
	id, said := r.FormValue("external_id"), ""
	var err error
	switch do := r.PathValue("do"); do {
	case "save":
		f.saveSlot(w, r, who)
		return
	case "move":
		f.moveSlot(w, r, who)
		return
	case "remove":
		_, err = ask[any](f, r, who, "dispatch.slot.remove", map[string]string{"external_id": id})
		said = "Taken out of the plan; its event is deleted."
	case "keep":
		_, err = ask[any](f, r, who, "dispatch.drift.resolve", map[string]string{"external_id": id, "keep": r.FormValue("keep")})
		said = "Noted."
	case "release":
		_, err = ask[any](f, r, who, "dispatch.slot.release", map[string]string{"external_id": id})
		said = "This one change goes out, and Exchange mails the attendees."
	case "approve":
		_, err = ask[any](f, r, who, "dispatch.import.approve", map[string]any{"id": r.FormValue("id"), "reject": r.FormValue("reject") != ""})
		said = "Noted, with your name."
	default:
		err = fault.Missing("button", do)
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.flash(r, said)
	http.Redirect(w, r, boardAt(r), http.StatusSeeOther)
}

// boardAt is the board as it was.
func boardAt(r *http.Request) string {
	q := url.Values{}
	for _, name := range []string{"from", "span"} {
		if v := r.FormValue("back_" + name); v != "" {
			q.Set(name, v)
		}
	}
	return "/dispatch?" + q.Encode()
}
