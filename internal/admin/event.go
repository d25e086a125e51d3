package admin

import (
	"context"
	"fmt"
	"strconv"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/event"
)

type eventsIn struct {
	Connection string   `json:"connection,omitempty" doc:"Only of this connection"`
	Types      []string `json:"types,omitempty" doc:"Only these, such as message.received; all without"`
	Limit      int      `json:"limit,omitempty" minimum:"1" maximum:"500" doc:"At most so many; 50 without"`
}

type eventsOut struct {
	Events []event.Event `json:"events"`
}

type followIn struct {
	After      *int64   `json:"after,omitempty" minimum:"0" doc:"Number of the last event you have, as the stream's ids say; only new ones without. The header Last-Event-ID says the same"`
	Connection string   `json:"connection,omitempty" doc:"Only of this connection, by id or name"`
	Types      []string `json:"types,omitempty" doc:"Only these, such as message.received; all without"`
}

// gap tells a reader that events it has not read are kept no longer.
type gap struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

func (h *Hub) eventActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "event.list", Summary: "List the newest events.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead, Route: "GET /events/log"}, h.listEvents),
		action.Define(action.Spec{Name: "event.follow", Summary: "Follow events as they come, as a stream that can be taken up again where it broke.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /events", CLI: "-", Streams: []string{action.EventStream}}, h.followEvents),
	}
}

// audience is the one place that says who sees which events. Of what happens in mailboxes, admins and keys for communications see all,
// people what they would see of it on a customer's page and what happens through their own connections, and nobody else anything.
func (h *Hub) audience(c access.Caller) event.Audience {
	switch {
	case c.Role == access.Admin || access.Allow(c, access.Want{Scope: access.Communications}) == nil && c.Kind == "apikey":
		return event.Everybody()
	case c.Kind == "person":
		return event.Audience{Sees: func(ctx context.Context, ids []string) (map[string]bool, error) { return h.Sees(ctx, c, ids) },
			Owns: func(ctx context.Context, ids []string) (map[string]bool, error) {
				return h.Connections.OwnedBy(ctx, c, ids)
			}}
	default:
		return event.Audience{}
	}
}

func (h *Hub) listEvents(ctx context.Context, c action.Call, in eventsIn) (out eventsOut, err error) {
	types, err := event.ParseTypes(in.Types)
	if err != nil {
		return out, err
	}
	id, err := h.connectionID(ctx, in.Connection)
	if err != nil {
		return out, err
	}
	out.Events, err = h.Events.List(ctx, h.audience(c.Caller), event.Query{Connection: id, Types: types, Limit: orDefault(in.Limit)})
	return out, err
}

func (h *Hub) connectionID(ctx context.Context, idOrName string) (string, error) {
	if idOrName == "" {
		return "", nil
	}
	c, err := h.Connections.Lookup(ctx, idOrName)
	return c.ID, err
}

func (h *Hub) followEvents(ctx context.Context, c action.Call, in followIn) (event.Event, error) {
	types, err := event.ParseTypes(in.Types)
	if err != nil {
		return event.Event{}, err
	}
	id, err := h.connectionID(ctx, in.Connection)
	if err != nil {
		return event.Event{}, err
	}
	f := event.Follow{After: -1, Connection: id, Types: types}
	if in.After != nil {
		f.After = *in.After
	}
	return event.Event{}, h.Events.Stream(ctx, h.audience(c.Caller), f, stream{c})
}

// stream hands events to whoever called the action.
type stream struct{ call action.Call }

// Event gives one event under its number.
func (s stream) Event(e event.Event) error {
	return s.call.Send(action.Message{ID: strconv.FormatInt(e.Number, 10), Type: string(e.Type), Data: e})
}

// Gap tells that something is missing, and where the stream goes on.
func (s stream) Gap(from, to int64) error {
	return s.call.Send(action.Message{ID: fmt.Sprint(to), Type: "gap", Data: gap{from, to}})
}

// Beat shows that the stream lives.
func (s stream) Beat() error { return s.call.Send(action.Message{}) }
