package contacts_test

import (
	"strings"
	"testing"

	"seneschal/internal/action"
	"seneschal/internal/connector/contacts"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/fault"
)

// With if_match only the version that the caller saw is touched, in both modes.
func TestOnlyTheVersionThatIsMeant(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		for _, name := range []string{"contact.update", "contact.delete"} {
			seen := bench.Do[contacts.Contact](b, "contact.create", bench.Named(through, whole), bench.Through(through))
			in := bench.Named(through, bench.In{"contact": seen.ID})
			theirs := bench.Do[contacts.Contact](b, "contact.update", bench.Named(through, bench.In{"contact": seen.ID, "notes": "Theirs"}), bench.Through(through))
			if seen.ETag == "" || theirs.ETag == seen.ETag {
				t.Fatalf("etags: %q, then %q", seen.ETag, theirs.ETag)
			}
			write := bench.Named(through, bench.In{"contact": seen.ID, "if_match": seen.ETag})
			if name == "contact.update" {
				write["notes"] = "Mine"
			}
			if f := b.Refused(name, write, bench.Through(through)); f.Kind != fault.Conflict || f.Code != "changed_meanwhile" || !strings.Contains(f.Fix, "contact.get") {
				t.Errorf("%s of an old version: got %v", name, f)
			}
			if got := bench.Do[contacts.Contact](b, "contact.get", in, bench.Through(through)); got.Notes != "Theirs" {
				t.Errorf("%s touched it: %+v", name, got)
			}
			write["if_match"] = theirs.ETag
			if _, err := b.Call(name, write, bench.Through(through)); err != nil {
				t.Errorf("%s of the present version: %v", name, err)
			}
		}
	}
}

// An update whose own answer was lost is not taken for somebody else's change, and somebody else's not for ours.
func TestVersionsUnderTrouble(t *testing.T) {
	for _, tt := range []struct {
		name   string
		theirs bench.In
		state  action.State
	}{
		{"nobody else", nil, action.Done},
		{"somebody else at another field", bench.In{"company": "Army"}, action.Done},
		{"somebody else at the same field", bench.In{"job_title": "Admiral"}, action.Unclear},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t)
			made := bench.Do[contacts.Contact](b, "contact.create", bench.Named(bench.App, whole))
			for range 4 { // each try of the pipeline
				b.Fault(bench.FaultAt("timeout_after_accept", "PATCH", "/contacts/"))
			}
			run := b.Unclear("contact.update", bench.Named(bench.App, bench.In{"contact": made.ID, "if_match": made.ETag, "job_title": "Commodore", "notes": nil, "children": []string{},
				"emails": []bench.In{{"address": "new@navy.example"}}, "home_address": bench.In{"city": "Boston"}, "birthday": "1906-12-10"}))
			if tt.theirs != nil {
				in := bench.Named(bench.App, bench.In{"contact": made.ID})
				for k, v := range tt.theirs {
					in[k] = v
				}
				bench.Do[contacts.Contact](b, "contact.update", in)
			}
			if got := b.Look(run); got != tt.state {
				t.Errorf("got %s, want %s", got, tt.state)
			}
		})
	}
}
