package console

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/privacy"
)

// auditData is a stretch of the record, with what narrows it.
type auditData struct {
	Entries []audit.Entry
	Filter  map[string]string
	Export  string // what narrows it, as a query
	Older   string // the next page; "" at the end
	Verdict *audit.Verdict
	Problem *fault.Problem
}

const auditPage = 100

var auditFilters = []string{"actor", "action", "target", "outcome", "run", "since", "until"}

// auditList shows the record. Days are whole ones, in UTC: until the 3rd is the end of the 3rd.
func (f *Face) auditList(w http.ResponseWriter, r *http.Request, who access.Caller) {
	d := auditData{Filter: map[string]string{}}
	in, link := map[string]any{"limit": auditPage}, url.Values{}
	for _, name := range auditFilters {
		v := r.FormValue(name)
		if d.Filter[name] = v; v == "" {
			continue
		}
		if day, err := time.Parse(time.DateOnly, v); err == nil && slices.Contains([]string{"since", "until"}, name) {
			if name == "until" {
				day = day.AddDate(0, 0, 1)
			}
			v = day.Format(time.RFC3339)
		}
		in[name] = v
		link.Set(name, v)
	}
	d.Export = link.Encode()
	if before, err := strconv.ParseInt(r.FormValue("before"), 10, 64); err == nil {
		in["before"] = before
	}
	status := http.StatusOK
	out, err := ask[struct{ Entries []audit.Entry }](f, r, who, "audit.list", in)
	switch {
	case fault.KindOf(err) == fault.Invalid:
		p := fault.As(err).Problem()
		d.Problem, status = &p, p.Status
	case err != nil:
		f.fail(w, r, err)
		return
	}
	if d.Entries = out.Entries; len(d.Entries) == auditPage {
		older := r.URL.Query()
		older.Set("before", strconv.FormatInt(d.Entries[auditPage-1].Seq, 10))
		older.Del("verify")
		d.Older = older.Encode()
	}
	title := "Audit record"
	if r.FormValue("verify") != "" {
		v, err := ask[audit.Verdict](f, r, who, "audit.verify", struct{}{})
		if err != nil {
			f.fail(w, r, err)
			return
		}
		if d.Verdict = &v; !v.OK {
			title = "Not whole · Audit record"
		}
	}
	f.render(w, r, status, "audit", view{Title: title, Section: "audit", Data: d})
}

// reviewData is who and what has access.
type reviewData struct {
	At          time.Time
	Days        int
	Connections []connection.Reviewed
	People      []access.Profile
	Agents      []access.AgentState
	APIKeys     []struct {
		access.APIKey
		State string
	}
	Unused int               `json:"-"`
	Names  map[string]string `json:"-"`
}

func (f *Face) accessReview(w http.ResponseWriter, r *http.Request, who access.Caller) {
	d, err := ask[reviewData](f, r, who, "access.review", struct{}{})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d.Names = map[string]string{}
	for _, p := range d.People {
		d.Names[p.ID] = p.Name
	}
	for _, c := range d.Connections {
		for _, p := range c.Permissions {
			if p.State == connection.Unused {
				d.Unused++
			}
		}
	}
	title := "Access review"
	if d.Unused > 0 {
		title = plural(d.Unused, "unused permission") + " · Access review"
	}
	f.render(w, r, http.StatusOK, "review", view{Title: title, Section: "review", Data: d})
}

// dataPage is where data lies, and for admins what can be asked about somebody.
type dataPage struct {
	Classes   []privacy.Kept
	KeptOut   int64
	Person    string
	MayReturn bool
	Erased    *privacy.Erased
	Problem   *fault.Problem
}

func (f *Face) dataShow(w http.ResponseWriter, r *http.Request, who access.Caller) {
	f.showData(w, r, who, http.StatusOK, dataPage{})
}

func (f *Face) showData(w http.ResponseWriter, r *http.Request, who access.Caller, status int, d dataPage) {
	out, err := ask[struct{ Data []privacy.Kept }](f, r, who, "data.list", struct{}{})
	if err == nil && who.Role == access.Admin {
		d.KeptOut, err = f.keptOut(r, who)
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d.Classes = out.Data
	f.render(w, r, status, "data", view{Title: "Where data lies", Section: "data", Data: d})
}

func (f *Face) keptOut(r *http.Request, who access.Caller) (int64, error) {
	out, err := ask[struct {
		KeptOut int64 `json:"kept_out"`
	}](f, r, who, "privacy.kept_out", struct{}{})
	return out.KeptOut, err
}

// download answers with a file of JSON.
func (f *Face) download(w http.ResponseWriter, r *http.Request, name string, v any) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		f.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = w.Write(text)
}

// dataDo hands out, previews, erases, and lets back. What is handed out comes as a file.
func (f *Face) dataDo(w http.ResponseWriter, r *http.Request, who access.Caller) {
	d := dataPage{Person: r.FormValue("person"), MayReturn: r.FormValue("may_return") == "yes"}
	erase := map[string]any{"person": d.Person, "may_return": d.MayReturn, "dry_run": true}
	var err error
	switch do := r.PathValue("do"); do {
	case "export":
		var whole any
		if whole, err = ask[any](f, r, who, "privacy.export", map[string]string{"person": d.Person}); err == nil {
			f.download(w, r, "person.json", whole)
			return
		}
	case "erase":
		erase["dry_run"] = false
		fallthrough
	case "preview":
		var erased privacy.Erased
		if erased, err = ask[privacy.Erased](f, r, who, "privacy.erase", erase); err == nil {
			d.Erased = &erased
		}
	case "allow":
		if _, err = ask[any](f, r, who, "privacy.allow", map[string]string{"address": d.Person}); err == nil {
			f.flash(r, "It may come back. Every feed is read from its start now.")
			http.Redirect(w, r, "/data", http.StatusSeeOther)
			return
		}
	default:
		f.fail(w, r, fault.Missing("button", do))
		return
	}
	status := http.StatusOK
	if err != nil {
		p := fault.As(err).Problem()
		d.Problem, status = &p, p.Status
	}
	if d.Erased != nil && !d.Erased.DryRun && d.Erased.Name == who.Name { // whoever erased themselves is nobody here any more
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	f.showData(w, r, who, status, d)
}
