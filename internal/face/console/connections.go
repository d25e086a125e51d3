package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/engine/alarm"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// shown is a connection in the form the action hands out.
type shown struct {
	connection.Connection
	State connection.State `json:"state"`
}

type listed struct {
	Connections []shown `json:"connections"`
}

// overviewData is the three numbers and the lists behind them.
type overviewData struct {
	Healthy, Attention, Waiting []shown
	Events                      []event.Event
	Alarms                      alarm.Overview
}

func (f *Face) overview(w http.ResponseWriter, r *http.Request, who access.Caller) {
	all, err := ask[listed](f, r, who, "connection.list", struct{}{})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	events, err := ask[struct{ Events []event.Event }](f, r, who, "event.list", map[string]int{"limit": 10})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d := overviewData{Events: events.Events}
	if d.Alarms, err = ask[alarm.Overview](f, r, who, "alarm.list", struct{}{}); err != nil {
		f.fail(w, r, err)
		return
	}
	d.Alarms.Alarms = slices.DeleteFunc(d.Alarms.Alarms, func(a alarm.Alarm) bool {
		return !a.ResolvedAt.IsZero() && f.clock.Now().Sub(a.ResolvedAt) > resolvedShown
	})
	for _, c := range all.Connections {
		switch c.State {
		case connection.Healthy:
			d.Healthy = append(d.Healthy, c)
		case connection.NeedsAdmin, connection.NeedsReauth, connection.PendingConsent:
			d.Waiting = append(d.Waiting, c)
		default:
			d.Attention = append(d.Attention, c)
		}
	}
	f.render(w, r, http.StatusOK, "overview", view{Title: overviewTitle(d), Section: "overview", Data: d, Live: live{URL: "/"}})
}

// resolvedShown is how long a resolved alarm stays on the overview.
const resolvedShown = 24 * time.Hour

// alarmAcknowledge is the button beside an alarm.
func (f *Face) alarmAcknowledge(w http.ResponseWriter, r *http.Request, who access.Caller) {
	if _, err := ask[any](f, r, who, "alarm.acknowledge", map[string]string{"id": r.PathValue("id")}); err != nil {
		f.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// overviewTitle names the state: a person reads the tab before the page.
func overviewTitle(d overviewData) string {
	if n := len(d.Attention) + len(d.Waiting); n > 0 {
		return plural(n, "connection") + " to look at"
	}
	return "All right"
}

func (f *Face) connectionList(w http.ResponseWriter, r *http.Request, who access.Caller) {
	all, err := ask[listed](f, r, who, "connection.list", struct{}{})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.render(w, r, http.StatusOK, "connections", view{Title: "Connections", Section: "connections", Data: all.Connections, Live: live{URL: "/connections"}})
}

// connectionData is a connection's page.
type connectionData struct {
	C             shown
	Lines         []connection.Line
	Next          *connection.Line // the one next step
	Permissions   connection.Permissions
	Link          *connection.Link
	Events        []event.Event
	SiteScript    *connection.SiteScript    // what grants the app its sites; for who configures
	MailboxScript *connection.MailboxScript // what has Exchange limit the app to its mailboxes; for who configures
	Redirect      string
	Preview       *timeline.Preview // what the timeline would keep, just asked
}

// ownFeed is something of a person's own, beside their mailbox, of whose changes they may have others told.
type ownFeed struct {
	What     m365.Capability
	Things   string
	Followed bool
}

// Feeds are a person's own files and contacts; those that their connection is not for would need another consent, and are offered all the same.
func (d connectionData) Feeds() []ownFeed {
	return []ownFeed{{m365.FollowFiles, "files", d.C.Serves(m365.FollowFiles)}, {m365.FollowContacts, "contacts", d.C.Serves(m365.FollowContacts)}}
}

func (f *Face) connectionPage(w http.ResponseWriter, r *http.Request, who access.Caller) {
	d, err := f.readConnection(r, who, r.PathValue("id"))
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.render(w, r, http.StatusOK, "connection", view{Title: f.words(d.C.State) + " · " + d.C.Name, Section: "connections", Data: d})
}

func (f *Face) words(s connection.State) string {
	if h, ok := hues[string(s)]; ok {
		return h.Word
	}
	return string(s)
}

func (f *Face) readConnection(r *http.Request, who access.Caller, id string) (connectionData, error) {
	d := connectionData{Redirect: f.redirect()}
	in := map[string]string{"id": id}
	var err error
	if d.C, err = ask[shown](f, r, who, "connection.show", in); err != nil {
		return d, err
	}
	lines, err := ask[struct{ Lines []connection.Line }](f, r, who, "connection.findings", in)
	if err != nil {
		return d, err
	}
	d.Lines = lines.Lines
	d.Next = nextStep(d.Lines)
	if d.Permissions, err = ask[connection.Permissions](f, r, who, "connection.permissions", in); err != nil {
		return d, err
	}
	if d.C.SitesSelected && access.Configures(who, "") == nil {
		script, err := ask[connection.SiteScript](f, r, who, "connection.site_script", in)
		if err != nil {
			return d, err
		}
		d.SiteScript = &script
	}
	if d.C.MailboxesLimited && access.Configures(who, "") == nil {
		script, err := ask[connection.MailboxScript](f, r, who, "connection.mailbox_script", in)
		if err != nil {
			return d, err
		}
		d.MailboxScript = &script
	}
	events, err := ask[struct{ Events []event.Event }](f, r, who, "event.list", map[string]any{"connection": id, "limit": 10})
	d.Events = events.Events
	return d, err
}

// nextStep is the worst finding that somebody can mend; the lines come worst first.
func nextStep(lines []connection.Line) *connection.Line {
	for i, l := range lines {
		if l.Fix != "" && l.State != connection.LineOK && l.State != connection.LineSuperfluous {
			return &lines[i]
		}
	}
	return nil
}

// connectionDo is every button of a connection's page.
func (f *Face) connectionDo(w http.ResponseWriter, r *http.Request, who access.Caller) {
	id, do := r.PathValue("id"), r.PathValue("do")
	back := "/connections/" + id
	var err error
	switch do {
	case "doctor":
		_, err = ask[any](f, r, who, "connection.doctor", map[string]string{"id": id})
		f.flash(r, "Checked just now.")
	case "pause", "resume":
		_, err = ask[any](f, r, who, "connection.pause", map[string]any{"id": id, "resume": do == "resume"})
	case "remove":
		var gone connection.Disconnected
		if gone, err = ask[connection.Disconnected](f, r, who, "connection.remove", map[string]string{"id": id}); err == nil {
			f.flash(r, strings.Join(gone.Steps, " "))
		}
		back = "/connections"
	case "mailboxes":
		_, err = ask[any](f, r, who, "mailbox.add", map[string]string{"id": id, "mailboxes": r.FormValue("mailboxes")})
	case "sites":
		_, err = ask[any](f, r, who, "connection.change", map[string]any{"id": id, "sites": siteLines(r), "sites_selected": r.FormValue("sites_selected") != ""})
	case "teams":
		_, err = ask[any](f, r, who, "connection.change", map[string]any{"id": id, "teams": teamLines(r)})
	case "limit":
		_, err = ask[any](f, r, who, "connection.change", map[string]any{"id": id, "mailboxes_limited": r.FormValue("mailboxes_limited") != "", "mailbox_outside": r.FormValue("mailbox_outside")})
	case "rotate":
		in := map[string]any{"id": id, "credential": connectionCredential(r)}
		_, err = ask[any](f, r, who, "connection.rotate", in)
		f.flash(r, "The new credential is in use; remove the old one in the app registration.")
	case "follow", "unfollow":
		var after struct{ Test connection.TestResult }
		if after, err = ask[struct{ Test connection.TestResult }](f, r, who, "connection.follow", map[string]any{"id": id, "what": cmp.Or(r.FormValue("what"), string(m365.Timeline)), "stop": do == "unfollow"}); err == nil {
			f.flash(r, after.Test.Message)
		}
	case "link":
		f.showLink(w, r, who, id)
		return
	case "preview":
		f.showPreview(w, r, who, id)
		return
	default:
		err = fault.Missing("button", do)
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// showLink shows the link instead of going there: it is often for somebody else.
func (f *Face) showLink(w http.ResponseWriter, r *http.Request, who access.Caller, id string) {
	link, err := ask[connection.Link](f, r, who, "connection.link", map[string]string{"id": id})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d, err := f.readConnection(r, who, id)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d.Link = &link
	f.render(w, r, http.StatusOK, "connection", view{Title: "Link · " + d.C.Name, Section: "connections", Data: d})
}

// showPreview reads as a first import would, and shows what it would keep.
func (f *Face) showPreview(w http.ResponseWriter, r *http.Request, who access.Caller, id string) {
	p, err := ask[timeline.Preview](f, r, who, "communication.preview", map[string]string{"connection": id})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d, err := f.readConnection(r, who, id)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d.Preview = &p
	f.render(w, r, http.StatusOK, "connection", view{Title: p.Summary + " · " + d.C.Name, Section: "connections", Data: d})
}

func connectionCredential(r *http.Request) map[string]any {
	c := map[string]any{"type": r.FormValue("credential_type")}
	for _, name := range []string{"secret", "certificate", "password", "token_file"} {
		if v := strings.TrimSpace(r.FormValue(name)); v != "" {
			c[name] = v
		}
	}
	if day := r.FormValue("expires_on"); day != "" {
		c["expires_at"] = day + "T00:00:00Z"
	}
	return c
}

// capabilityChoice is a service in the wizard.
type capabilityChoice struct {
	m365.CapabilityInfo
	Chosen bool
}
