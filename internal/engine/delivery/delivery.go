package delivery

import (
	"context"
	"embed"
	"encoding/json"
	"log/slog"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/engine/delivery/document"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// Migrations are the tables of deliveries.
//
//go:embed migrations
var Migrations embed.FS

// Engine takes mail and delivers it.
type Engine struct {
	Store       *store.Store
	Vault       *vault.Vault
	Clock       clock.Clock
	Log         *slog.Logger
	Audit       *audit.Log
	Events      *event.Log
	Connections *connection.Service
	Runner      *action.Runner
	Jobs        Scheduler
	Limits      Limits
	Templates   *document.Set
}

// Scheduler is what deliveries need of jobs.
type Scheduler interface {
	connection.Scheduler
	ScheduleBy(ctx context.Context, tx *store.Tx, kind, id string, by time.Time) error
}

// Limits are what a mailbox may send, by Exchange Online's published limits: settings, as tenants have others.
type Limits struct {
	PerMinute  int // mails
	PerDay     int // recipients
	Recipients int // of one mail
}

// State is where a delivery stands.
type State string

// The states.
const (
	Queued    State = "queued"    // waits for its time and its mailbox's pace
	Sending   State = "sending"   // it is being handed to Microsoft
	Sent      State = "sent"      // verified: seen in Sent Items; send-only: Microsoft said that it took it
	Unsure    State = "unsure"    // it may have left, and is not sent again unless that is ruled out
	Failed    State = "failed"    // it did not leave, or a person gave an unsure one up; it does not leave by itself
	Cancelled State = "cancelled" // taken back before it left
	Bounced   State = "bounced"   // sent, and reported as not delivered to somebody
)

func states() []State { return []State{Queued, Sending, Sent, Unsure, Failed, Cancelled, Bounced} }

// Mode is how sure a connection's permissions let us be.
type Mode string

// The modes.
const (
	Verified Mode = "verified"  // through a draft that is looked for in Sent Items: exactly once
	SendOnly Mode = "send_only" // nothing but Mail.Send: at most once, and nobody can look
)

// Delivery is one mail on its way, as it may be shown. Its letter is not among it.
type Delivery struct {
	ID                string         `json:"id"`
	State             State          `json:"state" enum:"queued,sending,sent,unsure,failed,cancelled,bounced" doc:"Where it stands"`
	Mode              Mode           `json:"mode" enum:"verified,send_only" doc:"verified: seen in Sent Items before it counts as sent, exactly once; send_only: the connection may do no more, at most once"`
	Connection        string         `json:"connection" doc:"Id of the connection it goes through"`
	Mailbox           string         `json:"mailbox" doc:"The mailbox it is sent from"`
	Head              Head           `json:"head" doc:"What stands on the envelope"`
	Key               string         `json:"idempotency_key"`
	Caller            string         `json:"caller,omitempty" doc:"Who asked for it"`
	CreatedAt         time.Time      `json:"created_at"`
	SendAt            time.Time      `json:"send_at,omitzero" doc:"Not before then"`
	ExpectedAt        time.Time      `json:"expected_at,omitzero" doc:"Of a queued one: when it leaves, by the mailbox's pace"`
	StartedAt         time.Time      `json:"started_at,omitzero" doc:"When it was last handed to Microsoft; none where nothing left"`
	ChangedAt         time.Time      `json:"changed_at" doc:"Since when it stands there"`
	SentAt            time.Time      `json:"sent_at,omitzero" doc:"When it was seen in Sent Items, or Microsoft said that it took it"`
	MessageID         string         `json:"message_id,omitempty" doc:"Microsoft's id of the mail in the mailbox"`
	InternetMessageID string         `json:"internet_message_id,omitempty" doc:"The Message-ID that recipients see"`
	Run               string         `json:"run,omitempty" doc:"The run in the ledger of effects"`
	RequestID         string         `json:"request_id,omitempty" doc:"Microsoft's, of the last answer about it"`
	Problem           *fault.Problem `json:"problem,omitempty" doc:"Why it waits, is unsure or failed, and what helps"`

	mailboxID    string // the directory's, of one that is being taken in
	digest       string
	round, tries int
	size         int64
	recipients   int
	slotAt       time.Time // its place in the mailbox's pace
	waitsUntil   time.Time // of one without a place: what it waits for is its own
	acceptedAt   time.Time // when Microsoft said that it took it
	headSealed   []byte
}

// Head is what stands on the envelope.
type Head struct {
	To      []string `json:"to,omitempty"`
	Cc      []string `json:"cc,omitempty"`
	Bcc     []string `json:"bcc,omitempty"`
	Subject string   `json:"subject"`
	Files   []File   `json:"files,omitempty"`
}

// File is one attachment.
type File struct {
	Name        string `json:"name"`
	ContentType string `json:"content_type,omitempty"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256"`
	ContentID   string `json:"content_id,omitempty" doc:"What the HTML's cid: says for it: it is shown there"`
}

// Step is one change of a delivery's state.
type Step struct {
	At    time.Time `json:"at"`
	State State     `json:"state"`
	Code  string    `json:"code,omitempty" doc:"The problem's code"`
	Note  string    `json:"note,omitempty"`
	By    string    `json:"by,omitempty" doc:"Who changed it, where it was a person or program"`
}

const columns = `id, connection, mailbox, idempotency, digest, caller, state, mode, round, tries, size, recipients, head_sealed, created_at, send_at, slot_at, started_at,
	changed_at, sent_at, message_id, internet_message_id, run, request_id, problem, waits_until, accepted_at`

func scan(s store.Scanner) (d Delivery, err error) {
	var created, sendAt, slot, started, changed, sent, waits, accepted int64
	var problem string
	err = s.Scan(&d.ID, &d.Connection, &d.Mailbox, &d.Key, &d.digest, &d.Caller, &d.State, &d.Mode, &d.round, &d.tries, &d.size, &d.recipients, &d.headSealed, &created, &sendAt, &slot, &started,
		&changed, &sent, &d.MessageID, &d.InternetMessageID, &d.Run, &d.RequestID, &problem, &waits, &accepted)
	if err != nil {
		return d, err
	}
	d.CreatedAt, d.SendAt, d.slotAt, d.StartedAt, d.ChangedAt, d.SentAt = store.Time(created), store.Time(sendAt), store.Time(slot), store.Time(started), store.Time(changed), store.Time(sent)
	d.waitsUntil, d.acceptedAt = store.Time(waits), store.Time(accepted)
	if problem != "" {
		d.Problem = &fault.Problem{}
		err = json.Unmarshal([]byte(problem), d.Problem)
	}
	return d, err
}
