package audit

import (
	"context"
	"encoding/json"
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
	w.And("seq < ?", before)
	limit := w.Add(q.Limit)
	return store.Select(ctx, l.Store.Reader(), scanEntry, "select "+entryColumns+" from audit_entry where "+w.String()+" order by seq desc limit "+limit, w.Args...)
}

func (q Query) where() *store.Where {
	w := &store.Where{}
	w.And("seq > (select retired from audit_head)")
	if q.Actor != "" {
		kind, name := "%:", q.Actor
		w.And("(actor = ? or actor in (select pseudonym from audit_name where name = ? or name like ? escape '\\'))", name, name, kind+escaped(name))
	}
	if q.Action != "" {
		w.And("(action = ? or action like ? escape '\\')", q.Action, escaped(strings.TrimSuffix(q.Action, "."))+".%")
	}
	for column, value := range map[string]string{"target": q.Target, "outcome": q.Outcome, "run": q.Run} {
		if value != "" {
			w.And(column+" = ?", value)
		}
	}
	if !q.Since.IsZero() {
		w.And("at >= ?", store.Millis(q.Since))
	}
	if !q.Until.IsZero() {
		w.And("at < ?", store.Millis(q.Until))
	}
	return w
}

// escaped is a text in which "like" finds nothing but itself.
func escaped(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}
