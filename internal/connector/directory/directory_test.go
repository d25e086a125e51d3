package directory_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"seneschal/internal/connector/directory"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

func start(t *testing.T) *bench.Bench {
	t.Helper()
	return bench.Start(t, m365.Directory, directory.Actions(), directory.Probe)
}

func TestProbeGivesEvidence(t *testing.T) { start(t).Evidence(directory.Probe, "") }

func TestList(t *testing.T) {
	b := start(t)
	for _, tt := range []struct {
		name string
		in   bench.In
		want []string // the names before the @
	}{
		{"everybody", bench.In{}, []string{"ada", "admin", "ben", "chloe", "dispatch", "dmitri", "emma", "intern", "room1", "support"}},
		{"by surname", bench.In{"search": "love"}, []string{"ada"}},
		{"by the beginning of an address", bench.In{"search": "dmitri@"}, []string{"dmitri"}},
		{"by domain", bench.In{"domain": "contoso.example"}, []string{"ada", "admin", "ben", "chloe", "dispatch", "dmitri", "emma", "intern", "room1", "support"}},
		{"by a name with a quote", bench.In{"search": "O'Hara"}, nil},
		{"of a domain that is not the tenant's", bench.In{"domain": "fabrikam.example"}, nil},
		{"by word and domain", bench.In{"search": "Ben", "domain": "contoso.example"}, []string{"ben"}},
	} {
		for _, through := range []string{bench.App, bench.Person} {
			t.Run(tt.name+", "+through, func(t *testing.T) {
				var got []string
				for _, u := range bench.Do[directory.List](b, "directory.user.list", tt.in, bench.Through(through)).Users {
					name, _, _ := strings.Cut(u.UPN, "@")
					got = append(got, name)
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("got %v, want %v", got, tt.want)
				}
			})
		}
	}
}

func TestPages(t *testing.T) {
	b := start(t)
	for _, in := range []bench.In{{"limit": 3}, {"limit": 3, "domain": "contoso.example"}, {"limit": 5, "search": "A"}} {
		rest := maps.Clone(in)
		delete(rest, "limit")
		whole := bench.Do[directory.List](b, "directory.user.list", rest).Users
		var got []string
		for {
			page := bench.Do[directory.List](b, "directory.user.list", in)
			for _, u := range page.Users {
				got = append(got, u.UPN)
			}
			if page.NextCursor == "" {
				break
			}
			in["cursor"] = page.NextCursor
		}
		if len(got) != len(whole) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("%v: got %v, want %d people, each once", in, got, len(whole))
		}
	}
}

func TestGet(t *testing.T) {
	b := start(t)
	ada := bench.Do[directory.User](b, "directory.user.get", bench.In{"user": "ada@contoso.example"})
	if ada.Name != "Ada Lovelace" || ada.JobTitle != "Technician" || ada.Licences == 0 || !slices.Contains(ada.Aliases, "field1@contoso.example") || ada.Enabled == nil || !*ada.Enabled {
		t.Errorf("got %+v", ada)
	}
	if byID := bench.Do[directory.User](b, "directory.user.get", bench.In{"user": ada.ID}); byID.UPN != ada.UPN {
		t.Errorf("by id: got %+v", byID)
	}
	if me := bench.Do[directory.User](b, "directory.user.get", bench.In{}, bench.Through(bench.Person)); me.ID != ada.ID {
		t.Errorf("the signed-in person: got %+v", me)
	}
	if intern := bench.Do[directory.User](b, "directory.user.get", bench.In{"user": "intern@contoso.example"}); intern.Licences != 0 {
		t.Errorf("without licence: got %+v", intern)
	}
}

func TestOrganization(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		got := bench.Do[directory.Organization](b, "directory.organization.get", bench.In{}, bench.Through(through))
		if got.Name != "Contoso IT Services" || len(got.Domains) == 0 || !got.Domains[0].IsDefault {
			t.Errorf("%s: got %+v", through, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	b := start(t)
	for _, tt := range []struct {
		name, action string
		in           bench.In
		kind         fault.Kind
		field        string
	}{
		{"an unknown person", "directory.user.get", bench.In{"user": "nobody@contoso.example"}, fault.NotFound, ""},
		{"an app has no self", "directory.user.get", bench.In{}, fault.Invalid, "user"},
		{"no domain", "directory.user.list", bench.In{"domain": "con'toso"}, fault.Invalid, "domain"},
		{"a cursor of something else", "directory.user.list", bench.In{"cursor": "%%"}, fault.Invalid, "cursor"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := b.Refused(tt.action, tt.in)
			if f.Kind != tt.kind || tt.field != "" && (len(f.Fields) != 1 || f.Fields[0].Name != tt.field) {
				t.Errorf("got %v", f)
			}
		})
	}
}

func TestOuterForm(t *testing.T) { bench.Golden(t, directory.Actions()) }

func TestWhatMicrosoftTellsOfItsTroubles(t *testing.T) {
	b := start(t)
	all := bench.Do[directory.Incidents](b, "directory.incident.list", bench.In{}).Incidents
	if len(all) != 2 || all[0].Resolved || !all[1].Resolved || !all[0].Start.After(all[1].Start) || all[1].End.IsZero() || all[0].Service != "Microsoft Teams" || all[0].Status != "investigating" {
		t.Errorf("got %+v", all)
	}
	if open := bench.Do[directory.Incidents](b, "directory.incident.list", bench.In{"open": true}).Incidents; len(open) != 1 || open[0].ID != all[0].ID {
		t.Errorf("open: %+v", open)
	}
	if one := bench.Do[directory.Incidents](b, "directory.incident.list", bench.In{"limit": 1}).Incidents; len(one) != 1 {
		t.Errorf("one: %+v", one)
	}
	f := b.Refused("directory.incident.list", bench.In{}, bench.Through(bench.Person))
	if f.Kind != fault.NeedsAdmin || !strings.Contains(f.Fix, "ServiceHealth.Read.All") {
		t.Errorf("without the permission: %+v", f)
	}
}
