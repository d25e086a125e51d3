package console

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// slotForm is a slot that somebody enters or changes.
type slotForm struct {
	Values      map[string]string
	New         bool
	Slot        *dispatch.Slot // as it stands
	Conflicts   *dispatch.Conflicts
	Problem     *fault.Problem
	Connections []connection.Connection // to choose among; none where each technician has one alone
}

// boardSource is the source of slots that people plan on the board: a planning system's file, complete for its own slots, leaves them alone.
const boardSource = "board"

// formOf is the form of the slot that is open, or of a new one.
func (f *Face) formOf(r *http.Request, who access.Caller, d boardData) (*slotForm, error) {
	if id := r.FormValue("slot"); id != "" {
		s, err := ask[dispatch.Slot](f, r, who, "dispatch.slot.show", map[string]string{"external_id": id})
		if err != nil {
			return nil, err
		}
		return &slotForm{Values: valuesOf(s), Slot: &s}, nil
	}
	if r.FormValue("new") == "" {
		return nil, nil
	}
	day := cmp.Or(r.FormValue("day"), d.From.Format(dayFormat))
	v := map[string]string{"external_id": "board-" + rand.Text(), "source": boardSource, "technician": r.FormValue("technician"), "start": day + "T09:00", "end": day + "T10:00", "time_zone": cmp.Or(r.FormValue("zone"), "UTC"), "status": "planned"}
	return &slotForm{New: true, Values: v}, nil
}

func valuesOf(s dispatch.Slot) map[string]string {
	v := map[string]string{"external_id": s.ExternalID, "connection": s.Connection, "source": s.Source, "technician": s.Technician, "start": s.Start.Format(formTime), "end": s.End.Format(formTime), "time_zone": cmp.Or(s.TimeZone, "UTC"), "subject": s.Subject,
		"customer": s.Customer, "location": s.Location, "notes": s.Notes, "status": s.Status, "categories": dispatch.Listed(s.Categories), "attendees": strings.Join(s.Attendees, ", ")}
	if s.AllDay {
		v["all_day"], v["start"], v["end"] = "on", s.Start.Format(formTime), s.End.AddDate(0, 0, -1).Format(formTime)
	}
	if s.Reminder != nil {
		v["reminder_minutes"] = strconv.Itoa(*s.Reminder)
	}
	if s.OnlineMeeting {
		v["online_meeting"] = "on"
	}
	return v
}

var slotFields = []string{"external_id", "connection", "source", "technician", "start", "end", "time_zone", "subject", "customer", "location", "notes", "status", "categories", "attendees", "reminder_minutes", "all_day", "online_meeting"}

// entered reads the form.
func entered(r *http.Request) (values map[string]string, in map[string]any) {
	values = map[string]string{}
	for _, name := range slotFields {
		if v := strings.TrimSpace(r.FormValue(name)); v != "" {
			values[name] = v
		}
	}
	return values, said(values)
}

// said is a form as a slot's own words. Of whole days people say the last one; the slot ends on the day after it.
func said(values map[string]string) map[string]any {
	in := map[string]any{}
	for name, v := range values {
		if v != "" {
			in[name] = v
		}
	}
	for _, name := range []string{"all_day", "online_meeting"} {
		delete(in, name)
		if values[name] != "" {
			in[name] = true
		}
	}
	if in["all_day"] == true {
		for _, name := range []string{"start", "end"} {
			in[name], _, _ = strings.Cut(values[name], "T")
		}
		if last, err := time.Parse(dayFormat, in["end"].(string)); err == nil {
			in["end"] = last.AddDate(0, 0, 1).Format(dayFormat)
		}
	}
	if n, err := strconv.Atoi(values["reminder_minutes"]); err == nil {
		in["reminder_minutes"] = n
	}
	for name, several := range map[string]func(string) []string{"categories": dispatch.Unlisted, "attendees": separated} {
		if values[name] != "" {
			in[name] = several(values[name])
		}
	}
	return in
}

// separated are the entries of a field that takes several.
func separated(text string) []string {
	all := strings.Split(text, ",")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// formView is the form with the board around it.
type formView struct {
	Board    boardData
	Form     *slotForm
	Statuses []string
}

// Unlisted is the form's technician where the list has them no more: without an option of their own the browser would choose another.
func (v formView) Unlisted() string {
	if t := v.Form.Values["technician"]; !slices.Contains(v.Board.Technicians, t) {
		return t
	}
	return ""
}

// routes are the connections that a slot may go through, where a technician is listed on more than one: which, only whoever plans knows.
func (f *Face) routes(r *http.Request, who access.Caller) (out []connection.Connection, err error) {
	all, err := ask[struct{ Connections []connection.Connection }](f, r, who, "connection.list", struct{}{})
	seen, several := map[string]bool{}, false
	for _, c := range all.Connections {
		if c.Kind != m365.Application || !c.Serves(m365.Dispatch) {
			continue
		}
		out = append(out, c)
		for _, m := range c.For(connection.ForDispatch) {
			several = several || seen[m.Address]
			seen[m.Address] = true
		}
	}
	if !several {
		return nil, err
	}
	return out, err
}

// saveSlot shows first what stands against it; whoever has seen that saves it all the same.
func (f *Face) saveSlot(w http.ResponseWriter, r *http.Request, who access.Caller) {
	values, in := entered(r)
	form := &slotForm{Values: values, New: r.FormValue("new") != ""}
	if r.FormValue("sure") == "" && !f.free(w, r, who, form, in) {
		return
	}
	if _, err := ask[dispatch.Slot](f, r, who, "dispatch.slot.put", in); err != nil {
		f.refuseSlot(w, r, who, form, err)
		return
	}
	f.flash(r, "Planned; the calendar follows.")
	http.Redirect(w, r, boardAt(r), http.StatusSeeOther)
}

func (f *Face) refuseSlot(w http.ResponseWriter, r *http.Request, who access.Caller, form *slotForm, err error) {
	p := fault.As(err).Problem()
	form.Problem = &p
	f.showBoard(w, r, who, p.Status, form)
}
