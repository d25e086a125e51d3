package audit

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/store"
)

// Format is how an export is written.
type Format string

// The formats.
const (
	JSONL Format = "jsonl" // one entry a line
	CSV   Format = "csv"
)

const exportPage = 500

// Copy writes the entries that the query wants, oldest first, and counts them. It reads page by page: the record may be long, and whoever
// takes it slow. Without names the actors are the chain's pseudonyms, and each hash can be computed from the line and the one before.
func (l *Log) Copy(ctx context.Context, out io.Writer, f Format, q Query, pseudonyms bool) (int64, error) {
	write := lineWriter(out)
	if f == CSV {
		var err error
		if write, err = rowWriter(out); err != nil {
			return 0, err
		}
	}
	columns := strings.Replace(entryColumns, "''", "hash", 1)
	if pseudonyms {
		columns = strings.Replace(columns, nameOf, "actor", 1)
	}
	n, last := int64(0), int64(0)
	for {
		w := q.where()
		w.And("seq > ?", last)
		limit := w.Add(exportPage)
		page, err := store.Select(ctx, l.Store.Reader(), scanEntry, "select "+columns+" from audit_entry where "+w.String()+" order by seq limit "+limit, w.Args...)
		if err != nil {
			return n, err
		}
		for _, e := range page {
			if err := write(e); err != nil {
				return n, err
			}
			last = e.Seq
			n++
		}
		if len(page) < exportPage {
			return n, nil
		}
	}
}

func lineWriter(out io.Writer) func(Entry) error {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	return func(e Entry) error { return lines.Encode(e) }
}

// rowWriter writes CSV. A cell that a spreadsheet would take for a formula is made a text: names come from outside.
func rowWriter(out io.Writer) (func(Entry) error, error) {
	rows := csv.NewWriter(out)
	if err := rows.Write([]string{"seq", "at", "actor", "action", "target", "outcome", "run", "request_id", "detail", "hash"}); err != nil {
		return nil, err
	}
	return func(e Entry) error {
		detail, err := json.Marshal(e.Detail)
		if err != nil {
			return err
		}
		cells := []string{strconv.FormatInt(e.Seq, 10), e.At.Format(time.RFC3339Nano), e.Actor, e.Action, e.Target, e.Outcome, e.Run, e.RequestID, string(detail), e.Hash}
		for i, c := range cells {
			if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
				cells[i] = "'" + c
			}
		}
		if err := rows.Write(cells); err != nil {
			return err
		}
		rows.Flush()
		return rows.Error()
	}, nil
}
