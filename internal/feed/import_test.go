package feed

import (
	"context"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/store"
)

// Each row sets feeds up as a first import leaves them at some moment, and says what is told of its progress and end.
func TestTheEndOfAnImportIsForeseen(t *testing.T) {
	const minute = time.Minute
	for _, tt := range []struct {
		name     string
		feeds    []importing
		after    time.Duration
		read     int64
		expected int64
		left     time.Duration // -1: cannot be foreseen
		none     bool
	}{
		{"nothing is followed", nil, minute, 0, 0, 0, true},
		{"everything is read", []importing{{Mail, Live, 100, 100}}, minute, 0, 0, 0, true},
		{"a quarter is read", []importing{{Mail, Backfill, 100, 400}}, minute, 100, 400, 3 * minute, false},
		{"one folder is done, one not begun", []importing{{Mail, Live, 300, 300}, {Mail, New, 0, 300}}, minute, 300, 600, minute, false},
		{"more came than was counted", []importing{{Mail, Backfill, 500, 400}}, minute, 500, 500, 0, false},
		{"nothing is read yet", []importing{{Mail, New, 0, 400}}, minute, 0, 400, -1, false},
		{"it has only just begun", []importing{{Mail, Backfill, 100, 400}}, time.Second, 100, 400, -1, false},
		{"a mailbox has not told its folders", []importing{{Mail, Backfill, 100, 400}, {Folders, New, 0, 0}}, minute, 100, 400, -1, false},
		{"one waits for somebody", []importing{{Mail, Backfill, 100, 400}, {Mail, Waiting, 10, 5000}}, minute, 100, 400, 3 * minute, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store.ForTest(t, []fs.FS{Migrations}, func(t *testing.T, db *store.Store) {
				now := clock.NewAdjustable()
				s := &Service{Store: db, Clock: now, Jobs: diary{map[string]time.Time{}}}
				err := db.InTx(t.Context(), "test", func(tx *store.Tx) error { return set(t.Context(), s, tx, tt.feeds) })
				if err != nil {
					t.Fatal(err)
				}
				now.Advance(tt.after)
				sum, err := s.Summary(t.Context(), "")
				if err != nil || tt.none != (sum.Import == nil) {
					t.Fatalf("%+v %v", sum, err)
				}
				if tt.none {
					return
				}
				i := *sum.Import
				if i.Read != tt.read || i.Expected != tt.expected || (tt.left < 0) != i.EndsAbout.IsZero() {
					t.Errorf("%+v", i)
				}
				if left := i.EndsAbout.Sub(now.Now()); tt.left >= 0 && (left-tt.left).Abs() > time.Second {
					t.Errorf("%v left, want %v", left, tt.left)
				}
			})
		})
	}
}

type importing struct {
	kind           Kind
	state          State
	read, expected int64
}

func set(ctx context.Context, s *Service, tx *store.Tx, feeds []importing) error {
	for n, i := range feeds {
		if err := s.begin(ctx, tx, Feed{Connection: "c", Kind: i.kind, Mailbox: "ada@contoso.example", Resource: fmt.Sprint("folder ", n), Purpose: connection.ForTimeline, Expected: i.expected}); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "update feed_entry set state = $1, entries_read = $2, read_at = $3 where resource = $4",
			string(i.state), i.read, store.Millis(s.Clock.Now().Add(30*time.Second)), fmt.Sprint("folder ", n)); err != nil {
			return err
		}
	}
	return nil
}
