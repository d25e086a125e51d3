package access

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Migrations are the tables of people, sessions and keys.
//
//go:embed migrations
var Migrations embed.FS

const (
	loginLinkLife = 15 * time.Minute
	keyPrefix     = "snk_" // lets secret scanners and people recognise one
	touchEvery    = time.Minute
)

// Access keeps people, sessions and keys.
type Access struct {
	Store *store.Store
	Clock clock.Clock
	Audit *audit.Log
	// Entered tells which person an address was entered for by an admin; "" for nobody. Such an address is not verified for another.
	Entered func(ctx context.Context, q store.Querier, address string) (person string, err error)
}

func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Export gives what access keeps of a person.
func (a *Access) Export(ctx context.Context, person string) (any, error) {
	p, err := a.LookupPerson(ctx, person)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return a.Profile(ctx, p.ID)
}

// Erase forgets a person, with sessions, links, Microsoft account and addresses; of somebody else an address.
func (a *Access) Erase(ctx context.Context, tx *store.Tx, person string) error {
	if _, err := tx.ExecContext(ctx, "delete from access_address where address = lower($1)", person); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "delete from access_contested where address = lower($1)", person); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "delete from access_person where id = $1 or name = $2", person, person)
	return err
}
