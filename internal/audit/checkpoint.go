package audit

import (
	"context"
	"crypto/hmac"
	"fmt"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Checkpoint is a signed statement about the chain: up to this entry, with this hash, at this time. Entries below one may be retired.
type Checkpoint struct {
	Number    int64     `json:"number"`
	Entry     int64     `json:"entry"`   // the last one it covers
	Hash      string    `json:"hash"`    // of that entry
	Entries   int64     `json:"entries"` // since the checkpoint before
	At        time.Time `json:"at"`
	Signature string    `json:"signature"`

	before string // signature of the checkpoint before
}

const checkpointColumns = "number, entry, hash, entries, at, before, signature"

func scanCheckpoint(s store.Scanner) (c Checkpoint, err error) {
	var at int64
	err = s.Scan(&c.Number, &c.Entry, &c.Hash, &c.Entries, &at, &c.before, &c.Signature)
	c.At = store.Time(at)
	return c, err
}

func (l *Log) signatureOf(c Checkpoint) string {
	return l.sign("checkpoint", c.Number, c.Entry, c.Hash, c.Entries, store.Millis(c.At), c.before)
}

func (l *Log) genuine(c Checkpoint) bool {
	return hmac.Equal([]byte(c.Signature), []byte(l.signatureOf(c)))
}

// Checkpoints lists them, oldest first.
func (l *Log) Checkpoints(ctx context.Context) ([]Checkpoint, error) {
	return store.Select(ctx, l.Store.Reader(), scanCheckpoint, "select "+checkpointColumns+" from audit_checkpoint order by number")
}

// Checkpoint verifies the record and signs where it stands; without a new entry the last one stands for it.
func (l *Log) Checkpoint(ctx context.Context) (Checkpoint, error) {
	v, err := l.Verify(ctx)
	if err != nil {
		return Checkpoint{}, err
	}
	if !v.OK {
		return Checkpoint{}, &fault.Error{Kind: fault.Conflict, Code: "audit_broken", Message: fmt.Sprintf("The audit record is not whole from entry %d on, and is not signed", v.FirstFault), Cause: v.Fault,
			Fix: "Find out who wrote to the database; compare with a backup or an export: seneschal audit verify", Who: "the operator of this hub"}
	}
	var c Checkpoint
	err = l.Store.InTx(ctx, "audit.checkpoint", func(tx *store.Tx) error {
		h, err := scanHead(tx.QueryRowContext(ctx, "update audit_head set seq = seq where id = $1 returning "+headColumns, headID))
		if err != nil {
			return err
		}
		last, err := scanCheckpoint(tx.QueryRowContext(ctx, "select "+checkpointColumns+" from audit_checkpoint where number = $1", h.checkpoints))
		if err != nil && !store.IsNoRows(err) {
			return err
		}
		if c = last; h.seq == last.Entry {
			return nil
		}
		c = Checkpoint{Number: h.checkpoints + 1, Entry: h.seq, Hash: h.hash, Entries: h.seq - last.Entry, At: store.Time(store.Millis(l.Clock.Now())), before: last.Signature}
		c.Signature = l.signatureOf(c)
		if _, err := tx.ExecContext(ctx, "insert into audit_checkpoint ("+checkpointColumns+") values ($1, $2, $3, $4, $5, $6, $7)",
			c.Number, c.Entry, c.Hash, c.Entries, store.Millis(c.At), c.before, c.Signature); err != nil {
			return err
		}
		after := h
		after.checkpoints = c.Number
		return l.setHead(ctx, tx, h, after)
	})
	return c, err
}

// Retire removes entries older than a time, at most limit of them: those that the newest checkpoint of before then covers. The head says so
// first, in the same transaction, so that what is missing below is known to be missing rightly.
func (l *Log) Retire(ctx context.Context, tx *store.Tx, before time.Time, limit int) (int64, error) {
	h, err := scanHead(tx.QueryRowContext(ctx, "update audit_head set seq = seq where id = $1 returning "+headColumns, headID))
	if err != nil {
		return 0, err
	}
	c, err := scanCheckpoint(tx.QueryRowContext(ctx, "select "+checkpointColumns+" from audit_checkpoint where at < $1 order by number desc limit 1", store.Millis(before)))
	if err != nil && !store.IsNoRows(err) {
		return 0, err
	}
	if err == nil && c.Entry > h.retired {
		if !l.holds(h) || !l.genuine(c) {
			return 0, fmt.Errorf("entries up to %d are not retired: the record's head or checkpoint %d is not the hub's", c.Entry, c.Number)
		}
		after := h
		after.retired = c.Entry
		if err := l.setHead(ctx, tx, h, after); err != nil {
			return 0, err
		}
		h.retired = c.Entry
	}
	n, err := store.Affected(ctx, tx, "delete from audit_entry where seq in (select seq from audit_entry where seq <= $1 order by seq limit $2)", h.retired, limit)
	if err != nil || n == 0 {
		return n, err
	}
	_, err = tx.ExecContext(ctx, "delete from audit_name where not exists (select 1 from audit_entry where actor = pseudonym)")
	return n, err
}
