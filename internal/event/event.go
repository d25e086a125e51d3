package event

import (
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/store"
)

// Migrations are the tables of events and webhooks.
//
//go:embed migrations
var Migrations embed.FS

// Type is the name of an event; CONTRACT lists them.
type Type string

// The events there are so far.
const (
	NeedsReauth       Type = "connection.needs_reauth"
	NeedsAdmin        Type = "connection.needs_admin"
	Healthy           Type = "connection.healthy"
	GrantsChanged     Type = "connection.grants_changed"
	SecretExpires     Type = "secret.expiring"
	FeedLagging       Type = "feed.lagging"
	ItemParked        Type = "feed.item_parked"
	MailReceived      Type = "message.received"
	EventChanged      Type = "calendar.event.changed"
	FileChanged       Type = "file.changed"
	ContactChanged    Type = "contact.changed"
	ListItemChanged   Type = "list_item.changed"
	SlotPlaced        Type = "slot.placed"
	SlotDrifted       Type = "slot.drifted"
	SlotFailed        Type = "slot.failed"
	AlarmRaised       Type = "alarm.raised"
	AlarmResolved     Type = "alarm.resolved"
	DeliveryQueued    Type = "delivery.queued"
	DeliverySending   Type = "delivery.sending"
	DeliverySent      Type = "delivery.sent"
	DeliveryUnsure    Type = "delivery.unsure"
	DeliveryFailed    Type = "delivery.failed"
	DeliveryCancelled Type = "delivery.cancelled"
	DeliveryBounced   Type = "delivery.bounced"
	WebhookTest       Type = "webhook.test" // goes to the one webhook that was asked to be tried
)

// Types lists the events that can be asked for.
func Types() []Type {
	return append([]Type{NeedsReauth, NeedsAdmin, Healthy, GrantsChanged, SecretExpires, FeedLagging, ItemParked, MailReceived, EventChanged, FileChanged, ContactChanged, ListItemChanged, SlotPlaced, SlotDrifted, SlotFailed, AlarmRaised, AlarmResolved},
		OfDeliveries()...)
}

// OfDeliveries are the events of a mail on its way, one for each state.
func OfDeliveries() []Type {
	return []Type{DeliveryQueued, DeliverySending, DeliverySent, DeliveryUnsure, DeliveryFailed, DeliveryCancelled, DeliveryBounced}
}

// Event is something that became true.
type Event struct {
	ID         string         `json:"id"`
	Number     int64          `json:"number,omitempty"` // its place in the stream; 0: not given yet
	At         time.Time      `json:"at"`
	Type       Type           `json:"type"`
	Connection string         `json:"connection,omitempty"`
	About      string         `json:"about,omitempty"` // what it happened to: a connection, a feed, an item; events about the same thing keep their order
	Data       map[string]any `json:"data"`

	Mailbox string `json:"-"` // whose it is, where the data do not say: for export and erasure
}

// Log records and hands out events.
type Log struct {
	Store *store.Store
	Clock clock.Clock
	Log   *slog.Logger
	Jobs  Scheduler
	// Told, if set, learns of each event while it is numbered, in that transaction.
	Told func(ctx context.Context, tx *store.Tx, e Event) error

	mu     sync.Mutex
	lastID string
	news   chan struct{} // closed and replaced when there are new numbers
	head   int64         // the last number this process has seen
	nudge  chan struct{}
}

// Scheduler is what events need of jobs.
type Scheduler interface {
	Schedule(ctx context.Context, tx *store.Tx, kind, id string, due time.Time) error
	Cancel(ctx context.Context, tx *store.Tx, kind, id string) error
}

// Emit records the event in the caller's transaction, so that it is told exactly when its cause is committed.
func (l *Log) Emit(ctx context.Context, tx *store.Tx, e Event) error {
	_, err := l.emit(ctx, tx, e)
	return err
}

func (l *Log) emit(ctx context.Context, tx *store.Tx, e Event) (id string, err error) {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return "", err
	}
	if e.About == "" {
		e.About = e.Connection
	}
	now := l.Clock.Now()
	id = l.nextID(now)
	_, err = tx.ExecContext(ctx, "insert into event_entry (id, at, type, connection, about, mailbox, communication, data) values ($1, $2, $3, $4, $5, $6, $7, $8)",
		id, store.Millis(now), string(e.Type), e.Connection, e.About, cmp.Or(word(e.Data, "mailbox"), e.Mailbox), word(e.Data, "communication"), string(data))
	tx.AfterCommit(l.Nudge)
	return id, err
}

// word reads what also stands in a column: who may see an event, and whose it is, is asked of these.
func word(data map[string]any, name string) string {
	s, _ := data[name].(string)
	return s
}

// nextID makes ids of one process sort as they were made, also within one millisecond.
func (l *Log) nextID(now time.Time) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastID = store.NewIDAfter(l.lastID, now)
	return l.lastID
}

// OfMailboxes are the events that tell what happens in people's mailboxes, drives and sites: they are not for everybody who may see the hub.
func OfMailboxes() []Type {
	return append([]Type{MailReceived, EventChanged, FileChanged, ContactChanged, ListItemChanged, ItemParked}, OfDeliveries()...)
}

const columns = "id, number, at, type, connection, about, communication, data"

// stored is an event with what only its row knows.
type stored struct {
	Event
	communication string
}

func scan(s store.Scanner) (e stored, err error) {
	var at int64
	var data string
	if err = s.Scan(&e.ID, &e.Number, &at, &e.Type, &e.Connection, &e.About, &e.communication, &data); err != nil {
		return e, err
	}
	e.At = store.Time(at)
	return e, json.Unmarshal([]byte(data), &e.Data)
}

// Export gives the events that name a person's mailbox.
func (l *Log) Export(ctx context.Context, person string) (any, error) {
	return store.Select(ctx, l.Store.Reader(), scan, "select "+columns+" from event_entry where "+naming+" order by id", person, quoted(person))
}

// Erase forgets the events that name a person's mailbox, with what of them was still to be delivered, and who made webhooks.
func (l *Log) Erase(ctx context.Context, tx *store.Tx, person string) (int64, error) {
	if _, err := tx.ExecContext(ctx, "delete from event_delivery where event in (select id from event_entry where "+naming+")", person, quoted(person)); err != nil {
		return 0, err
	}
	made, err := store.Affected(ctx, tx, "update event_webhook set created_by = '' where created_by = $1", person)
	if err != nil {
		return 0, err
	}
	n, err := store.Affected(ctx, tx, "delete from event_entry where "+naming, person, quoted(person))
	return made + n, err
}

// naming finds events by their mailbox, and those without one, of older programs, by the values of their data.
const naming = `(mailbox = lower($1) or mailbox = '' and lower(data) like $2 escape '\')`

// quoted is a value as JSON writes it, in which "like" finds nothing but itself.
func quoted(value string) string {
	text, _ := json.Marshal(strings.ToLower(value)) // a string always encodes
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(string(text)) + "%"
}
