package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/event"
	"seneschal/internal/fault"
)

// mailsData is a page of the mail that is delivered.
type mailsData struct {
	delivery.Page
	States    []delivery.State
	Names     map[string]string // of connections, by id
	Only      string
	Recipient string
	Next      string         // address of the next page
	In        map[string]int // how many are in which state
}

// mailData is one delivery's page.
type mailData struct {
	delivery.Detail
	Through string
	Words   []word
}

// word is what a person can say of a delivery, and what comes of it.
type word struct{ As, Button, Then string }

var deliveryEvents = eventNames(event.OfDeliveries())

// eventNames are types as live.js reads them.
func eventNames(types []event.Type) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, " ")
}

func (f *Face) mailList(w http.ResponseWriter, r *http.Request, who access.Caller) {
	d := mailsData{States: []delivery.State{delivery.Queued, delivery.Sending, delivery.Sent, delivery.Unsure, delivery.Failed, delivery.Cancelled, delivery.Bounced}, Only: r.FormValue("state"), Recipient: r.FormValue("recipient")}
	in := map[string]any{"limit": 50}
	for name, v := range map[string]string{"state": d.Only, "recipient": d.Recipient, "cursor": r.FormValue("cursor")} {
		if v != "" {
			in[name] = v
		}
	}
	var err error
	if d.Page, err = ask[delivery.Page](f, r, who, "delivery.list", in); err == nil {
		d.Names, err = f.connectionNames(r, who)
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	if d.NextCursor != "" {
		d.Next = "/deliveries?" + url.Values{"state": {d.Only}, "recipient": {d.Recipient}, "cursor": {d.NextCursor}}.Encode()
	}
	d.In = map[string]int{}
	for state, n := range d.Counts {
		d.In[string(state)] = n
	}
	title := "Deliveries"
	if n := d.Counts[delivery.Unsure] + d.Counts[delivery.Failed] + d.Counts[delivery.Bounced]; n > 0 {
		title = plural(n, "mail") + " to look at · Deliveries"
	}
	f.render(w, r, http.StatusOK, "deliveries", view{Title: title, Section: "deliveries", Data: d, Live: live{URL: r.URL.RequestURI(), Types: deliveryEvents}})
}

func (f *Face) connectionNames(r *http.Request, who access.Caller) (map[string]string, error) {
	all, err := ask[struct{ Connections []connection.Connection }](f, r, who, "connection.list", struct{}{})
	out := map[string]string{}
	for _, c := range all.Connections {
		out[c.ID] = c.Name
	}
	return out, err
}

func (f *Face) mailPage(w http.ResponseWriter, r *http.Request, who access.Caller) {
	d := mailData{}
	var err error
	if d.Detail, err = ask[delivery.Detail](f, r, who, "delivery.show", map[string]string{"id": r.PathValue("id")}); err != nil {
		f.fail(w, r, err)
		return
	}
	names, err := f.connectionNames(r, who)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d.Through, d.Words = names[d.Connection], wordsFor(d.Detail)
	f.render(w, r, http.StatusOK, "delivery", view{Title: hues["mail_"+string(d.State)].Word + " · " + d.Head.Subject, Section: "deliveries", Data: d, Live: live{URL: r.URL.RequestURI(), Types: deliveryEvents}})
}

// wordsFor are what can be said of a delivery as it stands.
func wordsFor(d delivery.Detail) (out []word) {
	if !d.CanResolve {
		return nil
	}
	if d.State == delivery.Unsure {
		out = append(out, word{"sent", "It was sent", "You saw it in Sent Items, or a recipient has it. Nothing is sent."})
	}
	if d.LetterKept {
		out = append(out, word{"send_again", "Send it again", "You know that it did not leave: it is queued once more. Should it have left after all, " + plural(countOf(d.Head), "recipient") + " would get it twice."})
	}
	if d.State == delivery.Unsure {
		out = append(out, word{"give_up", "Give it up", "It did not leave and shall not. Nothing is sent."})
	}
	return out
}

func countOf(h delivery.Head) int { return len(slices.Concat(h.To, h.Cc, h.Bcc)) }

func (f *Face) mailDo(w http.ResponseWriter, r *http.Request, who access.Caller) {
	id, said := r.PathValue("id"), ""
	var err error
	switch do := r.PathValue("do"); do {
	case "cancel":
		_, err = ask[any](f, r, who, "delivery.cancel", map[string]string{"id": id})
		said = "Taken back: nothing was sent."
	case "resolve":
		_, err = ask[any](f, r, who, "delivery.resolve", map[string]string{"id": id, "as": r.FormValue("as"), "note": r.FormValue("note")})
		said = "Noted, with your name."
	default:
		err = fault.Missing("button", do)
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.flash(r, said)
	http.Redirect(w, r, "/deliveries/"+id, http.StatusSeeOther)
}
