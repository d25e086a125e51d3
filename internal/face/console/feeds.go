package console

import (
	"cmp"
	"net/http"
	"slices"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
)

// feedsData is what is followed, mailbox by mailbox and site by site.
type feedsData struct {
	Mailboxes []followed
	Parked    []feed.Parked
	Dropped   []timeline.Drop
	Budgets   []connection.BudgetUse // the tightest of those in use
	Summary   feed.Summary
	Search    string
	Behind    bool // only those that are not up to date are shown
	More      bool // there are more than are shown
}

const (
	feedsShown   = 400
	budgetsShown = 20
)

// followed is one mailbox or site with its feeds, as one connection reaches it.
type followed struct {
	Name       string
	Connection string
	Site       string // its id
	Feeds      []feed.Feed
}

// together puts the feeds of a mailbox, a site or the directory together.
func together(feeds []feed.Feed) (out []followed) {
	sites := map[string]string{}
	for i, f := range feeds {
		if f.Kind == feed.Site {
			sites[f.Site], feeds[i].Title = f.Title, ""
		}
	}
	for _, one := range feeds {
		name := one.Mailbox
		switch {
		case one.Site != "":
			name = cmp.Or(sites[one.Site], "A site of SharePoint")
		case name == "":
			name = "The directory"
		}
		n := len(out)
		if n == 0 || out[n-1].Name != name || out[n-1].Connection != one.Connection || out[n-1].Site != one.Site {
			out = append(out, followed{Name: name, Connection: one.Connection, Site: one.Site})
			n++
		}
		out[n-1].Feeds = append(out[n-1].Feeds, one)
	}
	return out
}

func (f *Face) feedList(w http.ResponseWriter, r *http.Request, who access.Caller) {
	d := feedsData{Search: r.FormValue("q"), Behind: r.FormValue("behind") != ""}
	out, err := ask[struct {
		Feeds   []feed.Feed
		More    bool
		Summary feed.Summary
	}](f, r, who, "feed.list", map[string]any{"mailbox": d.Search, "behind": d.Behind, "limit": feedsShown})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d.Summary, d.More = out.Summary, out.More
	d.Mailboxes = together(out.Feeds)
	if d.Budgets, err = f.tightest(r, who); err != nil {
		f.fail(w, r, err)
		return
	}
	dropped, err := ask[timeline.Drops](f, r, who, "communication.dropped", struct{}{})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d.Dropped = dropped.Mailboxes
	if who.Role == access.Admin {
		parked, err := ask[struct{ Parked []feed.Parked }](f, r, who, "feed.parked", struct{}{})
		if err != nil {
			f.fail(w, r, err)
			return
		}
		d.Parked = parked.Parked
	}
	f.render(w, r, http.StatusOK, "feeds", view{Title: feedsTitle(d), Section: "feeds", Data: d, Live: live{URL: r.URL.RequestURI()}})
}

// tightest are the request limits in use of which the smallest part is left.
func (f *Face) tightest(r *http.Request, who access.Caller) ([]connection.BudgetUse, error) {
	out, err := ask[struct{ Budgets []connection.BudgetUse }](f, r, who, "usage.list", struct{}{})
	part := func(b connection.BudgetUse) float64 {
		if b.BlockedUntil != nil || b.Left == nil || b.Limit.Requests == nil {
			return 0
		}
		return float64(*b.Left) / float64(max(*b.Limit.Requests, 1))
	}
	used := slices.DeleteFunc(out.Budgets, func(b connection.BudgetUse) bool {
		return b.Used+b.InFlight+b.Waiting == 0 && b.BlockedUntil == nil || b.Left == nil
	})
	slices.SortStableFunc(used, func(a, b connection.BudgetUse) int { return cmp.Compare(part(a), part(b)) })
	return used[:min(len(used), budgetsShown)], err
}

func feedsTitle(d feedsData) string {
	if n := d.Summary.Behind; n > 0 {
		return plural(n, "feed") + " not up to date"
	}
	return "Feeds up to date"
}

func (f *Face) feedDo(w http.ResponseWriter, r *http.Request, who access.Caller) {
	in := map[string]any{"id": r.PathValue("id")}
	switch do := r.PathValue("do"); do {
	case "walk":
	case "restart":
		in["from_start"] = true
	default:
		f.fail(w, r, fault.Missing("button", do))
		return
	}
	if _, err := ask[any](f, r, who, "feed.walk", in); err != nil {
		f.fail(w, r, err)
		return
	}
	f.flash(r, "It is being walked.")
	http.Redirect(w, r, "/feeds", http.StatusSeeOther)
}

func (f *Face) feedsSync(w http.ResponseWriter, r *http.Request, who access.Caller) {
	out, err := ask[struct{ Feeds int }](f, r, who, "feed.sync", map[string]string{"mailbox": r.FormValue("mailbox"), "connection": r.FormValue("connection")})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.flash(r, plural(out.Feeds, "feed")+" being walked.")
	http.Redirect(w, r, "/feeds", http.StatusSeeOther)
}
