package event

import (
	"context"
	"slices"

	"seneschal/internal/store"
)

// Audience is who reads events, and what they may see of what happens in people's mailboxes.
type Audience struct {
	All bool // everything there is
	// Sees tells which communications they may see, for an audience that may not see all; nil: none.
	Sees func(ctx context.Context, communications []string) (map[string]bool, error)
	// Owns tells which connections are their own: what happens through these is theirs to know; nil: none.
	Owns func(ctx context.Context, connections []string) (map[string]bool, error)
}

// Everybody is the audience of the hub's own operator.
func Everybody() Audience { return Audience{All: true} }

// admit leaves what the audience may see: of mailboxes only what happened to a communication they would find on a customer's page, and what
// happened in their own.
func (a Audience) admit(ctx context.Context, all []stored) (out []Event, err error) {
	var seen, own map[string]bool
	if !a.All {
		if seen, err = answered(ctx, a.Sees, all, func(e stored) string { return e.communication }); err != nil {
			return nil, err
		}
		if own, err = answered(ctx, a.Owns, all, func(e stored) string { return e.Connection }); err != nil {
			return nil, err
		}
	}
	for _, e := range all {
		if a.All || !slices.Contains(OfMailboxes(), e.Type) || seen[e.communication] || own[e.Connection] {
			out = append(out, e.Event)
		}
	}
	return out, nil
}

// answered asks about what events of mailboxes name, each once.
func answered(ctx context.Context, ask func(context.Context, []string) (map[string]bool, error), all []stored, named func(stored) string) (map[string]bool, error) {
	var names []string
	for _, e := range all {
		if name := named(e); name != "" && slices.Contains(OfMailboxes(), e.Type) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if ask == nil || len(names) == 0 {
		return nil, nil
	}
	return ask(ctx, names)
}

// Query narrows a list of events; empty fields do not.
type Query struct {
	Connection string
	Types      []Type
	Limit      int
}

// List gives the newest events that the audience may see, newest first.
func (l *Log) List(ctx context.Context, to Audience, q Query) ([]Event, error) {
	out := []Event{}
	before := ""
	for {
		page, err := l.page(ctx, q, before)
		if err != nil {
			return nil, err
		}
		admitted, err := to.admit(ctx, page)
		if err != nil {
			return nil, err
		}
		if out = append(out, admitted...); len(out) >= q.Limit {
			return out[:q.Limit], nil
		}
		if len(page) < pageSize {
			return out, nil
		}
		before = page[len(page)-1].ID
	}
}

const pageSize = 200

// page gives one page before an id, newest first.
func (l *Log) page(ctx context.Context, q Query, before string) ([]stored, error) {
	var w store.Where
	w.And("type <> ?", string(WebhookTest))
	if q.Connection != "" {
		w.And("connection = ?", q.Connection)
	}
	if before != "" {
		w.And("id < ?", before)
	}
	if len(q.Types) > 0 {
		w.And("type in (" + store.List(&w.Args, q.Types) + ")")
	}
	limit := w.Add(pageSize)
	return store.Select(ctx, l.Store.Reader(), scan, "select "+columns+" from event_entry where "+w.String()+" order by id desc limit "+limit, w.Args...)
}
