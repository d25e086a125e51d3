package access

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"strings"
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
	profile, err := a.Profile(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	grants, err := a.Grants(ctx, p.ID)
	return struct {
		Profile
		Agents []ClientGrant `json:"agents"`
	}{profile, grants}, err
}

// Erase forgets a person by id or "person:NAME", with sessions, links, Microsoft account and addresses; of somebody else an address. The last
// admin stays.
func (a *Access) Erase(ctx context.Context, tx *store.Tx, person string) (int64, error) {
	name, _ := strings.CutPrefix(person, "person:")
	gone, err := store.Select(ctx, tx, scanPerson, "select "+personColumns+" from access_person where id = $1 or name = $2", person, name)
	if err != nil {
		return 0, err
	}
	for _, p := range gone {
		if err := keepAnAdmin(ctx, tx, p); err != nil {
			return 0, err
		}
	}
	n := int64(0)
	for _, one := range []struct{ query, arg string }{
		{"delete from access_address where address = lower($1)", person}, {"delete from access_contested where address = lower($1)", person},
		{"delete from access_person where id = $1", person}, {"delete from access_person where name = $1", name},
		{"update access_agent set stopped_by = 'erased' where stopped_by = $1", "person:" + name},
		{"update access_apikey set created_by = 'erased' where created_by = $1", "person:" + name},
	} {
		k, err := store.Affected(ctx, tx, one.query, one.arg)
		if err != nil {
			return n, err
		}
		n += k
	}
	return n, nil
}
