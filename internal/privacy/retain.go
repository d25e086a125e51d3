package privacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/custody"
	"seneschal/internal/store"
)

// RetainJob is the kind of job that lets data go at their age, once a day.
const RetainJob = "privacy.retain"

const (
	retainEvery = 24 * time.Hour
	pruneBatch  = 1000
)

// Retain signs the audit record where it stands, and has each owner remove what is past its time. What went is an entry in the record, in
// the transaction in which it went. One class that fails does not hold up the others.
func (s *Service) Retain(ctx context.Context, _ string, _ int) (time.Time, error) {
	var failed []error
	c, err := s.Audit.Checkpoint(ctx)
	if err != nil {
		failed = append(failed, fmt.Errorf("the audit record was not signed, and nothing of it retired: %w", err))
	} else {
		// Whoever keeps the log elsewhere can tell from this line that a database was put back to an earlier moment.
		s.Log.InfoContext(ctx, "the audit record is signed", "checkpoint", c.Number, "entry", c.Entry, "hash", c.Hash)
	}
	for _, class := range s.Classes {
		if class.Prune == nil || class.Name == "audit" && err != nil {
			continue
		}
		if err := s.prune(ctx, class); err != nil {
			failed = append(failed, fmt.Errorf("removing old %s: %w", class.Name, err))
		}
	}
	return s.Clock.Now().Add(retainEvery), errors.Join(failed...)
}

func (s *Service) prune(ctx context.Context, class custody.Class) error {
	before := s.Clock.Now()
	if class.Setting != "" {
		keep := s.Keep[class.Setting]
		if keep == 0 {
			return nil // for ever
		}
		before = before.Add(-keep)
	}
	for {
		var n int64
		err := s.Store.InTx(ctx, "privacy.retain", func(tx *store.Tx) (err error) {
			if n, err = class.Prune(ctx, tx, before, pruneBatch); err != nil || n == 0 {
				return err
			}
			return s.Audit.Record(ctx, tx, audit.Entry{Actor: "system:retention", Action: "retention.prune", Target: class.Name, Outcome: "done", Detail: map[string]any{"removed": n, "older_than": before.UTC().Format(time.RFC3339)}})
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

// Kept is a class of data with how long it is kept here.
type Kept struct {
	custody.Class
	For string `json:"kept_for"`
}

// Data lists what the hub keeps.
func (s *Service) Data() []Kept {
	out := make([]Kept, len(s.Classes))
	for i, c := range s.Classes {
		out[i] = Kept{c, c.Ends}
		switch keep := s.Keep[c.Setting]; {
		case c.Setting == "":
		case keep == 0:
			out[i].For = "for ever"
		default:
			out[i].For = fmt.Sprintf("%d days", int(keep.Hours()/24))
		}
	}
	return out
}
