package store

import (
	"bufio"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"seneschal/internal/fault"
)

const backupFormat = "seneschal backup 1"

// backupHead is the first line of a backup.
type backupHead struct {
	Format string    `json:"format"`
	Engine Engine    `json:"engine"`
	Schema int64     `json:"schema"`
	At     time.Time `json:"at"`
}

// backupRow is every further line. Bytes stand as {"b64": …}.
type backupRow struct {
	Table string         `json:"t"`
	Row   map[string]any `json:"r"`
}

// Backup writes every row of ours as gzipped JSON lines, from one moment, while the hub runs. Secrets stay sealed in it; the master key
// is not part of it. River's tables are left out: they hold pointers to rows alone.
func (s *Store) Backup(ctx context.Context, w io.Writer, at time.Time) (rows int, err error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: s.snapshot()})
	if err != nil {
		return 0, fmt.Errorf("beginning the backup: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	schema, tables, err := s.describe(ctx, tx)
	if err != nil {
		return 0, err
	}
	zip := gzip.NewWriter(w)
	out := json.NewEncoder(zip)
	if err := out.Encode(backupHead{backupFormat, s.Engine, schema, at}); err != nil {
		return 0, err
	}
	for _, t := range tables {
		n, err := dump(ctx, tx, t, out)
		if err != nil {
			return rows, fmt.Errorf("backing up %s: %w", t, err)
		}
		rows += n
	}
	return rows, zip.Close()
}

// snapshot is the isolation under which all tables are read as of one moment. SQLite's readers have it anyway.
func (s *Store) snapshot() sql.IsolationLevel {
	if s.Engine == Postgres {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault
}

// describe lists our tables in the order they were made, so that a row's parent comes before it.
func (s *Store) describe(ctx context.Context, q Querier) (schema int64, tables []string, err error) {
	list := "select name from sqlite_master where type = 'table' order by rowid"
	if s.Engine == Postgres {
		list = "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and n.nspname = current_schema() order by c.oid"
	}
	all, err := Select(ctx, q, func(r Scanner) (t string, err error) { return t, r.Scan(&t) }, list)
	if err != nil {
		return 0, nil, err
	}
	for _, t := range all {
		if !strings.HasPrefix(t, "river_") && !strings.HasPrefix(t, "sqlite_") && t != "store_version" {
			tables = append(tables, t)
		}
	}
	err = q.QueryRowContext(ctx, "select coalesce(max(version_id), 0) from store_version").Scan(&schema)
	return schema, tables, err
}

func dump(ctx context.Context, q Querier, table string, out *json.Encoder) (int, error) {
	rows, err := q.QueryContext(ctx, "select * from "+table)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	n := 0
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return n, err
		}
		row := make(map[string]any, len(columns))
		for i, c := range columns {
			row[c] = plain(values[i])
		}
		if err := out.Encode(backupRow{table, row}); err != nil {
			return n, err
		}
		n++
	}
	return n, rows.Err()
}

func plain(v any) any {
	if b, ok := v.([]byte); ok {
		return map[string]string{"b64": base64.StdEncoding.EncodeToString(b)}
	}
	return v
}

// Restore fills a fresh database, migrated to at least the backup's schema, from a backup of either engine. All or nothing.
func (s *Store) Restore(ctx context.Context, r io.Reader) (rows int, err error) {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return 0, notABackup(err)
	}
	lines := json.NewDecoder(bufio.NewReaderSize(zip, 1<<20))
	lines.UseNumber() // 64-bit numbers keep their last digits
	var head backupHead
	if err := lines.Decode(&head); err != nil || head.Format != backupFormat {
		return 0, notABackup(err)
	}
	err = s.InTx(ctx, "store.restore", func(tx *Tx) error {
		schema, tables, err := s.describe(ctx, tx)
		if err != nil {
			return err
		}
		if head.Schema > schema {
			return &fault.Error{Kind: fault.Conflict, Code: "backup_newer", Message: fmt.Sprintf("The backup has schema %d, this program knows %d", head.Schema, schema),
				Fix: "Restore it with the program that made it, or a newer one", Who: "the operator of this hub"}
		}
		if err := s.mustBeFresh(ctx, tx); err != nil {
			return err
		}
		for i := len(tables) - 1; i >= 0; i-- { // rows that migrations made would stand in the way
			if _, err := tx.ExecContext(ctx, "delete from "+tables[i]); err != nil {
				return err
			}
		}
		rows, err = load(ctx, tx, tables, lines)
		return err
	})
	return rows, err
}

// mustBeFresh refuses a database in which somebody has worked.
func (s *Store) mustBeFresh(ctx context.Context, tx *Tx) error {
	var seq int64
	if err := tx.QueryRowContext(ctx, "select seq from audit_head").Scan(&seq); err != nil {
		return err
	}
	if seq > 0 {
		return &fault.Error{Kind: fault.Conflict, Code: "database_in_use", Message: "The database is not empty", Cause: "A restore would mix two histories",
			Fix: "Point SENESCHAL_DATABASE_URL at a new database", Who: "the operator of this hub"}
	}
	return nil
}

func load(ctx context.Context, tx *Tx, tables []string, lines *json.Decoder) (int, error) {
	known := map[string]bool{}
	for _, t := range tables {
		known[t] = true
	}
	for n := 0; ; n++ {
		var line backupRow
		err := lines.Decode(&line)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil || !known[line.Table] {
			return n, notABackup(err)
		}
		if err := insertRow(ctx, tx, line); err != nil {
			return n, fmt.Errorf("restoring %s: %w", line.Table, err)
		}
	}
}

func insertRow(ctx context.Context, tx *Tx, line backupRow) error {
	var columns []string
	var values []any
	for c, v := range line.Row {
		value, err := unplain(v)
		if err != nil {
			return err
		}
		if !isColumn(c) {
			return notABackup(nil)
		}
		columns, values = append(columns, c), append(values, value)
	}
	var args Args
	places := List(&args, values)
	_, err := tx.ExecContext(ctx, "insert into "+line.Table+" ("+strings.Join(columns, ", ")+") values ("+places+")", args...)
	return err
}

// isColumn keeps anything but a plain name out of the statement: a backup file comes from outside.
func isColumn(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func unplain(v any) (any, error) {
	switch t := v.(type) {
	case map[string]any:
		text, _ := t["b64"].(string)
		return base64.StdEncoding.DecodeString(text)
	case json.Number:
		return t.Int64()
	}
	return v, nil
}

func notABackup(err error) error {
	return &fault.Error{Kind: fault.Invalid, Code: "not_a_backup", Message: "The file is not a whole backup of Seneschal",
		Cause: "It was cut, changed, or made by something else", Fix: "Take another backup file", Who: "the operator of this hub", Err: err}
}
