package dispatch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"

	"seneschal/internal/connector/calendar"
	"seneschal/internal/fault"
)

// SlotIn is a slot as a planning system says it. All of it is said each time; what is left out is not wanted.
type SlotIn struct {
	ExternalID    string   `json:"external_id" minLength:"1" maxLength:"200" doc:"The planning system's own id of the slot"`
	Connection    string   `json:"connection,omitempty" doc:"Through which connection, by id or name; without, the one that lists the technician's mailbox for dispatch"`
	Source        string   `json:"source,omitempty" maxLength:"100" doc:"Name of the planning system, where there are several: a complete import is complete for its own slots"`
	Technician    string   `json:"technician" minLength:"1" doc:"Address of the technician's mailbox, which must be listed for dispatch"`
	Start         string   `json:"start" minLength:"1" doc:"When it begins: with its offset (2026-11-21T09:00:00+01:00), as time_zone's clock shows it (2026-11-21T09:00:00), or of whole days a date"`
	End           string   `json:"end" minLength:"1" doc:"When it ends; of whole days the day after the last"`
	TimeZone      string   `json:"time_zone,omitempty" doc:"Zone of the slot: IANA or Windows name; UTC without"`
	AllDay        bool     `json:"all_day,omitempty" doc:"Whole days"`
	Subject       string   `json:"subject" minLength:"1" maxLength:"255" doc:"What the event is called"`
	Customer      string   `json:"customer,omitempty" maxLength:"255" doc:"For whom; stands in the event's body"`
	Location      string   `json:"location,omitempty" maxLength:"255" doc:"Where"`
	Notes         string   `json:"notes,omitempty" maxLength:"50000" doc:"What the technician should know; stands in the event's body"`
	Status        string   `json:"status,omitempty" enum:"planned,tentative,confirmed,cancelled" doc:"planned without; a cancelled one leaves the calendar"`
	Reminder      *int     `json:"reminder_minutes,omitempty" minimum:"0" maximum:"20160" doc:"Minutes before the start; none without"`
	Categories    []string `json:"categories,omitempty" maxItems:"25" doc:"Categories of the event"`
	OnlineMeeting bool     `json:"online_meeting,omitempty" doc:"With a Teams meeting; that cannot be undone for an event"`
	Attendees     []string `json:"attendees,omitempty" maxItems:"100" doc:"Addresses of whom to invite. The slot is placed without them, and held until somebody lets Exchange mail them: dispatch.slot.release"`
}

// Check names every wrong field.
func (in SlotIn) Check() error { return fault.OfFields(in.wrong()) }

func (in SlotIn) wrong() []fault.Field {
	_, _, wrong := span(in.Start, in.End, in.TimeZone, in.AllDay)
	if a, err := mail.ParseAddress(in.Technician); err != nil || a.Address != in.Technician {
		wrong = append(wrong, fault.Field{Name: "technician", Message: "is not an address like ada@contoso.example"})
	}
	for _, id := range []struct{ field, text string }{{"external_id", in.ExternalID}, {"source", in.Source}} {
		if strings.ContainsFunc(id.text, unicode.IsControl) { // PostgreSQL keeps no NUL, and a line break ends a log line
			wrong = append(wrong, fault.Field{Name: id.field, Message: "has control characters"})
		}
	}
	if strings.TrimSpace(in.Subject) == "" {
		wrong = append(wrong, fault.Field{Name: "subject", Message: "is empty"})
	}
	for i, text := range in.Attendees {
		field := fmt.Sprintf("attendees[%d]", i)
		switch a, err := mail.ParseAddress(text); {
		case err != nil || a.Address != text:
			wrong = append(wrong, fault.Field{Name: field, Message: "is not an address like ada@contoso.example"})
		case strings.EqualFold(text, in.Technician):
			wrong = append(wrong, fault.Field{Name: field, Message: "is the technician, in whose calendar the event is anyway"})
		}
	}
	return wrong
}

// Content is what an event of the slot holds. Its digest tells whether anything changed.
type Content struct {
	Start         time.Time `json:"start"`
	End           time.Time `json:"end"`
	TimeZone      string    `json:"time_zone,omitempty"`
	AllDay        bool      `json:"all_day,omitempty"`
	Subject       string    `json:"subject"`
	Customer      string    `json:"customer,omitempty"`
	Location      string    `json:"location,omitempty"`
	Notes         string    `json:"notes,omitempty"`
	Status        string    `json:"status"`
	Reminder      *int      `json:"reminder_minutes,omitempty"`
	Categories    []string  `json:"categories,omitempty"`
	OnlineMeeting bool      `json:"online_meeting,omitempty"`
	Attendees     []string  `json:"attendees,omitempty" doc:"Whom the slot asks to be invited"`
}

// want reads a slot that Check has passed.
func (in SlotIn) want() Content {
	from, to, _ := span(in.Start, in.End, in.TimeZone, in.AllDay)
	w := Content{Start: from, End: to, TimeZone: in.TimeZone, AllDay: in.AllDay, Subject: lined(in.Subject), Customer: lined(in.Customer), Location: lined(in.Location), Notes: lined(in.Notes), Status: in.Status,
		Reminder: in.Reminder, OnlineMeeting: in.OnlineMeeting}
	if w.Status == "" {
		w.Status = "planned"
	}
	for _, c := range in.Categories {
		if c = strings.TrimSpace(c); c != "" && !slices.Contains(w.Categories, c) {
			w.Categories = append(w.Categories, c)
		}
	}
	slices.Sort(w.Categories)
	w.Attendees = people(in.Attendees)
	return w
}

// people are addresses, each once, in one order.
func people(addresses []string) (out []string) {
	for _, a := range addresses {
		if a = strings.ToLower(a); !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return out
}

// alone is the slot with nobody invited.
func (c Content) alone() Content {
	c.Attendees = nil
	return c
}

func (c Content) digest() string {
	c.Start, c.End = c.Start.UTC(), c.End.UTC()
	text, _ := json.Marshal(c) // times, words and numbers always encode
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

const cancelled = "cancelled"

func (c Content) cancelled() bool { return c.Status == cancelled }

// showAs tells others how sure it is.
func (c Content) showAs() string {
	if c.Status == "tentative" {
		return "tentative"
	}
	return "busy"
}

// details are the event's, for creating and for changing. What Teams wrote into the body of an online meeting is not overwritten.
func (c Content) details(creating bool) map[string]any {
	in := map[string]any{"subject": c.Subject, "start": c.Start, "end": c.End, "all_day": c.AllDay, "location": c.Location, "show_as": c.showAs(), "categories": orEmpty(c.Categories)}
	if c.byClock() {
		in["time_zone"] = c.TimeZone
	}
	if creating || !c.OnlineMeeting {
		in["body"] = c.body()
	}
	in["reminder_minutes"] = nil
	if c.Reminder != nil {
		in["reminder_minutes"] = *c.Reminder
	}
	if c.OnlineMeeting {
		in["online_meeting"] = true
	}
	if len(c.Attendees) > 0 {
		in["attendees"] = invitees(c.Attendees)
	}
	return in
}

// byClock says that the event can be kept in the slot's zone. In UTC, without it, are those that begin or end when its clock shows the same
// time twice: which of both is meant cannot be said otherwise.
func (c Content) byClock() bool {
	in, _ := calendar.LookupZone(c.TimeZone)
	return c.AllDay || onlyOnce(c.Start.In(in)) && onlyOnce(c.End.In(in))
}

func invitees(addresses []string) []map[string]any {
	out := make([]map[string]any, len(addresses))
	for i, a := range addresses {
		out[i] = map[string]any{"address": a}
	}
	return out
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
