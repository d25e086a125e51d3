package customer

import (
	"context"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Technician is a person of the hub together with a mailbox address that is theirs.
type Technician struct {
	ID        string    `json:"id"`
	Person    string    `json:"person"` // id of the person
	Address   string    `json:"address"`
	CreatedAt time.Time `json:"created_at"`
}

// AddTechnician says that an address is a person's: what went to and from it, that person may see.
func (s *Service) AddTechnician(ctx context.Context, by access.Caller, person access.Person, address string) (Technician, error) {
	clean, ok := Address(address)
	if !ok {
		return Technician{}, fault.BadField("mailbox", "%q is no e-mail address", address)
	}
	now := s.Clock.Now()
	t := Technician{ID: store.NewID(now), Person: person.ID, Address: clean, CreatedAt: now}
	err := s.Store.InTx(ctx, "customer.technician", func(tx *store.Tx) error {
		if s.Verified != nil {
			if holder, err := s.Verified(ctx, tx, clean); err != nil || holder != "" && holder != person.ID {
				return verifiedForAnother(clean, err)
			}
		}
		if _, err := tx.ExecContext(ctx, "insert into customer_technician (id, person, address, created_at) values ($1, $2, $3, $4)", t.ID, t.Person, t.Address, store.Millis(now)); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "technician.add", Target: t.Person, Outcome: "done", Detail: map[string]any{"technician": t.ID}})
	})
	if store.IsDuplicate(err) {
		err = fault.BadField("mailbox", "%s belongs to a technician already", clean)
	}
	return t, err
}

func verifiedForAnother(address string, err error) error {
	if err != nil {
		return err
	}
	return fault.BadField("mailbox", "%s is another person's: Microsoft's directory said so when they signed in", address)
}

// EnteredFor gives the person an address was entered for; "" for nobody.
func (s *Service) EnteredFor(ctx context.Context, q store.Querier, address string) (string, error) {
	var person string
	err := q.QueryRowContext(ctx, "select person from customer_technician where address = $1", address).Scan(&person)
	if store.IsNoRows(err) {
		return "", nil
	}
	return person, err
}

// Technicians lists them by address.
func (s *Service) Technicians(ctx context.Context) ([]Technician, error) {
	return store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (t Technician, err error) {
		var created int64
		err = r.Scan(&t.ID, &t.Person, &t.Address, &created)
		t.CreatedAt = store.Time(created)
		return t, err
	}, "select id, person, address, created_at from customer_technician order by address")
}

// RemoveTechnician takes an address from its person.
func (s *Service) RemoveTechnician(ctx context.Context, by access.Caller, idOrAddress string) error {
	return s.Store.InTx(ctx, "customer.technician", func(tx *store.Tx) error {
		var person string
		err := tx.QueryRowContext(ctx, "delete from customer_technician where id = $1 or address = lower($2) returning person", idOrAddress, idOrAddress).Scan(&person)
		if store.IsNoRows(err) {
			return fault.Missing("technician", idOrAddress)
		}
		if err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "technician.remove", Target: person, Outcome: "done"})
	})
}

// AddressesOf gives the addresses that were entered as a person's.
func (s *Service) AddressesOf(ctx context.Context, person string) ([]string, error) {
	return store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (a string, err error) { return a, r.Scan(&a) },
		"select address from customer_technician where person = $1 order by address", person)
}
