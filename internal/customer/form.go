package customer

import (
	_ "embed"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

//go:embed shared.txt
var sharedList string

// sharedDomains are those whose addresses belong to anybody.
var sharedDomains = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for line := range strings.Lines(sharedList) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out[line] = true
		}
	}
	return out
})

// normalise brings the form into the shape it is kept in, and names every wrong field.
func (f *Form) normalise() error {
	var wrong []fault.Field
	f.Name = strings.TrimSpace(f.Name)
	if f.Name == "" {
		wrong = append(wrong, fault.Field{Name: "name", Message: "is empty"})
	}
	for i, d := range f.Domains {
		clean, err := domain(d)
		if err != nil {
			wrong = append(wrong, fault.Field{Name: fmt.Sprintf("domains[%d]", i), Message: err.Error()})
		}
		f.Domains[i] = clean
	}
	for i, a := range f.Addresses {
		clean, ok := Address(a)
		if !ok {
			wrong = append(wrong, fault.Field{Name: fmt.Sprintf("addresses[%d]", i), Message: fmt.Sprintf("%q is no e-mail address", a)})
		}
		f.Addresses[i] = clean
	}
	if f.TenantID != "" && !m365.IsGUID(string(f.TenantID)) {
		wrong = append(wrong, fault.Field{Name: "tenant_id", Message: "must be the GUID of a tenant: Directory (tenant) ID on Entra's Overview page"})
	}
	if len(f.Domains)+len(f.Addresses) == 0 && f.TenantID == "" {
		wrong = append(wrong, fault.Field{Name: "domains", Message: "name at least one domain, address or tenant: without, no mail is theirs"})
	}
	if len(wrong) > 0 {
		return fault.BadFields(wrong...)
	}
	slices.Sort(f.Domains)
	slices.Sort(f.Addresses)
	f.Domains, f.Addresses = slices.Compact(f.Domains), slices.Compact(f.Addresses)
	return nil
}

// domain reads a domain as people write it: with @, *. or http before it, in capitals, with umlauts.
func domain(entered string) (string, error) {
	d := strings.ToLower(strings.TrimSpace(entered))
	for _, prefix := range []string{"https://", "http://", "*.", "@"} {
		d = strings.TrimPrefix(d, prefix)
	}
	d = strings.Trim(strings.TrimSuffix(d, "/"), ".")
	ascii, err := idna.Lookup.ToASCII(d)
	if err != nil || !strings.Contains(ascii, ".") || strings.ContainsAny(ascii, "@/ :") {
		return d, fmt.Errorf("%q is no e-mail domain such as customer.example", entered)
	}
	if suffix, _ := publicsuffix.PublicSuffix(ascii); suffix == ascii {
		return ascii, fmt.Errorf("%s is a suffix under which many have their domains; name the customer's own", ascii)
	}
	if sharedDomains()[ascii] {
		return ascii, fmt.Errorf("%s is shared by many who are not this customer; enter single addresses of it instead", ascii)
	}
	return ascii, nil
}

// Address is an e-mail address in the form in which it is compared: lower case, without a name, the domain in ASCII.
func Address(s string) (string, bool) {
	parsed, err := mail.ParseAddress(strings.TrimSpace(s))
	if err != nil {
		return s, false
	}
	at := strings.LastIndexByte(parsed.Address, '@')
	ascii, err := idna.Lookup.ToASCII(strings.ToLower(parsed.Address[at+1:]))
	if err != nil || ascii == "" {
		return s, false
	}
	whole := mail.Address{Address: strings.ToLower(parsed.Address[:at]) + "@" + ascii}
	return strings.Trim(whole.String(), "<>"), true // quoted where it must be
}
