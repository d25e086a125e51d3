package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sort"
	"strconv"
	"strings"
	"testing/fstest"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"

	"seneschal/internal/fault"
)

// Migrate brings the schema to what this program knows. Each owner hands in its own files; their numbers are one sequence over all owners
// (0001_audit.sql, 0002_event.sql, …). A database of a newer program is refused and left untouched.
func (s *Store) Migrate(ctx context.Context, owners ...fs.FS) error {
	files, newest, err := merge(owners)
	if err != nil {
		return err
	}
	dialect := database.DialectSQLite3
	if s.Engine == Postgres {
		dialect = database.DialectPostgres
	}
	versions, err := database.NewStore(dialect, "store_version")
	if err != nil {
		return err
	}
	options := []goose.ProviderOption{goose.WithStore(versions), goose.WithDisableGlobalRegistry(true), goose.WithAllowOutofOrder(true)}
	if s.Engine == Postgres { // two instances may start at the same moment; SQLite's one writer orders them by itself
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider("", s.write, files, options...)
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("reading the schema's version: %w", err)
	}
	if have > newest {
		return &fault.Error{Kind: fault.Misconfigured, Code: "database_newer",
			Message: fmt.Sprintf("The database has schema %d, this program knows %d", have, newest),
			Cause:   "A newer Seneschal has run on this database; an older one could damage it",
			Fix:     "Run the newer program again, or restore the backup made before the upgrade", Who: "the operator of this hub"}
	}
	if _, err := p.Up(ctx); err != nil && !errors.Is(err, goose.ErrNoNextVersion) {
		return fmt.Errorf("migrating the database: %w", err)
	}
	return nil
}

// merge lays the owners' files into one folder and refuses a number used twice.
func merge(owners []fs.FS) (fs.FS, int64, error) {
	all := fstest.MapFS{}
	seen := map[int64]string{}
	for _, owner := range owners {
		names, err := fs.Glob(owner, "migrations/*.sql")
		if err != nil {
			return nil, 0, err
		}
		for _, name := range names {
			base := strings.TrimPrefix(name, "migrations/")
			number, err := strconv.ParseInt(strings.SplitN(base, "_", 2)[0], 10, 64)
			if err != nil {
				return nil, 0, fmt.Errorf("migration %s has no number", base)
			}
			if other, ok := seen[number]; ok {
				return nil, 0, fmt.Errorf("migrations %s and %s have the same number", other, base)
			}
			seen[number] = base
			text, err := fs.ReadFile(owner, name)
			if err != nil {
				return nil, 0, err
			}
			all[base] = &fstest.MapFile{Data: text}
		}
	}
	numbers := make([]int64, 0, len(seen))
	for n := range seen {
		numbers = append(numbers, n)
	}
	sort.Slice(numbers, func(i, j int) bool { return numbers[i] < numbers[j] })
	if len(numbers) == 0 {
		return nil, 0, errors.New("no migrations")
	}
	return all, numbers[len(numbers)-1], nil
}
