package access

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Answer is what the browser brings back from Microsoft.
type Answer struct {
	State, Code, Error, Description string
	Browser                         string // the cookie's secret
	Agent                           string
	Person                          string // who is signed in in this browser already
}

// Arrival is a finished sign-in.
type Arrival struct {
	Session  Session
	Added    bool // the account was added to a person who was signed in already
	ReturnTo string
	Notice   string // what the person should know, in a sentence
}

// Finish ends a sign-in: it proves who it is, reads the role, verifies addresses, and only then touches what the hub knows, in one
// transaction.
func (s *SSO) Finish(ctx context.Context, w Answer) (Arrival, error) {
	t, err := s.take(ctx, w.State, w.Browser)
	if err != nil {
		return Arrival{}, err
	}
	if w.Error != "" {
		return Arrival{}, s.explain(w.Error, w.Description)
	}
	if t.Person != w.Person && t.Person != "" {
		return Arrival{}, &fault.Error{Kind: fault.Forbidden, Code: "other_person", Message: "Another person is signed in here than when this began", Fix: "Start again from your account's page", Who: "you"}
	}
	p, err := s.exchange(ctx, w.Code, derived(w.Browser, w.State, "verifier"), derived(w.Browser, w.State, "nonce"))
	if err != nil {
		s.Log.WarnContext(ctx, "a sign-in with Microsoft was refused", "error", err)
		return Arrival{}, err
	}
	role, err := s.roleOf(ctx, p)
	if err != nil {
		return Arrival{}, s.turnAway(ctx, p, err)
	}
	entry, problem := s.Directory.Entry(ctx, p.grant)
	if problem == nil && !strings.EqualFold(entry.ObjectID, p.Object) {
		return Arrival{}, untrusted("the directory's entry is another person's than the ID token's", nil)
	}
	out := Arrival{ReturnTo: t.ReturnTo, Added: t.Person != ""}
	enter := func(tx *store.Tx) error {
		person, err := s.arrive(ctx, tx, t, p, role)
		if err != nil {
			return err
		}
		if problem == nil {
			contested, err := s.Access.setAddresses(ctx, tx, person.ID, entry.Addresses)
			if err != nil {
				return err
			}
			out.Notice = contestNotice(contested)
		}
		if out.Session, err = s.Access.begin(ctx, tx, person, Session{Method: ByMicrosoft, Agent: w.Agent, microsoftSID: p.SID}); err != nil {
			return err
		}
		return s.Access.Audit.Record(ctx, tx, audit.Entry{Actor: person.Caller().String(), Action: "person.sign_in", Target: person.ID, Outcome: "done",
			Detail: map[string]any{"by": "microsoft", "tenant": p.Tenant, "role": role, "addresses_verified": problem == nil}})
	}
	err = s.Access.Store.InTx(ctx, "access.sign_in", enter)
	for again := 0; again < tabs && store.LostRace(err); again++ { // a newcomer in several tabs at once: another one made the person
		err = s.Access.Store.InTx(ctx, "access.sign_in", enter)
	}
	if problem != nil { // what was verified before stays: nobody sees more for it
		s.Log.WarnContext(ctx, "addresses were not verified at a sign-in", "error", problem)
		out.Notice = "Your addresses could not be verified now, so those of your last sign-in count: " + fault.As(problem).Message + "."
	}
	return out, err
}

// tabs is how many sign-ins of one newcomer may meet in one moment.
const tabs = 5

func contestNotice(contested []string) string {
	if len(contested) == 0 {
		return ""
	}
	return "Microsoft says that " + strings.Join(contested, ", ") + " is yours, and here it is somebody else's. An admin can settle that on the page People."
}

// turnAway records that somebody whom Microsoft knows may not come in (any more), and ends the sessions they still have. What is only
// not known takes nothing away.
func (s *SSO) turnAway(ctx context.Context, p proof, why error) error {
	err := s.Access.Store.InTx(ctx, "access.turn_away", func(tx *store.Tx) error {
		var person string
		err := tx.QueryRowContext(ctx, "select person from access_identity where tenant_id = $1 and object_id = $2", strings.ToLower(p.Tenant), strings.ToLower(p.Object)).Scan(&person)
		if err != nil && !store.IsNoRows(err) {
			return err
		}
		if fault.CodeOf(why) == "no_role" {
			if _, err := tx.ExecContext(ctx, "delete from access_person_session where person = $1", person); err != nil {
				return err
			}
		}
		return s.Access.Audit.Record(ctx, tx, audit.Entry{Actor: "microsoft:" + p.UPN, Action: "person.sign_in", Target: person, Outcome: "refused",
			Detail: map[string]any{"tenant": p.Tenant, "code": fault.CodeOf(why)}})
	})
	if err != nil {
		return err
	}
	return why
}

// arrive finds or makes the person of a Microsoft account, and gives them the role that Microsoft says.
func (s *SSO) arrive(ctx context.Context, tx *store.Tx, t Attempt, p proof, role Role) (Person, error) {
	a, tenant, object := s.Access, strings.ToLower(p.Tenant), strings.ToLower(p.Object)
	person, err := scanPerson(tx.QueryRowContext(ctx, "select "+personColumns+" from access_person where id = (select person from access_identity where tenant_id = $1 and object_id = $2)", tenant, object))
	known := err == nil
	if err != nil && !store.IsNoRows(err) {
		return person, err
	}
	switch {
	case known && t.Person != "" && person.ID != t.Person:
		return person, &fault.Error{Kind: fault.Conflict, Code: "account_taken", Message: "This Microsoft account is " + person.Name + "'s here", Fix: "Use another account, or have that person removed first", Who: "an admin of this hub"}
	case !known && t.Person != "":
		person, err = scanPerson(tx.QueryRowContext(ctx, "select "+personColumns+" from access_person where id = $1", t.Person))
	case !known:
		person, err = s.newcomer(ctx, tx, p, role)
	}
	if err != nil {
		return person, err
	}
	if err := a.changeRole(ctx, tx, System("microsoft"), person, role); err != nil {
		return person, lastAdmin(err, person, role)
	}
	person.Role = role
	i := Identity{tenant, object, p.UPN, a.Clock.Now()}
	if known {
		_, err = tx.ExecContext(ctx, "update access_identity set upn = $1, used_at = $2 where tenant_id = $3 and object_id = $4", i.UPN, store.Millis(i.UsedAt), tenant, object)
		return person, err
	}
	return person, bind(ctx, tx, person, i)
}

// bind joins person and account for good. Neither changes over to another: an account that somebody else took in this moment is a
// duplicate, which Finish looks at anew.
func bind(ctx context.Context, tx *store.Tx, person Person, i Identity) error {
	var others int
	if err := tx.QueryRowContext(ctx, "select count(*) from access_identity where person = $1", person.ID).Scan(&others); err != nil {
		return err
	}
	if others > 0 {
		return &fault.Error{Kind: fault.Conflict, Code: "other_account", Message: person.Name + " signs in with another Microsoft account already", Fix: "Sign in with that one, or have the person removed and added anew", Who: "an admin of this hub"}
	}
	_, err := tx.ExecContext(ctx, "insert into access_identity (tenant_id, object_id, person, upn, used_at) values ($1, $2, $3, $4, $5)", i.TenantID, i.ObjectID, person.ID, i.UPN, store.Millis(i.UsedAt))
	return err
}

// lastAdmin explains why a sign-in that would leave no admin goes no further: neither may the role silently be lost nor silently kept.
func lastAdmin(err error, p Person, role Role) error {
	if fault.CodeOf(err) != "last_admin" {
		return err
	}
	return &fault.Error{Kind: fault.Conflict, Code: "last_admin", Message: fmt.Sprintf("%s is the last admin here, and Microsoft says %s now", p.Name, role),
		Cause: "Signing in would leave the hub without an admin", Fix: "Give the admin's role back at Microsoft, or make another admin on the host: seneschal person add NAME --role admin", Who: "an administrator of your organisation, or the operator of this hub"}
}

const maxName = 120

// newcomer makes the person of an account that was not seen before. Names are unique here, and somebody else's is not taken: neither
// joined by name nor by address.
func (s *SSO) newcomer(ctx context.Context, tx *store.Tx, p proof, role Role) (Person, error) {
	name := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, p.Name)
	if runes := []rune(name); len(runes) > maxName {
		name = string(runes[:maxName])
	}
	if name = strings.TrimSpace(name); name == "" {
		name = p.UPN
	}
	for _, candidate := range []string{name, name + " (" + p.UPN + ")", name + " (" + p.Object + ")"} {
		var taken int
		if err := tx.QueryRowContext(ctx, "select count(*) from access_person where name = $1 or id = $2", candidate, candidate).Scan(&taken); err != nil {
			return Person{}, err
		}
		if taken == 0 {
			return s.Access.insertPerson(ctx, tx, System("microsoft"), candidate, role)
		}
	}
	return Person{}, &fault.Error{Kind: fault.Conflict, Code: "name_taken", Message: "Every name for you is somebody else's here", Fix: "Have the person of your name removed or renamed", Who: "an admin of this hub"}
}
