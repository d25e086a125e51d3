package store

import (
	"context"
	"database/sql"
	"sync"
)

// mostStatements is how many compiled statements a database keeps: about as many as the hub's sources have. Those with lists of varying
// length are many more, and most of them are compiled for the one time they run.
const mostStatements = 400

// statements are what SQLite has compiled: compiling takes as long as running a small one. PostgreSQL's driver does this by itself.
type statements struct {
	db    *sql.DB
	mu    sync.Mutex
	ready map[string]*sql.Stmt
	once  map[string]bool // run once so far
}

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, ready: map[string]*sql.Stmt{}, once: map[string]bool{}}
}

// lookup gives the compiled statement of a query; wanted says that there is none, and that it comes again.
func (s *statements) lookup(query string) (stmt *sql.Stmt, wanted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt = s.ready[query]; stmt != nil || len(s.ready) >= mostStatements {
		return stmt, false
	}
	if s.once[query] {
		return nil, true
	}
	if len(s.once) >= mostStatements {
		clear(s.once)
	}
	s.once[query] = true
	return nil, false
}

// compile keeps a query compiled. Where that fails, running it as it is tells why.
func (s *statements) compile(ctx context.Context, query string) *sql.Stmt {
	stmt, err := s.db.PrepareContext(ctx, query)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.ready[query]; have != nil { // another one was faster
		_ = stmt.Close()
		return have
	}
	delete(s.once, query)
	s.ready[query] = stmt
	return stmt
}

// compiled reads with compiled statements.
type compiled struct{ *statements }

func (c compiled) of(ctx context.Context, query string) *sql.Stmt {
	stmt, wanted := c.lookup(query)
	if wanted {
		stmt = c.compile(ctx, query)
	}
	return stmt
}

// ExecContext runs a statement.
func (c compiled) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := c.of(ctx, query); stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	return c.db.ExecContext(ctx, query, args...)
}

// QueryContext reads rows.
func (c compiled) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := c.of(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return c.db.QueryContext(ctx, query, args...)
}

// QueryRowContext reads one row.
func (c compiled) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := c.of(ctx, query); stmt != nil {
		return stmt.QueryRowContext(ctx, args...)
	}
	return c.db.QueryRowContext(ctx, query, args...)
}

// compiledTx is a transaction with compiled statements. It holds the one connection that writes, on which they would have to be compiled:
// new ones are when it has ended.
type compiledTx struct {
	*statements
	tx     *sql.Tx
	wanted map[string]bool
}

func (c *compiledTx) of(ctx context.Context, query string) *sql.Stmt {
	stmt, wanted := c.lookup(query)
	if wanted {
		if c.wanted == nil {
			c.wanted = map[string]bool{}
		}
		c.wanted[query] = true
	}
	if stmt == nil {
		return nil
	}
	return c.tx.StmtContext(ctx, stmt)
}

// ended compiles what the transaction ran and others ran before it.
func (c *compiledTx) ended(ctx context.Context) {
	for query := range c.wanted {
		c.compile(ctx, query)
	}
}

// ExecContext runs a statement.
func (c *compiledTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := c.of(ctx, query); stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	return c.tx.ExecContext(ctx, query, args...)
}

// QueryContext reads rows.
func (c *compiledTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := c.of(ctx, query); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return c.tx.QueryContext(ctx, query, args...)
}

// QueryRowContext reads one row.
func (c *compiledTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := c.of(ctx, query); stmt != nil {
		return stmt.QueryRowContext(ctx, args...)
	}
	return c.tx.QueryRowContext(ctx, query, args...)
}
