package feed

import (
	"context"
	"embed"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// Migrations are the tables of feeds.
//
//go:embed migrations
var Migrations embed.FS

// Kind is what sort of collection a feed follows.
type Kind string

// The kinds.
const (
	Folders  Kind = "folders"  // a mailbox's mail folders; each one in scope becomes a Mail feed
	Mail     Kind = "mail"     // the messages of one folder
	Calendar Kind = "calendar" // a window of a mailbox's default calendar
	Users    Kind = "users"    // the directory's people behind the listed mailboxes

	Drive          Kind = "drive"           // the files of a OneDrive, or of a site's library
	ContactFolders Kind = "contact_folders" // a mailbox's contact folders; each becomes a Contacts feed
	Contacts       Kind = "contacts"        // the contacts of one folder
	Site           Kind = "site"            // a site's libraries and lists; each becomes a Drive or List feed
	List           Kind = "list"            // the items of one list
)

// State says how a feed is.
type State string

// The states.
const (
	New      State = "new"      // never walked
	Backfill State = "backfill" // its first round, or one started over, is under way
	Live     State = "live"     // what Microsoft had at the last walk is here
	Waiting  State = "waiting"  // cannot be walked until somebody acts; the reason says who
	Failing  State = "failing"  // the last walks failed; the hub tries again by itself
	Paused   State = "paused"   // its connection is paused
)

// Feed is one collection that is followed.
type Feed struct {
	ID         string             `json:"id"`
	Connection string             `json:"connection"`
	Kind       Kind               `json:"kind"`
	Mailbox    string             `json:"mailbox,omitempty"` // as listed
	Resource   string             `json:"resource,omitempty"`
	Title      string             `json:"title,omitempty"`
	Site       string             `json:"site,omitempty"`  // Microsoft's id of the site it belongs to
	Drive      string             `json:"drive,omitempty"` // Microsoft's id of the drive
	Purpose    connection.Purpose `json:"purpose,omitempty"`
	State      State              `json:"state"`
	Reason     *fault.Problem     `json:"reason,omitempty"`
	Since      time.Time          `json:"since,omitzero"`
	Items      int64              `json:"items"`               // entries known in the collection
	Expected   int64              `json:"expected,omitempty"`  // entries Microsoft last counted; 0: not asked
	Read       int64              `json:"read,omitempty"`      // entries the last reading of everything has brought so far
	WalkedAt   time.Time          `json:"walked_at,omitzero"`  // when a walk last began
	Proof      connection.Proof   `json:"proof"`               // the last walk that reached its end
	ChangedAt  time.Time          `json:"changed_at,omitzero"` // when it last brought something new
	Poll       time.Duration      `json:"poll_ns,omitempty"`   // pause until the next walk when nobody wakes it
	Lagging    bool               `json:"lagging,omitempty"`   // behind its promise; told once
	Push       *Subscription      `json:"push,omitempty"`      // nil: polled
	PushNote   string             `json:"push_note,omitempty"` // why it is polled
	Parked     int                `json:"parked,omitempty"`    // items set aside
	CreatedAt  time.Time          `json:"created_at,omitzero"`

	number     int64
	account    string // Microsoft's id of the mailbox: another account of the same address is another mailbox
	link       m365.DeltaLink
	held       m365.DeltaLink // the link as the database has it: a calendar's window slides before anything is committed
	round      int64
	roundOpen  bool
	windowFrom time.Time
	newsFrom   time.Time // what was made after it is news even in the first round
	wantedAt   time.Time // since when everything is to be read
	readAt     time.Time // when everything was last read to its end
	toldUntil  time.Time // when its subscription runs out; zero: it has none
	comparedAt time.Time // when its count last differed from Microsoft's
	failures   int
}

// Item is one entry of a page.
type Item struct {
	ID    string
	New   bool // not known before in this collection
	Value any  // what the feed's source yields
}

// Page is one step of a walk, as followers get it.
type Page struct {
	Items   []Item
	Removed []string // left the collection: deleted, or moved; only a look tells which
	Round   int64    // number of the round; followers mark what they keep with it
	Full    bool     // the round goes over everything there is, not over changes
	Last    bool     // ends the round; ends a full one: whatever was not seen in it is gone
	Quiet   bool     // nothing in it is news: the first import
}

// Effect is what a follower commits, together with the feed's new link.
type Effect func(ctx context.Context, tx *store.Tx) error

// Follower learns from a feed. Take may ask Microsoft and change nothing; the Effect it gives changes the database and asks nobody.
// An error of one item is told as *Poison, so that this item can be parked.
type Follower interface {
	Take(ctx context.Context, b connection.Bound, f Feed, p Page) (Effect, error)
	// Drop forgets what was learned from a feed that is no more.
	Drop(ctx context.Context, tx *store.Tx, f Feed) error
}

// Poison is an item that a follower cannot digest.
type Poison struct {
	Item string
	Err  error
}

// Error says which and why.
func (p *Poison) Error() string { return "item " + p.Item + ": " + p.Err.Error() }

// Unwrap gives the cause.
func (p *Poison) Unwrap() error { return p.Err }

// Raw is one page as a source yields it.
type Raw struct {
	Items   []Item
	Broken  []Poison // entries that could not be read at all
	Removed []string
	Link    m365.DeltaLink
	Last    bool
	Reset   bool
	Proof   connection.Proof
}

// Source walks collections of one kind; app joins it to a connector's iterator.
type Source interface {
	Walk(ctx context.Context, b connection.Bound, f Feed, from m365.DeltaLink) iter.Seq2[Raw, error]
}

// Window is how far back and ahead calendars are followed.
type Window struct{ Past, Ahead time.Duration }

// Service keeps feeds.
type Service struct {
	Store       *store.Store
	Clock       clock.Clock
	Log         *slog.Logger
	Connections *connection.Service
	Jobs        Scheduler
	Audit       *audit.Log
	Events      *event.Log
	Sources     map[Kind]Source
	Followers   map[Kind][]Follower
	Count       Counter
	Remote      Remote
	NotifyURL   func() string          // where Microsoft may call us; "" where it cannot
	HTTP        *http.Client           // for calling ourselves
	Vault       *vault.Vault           // has the private keys of certificates
	Contents    map[Kind]ContentReader // of the kinds whose notifications carry something
	Notary      Notary

	desk    desk
	postbox postbox
	keys    keyring
	reach   reach
	counted counted
}

// Scheduler is what feeds need of jobs.
type Scheduler interface {
	connection.Scheduler
	// ScheduleBy has a row run by a time at the latest.
	ScheduleBy(ctx context.Context, tx *store.Tx, kind, id string, by time.Time) error
}

// The kinds of jobs.
const (
	WalkJob = "feed.walk" // id: a feed's
	SyncJob = "feed.sync" // id: a connection's; makes and ends feeds as its mailbox list says
)

// CalendarWindow is what a customer's page shows of meetings.
var CalendarWindow = Window{Past: 7 * 24 * time.Hour, Ahead: 14 * 24 * time.Hour}

// From is where a calendar feed's present window begins, and To where it ends.
func (f Feed) From() time.Time { return f.windowFrom }

// Round is the number of the present round.
func (f Feed) Round() int64 { return f.round }

// To is the end of a calendar feed's window.
func (f Feed) To() time.Time { return f.windowFrom.Add(CalendarWindow.Past + CalendarWindow.Ahead) }

// Export gives what feeds hold of a person: the mailboxes followed.
func (s *Service) Export(ctx context.Context, person string) (any, error) {
	return store.Select(ctx, s.Store.Reader(), scan, "select "+columns+" from feed_entry where mailbox = lower($1) order by number", person)
}

// Erase forgets the feeds of a person's mailbox; the followers erase what they learned.
func (s *Service) Erase(ctx context.Context, tx *store.Tx, person string) (int64, error) {
	feeds, err := store.Select(ctx, tx, scan, "select "+columns+" from feed_entry where mailbox = lower($1)", person)
	if err != nil {
		return 0, err
	}
	for _, f := range feeds {
		if err := s.end(ctx, tx, f); err != nil {
			return 0, err
		}
	}
	n, err := store.Affected(ctx, tx, "delete from feed_folder where mailbox = lower($1)", person)
	return int64(len(feeds)) + n, err
}
