package customer

import "seneschal/internal/custody"

// Classes say what is kept of customers.
func (s *Service) Classes() []custody.Class {
	return []custody.Class{{Name: "customers", Title: "Customers and technicians", What: "Names, e-mail domains and single addresses of customers; which addresses are whose among the staff", Whose: "outside contacts with a single address; technicians",
		Tables: []string{"customer_entry", "customer_claim", "customer_technician"}, Seen: "everybody who may see the hub", Ends: "until removed", Export: custody.InExport, Erase: "the person's addresses go"}}
}
