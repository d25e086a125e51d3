package customer

import (
	"context"
	"strings"

	"seneschal/internal/m365"
)

// Book answers whose an address is. It is a snapshot: read a new one for each piece of work.
type Book struct {
	claims  map[string]string // domain or address -> customer
	tenants map[m365.TenantID]string
}

// Book reads the claims as they are now.
func (s *Service) Book(ctx context.Context) (Book, error) {
	all, err := s.List(ctx)
	b := Book{claims: map[string]string{}, tenants: map[m365.TenantID]string{}}
	for _, c := range all {
		for _, d := range c.Domains {
			b.claims[d] = c.ID
		}
		for _, a := range c.Addresses {
			b.claims[a] = c.ID
		}
		if c.TenantID != "" {
			b.tenants[c.TenantID] = c.ID
		}
	}
	return b, err
}

// ForTest makes a book of claims, domain or address to customer.
func ForTest(claims map[string]string) Book { return Book{claims: claims} }

// OfTenant gives the customer whose own tenant it is.
func (b Book) OfTenant(t m365.TenantID) (string, bool) {
	id, ok := b.tenants[t]
	return id, ok
}

// OfAddress gives the customer an address belongs to: by the address itself, its domain, or a domain above that. The address is in the
// form of Address.
func (b Book) OfAddress(address string) (string, bool) {
	if id, ok := b.claims[address]; ok {
		return id, true
	}
	_, at, ok := strings.Cut(address, "@")
	for ok {
		if id, mine := b.claims[at]; mine {
			return id, true
		}
		_, at, ok = strings.Cut(at, ".")
	}
	return "", false
}

// Empty says that nobody is claimed: nothing can be anybody's.
func (b Book) Empty() bool { return len(b.claims)+len(b.tenants) == 0 }
