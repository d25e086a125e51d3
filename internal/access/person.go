package access

import (
	"context"
	"slices"
	"strings"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Person is somebody who signs in to the console.
type Person struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Role      Role      `json:"role"`
	Disabled  bool      `json:"disabled"`
	CreatedAt time.Time `json:"created_at"`
	LastSeen  time.Time `json:"last_seen,omitzero"`
}

// Caller is the person as a caller.
func (p Person) Caller() Caller { return Caller{Kind: "person", ID: p.ID, Name: p.Name, Role: p.Role} }

// AddPerson makes a person.
func (a *Access) AddPerson(ctx context.Context, by Caller, name string, role Role) (Person, error) {
	name = strings.TrimSpace(name)
	var wrong []fault.Field
	if name == "" {
		wrong = append(wrong, fault.Field{Name: "name", Message: "is empty"})
	}
	if !slices.Contains(Roles(), role) {
		wrong = append(wrong, badRole())
	}
	if len(wrong) > 0 {
		return Person{}, fault.BadFields(wrong...)
	}
	var p Person
	err := a.Store.InTx(ctx, "access.person", func(tx *store.Tx) (err error) {
		p, err = a.insertPerson(ctx, tx, by, name, role)
		return err
	})
	if store.IsDuplicate(err) {
		err = &fault.Error{Kind: fault.Conflict, Code: "name_taken", Message: "There is a person of that name already", Fix: "Use another name", Who: "you"}
	}
	return p, err
}

func badRole() fault.Field {
	return fault.Field{Name: "role", Message: "must be viewer, member or admin"}
}

func (a *Access) insertPerson(ctx context.Context, tx *store.Tx, by Caller, name string, role Role) (Person, error) {
	now := a.Clock.Now()
	p := Person{ID: store.NewID(now), Name: name, Role: role, CreatedAt: now}
	if _, err := tx.ExecContext(ctx, "insert into access_person (id, name, role, disabled, created_at) values ($1, $2, $3, 0, $4)", p.ID, p.Name, string(p.Role), store.Millis(now)); err != nil {
		return p, err
	}
	return p, a.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "person.add", Target: p.ID, Outcome: "done", Detail: map[string]any{"role": role}})
}

const personColumns = "id, name, role, disabled, created_at, last_seen"

func scanPerson(s store.Scanner) (p Person, err error) {
	var created, seen, disabled int64
	err = s.Scan(&p.ID, &p.Name, &p.Role, &disabled, &created, &seen)
	p.CreatedAt, p.Disabled, p.LastSeen = store.Time(created), disabled != 0, store.Time(seen)
	return p, err
}

// People lists everybody by name.
func (a *Access) People(ctx context.Context) ([]Person, error) {
	return store.Select(ctx, a.Store.Reader(), scanPerson, "select "+personColumns+" from access_person order by name")
}

// LookupPerson finds a person by id or name. An id wins: names come from outside, and one may be written like another's id.
func (a *Access) LookupPerson(ctx context.Context, idOrName string) (Person, error) {
	p, err := scanPerson(a.Store.Reader().QueryRowContext(ctx, "select "+personColumns+" from access_person where id = $1 or name = $2 order by case when id = $3 then 0 else 1 end limit 1",
		idOrName, idOrName, idOrName))
	if store.IsNoRows(err) {
		return p, fault.Missing("person", idOrName)
	}
	return p, err
}

// SetRole gives a person another role, from their next request on. The role of somebody who signs in with Microsoft is given there.
func (a *Access) SetRole(ctx context.Context, by Caller, idOrName string, role Role) (Person, error) {
	if !slices.Contains(Roles(), role) {
		return Person{}, fault.BadFields(badRole())
	}
	p, err := a.LookupPerson(ctx, idOrName)
	if err != nil {
		return p, err
	}
	err = a.Store.InTx(ctx, "access.role", func(tx *store.Tx) error {
		var bound int
		if err := tx.QueryRowContext(ctx, "select count(*) from access_identity where person = $1", p.ID).Scan(&bound); err != nil {
			return err
		}
		if bound > 0 {
			return &fault.Error{Kind: fault.Conflict, Code: "role_from_microsoft", Message: p.Name + " signs in with Microsoft, and the role comes from there at each sign-in",
				Fix: "Assign the app role, or change the group, in the Microsoft Entra admin center, and let " + p.Name + " sign in again", Who: "an administrator of the person's tenant"}
		}
		return a.changeRole(ctx, tx, by, p, role)
	})
	p.Role = role
	return p, err
}

func (a *Access) changeRole(ctx context.Context, tx *store.Tx, by Caller, p Person, role Role) error {
	if p.Role == role {
		return nil
	}
	if err := keepAnAdmin(ctx, tx, p); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "update access_person set role = $1 where id = $2", string(role), p.ID); err != nil {
		return err
	}
	return a.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "person.role", Target: p.ID, Outcome: "done", Detail: map[string]any{"from": p.Role, "to": role}})
}

// keepAnAdmin refuses to take the last admin away. It locks the admins' rows first, so that two of them cannot remove each other at once.
func keepAnAdmin(ctx context.Context, tx *store.Tx, p Person) error {
	if _, err := tx.ExecContext(ctx, "update access_person set role = role where role = $1", string(Admin)); err != nil {
		return err
	}
	var others int
	if err := tx.QueryRowContext(ctx, "select count(*) from access_person where role = $1 and disabled = 0 and id <> $2", string(Admin), p.ID).Scan(&others); err != nil {
		return err
	}
	if p.Role != Admin || others > 0 {
		return nil
	}
	return &fault.Error{Kind: fault.Conflict, Code: "last_admin", Message: p.Name + " is the last admin", Fix: "Add another admin first", Who: "you"}
}

// RemovePerson deletes a person with links, sessions and Microsoft account; the last admin stays.
func (a *Access) RemovePerson(ctx context.Context, by Caller, idOrName string) error {
	p, err := a.LookupPerson(ctx, idOrName)
	if err != nil {
		return err
	}
	return a.Store.InTx(ctx, "access.person", func(tx *store.Tx) error {
		if err := keepAnAdmin(ctx, tx, p); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "delete from access_person where id = $1", p.ID); err != nil {
			return err
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "person.remove", Target: p.ID, Outcome: "done"})
	})
}

// FirstAdmin is the name of the person that a new hub has.
const FirstAdmin = "admin"

// EnsureFirstAdmin makes the first admin where nobody is one, and reports whether the hub still waits for its first admin to come in. People
// may be here all the same: with single sign-on they come without having been added.
func (a *Access) EnsureFirstAdmin(ctx context.Context) (awaited bool, err error) {
	people, err := a.People(ctx)
	if err != nil {
		return false, err
	}
	admins := slices.DeleteFunc(people, func(p Person) bool { return p.Role != Admin || p.Disabled })
	if len(admins) > 0 {
		nobodyCame := !slices.ContainsFunc(admins, func(p Person) bool { return !p.LastSeen.IsZero() })
		return nobodyCame && slices.ContainsFunc(admins, func(p Person) bool { return p.Name == FirstAdmin }), nil
	}
	_, err = a.AddPerson(ctx, System("setup"), FirstAdmin, Admin)
	if fault.CodeOf(err) == "name_taken" { // another instance was faster
		return false, nil
	}
	return err == nil, err
}
