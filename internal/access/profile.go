package access

import (
	"context"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Identity is the Microsoft account a person is bound to: a directory and the entry in it, both of which never change hands. The sign-in
// name may, and is for reading alone.
type Identity struct {
	TenantID string    `json:"tenant_id"`
	ObjectID string    `json:"object_id"`
	UPN      string    `json:"upn"`
	UsedAt   time.Time `json:"used_at"`
}

// Profile is a person with all that belongs to them.
type Profile struct {
	Person
	Microsoft *Identity `json:"microsoft,omitempty"`
	Addresses []string  `json:"addresses"` // verified at the last sign-in with Microsoft
	Contested []Contest `json:"contested,omitempty"`
	Sessions  []Session `json:"sessions"`
}

// Profile gives one.
func (a *Access) Profile(ctx context.Context, idOrName string) (Profile, error) {
	p, err := a.LookupPerson(ctx, idOrName)
	if err != nil {
		return Profile{}, err
	}
	found, err := a.profiles(ctx, []Person{p}, p.ID)
	if err != nil {
		return Profile{}, err
	}
	if len(found) == 0 {
		return Profile{}, fault.Missing("person", idOrName)
	}
	return found[0], nil
}

// Profiles gives everybody's, by name.
func (a *Access) Profiles(ctx context.Context) ([]Profile, error) {
	people, err := a.People(ctx)
	if err != nil {
		return nil, err
	}
	return a.profiles(ctx, people, "")
}

// profiles joins what belongs to people; only of one where a person is named.
func (a *Access) profiles(ctx context.Context, people []Person, only string) ([]Profile, error) {
	out := make([]Profile, len(people))
	byID := map[string]*Profile{}
	for i, p := range people {
		out[i] = Profile{Person: p, Addresses: []string{}, Sessions: []Session{}}
		byID[p.ID] = &out[i]
	}
	// Whoever came after the people were read is not in the map: their rows wait for the next reading.
	q, where := a.Store.Reader(), " where ($1 = '' or person = $2) order by 1, 2"
	if _, err := store.Select(ctx, q, func(r store.Scanner) (struct{}, error) {
		var person string
		var used int64
		var i Identity
		err := r.Scan(&i.TenantID, &i.ObjectID, &person, &i.UPN, &used)
		if i.UsedAt = store.Time(used); byID[person] != nil {
			byID[person].Microsoft = &i
		}
		return struct{}{}, err
	}, "select tenant_id, object_id, person, upn, used_at from access_identity"+where, only, only); err != nil {
		return nil, err
	}
	if _, err := store.Select(ctx, q, func(r store.Scanner) (struct{}, error) {
		var person, address string
		err := r.Scan(&address, &person)
		if byID[person] != nil {
			byID[person].Addresses = append(byID[person].Addresses, address)
		}
		return struct{}{}, err
	}, "select address, person from access_address"+where, only, only); err != nil {
		return nil, err
	}
	if err := a.joinContests(ctx, byID, where, only); err != nil {
		return nil, err
	}
	sessions, err := a.Sessions(ctx, only)
	for _, s := range sessions {
		if byID[s.Person] != nil {
			byID[s.Person].Sessions = append(byID[s.Person].Sessions, s)
		}
	}
	return out, err
}

func (a *Access) joinContests(ctx context.Context, byID map[string]*Profile, where, only string) error {
	type row struct {
		Contest
		person string
	}
	rows, err := store.Select(ctx, a.Store.Reader(), func(r store.Scanner) (c row, err error) {
		var seen int64
		err = r.Scan(&c.Address, &c.person, &seen)
		c.SeenAt = store.Time(seen)
		return c, err
	}, "select address, person, seen_at from access_contested"+where, only, only)
	for _, c := range rows {
		if byID[c.person] == nil {
			continue
		}
		if c.Holder, err = a.holder(ctx, c.Address); err != nil {
			return err
		}
		byID[c.person].Contested = append(byID[c.person].Contested, c.Contest)
	}
	return err
}

// holder is whose an address is: as an admin entered it, or as it was verified.
func (a *Access) holder(ctx context.Context, address string) (string, error) {
	if a.Entered != nil {
		if person, err := a.Entered(ctx, a.Store.Reader(), address); err != nil || person != "" {
			return person, err
		}
	}
	return a.Verified(ctx, a.Store.Reader(), address)
}
