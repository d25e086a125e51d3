package admin

import (
	"context"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/customer"
)

type customersOut struct {
	Customers []customer.Customer `json:"customers"`
}

type customerName struct {
	Customer string `json:"customer" doc:"Id or name of the customer"`
}

type customerChange struct {
	Customer string `json:"customer" doc:"Id or name of the customer"`
	Version  int64  `json:"version,omitempty" doc:"Refuse when somebody else was faster"`
	customer.Form
}

type techniciansOut struct {
	Technicians []technicianView `json:"technicians"`
}

type technicianView struct {
	customer.Technician
	Name string `json:"name" doc:"The person's name"`
}

type technicianIn struct {
	Person  string `json:"person" doc:"Name or id of the person"`
	Mailbox string `json:"mailbox" doc:"An address that is theirs"`
}

type technicianName struct {
	Mailbox string `json:"mailbox" doc:"The address, or the entry's id"`
}

func (h *Hub) customerActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "customer.list", Summary: "List the customers.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead, Route: "GET /customers"},
			func(ctx context.Context, _ action.Call, _ none) (customersOut, error) {
				all, err := h.Customers.List(ctx)
				return customersOut{all}, err
			}),
		action.Define(action.Spec{Name: "customer.show", Summary: "Show one customer.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead, Route: "GET /customers/{customer}", Args: []string{"customer"}},
			func(ctx context.Context, _ action.Call, in customerName) (customer.Customer, error) {
				return h.Customers.Lookup(ctx, in.Customer)
			}),
		action.Define(action.Spec{Name: "customer.add", Summary: "Add a customer with e-mail domains, addresses or a tenant.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite, Route: "POST /customers", Args: []string{"name"}},
			func(ctx context.Context, c action.Call, in customer.Form) (customer.Customer, error) {
				return h.Customers.Add(ctx, c.Caller, in)
			}),
		action.Define(action.Spec{Name: "customer.change", Summary: "Replace a customer's name, domains, addresses and tenant.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite, Route: "PUT /customers/{customer}", Args: []string{"customer"}},
			func(ctx context.Context, c action.Call, in customerChange) (customer.Customer, error) {
				return h.Customers.Change(ctx, c.Caller, in.Customer, in.Version, in.Form)
			}),
		action.Define(action.Spec{Name: "customer.remove", Summary: "Remove a customer; what was kept for it goes with it.", Effect: action.Deletes, Target: action.OnHub, Scope: access.HubWrite, Route: "DELETE /customers/{customer}", Args: []string{"customer"}},
			func(ctx context.Context, c action.Call, in customerName) (none, error) {
				return none{}, h.Customers.Remove(ctx, c.Caller, in.Customer)
			}),
		action.Define(action.Spec{Name: "technician.list", Summary: "List the technicians with their addresses.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead, Route: "GET /technicians"}, h.technicians),
		action.Define(action.Spec{Name: "technician.add", Summary: "Say that an address is a person's own.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite, Route: "POST /technicians", Args: []string{"person", "mailbox"}},
			func(ctx context.Context, c action.Call, in technicianIn) (customer.Technician, error) {
				p, err := h.Access.LookupPerson(ctx, in.Person)
				if err != nil {
					return customer.Technician{}, err
				}
				return h.Customers.AddTechnician(ctx, c.Caller, p, in.Mailbox)
			}),
		action.Define(action.Spec{Name: "technician.remove", Summary: "Take an address from its person.", Effect: action.Deletes, Target: action.OnHub, Scope: access.HubWrite, Route: "DELETE /technicians/{mailbox}", Args: []string{"mailbox"}},
			func(ctx context.Context, c action.Call, in technicianName) (none, error) {
				return none{}, h.Customers.RemoveTechnician(ctx, c.Caller, in.Mailbox)
			}),
	}
}

func (h *Hub) technicians(ctx context.Context, _ action.Call, _ none) (techniciansOut, error) {
	out := techniciansOut{Technicians: []technicianView{}}
	people, err := h.Access.People(ctx)
	if err != nil {
		return out, err
	}
	names := map[string]string{}
	for _, p := range people {
		names[p.ID] = p.Name
	}
	all, err := h.Customers.Technicians(ctx)
	for _, t := range all {
		out.Technicians = append(out.Technicians, technicianView{t, names[t.Person]})
	}
	return out, err
}
