package store

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
)

func owner(name, text string) fs.FS {
	return fstest.MapFS{"migrations/" + name: {Data: []byte("-- +goose Up\n" + text)}}
}

var notes = owner("0001_note.sql", "create table note_entry (id text primary key, at bigint not null, body bytea);\n")

func TestTransactions(t *testing.T) {
	var points []string
	hook := clock.Hook(func(p clock.Point, detail string) { points = append(points, string(p)+" "+detail) })
	ForTestHooked(t, []fs.FS{notes}, hook, func(t *testing.T, s *Store) {
		ctx := t.Context()
		points = nil
		insert := func(id string) func(*Tx) error {
			return func(tx *Tx) error {
				_, err := tx.ExecContext(ctx, "insert into note_entry (id, at, body) values ($1, $2, $3)", id, 5, []byte{0, 1})
				return err
			}
		}
		told := false
		err := s.InTx(ctx, "note", func(tx *Tx) error {
			tx.AfterCommit(func() { told = true })
			return insert("a")(tx)
		})
		if err != nil || !told {
			t.Fatalf("commit: %v, told %v", err, told)
		}
		if want := []string{"store.commit.before note", "store.commit.after note"}; !slices.Equal(points, want) {
			t.Errorf("crash points: got %v, want %v", points, want)
		}
		if err := s.InTx(ctx, "again", insert("a")); !IsDuplicate(err) {
			t.Errorf("second insert of a key: got %v, want a duplicate", err)
		}
		stop := errors.New("stop")
		err = s.InTx(ctx, "rolled back", func(tx *Tx) error {
			tx.AfterCommit(func() { t.Error("a rolled back transaction told its listeners") })
			return errors.Join(insert("b")(tx), stop)
		})
		if !errors.Is(err, stop) {
			t.Errorf("got %v, want the function's own error", err)
		}
		ids, err := Select(ctx, s.Reader(), func(r Scanner) (id string, err error) { return id, r.Scan(&id) }, "select id from note_entry order by id")
		if err != nil || !slices.Equal(ids, []string{"a"}) {
			t.Errorf("rows: got %v %v, want [a]", ids, err)
		}
		cancelled, cancel := context.WithCancel(ctx)
		err = s.InTx(cancelled, "cancelled", func(tx *Tx) error { cancel(); return context.Canceled })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		if err := s.InTx(ctx, "after a cancelled one", insert("c")); err != nil {
			t.Errorf("the connection did not come back clean: %v", err)
		}
	})
}

func TestMigrations(t *testing.T) {
	second := owner("0002_more.sql", "alter table note_entry add column mark text;\n")
	ForTest(t, nil, func(t *testing.T, s *Store) {
		ctx := t.Context()
		if err := s.Migrate(ctx, notes); err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(ctx, notes, second); err != nil {
			t.Fatalf("a newer program migrates: %v", err)
		}
		if err := s.Migrate(ctx, notes, second); err != nil {
			t.Fatalf("nothing to do: %v", err)
		}
		if err := s.Migrate(ctx, notes); fault.CodeOf(err) != "database_newer" {
			t.Errorf("an older program: got %v, want database_newer", err)
		}
		if err := s.Migrate(ctx, notes, owner("0001_other.sql", "")); err == nil {
			t.Error("a number used twice must be refused")
		}
	})
}

func TestOpenRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, u := range []string{"", "mysql://x", "file", "postgres"} {
		if _, err := Open(t.Context(), u, nil); fault.CodeOf(err) != "database_url" {
			t.Errorf("%q: got %v, want database_url", u, err)
		}
	}
	if _, err := Open(t.Context(), "postgres://u:secretword@127.0.0.1:1/x", nil); fault.CodeOf(err) != "database_unreachable" {
		t.Errorf("got %v, want database_unreachable", err)
	} else if text := err.Error(); strings.Contains(text, "secretword") {
		t.Errorf("the password stands in the error: %s", text)
	}
}
