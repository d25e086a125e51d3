package console

import (
	"net/http"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/fault"
)

// moveSlot gives a slot to somebody else or another day. What stands against it is shown first, in the slot's form as it would be there.
func (f *Face) moveSlot(w http.ResponseWriter, r *http.Request, who access.Caller) {
	form, err := f.movedTo(r, who)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	if !f.free(w, r, who, form, said(form.Values)) {
		return
	}
	in := map[string]string{"external_id": form.Slot.ExternalID}
	for _, name := range []string{"technician", "day"} {
		if v := r.FormValue(name); v != "" {
			in[name] = v
		}
	}
	if _, err := ask[any](f, r, who, "dispatch.slot.move", in); err != nil {
		f.fail(w, r, err)
		return
	}
	f.flash(r, "Moved; the calendar follows.")
	http.Redirect(w, r, boardAt(r), http.StatusSeeOther)
}

// movedTo is a slot's form as it would be with another technician or on another day.
func (f *Face) movedTo(r *http.Request, who access.Caller) (*slotForm, error) {
	s, err := ask[dispatch.Slot](f, r, who, "dispatch.slot.show", map[string]string{"external_id": r.FormValue("external_id")})
	if err != nil {
		return nil, err
	}
	form := &slotForm{Values: valuesOf(s), Slot: &s}
	if v := r.FormValue("technician"); v != "" {
		form.Values["technician"] = v
	}
	if r.FormValue("day") == "" {
		return form, nil
	}
	to, err := time.Parse(dayFormat, r.FormValue("day"))
	if err != nil {
		return nil, fault.BadField("day", "is not a date like 2026-11-21")
	}
	from, err := time.Parse(dayFormat, s.Start.Format(dayFormat))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"start", "end"} {
		at, err := time.Parse(formTime, form.Values[name])
		if err != nil {
			return nil, err
		}
		form.Values[name] = at.AddDate(0, 0, int(to.Sub(from).Hours()/24)).Format(formTime)
	}
	return form, nil
}

// free says that nothing stands against a slot as it is entered; else it has shown what does, or that nobody can tell.
func (f *Face) free(w http.ResponseWriter, r *http.Request, who access.Caller, form *slotForm, in map[string]any) bool {
	found, err := f.against(r, who, in)
	switch {
	case form.Slot != nil && fault.KindOf(err) == fault.Invalid:
		return true // a move keeps the instant where the clock's time alone says too little, and refuses by itself what cannot be
	case err != nil:
		f.refuseSlot(w, r, who, form, err)
	case len(found.Slots)+len(found.Busy) > 0 || found.Unknown != "":
		form.Conflicts = &found
		f.showBoard(w, r, who, http.StatusOK, form)
	default:
		return true
	}
	return false
}

// against asks what stands against a slot as it is entered.
func (f *Face) against(r *http.Request, who access.Caller, in map[string]any) (dispatch.Conflicts, error) {
	question := map[string]any{}
	for _, name := range []string{"technician", "connection", "start", "end", "external_id", "time_zone", "all_day"} {
		if in[name] != nil {
			question[name] = in[name]
		}
	}
	return ask[dispatch.Conflicts](f, r, who, "dispatch.conflict.list", question)
}

// meets tells in words what a slot that is being dragged would meet; nothing where it meets nothing.
func (f *Face) meets(w http.ResponseWriter, r *http.Request, who access.Caller) {
	form, err := f.movedTo(r, who)
	var found dispatch.Conflicts
	if err == nil {
		found, err = f.against(r, who, said(form.Values))
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	var words []string
	for _, s := range found.Slots {
		words = append(words, s.Subject)
	}
	for _, b := range found.Busy {
		words = append(words, b.Status+" in the calendar")
	}
	if found.Unknown != "" {
		words = append(words, "the calendar cannot be asked: "+found.Unknown)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(strings.Join(words, "; "))) // whoever drags has moved on
}
