package access

import (
	"context"
	"slices"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Contest is an address that Microsoft gives a person at sign-in and that is somebody else's here. It is taken from nobody silently: an
// admin decides.
type Contest struct {
	Address string    `json:"address"`
	Holder  string    `json:"holder,omitempty"` // id of the person who has it; "" where it is free by now, for the next sign-in
	SeenAt  time.Time `json:"seen_at"`
}

// AddressesOf gives the addresses that were verified as a person's when they last signed in with Microsoft.
func (a *Access) AddressesOf(ctx context.Context, person string) ([]string, error) {
	return store.Select(ctx, a.Store.Reader(), func(r store.Scanner) (s string, err error) { return s, r.Scan(&s) },
		"select address from access_address where person = $1 order by address", person)
}

// Verified tells whose an address was verified to be; "" for nobody.
func (a *Access) Verified(ctx context.Context, q store.Querier, address string) (string, error) {
	var person string
	err := q.QueryRowContext(ctx, "select person from access_address where address = $1", address).Scan(&person)
	if store.IsNoRows(err) {
		return "", nil
	}
	return person, err
}

// setAddresses replaces a person's verified addresses, and gives those that are somebody else's.
func (a *Access) setAddresses(ctx context.Context, tx *store.Tx, person string, addresses []string) ([]string, error) {
	for _, table := range []string{"access_address", "access_contested"} {
		if _, err := tx.ExecContext(ctx, "delete from "+table+" where person = $1", person); err != nil {
			return nil, err
		}
	}
	now := store.Millis(a.Clock.Now())
	var contested []string
	slices.Sort(addresses) // two sign-ins at once take them in the same order
	for _, address := range slices.Compact(addresses) {
		free, err := a.claim(ctx, tx, person, address, now)
		if err != nil {
			return nil, err
		}
		if free {
			continue
		}
		contested = append(contested, address)
		if _, err := tx.ExecContext(ctx, "insert into access_contested (address, person, seen_at) values ($1, $2, $3)", address, person, now); err != nil {
			return nil, err
		}
	}
	return contested, nil
}

func (a *Access) claim(ctx context.Context, tx *store.Tx, person, address string, now int64) (bool, error) {
	if a.Entered != nil {
		if holder, err := a.Entered(ctx, tx, address); err != nil || holder != "" && holder != person {
			return false, err
		}
	}
	n, err := store.Affected(ctx, tx, "insert into access_address (address, person, verified_at) values ($1, $2, $3) on conflict (address) do nothing", address, person, now)
	return n == 1, err
}

// MoveAddress gives a contested address to the person whose directory entry has it.
func (a *Access) MoveAddress(ctx context.Context, by Caller, address, idOrName string) error {
	p, err := a.LookupPerson(ctx, idOrName)
	if err != nil {
		return err
	}
	return a.Store.InTx(ctx, "access.address", func(tx *store.Tx) error {
		n, err := store.Affected(ctx, tx, "delete from access_contested where address = $1 and person = $2", address, p.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.BadField("address", "%s did not sign in with this address; only Microsoft's directory makes one theirs", p.Name)
		}
		if a.Entered != nil {
			if holder, err := a.Entered(ctx, tx, address); err != nil || holder != "" && holder != p.ID {
				return entered(address, err)
			}
		}
		if _, err := tx.ExecContext(ctx, `insert into access_address (address, person, verified_at) values ($1, $2, $3)
			on conflict (address) do update set person = excluded.person, verified_at = excluded.verified_at`, address, p.ID, store.Millis(a.Clock.Now())); err != nil {
			return err
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "person.move_address", Target: p.ID, Outcome: "done"})
	})
}

func entered(address string, err error) error {
	if err != nil {
		return err
	}
	return &fault.Error{Kind: fault.Conflict, Code: "address_entered", Message: address + " was entered by an admin as another technician's",
		Fix: "Take it away there first: seneschal technician remove " + address, Who: "you"}
}
