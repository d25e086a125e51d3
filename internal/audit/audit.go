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
}

// Log appends and reads.
type Log struct {
	Store *store.Store
	Clock clock.Clock
}

const headID = 1

// Record appends an entry in the caller's transaction; what it records and the record commit together.
func (l *Log) Record(ctx context.Context, tx *store.Tx, e Entry) error {
	actor, err := pseudonym(ctx, tx, e.Actor)
	if err != nil {
		return fmt.Errorf("recording %s: %w", e.Action, err)
	}
	detail := "{}"
	if len(e.Detail) > 0 {
		text, err := json.Marshal(e.Detail)
		if err != nil {
			return err
		}
		detail = string(text)
	}
	// The update locks the head until commit, so that two writers cannot chain to the same entry.
	var prev string
	if err := tx.QueryRowContext(ctx, "update audit_head set seq = seq + 1 where id = $1 returning seq, hash", headID).Scan(&e.Seq, &prev); err != nil {
		return fmt.Errorf("recording %s: %w", e.Action, err)
	}
	row := link{seq: e.Seq, at: store.Millis(l.Clock.Now()), actor: actor, action: e.Action, target: e.Target, outcome: e.Outcome, run: e.Run, requestID: e.RequestID, detail: detail}
	hash := row.hash(prev)
	if _, err := tx.ExecContext(ctx, `insert into audit_entry (seq, at, actor, action, target, outcome, run, request_id, detail, hash)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		row.seq, row.at, row.actor, row.action, row.target, row.outcome, row.run, row.requestID, row.detail, hash); err != nil {
		return fmt.Errorf("recording %s: %w", e.Action, err)
	}
	_, err = tx.ExecContext(ctx, "update audit_head set hash = $1 where id = $2", hash, headID)
	return err
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

// Verdict is the result of Verify.
type Verdict struct {
	OK         bool  `json:"ok"`
	Checked    int64 `json:"checked"`
	FirstFault int64 `json:"first_fault,omitempty"` // sequence number of the first entry that is changed, missing or out of place
}

// Verify walks the whole chain.
func (l *Log) Verify(ctx context.Context) (Verdict, error) {
	var headSeq int64
	var headHash string
	if err := l.Store.Reader().QueryRowContext(ctx, "select seq, hash from audit_head where id = $1", headID).Scan(&headSeq, &headHash); err != nil {
		return Verdict{}, err
	}
	rows, err := l.Store.Reader().QueryContext(ctx, `select seq, at, actor, action, target, outcome, run, request_id, detail, hash
		from audit_entry where seq <= $1 order by seq`, headSeq)
	if err != nil {
		return Verdict{}, err
	}
	defer func() { _ = rows.Close() }()
	v, prev := Verdict{}, ""
	for rows.Next() {
		var k link
		var hash string
		if err := rows.Scan(&k.seq, &k.at, &k.actor, &k.action, &k.target, &k.outcome, &k.run, &k.requestID, &k.detail, &hash); err != nil {
			return v, err
		}
		if k.seq != v.Checked+1 || k.hash(prev) != hash {
			v.FirstFault = v.Checked + 1
			return v, nil
		}
		v.Checked, prev = k.seq, hash
	}
	if v.Checked != headSeq || prev != headHash {
		v.FirstFault = v.Checked + 1
		return v, rows.Err()
	}
	v.OK = true
	return v, rows.Err()
}

// List gives the newest entries before a sequence number (0: from the newest), names filled in where they still exist.
func (l *Log) List(ctx context.Context, before int64, limit int) ([]Entry, error) {
	if before <= 0 {
		before = 1 << 62
	}
	return l.entries(ctx, "where seq < $1 order by seq desc limit $2", before, limit)
}

func (l *Log) entries(ctx context.Context, where string, args ...any) ([]Entry, error) {
	return store.Select(ctx, l.Store.Reader(), func(s store.Scanner) (e Entry, err error) {
		var at int64
		var detail string
		if err = s.Scan(&e.Seq, &at, &e.Actor, &e.Action, &e.Target, &e.Outcome, &e.Run, &e.RequestID, &detail); err != nil {
			return e, err
		}
		e.At = store.Time(at)
		return e, json.Unmarshal([]byte(detail), &e.Detail)
	}, `select seq, at, coalesce((select name from audit_name where pseudonym = actor), actor), action, target, outcome, run, request_id, detail
		from audit_entry `+where, args...)
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
func (l *Log) Erase(ctx context.Context, tx *store.Tx, person string) error {
	_, err := tx.ExecContext(ctx, "delete from audit_name where name = $1", person)
	return err
}

// OfRun gives the entries of one run, oldest first.
func (l *Log) OfRun(ctx context.Context, run string) ([]Entry, error) {
	return l.entries(ctx, "where run = $1 order by seq limit $2", run, 1000)
}
