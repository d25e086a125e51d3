package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"seneschal/internal/store"
)

// Query narrows a list of entries; empty fields do not.
type Query struct {
	Before  int64  // only entries before this number
	Actor   string // person:ana, or ana; a pseudonym
	Action  string // mail.message.send, or how it begins: mail
	Target  string
	Outcome string
	Run     string
	Since   time.Time
	Until   time.Time
	Limit   int
}

const (
	nameOf       = "coalesce((select name from audit_name where pseudonym = actor), actor)"
	entryColumns = "seq, at, " + nameOf + ", action, target, outcome, run, request_id, detail, ''"
)

func scanEntry(s store.Scanner) (e Entry, err error) {
	var at int64
	var detail string
	if err = s.Scan(&e.Seq, &at, &e.Actor, &e.Action, &e.Target, &e.Outcome, &e.Run, &e.RequestID, &detail, &e.Hash); err != nil {
		return e, err
	}
	e.At = store.Time(at)
	return e, json.Unmarshal([]byte(detail), &e.Detail)
}

// Find gives the newest entries that the query wants, names filled in where they still exist.
func (l *Log) Find(ctx context.Context, q Query) ([]Entry, error) {
	w := q.where()
	before := q.Before
	if before <= 0 {
		before = newestFirst
	}
	w.add("seq < ?", before)
	w.args = append(w.args, q.Limit)
	return store.Select(ctx, l.Store.Reader(), scanEntry, fmt.Sprintf("select %s from audit_entry where %s order by seq desc limit $%d", entryColumns, w, len(w.args)), w.args...)
}

// conditions are joined by "and"; every ? becomes the next number.
type conditions struct {
	parts []string
	args  []any
}

func (w *conditions) add(text string, args ...any) {
	for _, a := range args {
		w.args = append(w.args, a)
		text = strings.Replace(text, "?", fmt.Sprintf("$%d", len(w.args)), 1)
	}
	w.parts = append(w.parts, text)
}

// String is what stands after "where".
func (w *conditions) String() string { return strings.Join(w.parts, " and ") }

func (q Query) where() *conditions {
	w := &conditions{}
	w.add("seq > (select retired from audit_head)")
	if q.Actor != "" {
		kind, name := "%:", q.Actor
		w.add("(actor = ? or actor in (select pseudonym from audit_name where name = ? or name like ? escape '\\'))", name, name, kind+escaped(name))
	}
	if q.Action != "" {
		w.add("(action = ? or action like ? escape '\\')", q.Action, escaped(strings.TrimSuffix(q.Action, "."))+".%")
	}
	for column, value := range map[string]string{"target": q.Target, "outcome": q.Outcome, "run": q.Run} {
		if value != "" {
			w.add(column+" = ?", value)
		}
	}
	if !q.Since.IsZero() {
		w.add("at >= ?", store.Millis(q.Since))
	}
	if !q.Until.IsZero() {
		w.add("at < ?", store.Millis(q.Until))
	}
	return w
}

// escaped is a text in which "like" finds nothing but itself.
func escaped(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}
