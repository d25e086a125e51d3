package audit

import (
	"context"
	"fmt"

	"seneschal/internal/store"
)

// Verdict is the result of Verify.
type Verdict struct {
	OK          bool   `json:"ok"`
	Checked     int64  `json:"checked"`
	FirstFault  int64  `json:"first_fault,omitempty"` // sequence number of the first entry that is changed, missing or out of place, or not proven
	Fault       string `json:"fault,omitempty"`
	From        int64  `json:"from"`        // the first entry there is; those before were retired below a checkpoint
	Checkpoints int64  `json:"checkpoints"` // signed, and all of them genuine where ok
}

const verifyTries = 3

// Verify walks the whole chain from where it was retired to, past every checkpoint, to its sealed head.
func (l *Log) Verify(ctx context.Context) (Verdict, error) {
	for try := 1; ; try++ {
		before, err := l.readHead(ctx)
		if err != nil {
			return Verdict{}, err
		}
		v, err := l.verify(ctx, before)
		if err != nil || v.OK || try == verifyTries {
			return v, err
		}
		after, err := l.readHead(ctx)
		if err != nil || after.retired == before.retired && after.checkpoints == before.checkpoints {
			return v, err
		}
		// The retention worked on it meanwhile: what looked like a fault may be none.
	}
}

func (l *Log) readHead(ctx context.Context) (head, error) {
	return scanHead(l.Store.Reader().QueryRowContext(ctx, "select "+headColumns+" from audit_head where id = $1", headID))
}

func (l *Log) verify(ctx context.Context, h head) (Verdict, error) {
	points, err := l.Checkpoints(ctx)
	if err != nil {
		return Verdict{}, err
	}
	trusted, wrong := l.trust(h, points)
	v := Verdict{From: h.retired + 1, Checkpoints: int64(len(trusted))}
	if err := l.walk(ctx, h, trusted, &v); err != nil || v.FirstFault > 0 {
		return v, err
	}
	proven := h.retired
	if n := len(trusted); n > 0 {
		proven = max(proven, trusted[n-1].Entry)
	}
	switch {
	case wrong != "":
		v.FirstFault, v.Fault = proven+1, wrong
	case !l.holds(h):
		v.FirstFault, v.Fault = proven+1, "the head was written by somebody else than the hub; what follows the last checkpoint is not proven"
	default:
		v.OK = true
	}
	return v, nil
}

// trust gives the checkpoints up to the first that is missing or not ours, and says what is wrong with it.
func (l *Log) trust(h head, points []Checkpoint) ([]Checkpoint, string) {
	before := ""
	for i, c := range points {
		n := int64(i) + 1
		switch {
		case c.Number != n && n <= h.checkpoints:
			return points[:i], fmt.Sprintf("checkpoint %d is missing", n)
		case !l.genuine(c) || c.before != before || c.Number > h.checkpoints:
			return points[:i], fmt.Sprintf("checkpoint %d was not signed by this hub", c.Number)
		}
		before = c.Signature
	}
	if n := int64(len(points)); n < h.checkpoints {
		return points, fmt.Sprintf("checkpoint %d is missing", n+1)
	}
	return points, ""
}

// walk checks each entry against the one before, and against the checkpoint that covers it.
func (l *Log) walk(ctx context.Context, h head, trusted []Checkpoint, v *Verdict) error {
	prev, proven, signed := "", int64(0), map[int64]string{}
	for _, c := range trusted {
		signed[c.Entry] = c.Hash
	}
	if h.retired > 0 {
		if prev = signed[h.retired]; prev == "" {
			v.FirstFault, v.Fault = h.retired+1, fmt.Sprintf("entries up to %d are gone, and no genuine checkpoint covers them", h.retired)
			return nil
		}
		proven = h.retired
	}
	rows, err := l.Store.Reader().QueryContext(ctx, `select seq, at, actor, action, target, outcome, run, request_id, detail, hash
		from audit_entry where seq > $1 and seq <= $2 order by seq`, h.retired, h.seq)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	at := h.retired
	for rows.Next() {
		var k link
		var hash string
		if err := rows.Scan(&k.seq, &k.at, &k.actor, &k.action, &k.target, &k.outcome, &k.run, &k.requestID, &k.detail, &hash); err != nil {
			return err
		}
		if k.seq != at+1 || k.hash(prev) != hash {
			v.FirstFault, v.Fault = at+1, fmt.Sprintf("entry %d was changed, removed or put in", at+1)
			return rows.Err()
		}
		if want, ok := signed[k.seq]; ok {
			if want != hash {
				v.FirstFault, v.Fault = proven+1, fmt.Sprintf("entries %d to %d were written anew: they are not what was signed", proven+1, k.seq)
				return rows.Err()
			}
			proven = k.seq
		}
		at, prev = k.seq, hash
		v.Checked++
	}
	if at != h.seq || prev != h.hash {
		v.FirstFault, v.Fault = at+1, fmt.Sprintf("entry %d was removed, or is not the one the record ended with", at+1)
	}
	return rows.Err()
}

// newestFirst is how far back nobody looks.
const newestFirst = int64(1) << 62

// List gives the newest entries before a sequence number (0: from the newest), names filled in where they still exist.
func (l *Log) List(ctx context.Context, before int64, limit int) ([]Entry, error) {
	return l.Find(ctx, Query{Before: before, Limit: limit})
}

// OfRun gives the entries of one run, oldest first.
func (l *Log) OfRun(ctx context.Context, run string) ([]Entry, error) {
	return store.Select(ctx, l.Store.Reader(), scanEntry, "select "+entryColumns+" from audit_entry where run = $1 order by seq limit 1000", run)
}
