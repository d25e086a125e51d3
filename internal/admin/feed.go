package admin

import (
	"cmp"
	"context"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/m365"
)

type feedsIn struct {
	Connection string `json:"connection,omitempty" doc:"Only of this connection, by id or name"`
	Mailbox    string `json:"mailbox,omitempty" maxLength:"320" doc:"Only of mailboxes whose address has this in it"`
	Behind     bool   `json:"behind,omitempty" doc:"Only those that are not up to date"`
	Limit      int    `json:"limit,omitempty" minimum:"1" maximum:"100000" doc:"At most so many; 1000 without"`
}

type feedsOut struct {
	Feeds   []feed.Feed  `json:"feeds"`
	Summary feed.Summary `json:"summary"`
}

const feedsShown = 1000

type feedWalk struct {
	ID        string `json:"id" doc:"Id of the feed"`
	FromStart bool   `json:"from_start,omitempty" doc:"Read everything again, and try parked items anew"`
}

type feedSync struct {
	Connection string `json:"connection,omitempty" doc:"All of this connection, by id or name"`
	Mailbox    string `json:"mailbox,omitempty" maxLength:"320" doc:"All of this mailbox"`
}

type feedSynced struct {
	Feeds int `json:"feeds"` // that are walked now
}

type parkedIn struct {
	ID string `json:"id,omitempty" doc:"Only of this feed"`
}

type parkedOut struct {
	Parked []feed.Parked `json:"parked"`
}

func (h *Hub) feedActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "feed.list", Summary: "List what is followed, with its freshness.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead, Route: "GET /feeds"},
			func(ctx context.Context, call action.Call, in feedsIn) (feedsOut, error) {
				out := feedsOut{Feeds: []feed.Feed{}}
				q := feed.Query{Mailbox: in.Mailbox, Behind: in.Behind, Limit: cmp.Or(in.Limit, feedsShown)}
				if in.Connection != "" {
					c, err := h.Connections.Lookup(ctx, in.Connection)
					if err != nil {
						return out, err
					}
					q.Connection = c.ID
				}
				all, err := h.Feeds.Find(ctx, q)
				if err != nil {
					return out, err
				}
				if err := h.hideTitles(ctx, call.Caller, all); err != nil {
					return out, err
				}
				out.Feeds = append(out.Feeds, all...)
				out.Summary, err = h.Feeds.Summary(ctx, q.Connection)
				return out, err
			}),
		action.Define(action.Spec{Name: "feed.walk", Summary: "Have a feed walked now.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite, Route: "POST /feeds/{id}/walk", Args: []string{"id"}},
			func(ctx context.Context, _ action.Call, in feedWalk) (feed.Feed, error) {
				if err := h.Feeds.Wake(ctx, in.ID, in.FromStart); err != nil {
					return feed.Feed{}, err
				}
				return h.Feeds.Lookup(ctx, in.ID)
			}),
		action.Define(action.Spec{Name: "feed.sync", Summary: "Have all feeds of a connection or a mailbox walked now.", Effect: action.Writes, Target: action.OnHub, Scope: access.OwnConnection, Route: "POST /feeds/sync"}, h.syncFeeds),
		action.Define(action.Spec{Name: "feed.replace_certificate", Summary: "Have what notifications carry encrypted for a new key; the old one opens until nothing names it.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "POST /feeds/certificate"}, func(ctx context.Context, c action.Call, _ none) (none, error) {
			return none{}, h.Feeds.ReplaceCertificate(ctx, c.Caller.String())
		}),
		action.Define(action.Spec{Name: "feed.parked", Summary: "List the items that were set aside after failing again and again.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite, Route: "GET /feeds/parked"},
			func(ctx context.Context, _ action.Call, in parkedIn) (parkedOut, error) {
				all, err := h.Feeds.ListParked(ctx, in.ID)
				return parkedOut{append([]feed.Parked{}, all...)}, err
			}),
	}
}

// hideTitles takes the names of folders away from whom they do not concern: how somebody names theirs is for admins, where the hub reads
// the mailbox as itself, and for the person alone where it reads it as them.
func (h *Hub) hideTitles(ctx context.Context, by access.Caller, all []feed.Feed) error {
	usable := map[string]bool{}
	for i, f := range all {
		shown, known := usable[f.Connection]
		if !known {
			c, may, err := h.Connections.Through(ctx, by, f.Connection)
			if err != nil && fault.KindOf(err) != fault.NotFound { // disconnected a moment ago
				return err
			}
			shown = may && (c.Kind == m365.Delegated || onlyOwn(by) == "")
			usable[f.Connection] = shown
		}
		if !shown {
			all[i].Title = ""
		}
	}
	return nil
}

func (h *Hub) syncFeeds(ctx context.Context, call action.Call, in feedSync) (out feedSynced, err error) {
	if in.Connection == "" && in.Mailbox == "" {
		return out, fault.BadField("connection", "name a connection, a mailbox, or both")
	}
	id, owner := "", ""
	if in.Connection != "" {
		c, _, err := h.Connections.Through(ctx, call.Caller, in.Connection)
		if err != nil {
			return out, err
		}
		id, owner = c.ID, c.Owner
	}
	if err := access.Configures(call.Caller, owner); err != nil {
		return out, err
	}
	if out.Feeds, err = h.Feeds.WakeAll(ctx, id, in.Mailbox); err == nil && out.Feeds == 0 && in.Mailbox != "" {
		err = fault.BadField("mailbox", "%s is not followed", in.Mailbox)
	}
	return out, err
}
