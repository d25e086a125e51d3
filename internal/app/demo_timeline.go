package app

import (
	"context"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/customer"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
)

// The demo's customers are those who write to the world contoso; its people see different parts of it.
var (
	demoCustomers = []customer.Form{
		{Name: "Fabrikam Manufacturing", Domains: []string{"fabrikam.example"}},
		{Name: "Northwind Traders", Domains: []string{"northwind.example"}},
		{Name: "A. Datum Corporation", Domains: []string{"adatum.example"}},
	}
	demoPeople = []struct {
		name    string
		role    access.Role
		address string
	}{{"Ada Lovelace", access.Member, "ada@contoso.example"}, {"Ben Okafor", access.Viewer, "ben@contoso.example"}}
)

// demoCustomer says how many communications of the last 14 days and the next each person sees.
type demoCustomer struct {
	Name string         `json:"name"`
	Sees map[string]int `json:"sees"` // by person
	Last string         `json:"last,omitempty"`
}

// serve makes customers and people, waits for the first import, and opens one mail: the look is recorded.
func (d *demo) serve(ctx context.Context) ([]demoCustomer, error) {
	for _, form := range demoCustomers {
		if _, err := d.app.Customers.Lookup(ctx, form.Name); fault.KindOf(err) == fault.NotFound {
			if _, err := d.app.Customers.Add(ctx, access.System("demo"), form); err != nil {
				return nil, err
			}
		}
	}
	admin, err := d.person(ctx)
	if err != nil {
		return nil, err
	}
	people := []access.Person{admin}
	for _, one := range demoPeople {
		p, err := d.technician(ctx, one.name, one.role, one.address)
		if err != nil {
			return nil, err
		}
		people = append(people, p)
	}
	d.settle(ctx)
	return d.look(ctx, people)
}

func (d *demo) technician(ctx context.Context, name string, role access.Role, address string) (access.Person, error) {
	p, err := d.app.Access.LookupPerson(ctx, name)
	if fault.KindOf(err) != fault.NotFound {
		return p, err
	}
	if p, err = d.app.Access.AddPerson(ctx, access.System("demo"), name, role); err != nil {
		return p, err
	}
	_, err = d.app.Customers.AddTechnician(ctx, access.System("demo"), p, address)
	return p, err
}

const demoPatience = 20 * time.Second

// settle waits until every feed has reached its end once, for as long as a person at the terminal would.
func (d *demo) settle(ctx context.Context) {
	d.patiently(func() bool {
		all, err := d.app.Feeds.List(ctx, "")
		if err != nil {
			return true
		}
		mails, open := 0, 0
		for _, f := range all {
			if f.Kind == feed.Mail {
				mails++
			}
			if f.State == feed.New || f.State == feed.Backfill {
				open++
			}
		}
		return mails > 0 && open == 0
	})
}

// look counts what each person sees of each customer, and opens the newest mail as the admin.
func (d *demo) look(ctx context.Context, people []access.Person) ([]demoCustomer, error) {
	var out []demoCustomer
	opened := false
	for _, form := range demoCustomers {
		seen := demoCustomer{Name: form.Name, Sees: map[string]int{}}
		for i, p := range people {
			r, err := d.app.Timeline.List(ctx, p.Caller(), timeline.Query{Customer: form.Name, Limit: 500})
			if err != nil {
				return nil, err
			}
			seen.Sees[p.Name] = len(r.Communications)
			if i > 0 || len(r.Communications) == 0 {
				continue
			}
			newest := r.Communications[len(r.Communications)-1]
			for _, c := range r.Communications {
				if c.Kind == timeline.Mail {
					newest = c
					break
				}
			}
			seen.Last = newest.At.Format("2006-01-02 15:04 MST") + ", " + newest.Subject
			if !opened {
				if _, err := d.app.Timeline.Open(ctx, p.Caller(), timeline.BodyQuery{ID: newest.ID, Reason: "demo"}); err != nil {
					return nil, err
				}
				opened = true
			}
		}
		out = append(out, seen)
	}
	return out, nil
}
