package console

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// wizardData is the state of the add-connection wizard. It lives in the form itself: nothing is kept between the steps, and secrets are
// never sent back to the browser.
type wizardData struct {
	Step         string // ask, values
	Kind         m365.Mode
	Audience     m365.Audience
	Choices      []capabilityChoice
	Capabilities []m365.Capability
	Clouds       []m365.Cloud
	Required     []m365.Required
	Redirect     string
	NeedsMailbox bool
	Values       map[string]string
	Problem      *fault.Problem
	Test         *connection.TestResult
}

// Chose says whether a service is among those that were picked.
func (d wizardData) Chose(k m365.Capability) bool { return slices.Contains(d.Capabilities, k) }

func (f *Face) wizard(w http.ResponseWriter, r *http.Request, _ access.Caller) {
	f.render(w, r, http.StatusOK, "wizard", view{Title: "Add connection", Section: "connections", Data: f.wizardState(r)})
}

// wizardState reads the three answers and what follows from them.
func (f *Face) wizardState(r *http.Request) wizardData {
	d := wizardData{Step: "ask", Redirect: f.redirect(), Clouds: m365.Clouds(), Values: map[string]string{}}
	who, data := r.FormValue("who"), r.FormValue("data")
	switch who {
	case "app":
		d.Kind = m365.Application
	case "person":
		d.Kind, d.Audience = m365.Delegated, m365.Audience(data)
	}
	chosen := r.Form["service"]
	for _, info := range m365.Capabilities() {
		if d.Kind != "" && !slices.Contains(info.Modes, d.Kind) {
			continue
		}
		picked := slices.Contains(chosen, string(info.Name))
		d.Choices = append(d.Choices, capabilityChoice{info, picked})
		if picked {
			d.Capabilities = append(d.Capabilities, info.Name)
			d.NeedsMailbox = d.NeedsMailbox || (info.Purpose != "" && d.Kind == m365.Application)
		}
	}
	if d.Kind != "" && len(d.Capabilities) > 0 {
		d.Step, d.Required = "values", m365.Asking{Mode: d.Kind, Capabilities: d.Capabilities, SelectedSites: r.FormValue("sites_selected") != "", LimitedMailboxes: r.FormValue("mailboxes_limited") != ""}.Manifest()
	}
	for _, name := range []string{"name", "cloud", "tenant_id", "client_id", "mailboxes", "sites", "sites_selected", "mailboxes_limited", "teams", "credential_type", "expires_on"} {
		d.Values[name] = r.FormValue(name)
	}
	return d
}

// wizardSubmit tries the form, and saves it when asked to.
func (f *Face) wizardSubmit(w http.ResponseWriter, r *http.Request, who access.Caller) {
	if err := r.ParseForm(); err != nil {
		f.fail(w, r, fault.BadField("(form)", "could not be read"))
		return
	}
	d := f.wizardState(r)
	name := "connection.add"
	if r.FormValue("do") == "test" {
		name = "connection.try"
	}
	text, err := json.Marshal(connectionForm(r, d))
	if err != nil {
		f.fail(w, r, err)
		return
	}
	result, err := f.runner.Do(r.Context(), action.Request{Action: name, Caller: who, Input: text})
	if err != nil {
		p := fault.As(err).Problem()
		d.Problem = &p
		f.render(w, r, p.Status, "wizard", view{Title: "Add connection: something is not right", Section: "connections", Data: d})
		return
	}
	if name == "connection.try" {
		d.Test = &connection.TestResult{}
		if err := json.Unmarshal(result.Output, d.Test); err != nil {
			f.fail(w, r, err)
			return
		}
		f.render(w, r, http.StatusOK, "wizard", view{Title: "Add connection", Section: "connections", Data: d})
		return
	}
	var added struct {
		Connection shown
		Test       connection.TestResult
	}
	if err := json.Unmarshal(result.Output, &added); err != nil {
		f.fail(w, r, err)
		return
	}
	f.flash(r, added.Test.Message)
	http.Redirect(w, r, "/connections/"+added.Connection.ID, http.StatusSeeOther)
}

func connectionForm(r *http.Request, d wizardData) map[string]any {
	in := map[string]any{"name": strings.TrimSpace(r.FormValue("name")), "kind": d.Kind, "client_id": strings.TrimSpace(r.FormValue("client_id")),
		"capabilities": d.Capabilities, "credential": connectionCredential(r)}
	if t := strings.TrimSpace(r.FormValue("tenant_id")); t != "" {
		in["tenant_id"] = t
	}
	if c := r.FormValue("cloud"); c != "" {
		in["cloud"] = c
	}
	if d.Kind == m365.Delegated {
		in["account_types"] = d.Audience
	}
	if m := strings.TrimSpace(r.FormValue("mailboxes")); m != "" {
		in["mailboxes"] = m
	}
	if list := siteLines(r); len(list) > 0 {
		in["sites"] = list
	}
	if list := teamLines(r); len(list) > 0 {
		in["teams"] = list
	}
	if r.FormValue("sites_selected") != "" {
		in["sites_selected"] = true
	}
	if r.FormValue("mailboxes_limited") != "" {
		in["mailboxes_limited"] = true
	}
	if r.FormValue("read_only") != "" {
		in["read_only"] = true
	}
	return in
}

// siteLines are the addresses of a form: one a line, or separated by commas.
func siteLines(r *http.Request) []string {
	return strings.FieldsFunc(r.FormValue("sites"), func(c rune) bool { return c == ',' || c == ';' || unicode.IsSpace(c) })
}

// teamLines are the ids and names of a form, one a line: names have blanks and commas in them.
func teamLines(r *http.Request) []string {
	var out []string
	for line := range strings.Lines(r.FormValue("teams")) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}
