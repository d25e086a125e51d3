package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/fault"
)

// webhooksData is every webhook with its proof, what was given up, and the form below as it was filled in.
type webhooksData struct {
	Hooks       []hooked
	Dead        []event.Delivery
	Names       map[string]string // of webhooks and connections, by id
	Connections []connection.Connection
	Types       []event.Type
	Form        webhookForm
	Problem     *fault.Problem
}

type webhookForm struct {
	Name, URL, Connection string
	Types                 []string
	Private               bool
}

// Wants reports whether the type is ticked.
func (f webhookForm) Wants(t event.Type) bool { return slices.Contains(f.Types, string(t)) }

// hooked is a webhook with the last delivery that reached it.
type hooked struct {
	event.Webhook
	State string
	Proof event.Delivery
	Rests bool // it is not called for a while
}

// webhookData is one webhook's page.
type webhookData struct {
	hooked
	Secret     string // shown once, to whoever made it
	Connection string
	Deliveries []event.Delivery
	Only       string // the state that the list is narrowed to
	States     []event.DeliveryState
}

type deliveries struct{ Deliveries []event.Delivery }

// shownDeliveries is how many a page lists.
const shownDeliveries = 50

// prove finds the webhook's last delivery that arrived, tests included. Green needs one, and nothing that failed since.
func (f *Face) prove(r *http.Request, who access.Caller, h event.Webhook) (hooked, error) {
	out := hooked{Webhook: h, State: "webhook_unknown", Rests: h.RestUntil.After(f.clock.Now())}
	list, err := ask[deliveries](f, r, who, "webhook.deliveries", map[string]any{"name": h.ID, "limit": shownDeliveries})
	var failed time.Time
	for _, d := range list.Deliveries {
		switch {
		case d.State == event.Delivered && d.EndedAt.After(out.Proof.EndedAt):
			out.State, out.Proof = "webhook_works", d
		case d.State == event.Dead && d.EndedAt.After(failed):
			failed = d.EndedAt
		}
	}
	switch {
	case h.Paused:
		out.State = "paused"
	case h.Failures > 0 || failed.After(out.Proof.EndedAt):
		out.State = "webhook_fails"
	}
	return out, err
}

func (f *Face) webhookList(w http.ResponseWriter, r *http.Request, who access.Caller) {
	d, err := f.webhooks(r, who)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.showWebhooks(w, r, http.StatusOK, d)
}

func (f *Face) webhooks(r *http.Request, who access.Caller) (d webhooksData, err error) {
	all, err := ask[struct{ Webhooks []event.Webhook }](f, r, who, "webhook.list", struct{}{})
	if err != nil {
		return d, err
	}
	connections, err := ask[struct{ Connections []connection.Connection }](f, r, who, "connection.list", struct{}{})
	if err != nil {
		return d, err
	}
	d.Connections, d.Types, d.Names = connections.Connections, event.Types(), map[string]string{}
	for _, c := range d.Connections {
		d.Names[c.ID] = c.Name
	}
	for _, h := range all.Webhooks {
		d.Names[h.ID] = h.Name
		one, err := f.prove(r, who, h)
		if err != nil {
			return d, err
		}
		d.Hooks = append(d.Hooks, one)
	}
	dead, err := ask[deliveries](f, r, who, "webhook.dead", map[string]any{"limit": shownDeliveries})
	d.Dead = dead.Deliveries
	return d, err
}

func (f *Face) showWebhooks(w http.ResponseWriter, r *http.Request, status int, d webhooksData) {
	title, attention := "Webhooks", 0
	for _, h := range d.Hooks {
		if h.Paused || h.Failures > 0 || h.Dead > 0 {
			attention++
		}
	}
	if attention > 0 {
		title = fmt.Sprintf("%d to look at · Webhooks", attention)
	}
	f.render(w, r, status, "webhooks", view{Title: title, Section: "webhooks", Data: d})
}

// webhookAdd answers with the page itself and no redirect: the secret is in this answer and nowhere else.
func (f *Face) webhookAdd(w http.ResponseWriter, r *http.Request, who access.Caller) {
	form := webhookForm{Name: r.FormValue("name"), URL: r.FormValue("url"), Connection: r.FormValue("connection"), Types: r.Form["type"], Private: r.FormValue("allow_private") != ""}
	made, err := ask[webhookSecret](f, r, who, "webhook.add", map[string]any{"name": form.Name, "url": form.URL, "connection": form.Connection, "types": form.Types, "allow_private": form.Private})
	if err == nil {
		f.showWebhook(w, r, who, made.ID, made.Secret)
		return
	}
	d, e := f.webhooks(r, who)
	if e != nil {
		f.fail(w, r, e)
		return
	}
	problem := fault.As(err).Problem()
	d.Form, d.Problem = form, &problem
	f.showWebhooks(w, r, problem.Status, d)
}

type webhookSecret struct{ ID, Secret string }

func (f *Face) webhookPage(w http.ResponseWriter, r *http.Request, who access.Caller) {
	f.showWebhook(w, r, who, r.PathValue("id"), "")
}

func (f *Face) showWebhook(w http.ResponseWriter, r *http.Request, who access.Caller, id, secret string) {
	h, err := ask[event.Webhook](f, r, who, "webhook.show", map[string]any{"name": id})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d := webhookData{Secret: secret, Only: r.URL.Query().Get("state"), States: []event.DeliveryState{event.Waiting, event.Sending, event.Delivered, event.Dead}}
	if d.hooked, err = f.prove(r, who, h); err != nil {
		f.fail(w, r, err)
		return
	}
	in := map[string]any{"name": h.ID, "limit": shownDeliveries}
	if d.Only != "" {
		in["state"] = d.Only
	}
	list, err := ask[deliveries](f, r, who, "webhook.deliveries", in)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d.Deliveries = list.Deliveries
	if h.Connection != "" {
		c, err := ask[connection.Connection](f, r, who, "connection.show", map[string]any{"id": h.Connection})
		if err != nil && fault.KindOf(err) != fault.NotFound {
			f.fail(w, r, err)
			return
		}
		d.Connection = c.Name
	}
	v := view{Title: hues[d.State].Word + " · " + h.Name, Section: "webhooks", Data: d}
	if secret == "" { // what is shown once must not be read again by the page itself
		v.Live = live{URL: r.URL.RequestURI()}
	}
	f.render(w, r, http.StatusOK, "webhook", v)
}

// replaySpans are how far back everything can be delivered again.
var replaySpans = map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour}

func (f *Face) webhookDo(w http.ResponseWriter, r *http.Request, who access.Caller) {
	id := r.PathValue("id")
	in := map[string]any{"name": id}
	back, said := "/webhooks/"+id, ""
	var err error
	switch do := r.PathValue("do"); do {
	case "test":
		said, err = f.webhookTest(r, who, in)
	case "pause":
		_, err = ask[any](f, r, who, "webhook.pause", in)
		said = "It is called no more; its events wait."
	case "resume":
		in["resume"] = true
		_, err = ask[any](f, r, who, "webhook.pause", in)
		said = "It is called again, with what waited first."
	case "replay":
		said, err = f.webhookReplay(r, who, in)
	case "remove":
		_, err = ask[any](f, r, who, "webhook.remove", in)
		back, said = "/webhooks", "Removed, with what was still to be delivered."
	case "rotate":
		var made webhookSecret
		if made, err = ask[webhookSecret](f, r, who, "webhook.rotate", in); err == nil {
			f.showWebhook(w, r, who, id, made.Secret)
			return
		}
	default:
		err = fault.Missing("button", do)
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.flash(r, said)
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// webhookTest calls once and says what was answered.
func (f *Face) webhookTest(r *http.Request, who access.Caller, in map[string]any) (string, error) {
	d, err := ask[event.Delivery](f, r, who, "webhook.test", in)
	switch {
	case err != nil:
		return "", err
	case d.State == event.Delivered:
		return fmt.Sprintf("The test arrived: the address answered %d.", d.Status), nil
	case d.Problem != "":
		return "The test did not arrive: " + strings.TrimSuffix(d.Problem, ".") + ".", nil
	}
	return "The test is under way; the list below tells what comes of it.", nil
}

func (f *Face) webhookReplay(r *http.Request, who access.Caller, in map[string]any) (string, error) {
	if id := r.FormValue("event"); id != "" {
		in["event"] = id
	}
	if span, ok := replaySpans[r.FormValue("since")]; ok {
		in["since"] = f.clock.Now().Add(-span)
	}
	out, err := ask[struct{ Queued int64 }](f, r, who, "webhook.replay", in)
	return plural(int(out.Queued), "event") + " will be delivered again, each under the id it had.", err
}
