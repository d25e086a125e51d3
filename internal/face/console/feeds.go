package console

import (
	"net/http"

	"seneschal/internal/access"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
)

// feedsData is what is followed, mailbox by mailbox.
type feedsData struct {
	Mailboxes []followed
	Parked    []feed.Parked
	Dropped   []timeline.Drop
	Live      int
	Behind    int
}

// followed is one mailbox with its feeds.
type followed struct {
	Name  string
	Feeds []feed.Feed
}

func (f *Face) readFeeds(r *http.Request, who access.Caller) ([]feed.Feed, error) {
	out, err := ask[struct{ Feeds []feed.Feed }](f, r, who, "feed.list", struct{}{})
	return out.Feeds, err
}

func (f *Face) feedList(w http.ResponseWriter, r *http.Request, who access.Caller) {
	all, err := f.readFeeds(r, who)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	var d feedsData
	for _, one := range all {
		name := one.Mailbox
		if name == "" {
			name = "The directory"
		}
		if n := len(d.Mailboxes); n == 0 || d.Mailboxes[n-1].Name != name {
			d.Mailboxes = append(d.Mailboxes, followed{Name: name})
		}
		d.Mailboxes[len(d.Mailboxes)-1].Feeds = append(d.Mailboxes[len(d.Mailboxes)-1].Feeds, one)
		if one.State == feed.Live {
			d.Live++
		} else {
			d.Behind++
		}
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
	f.render(w, r, http.StatusOK, "feeds", view{Title: feedsTitle(d), Section: "feeds", Data: d, Live: live{URL: "/feeds"}})
}

func feedsTitle(d feedsData) string {
	if d.Behind > 0 {
		return plural(d.Behind, "feed") + " not up to date"
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
