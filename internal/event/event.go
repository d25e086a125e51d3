package event

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/store"
)

// Migrations are the event table.
//
//go:embed migrations
var Migrations embed.FS

// Type is the name of an event; CONTRACT lists them.
type Type string

// The events there are so far.
const (
	NeedsReauth   Type = "connection.needs_reauth"
	NeedsAdmin    Type = "connection.needs_admin"
	Healthy       Type = "connection.healthy"
	GrantsChanged Type = "connection.grants_changed"
	SecretExpires Type = "secret.expiring"
	FeedLagging   Type = "feed.lagging"
	ItemParked    Type = "feed.item_parked"
	MailReceived  Type = "message.received"
	EventChanged  Type = "calendar.event.changed"
)

// Event is something that became true.
type Event struct {
	ID         string         `json:"id"`
	At         time.Time      `json:"at"`
	Type       Type           `json:"type"`
	Connection string         `json:"connection,omitempty"`
	Data       map[string]any `json:"data"`
}

// Log records and lists events.
type Log struct {
	Store *store.Store
	Clock clock.Clock
}

// Emit records the event in the caller's transaction, so that it is told exactly when its cause is committed.
func (l *Log) Emit(ctx context.Context, tx *store.Tx, e Event) error {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return err
	}
	now := l.Clock.Now()
	_, err = tx.ExecContext(ctx, "insert into event_entry (id, at, type, connection, data) values ($1, $2, $3, $4, $5)",
		store.NewID(now), store.Millis(now), string(e.Type), e.Connection, string(data))
	return err
}

// OfMailboxes are the events that tell what happens in people's mailboxes: they are not for everybody who may see the hub.
func OfMailboxes() []Type { return []Type{MailReceived, EventChanged, ItemParked} }

// Query narrows a list of events; empty fields do not.
type Query struct {
	Connection string
	Without    []Type
	Limit      int
}

const columns = "id, at, type, connection, data"

func scan(s store.Scanner) (e Event, err error) {
	var at int64
	var data string
	if err = s.Scan(&e.ID, &at, &e.Type, &e.Connection, &data); err != nil {
		return e, err
	}
	e.At = store.Time(at)
	return e, json.Unmarshal([]byte(data), &e.Data)
}

// List gives the newest events.
func (l *Log) List(ctx context.Context, q Query) ([]Event, error) {
	args := []any{q.Connection, q.Connection}
	hidden := ""
	for _, t := range q.Without {
		args = append(args, string(t))
		hidden += fmt.Sprintf(" and type <> $%d", len(args))
	}
	args = append(args, q.Limit)
	return store.Select(ctx, l.Store.Reader(), scan, "select "+columns+" from event_entry where ($1 = '' or connection = $2)"+hidden+fmt.Sprintf(" order by id desc limit $%d", len(args)), args...)
}

// Export gives the events that name a person's mailbox.
func (l *Log) Export(ctx context.Context, person string) (any, error) {
	return store.Select(ctx, l.Store.Reader(), scan, "select "+columns+" from event_entry where "+naming+" order by id", quoted(person))
}

// Erase forgets the events that name a person's mailbox.
func (l *Log) Erase(ctx context.Context, tx *store.Tx, person string) (int64, error) {
	return store.Affected(ctx, tx, "delete from event_entry where "+naming, quoted(person))
}

// naming finds a text among the values of an event's data.
const naming = `lower(data) like $1 escape '\'`

// quoted is a value as JSON writes it, in which "like" finds nothing but itself.
func quoted(value string) string {
	text, _ := json.Marshal(strings.ToLower(value)) // a string always encodes
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(string(text)) + "%"
}
