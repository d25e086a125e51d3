package customer

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

const theirTenant m365.TenantID = "6f1c2b7e-3a54-4d0e-9b7a-1c5e8f2d4a10"

func service(db *store.Store) *Service {
	now := clock.NewAdjustable()
	return &Service{Store: db, Clock: now, Audit: &audit.Log{Store: db, Clock: now, Key: vault.NewSecret("test")}}
}

// Beside Northwind, who claims a domain, an address at a shared one and a tenant, each row claims something else.
func TestClaims(t *testing.T) {
	northwind := Form{Name: "Northwind", Domains: []string{"northwind.example", "northwind.test"}, Addresses: []string{"nora.west@gmail.com"}, TenantID: theirTenant}
	for _, tt := range []struct {
		name  string
		form  Form
		field string
		why   string
	}{
		{"another domain", Form{Name: "Fabrikam", Domains: []string{"fabrikam.example"}}, "", ""},
		{"a domain that is claimed", Form{Name: "Fabrikam", Domains: []string{"@NorthWind.Example"}}, "domains", "northwind.example belongs to the customer Northwind already"},
		{"a subdomain, for itself", Form{Name: "Fabrikam", Domains: []string{"fabrikam.northwind.example"}}, "", ""},
		{"a shared domain", Form{Name: "Fabrikam", Domains: []string{"GMail.com"}}, "domains[0]", "shared by many who are not this customer; enter single addresses"},
		{"another of Microsoft's shared domains", Form{Name: "Fabrikam", Domains: []string{"fabrikam.example", "outlook.com"}}, "domains[1]", "shared by many"},
		{"a suffix of many", Form{Name: "Fabrikam", Domains: []string{"co.uk"}}, "domains[0]", "suffix under which many have their domains"},
		{"an address at a shared domain", Form{Name: "Fabrikam", Addresses: []string{"Fab.Rikam@gmail.com"}}, "", ""},
		{"an address that is claimed", Form{Name: "Fabrikam", Addresses: []string{"Nora.West@Gmail.com"}}, "domains", "nora.west@gmail.com belongs to the customer Northwind already"},
		{"no domain", Form{Name: "Fabrikam", Domains: []string{"localhost"}}, "domains[0]", "is no e-mail domain"},
		{"no address", Form{Name: "Fabrikam", Addresses: []string{"nora"}}, "addresses[0]", "is no e-mail address"},
		{"a tenant that is claimed", Form{Name: "Fabrikam", TenantID: theirTenant}, "tenant_id", "this tenant belongs to the customer Northwind already"},
		{"no tenant", Form{Name: "Fabrikam", TenantID: "contoso"}, "tenant_id", "must be the GUID of a tenant"},
		{"nothing at all", Form{Name: "Fabrikam"}, "domains", "name at least one domain, address or tenant"},
		{"no name", Form{Domains: []string{"fabrikam.example"}}, "name", "is empty"},
		{"a name that is taken", Form{Name: "Northwind", Domains: []string{"fabrikam.example"}}, "", "There is a customer of that name already"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store.ForTest(t, []fs.FS{Migrations, audit.Migrations}, func(t *testing.T, db *store.Store) {
				s := service(db)
				if _, err := s.Add(t.Context(), access.Local("test"), northwind); err != nil {
					t.Fatal(err)
				}
				_, err := s.Add(t.Context(), access.Local("test"), tt.form)
				if tt.why == "" {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				if err == nil || !strings.Contains(fmt.Sprintf("%v %+v", err, fault.As(err).Fields), tt.why) || tt.field != "" && !names(fault.As(err), tt.field) {
					t.Errorf("%v", err)
				}
				if all, err := s.List(t.Context()); err != nil || len(all) != 1 {
					t.Errorf("something was kept: %+v %v", all, err)
				}
			})
		})
	}
}

func names(f *fault.Error, field string) bool {
	for _, x := range f.Fields {
		if x.Name == field {
			return true
		}
	}
	return false
}

// Whose an address is: its own claim first, then the nearest domain above it.
func TestWhoseAnAddressIs(t *testing.T) {
	store.ForTest(t, []fs.FS{Migrations, audit.Migrations}, func(t *testing.T, db *store.Store) {
		s := service(db)
		for _, f := range []Form{{Name: "Northwind", Domains: []string{"northwind.example", "northwind.test"}, Addresses: []string{"nora.west@gmail.com"}, TenantID: theirTenant},
			{Name: "Fabrikam", Domains: []string{"fabrikam.northwind.example"}, Addresses: []string{"accounts@northwind.test"}}, {Name: "Adatum", Domains: []string{"münchen.example"}}} {
			if _, err := s.Add(t.Context(), access.Local("test"), f); err != nil {
				t.Fatal(err)
			}
		}
		book, err := s.Book(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for entered, want := range map[string]string{
			"Nora <NORA@Northwind.Example>":     "Northwind",
			"nora@mail.eu.northwind.example":    "Northwind",
			"nora@northwind.test":               "Northwind",
			"accounts@northwind.test":           "Fabrikam",
			"bob@fabrikam.northwind.example":    "Fabrikam",
			"bob@x.fabrikam.northwind.example":  "Fabrikam",
			"Nora.West@gmail.com":               "Northwind",
			"someone.else@gmail.com":            "",
			"nora@notnorthwind.example":         "",
			"nora@northwind.example.evil.test":  "",
			"jörg@MÜNCHEN.example":              "Adatum",
			"joerg@xn--mnchen-3ya.example":      "Adatum",
			"northwind.example@elsewhere.test":  "",
			"\"a@northwind.example\"@evil.test": "",
		} {
			address, _ := Address(entered)
			id, _ := book.OfAddress(address)
			got := ""
			if id != "" {
				c, err := s.Lookup(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				got = c.Name
			}
			if got != want {
				t.Errorf("%s is %q's, want %q", entered, got, want)
			}
		}
		if id, ok := book.OfTenant(theirTenant); !ok || id == "" {
			t.Error("the tenant is nobody's")
		}
	})
}
