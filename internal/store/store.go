package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
)

// Engine is the kind of database.
type Engine string

// The two databases.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	Engine Engine
	write  *sql.DB       // on SQLite one connection: it has one writer
	read   *sql.DB       // on PostgreSQL the same as write
	pool   *pgxpool.Pool // PostgreSQL only
	path   string        // SQLite only
	hook   clock.Hook

	reader  Querier
	writing *statements // SQLite only
	turns   turnstile   // SQLite only
}

// Open opens the database of a URL: "file:PATH" for SQLite, "postgres://…" for PostgreSQL. It does not migrate.
func Open(ctx context.Context, databaseURL string, hook clock.Hook) (*Store, error) {
	switch {
	case strings.HasPrefix(databaseURL, "file:"):
		return openSQLite(ctx, strings.TrimPrefix(databaseURL, "file:"), hook)
	case strings.HasPrefix(databaseURL, "postgres://"), strings.HasPrefix(databaseURL, "postgresql://"):
		return openPostgres(ctx, databaseURL, hook)
	default:
		return nil, &fault.Error{Kind: fault.Misconfigured, Code: "database_url", Message: "SENESCHAL_DATABASE_URL names no database we know",
			Fix: "Use file:/var/lib/seneschal/seneschal.db for SQLite or postgres://user@host/name for PostgreSQL", Who: "the operator of this hub"}
	}
}

func openSQLite(ctx context.Context, path string, hook clock.Hook) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, unopened(path, err)
	}
	// The file is made by us and not by the driver, so that it is never readable by others, not even for a moment.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unopened(path, err)
	}
	_ = f.Close()
	dsn := func(extra ...string) string {
		v := url.Values{"_pragma": append([]string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"}, extra...)}
		v.Set("_txlock", "immediate")
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
	}
	write, err := sql.Open("sqlite", dsn())
	if err != nil {
		return nil, unopened(path, err)
	}
	write.SetMaxOpenConns(1)
	if err := write.PingContext(ctx); err != nil {
		_ = write.Close()
		return nil, unopened(path, err)
	}
	read, err := sql.Open("sqlite", dsn("query_only(1)"))
	if err != nil {
		_ = write.Close()
		return nil, unopened(path, err)
	}
	read.SetMaxOpenConns(max(4, runtime.NumCPU()))
	return &Store{Engine: SQLite, write: write, read: read, path: path, hook: hook, reader: compiled{newStatements(read)}, writing: newStatements(write)}, nil
}

func openPostgres(ctx context.Context, databaseURL string, hook clock.Hook) (*Store, error) {
	pool, err := pgxpool.New(ctx, databaseURL)
	if err != nil {
		return nil, unopened("PostgreSQL", redactURL(err, databaseURL))
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, unopened("PostgreSQL", redactURL(err, databaseURL))
	}
	db := stdlib.OpenDBFromPool(pool)
	return &Store{Engine: Postgres, write: db, read: db, pool: pool, hook: hook, reader: db}, nil
}

// redactURL keeps a password in the URL out of the message.
func redactURL(err error, databaseURL string) error {
	if u, e := url.Parse(databaseURL); e == nil {
		return errors.New(strings.ReplaceAll(err.Error(), databaseURL, u.Redacted()))
	}
	return errors.New("the URL cannot be read")
}

func unopened(what string, err error) error {
	return &fault.Error{Kind: fault.Misconfigured, Code: "database_unreachable", Message: "The database " + what + " cannot be opened",
		Cause: "It is missing, not reachable, or not ours to read", Fix: "Check SENESCHAL_DATABASE_URL, the file's owner, or the server", Who: "the operator of this hub", Err: err}
}

// Close closes all connections.
func (s *Store) Close() error {
	err := s.write.Close()
	if s.read != s.write {
		err = errors.Join(err, s.read.Close())
	}
	if s.pool != nil {
		s.pool.Close()
	}
	return err
}

// Querier is what reading and writing need; *Tx and Reader offer it.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Reader reads outside any transaction.
func (s *Store) Reader() Querier { return s.reader }

// Tx is one transaction.
type Tx struct {
	Querier
	Engine Engine
	SQL    *sql.Tx // SQLite: for jobs
	Pgx    pgx.Tx  // PostgreSQL: for jobs
	after  []func()
}

// AfterCommit has f called once the transaction is committed; never when it is rolled back.
func (t *Tx) AfterCommit(f func()) { t.after = append(t.after, f) }

// InTx runs f in a transaction and commits when it returns nil. On SQLite there is one writer: f makes no network call and is short.
// The name stands in the crash points.
func (s *Store) InTx(ctx context.Context, name string, f func(*Tx) error) error {
	return s.inTx(ctx, name, ordinary, f)
}

// InTxAhead is InTx for what somebody waits for who soon gives up: where there is one writer, it has every other turn.
func (s *Store) InTxAhead(ctx context.Context, name string, f func(*Tx) error) error {
	return s.inTx(ctx, name, ahead, f)
}

func (s *Store) inTx(ctx context.Context, name string, line int, f func(*Tx) error) error {
	begin := s.beginPostgres
	if s.Engine == SQLite {
		begin = func(ctx context.Context) (*Tx, endTx, error) { return s.beginSQLite(ctx, line) }
	}
	tx, end, err := begin(ctx)
	if err != nil {
		return fmt.Errorf("beginning %s: %w", name, err)
	}
	done := false
	defer func() {
		if !done {
			_ = end(false)
		}
	}()
	if err := f(tx); err != nil {
		return err
	}
	s.hook.At(clock.BeforeCommit, name)
	done = true
	if err := end(true); err != nil {
		return fmt.Errorf("committing %s: %w", name, err)
	}
	s.hook.At(clock.AfterCommit, name)
	for _, f := range tx.after {
		f()
	}
	return nil
}

type endTx func(commit bool) error

func (s *Store) beginSQLite(ctx context.Context, line int) (*Tx, endTx, error) {
	if err := s.turns.enter(ctx, line); err != nil {
		return nil, nil, err
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		s.turns.leave()
		return nil, nil, err
	}
	c := &compiledTx{statements: s.writing, tx: tx}
	return &Tx{Querier: c, Engine: SQLite, SQL: tx}, func(commit bool) error {
		defer s.turns.leave()
		defer c.ended(context.WithoutCancel(ctx))
		if commit {
			return tx.Commit()
		}
		return tx.Rollback()
	}, nil
}

// beginPostgres begins pgx's own transaction on a borrowed connection, so that database/sql and River share it.
func (s *Store) beginPostgres(ctx context.Context) (*Tx, endTx, error) {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	var tx pgx.Tx
	err = conn.Raw(func(d any) error {
		tx, err = d.(*stdlib.Conn).Conn().Begin(ctx)
		return err
	})
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return &Tx{Querier: conn, Engine: Postgres, Pgx: tx}, func(commit bool) error {
		defer func() { _ = conn.Close() }()
		// The caller's context may be over by now; the connection must come back clean all the same. Raw waits for the rows that database/sql
		// closes beside us when a context ends: two at one connection break it.
		ctx := context.WithoutCancel(ctx)
		return conn.Raw(func(any) error {
			if commit {
				return tx.Commit(ctx)
			}
			return tx.Rollback(ctx)
		})
	}, nil
}

// SQLiteWriter is the writing handle of an embedded database, for jobs alone.
func (s *Store) SQLiteWriter() *sql.DB { return s.write }

// PgxPool is the pool of a PostgreSQL database, for jobs alone.
func (s *Store) PgxPool() *pgxpool.Pool { return s.pool }

// IsDuplicate reports whether an insert failed on a unique key.
func IsDuplicate(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}

// LostRace reports whether a transaction failed because of another one at the same moment: on a unique key, or taken as the victim of a
// deadlock. Nothing of it remains, and the next attempt sees what the other one did.
func LostRace(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "40P01" || pg.Code == "40001") {
		return true
	}
	return IsDuplicate(err)
}

// IsNoRows reports whether a single-row query found none.
func IsNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// Writer writes single statements outside a transaction of ours: for renewing a lease, where no crash point matters.
func (s *Store) Writer() Querier { return s.write }
