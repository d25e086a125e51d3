package admin

import (
	"context"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/feed"
)

type feedsIn struct {
	Connection string `json:"connection,omitempty" doc:"Only of this connection, by id or name"`
}

type feedsOut struct {
	Feeds []feed.Feed `json:"feeds"`
}

type feedWalk struct {
	ID        string `json:"id" doc:"Id of the feed"`
	FromStart bool   `json:"from_start,omitempty" doc:"Read everything again, and try parked items anew"`
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
			func(ctx context.Context, _ action.Call, in feedsIn) (feedsOut, error) {
				out := feedsOut{Feeds: []feed.Feed{}}
				id := ""
				if in.Connection != "" {
					c, err := h.Connections.Lookup(ctx, in.Connection)
					if err != nil {
						return out, err
					}
					id = c.ID
				}
				all, err := h.Feeds.List(ctx, id)
				out.Feeds = append(out.Feeds, all...)
				return out, err
			}),
		action.Define(action.Spec{Name: "feed.walk", Summary: "Have a feed walked now.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite, Route: "POST /feeds/{id}/walk", Args: []string{"id"}},
			func(ctx context.Context, _ action.Call, in feedWalk) (feed.Feed, error) {
				if err := h.Feeds.Wake(ctx, in.ID, in.FromStart); err != nil {
					return feed.Feed{}, err
				}
				return h.Feeds.Lookup(ctx, in.ID)
			}),
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
