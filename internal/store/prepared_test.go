package store

import (
	"context"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"
)

// Statements that run again and again are compiled once, and go on working whatever happens between.
func TestStatementsAreCompiledOnce(t *testing.T) {
	notes := fstest.MapFS{"migrations/0001_notes.sql": {Data: []byte("-- +goose Up\ncreate table note (id bigint primary key, text text not null);\n")}}
	ForTest(t, []fs.FS{notes}, func(t *testing.T, db *Store) {
		const add, read = "insert into note (id, text) values ($1, $2)", "select text from note where id = $1"
		write := func(id int) error {
			return db.InTx(t.Context(), "test", func(tx *Tx) error {
				_, err := tx.ExecContext(t.Context(), add, id, fmt.Sprint("note ", id))
				return err
			})
		}
		check := func(id int) {
			t.Helper()
			var text string
			if err := db.Reader().QueryRowContext(t.Context(), read, id).Scan(&text); err != nil || text != fmt.Sprint("note ", id) {
				t.Errorf("%d: %q %v", id, text, err)
			}
		}
		for id := range 4 {
			if err := write(id); err != nil {
				t.Fatal(err)
			}
			check(id)
		}
		if db.Engine == SQLite && (db.writing.ready[add] == nil || db.reader.(compiled).ready[read] == nil) {
			t.Error("nothing was compiled")
		}
		if err := write(0); !IsDuplicate(err) {
			t.Errorf("the same again: %v", err)
		}
		if err := db.InTx(t.Context(), "test", func(tx *Tx) error {
			_, err := tx.ExecContext(t.Context(), "alter table note add column more text not null default ''")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := write(4); err != nil {
			t.Errorf("after the table changed: %v", err)
		}
		check(4)
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if err := db.Reader().QueryRowContext(over, read, 1).Scan(new(string)); err == nil {
			t.Error("a context that is over was not heard")
		}
		check(1)
		if db.Engine == SQLite {
			bounded(t, db)
		}
	})
}

// bounded runs more different statements than are kept.
func bounded(t *testing.T, db *Store) {
	t.Helper()
	for n := range 2 * mostStatements {
		for range 2 {
			var got int
			if err := db.Reader().QueryRowContext(t.Context(), fmt.Sprintf("select %d", n)).Scan(&got); err != nil || got != n {
				t.Fatalf("%d: %d %v", n, got, err)
			}
		}
	}
	c := db.reader.(compiled)
	if len(c.ready) > mostStatements || len(c.once) > mostStatements {
		t.Errorf("%d compiled, %d seen once", len(c.ready), len(c.once))
	}
}
