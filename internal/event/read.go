package event

import (
	"context"
	"slices"
	"strings"

	"seneschal/internal/store"
)

// Audience is who reads events, and what they may see of what happens in people's mailboxes.
type Audience struct {
	All bool // everything there is
	// Sees tells which communications they may see, for an audience that may not see all; nil: none.
	Sees func(ctx context.Context, communications []string) (map[string]bool, error)
}

// Everybody is the audience of the hub's own operator.
func Everybody() Audience { return Audience{All: true} }

// admit leaves what the audience may see: of mailboxes only what happened to a communication they would find on a customer's page.
func (a Audience) admit(ctx context.Context, all []stored) ([]Event, error) {
	var ask []string
	for _, e := range all {
		if !a.All && a.Sees != nil && e.communication != "" {
			ask = append(ask, e.communication)
		}
	}
	seen := map[string]bool{}
	if len(ask) > 0 {
		var err error
		if seen, err = a.Sees(ctx, ask); err != nil {
			return nil, err
		}
	}
	var out []Event
	for _, e := range all {
		if a.All || !slices.Contains(OfMailboxes(), e.Type) || seen[e.communication] {
			out = append(out, e.Event)
		}
	}
	return out, nil
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
	where, args := []string{"type <> $1"}, []any{string(WebhookTest)}
	add := func(condition string, v any) {
		args = append(args, v)
		where = append(where, strings.ReplaceAll(condition, "?", placeholder(len(args))))
	}
	if q.Connection != "" {
		add("connection = ?", q.Connection)
	}
	if before != "" {
		add("id < ?", before)
	}
	if len(q.Types) > 0 {
		var marks []string
		for _, t := range q.Types {
			args = append(args, string(t))
			marks = append(marks, placeholder(len(args)))
		}
		where = append(where, "type in ("+strings.Join(marks, ", ")+")")
	}
	args = append(args, pageSize)
	return store.Select(ctx, l.Store.Reader(), scan, "select "+columns+" from event_entry where "+strings.Join(where, " and ")+" order by id desc limit "+placeholder(len(args)), args...)
}
