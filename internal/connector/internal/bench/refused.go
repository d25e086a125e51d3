package bench

import (
	"maps"
	"slices"
	"strings"

	"seneschal/internal/fault"
)

// Silent wants no request to leave while f runs.
func (b *Bench) Silent(f func()) {
	b.Helper()
	before := len(b.Sim.Requests())
	f()
	if now := len(b.Sim.Requests()); now != before {
		b.Errorf("%d requests left", now-before)
	}
}

// Wrong wants an input refused by the name of a field, and with words about it.
func (b *Bench) Wrong(name string, in In, field, words string) {
	b.Helper()
	f := b.Refused(name, in)
	if f.Kind != fault.Invalid || !slices.ContainsFunc(f.Fields, func(w fault.Field) bool { return w.Name == field && strings.Contains(w.Message, words) }) {
		b.Errorf("%s of %v: got %v %+v, want the field %s named, with %q", name, in, f, f.Fields, field, words)
	}
}

// Fenced wants an action that writes refused for a mailbox that is not listed, for anybody but the person, and where a connection is set to
// read only.
func (b *Bench) Fenced(name string, in In) {
	b.Helper()
	for _, tt := range []struct{ through, user, code string }{
		{App, "emma@contoso.example", "mailbox_not_listed"}, {Person, "ben@contoso.example", "mailbox_not_listed"}, {Frozen, Ada, "read_only"},
	} {
		of := In{"user": tt.user}
		maps.Copy(of, in)
		if f := b.Refused(name, of, Through(tt.through)); f.Code != tt.code {
			b.Errorf("%s of %s through %s: got %v, want %s", name, tt.user, tt.through, f, tt.code)
		}
	}
}
