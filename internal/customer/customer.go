package customer

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// Migrations are the tables of customers.
//
//go:embed migrations
var Migrations embed.FS

// Customer is somebody we serve.
type Customer struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	Domains   []string      `json:"domains"`             // with all that lies below them
	Addresses []string      `json:"addresses,omitempty"` // single ones, for shared domains
	TenantID  m365.TenantID `json:"tenant_id,omitempty"` // their own tenant
	Version   int64         `json:"version"`
	CreatedAt time.Time     `json:"created_at"`
}

// Form is a customer as entered.
type Form struct {
	Name      string        `json:"name" maxLength:"200" doc:"Name of the customer, unique in the hub"`
	Domains   []string      `json:"domains,omitempty" doc:"Their e-mail domains; subdomains belong to them"`
	Addresses []string      `json:"addresses,omitempty" doc:"Single addresses, where a domain is shared with others such as gmail.com"`
	TenantID  m365.TenantID `json:"tenant_id,omitempty" doc:"Their own Microsoft 365 tenant: all mail of its listed mailboxes is theirs, whatever the domains say"`
}

// Service keeps customers.
type Service struct {
	Store *store.Store
	Clock clock.Clock
	Audit *audit.Log
	// Changed is told in the transaction in which claims change: what engines keep follows from them.
	Changed func(ctx context.Context, tx *store.Tx) error
	// Verified tells which person an address was verified for at sign-in; "" for nobody. It is not entered for another.
	Verified func(ctx context.Context, q store.Querier, address string) (person string, err error)
}

// Add makes a customer.
func (s *Service) Add(ctx context.Context, by access.Caller, f Form) (Customer, error) {
	if err := f.normalise(); err != nil {
		return Customer{}, err
	}
	now := s.Clock.Now()
	c := Customer{ID: store.NewID(now), Name: f.Name, Domains: f.Domains, Addresses: f.Addresses, TenantID: f.TenantID, Version: 1, CreatedAt: now}
	err := s.Store.InTx(ctx, "customer.add", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert into customer_entry (id, name, tenant_id, version, created_at) values ($1, $2, $3, 1, $4)", c.ID, c.Name, string(c.TenantID), store.Millis(now)); err != nil {
			return err
		}
		return s.claimed(ctx, tx, by, "customer.add", c)
	})
	return c, s.explain(ctx, err, f)
}

// Change replaces name, domains, addresses and tenant. A version other than zero must be the present one.
func (s *Service) Change(ctx context.Context, by access.Caller, idOrName string, version int64, f Form) (Customer, error) {
	if err := f.normalise(); err != nil {
		return Customer{}, err
	}
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return c, err
	}
	if version == 0 {
		version = c.Version
	}
	err = s.Store.InTx(ctx, "customer.change", func(tx *store.Tx) error {
		n, err := store.Affected(ctx, tx, "update customer_entry set name = $1, tenant_id = $2, version = version + 1 where id = $3 and version = $4", f.Name, string(f.TenantID), c.ID, version)
		if err == nil && n == 0 {
			return &fault.Error{Kind: fault.Conflict, Code: "changed_meanwhile", Message: "The customer was changed since you loaded it", Fix: "Load it again and repeat your change", Who: "you"}
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "delete from customer_claim where customer = $1", c.ID); err != nil {
			return err
		}
		c.Name, c.Domains, c.Addresses, c.TenantID, c.Version = f.Name, f.Domains, f.Addresses, f.TenantID, version+1
		return s.claimed(ctx, tx, by, "customer.change", c)
	})
	return c, s.explain(ctx, err, f)
}

func (s *Service) claimed(ctx context.Context, tx *store.Tx, by access.Caller, word string, c Customer) error {
	for _, value := range slices.Concat(c.Domains, c.Addresses) {
		if _, err := tx.ExecContext(ctx, "insert into customer_claim (value, customer) values ($1, $2)", value, c.ID); err != nil {
			return err
		}
	}
	return s.recorded(ctx, tx, by, word, c)
}

func (s *Service) recorded(ctx context.Context, tx *store.Tx, by access.Caller, word string, c Customer) error {
	if err := s.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: word, Target: c.ID, Outcome: "done", Detail: map[string]any{"domains": c.Domains, "tenant": c.TenantID}}); err != nil {
		return err
	}
	if s.Changed == nil {
		return nil
	}
	return s.Changed(ctx, tx)
}

// explain says which claim belongs to whom already.
func (s *Service) explain(ctx context.Context, err error, f Form) error {
	if !store.IsDuplicate(err) {
		return err
	}
	all, e := s.List(ctx)
	if e != nil {
		return e
	}
	for _, c := range all {
		for _, value := range slices.Concat(f.Domains, f.Addresses) {
			if c.Name != f.Name && slices.Contains(slices.Concat(c.Domains, c.Addresses), value) {
				return fault.BadField("domains", "%s belongs to the customer %s already; one domain has one owner", value, c.Name)
			}
		}
		if c.Name != f.Name && f.TenantID != "" && c.TenantID == f.TenantID {
			return fault.BadField("tenant_id", "this tenant belongs to the customer %s already", c.Name)
		}
	}
	return &fault.Error{Kind: fault.Conflict, Code: "name_taken", Message: "There is a customer of that name already", Fix: "Use another name", Who: "you"}
}

// Remove forgets a customer; what engines kept for it goes with the next look.
func (s *Service) Remove(ctx context.Context, by access.Caller, idOrName string) error {
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return err
	}
	return s.Store.InTx(ctx, "customer.remove", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "delete from customer_entry where id = $1", c.ID); err != nil {
			return err
		}
		return s.recorded(ctx, tx, by, "customer.remove", c)
	})
}

// List gives all customers by name.
func (s *Service) List(ctx context.Context) ([]Customer, error) {
	return s.list(ctx, s.Store.Reader(), "")
}

// Lookup finds a customer by id or name.
func (s *Service) Lookup(ctx context.Context, idOrName string) (Customer, error) {
	found, err := s.list(ctx, s.Store.Reader(), idOrName)
	if err == nil && len(found) == 0 {
		err = fault.Missing("customer", idOrName)
	}
	if err != nil {
		return Customer{}, err
	}
	return found[0], nil
}

func (s *Service) list(ctx context.Context, q store.Querier, idOrName string) ([]Customer, error) {
	claims := map[string][]string{}
	if _, err := store.Select(ctx, q, func(r store.Scanner) (value string, err error) {
		var customer string
		err = r.Scan(&value, &customer)
		claims[customer] = append(claims[customer], value)
		return value, err
	}, "select value, customer from customer_claim order by value"); err != nil {
		return nil, err
	}
	return store.Select(ctx, q, func(r store.Scanner) (c Customer, err error) {
		var created int64
		err = r.Scan(&c.ID, &c.Name, &c.TenantID, &c.Version, &created)
		c.CreatedAt, c.Domains = store.Time(created), []string{}
		for _, value := range claims[c.ID] {
			if strings.Contains(value, "@") {
				c.Addresses = append(c.Addresses, value)
			} else {
				c.Domains = append(c.Domains, value)
			}
		}
		return c, err
	}, "select id, name, tenant_id, version, created_at from customer_entry where ($1 = '' or id = $2 or name = $3) order by name", idOrName, idOrName, idOrName)
}

// Export gives the single addresses and technicians' entries of a person.
func (s *Service) Export(ctx context.Context, person string) (any, error) {
	return store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (m map[string]any, err error) {
		var what, value string
		err = r.Scan(&what, &value)
		return map[string]any{"what": what, "value": value}, err
	}, "select 'address of customer ' || customer, value from customer_claim where value = lower($1) union all select 'technician', address from customer_technician where address = lower($2) or person = $3", person, person, person)
}

// Erase forgets the single addresses and technicians' entries of a person.
func (s *Service) Erase(ctx context.Context, tx *store.Tx, person string) error {
	if _, err := tx.ExecContext(ctx, "delete from customer_claim where value = lower($1)", person); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "delete from customer_technician where address = lower($1) or person = $2", person, person)
	if err != nil {
		return fmt.Errorf("erasing technicians: %w", err)
	}
	return nil
}
