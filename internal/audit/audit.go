package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// Migrations are the chain's tables.
//
//go:embed migrations
var Migrations embed.FS

// Entry is one thing done. It never holds a secret or a body: a body is named by its digest.
type Entry struct {
	Seq       int64          `json:"seq"`
	At        time.Time      `json:"at"`
	Actor     string         `json:"actor"`  // local:root, person:…, apikey:…, system:…; a pseudonym once the name is erased
	Action    string         `json:"action"` // mail.message.send, connection.rotate
	Target    string         `json:"target"` // connection or object, by id
	Outcome   string         `json:"outcome"`
	Run       string         `json:"run,omitempty"`
	RequestID string         `json:"request_id,omitempty"` // Microsoft's
	Detail    map[string]any `json:"detail,omitempty"`
	Hash      string         `json:"hash,omitempty"` // in exports: of this entry and the hash before
}

// Log appends and reads.
type Log struct {
	Store *store.Store
	Clock clock.Clock
	Key   vault.Secret // signs head and checkpoints
}

// Record appends an entry in the caller's transaction; what it records and the record commit together.
func (l *Log) Record(ctx context.Context, tx *store.Tx, e Entry) error {
	detail := "{}"
	if len(e.Detail) > 0 {
		text, err := json.Marshal(e.Detail)
		if err != nil {
			return err
		}
		detail = string(text)
	}
	// The update locks the head until commit, so that two writers cannot chain to the same entry, and no name goes while it is being used.
	before, err := scanHead(tx.QueryRowContext(ctx, "update audit_head set seq = seq where id = $1 returning "+headColumns, headID))
	if err != nil {
		return fmt.Errorf("recording %s: %w", e.Action, err)
	}
	actor, err := pseudonym(ctx, tx, e.Actor)
	if err != nil {
		return fmt.Errorf("recording %s: %w", e.Action, err)
	}
	row := link{seq: before.seq + 1, at: store.Millis(l.Clock.Now()), actor: actor, action: e.Action, target: e.Target, outcome: e.Outcome, run: e.Run, requestID: e.RequestID, detail: detail}
	after := before
	after.seq, after.hash = row.seq, row.hash(before.hash)
	if _, err := tx.ExecContext(ctx, `insert into audit_entry (seq, at, actor, action, target, outcome, run, request_id, detail, hash)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		row.seq, row.at, row.actor, row.action, row.target, row.outcome, row.run, row.requestID, row.detail, after.hash); err != nil {
		return fmt.Errorf("recording %s: %w", e.Action, err)
	}
	return l.setHead(ctx, tx, before, after)
}

// Note records an entry by itself, where nothing else is committed with it.
func (l *Log) Note(ctx context.Context, e Entry) error {
	return l.Store.InTx(ctx, "audit.note", func(tx *store.Tx) error { return l.Record(ctx, tx, e) })
}

func pseudonym(ctx context.Context, tx *store.Tx, name string) (string, error) {
	if _, err := tx.ExecContext(ctx, "insert into audit_name (pseudonym, name) values ($1, $2) on conflict (name) do nothing", "p-"+rand.Text()[:16], name); err != nil {
		return "", err
	}
	var p string
	return p, tx.QueryRowContext(ctx, "select pseudonym from audit_name where name = $1", name).Scan(&p)
}

// link is an entry as the chain sees it.
type link struct {
	seq, at                                                int64
	actor, action, target, outcome, run, requestID, detail string
}

// hash covers every column and the hash before; JSON separates the fields so that no two rows read the same.
func (k link) hash(prev string) string {
	text, _ := json.Marshal([]any{prev, k.seq, k.at, k.actor, k.action, k.target, k.outcome, k.run, k.requestID, k.detail}) // strings and numbers always encode
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Export gives what the chain holds of a person.
func (l *Log) Export(ctx context.Context, person string) (any, error) {
	return store.Select(ctx, l.Store.Reader(), func(s store.Scanner) (m map[string]any, err error) {
		var seq, at int64
		var action, target string
		err = s.Scan(&seq, &at, &action, &target)
		return map[string]any{"seq": seq, "at": store.Time(at), "action": action, "target": target}, err
	}, "select seq, at, action, target from audit_entry where actor in (select pseudonym from audit_name where name = $1) order by seq", person)
}

// Erase forgets the person's name; the chain keeps the pseudonym and stays whole.
func (l *Log) Erase(ctx context.Context, tx *store.Tx, person string) (int64, error) {
	return store.Affected(ctx, tx, "delete from audit_name where name = $1 or (name like 'microsoft:%' and lower(name) = lower($2))", person, person)
}
