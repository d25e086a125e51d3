package feed

import (
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/store"
)

// One POST may mix subscriptions and tenants; each note counts for itself.
func TestEachNoteIsBelievedForItself(t *testing.T) {
	const contoso, fabrikam = "11111111-0000-4000-8000-00000000000a", "22222222-0000-4000-8000-00000000000b"
	genuine := func(id string) Note {
		return map[string]Note{
			"a": {Subscription: "sub-a", ClientState: "secret a", Tenant: contoso},
			"b": {Subscription: "sub-b", ClientState: "secret b", Tenant: fabrikam},
			"c": {Subscription: "sub-c", ClientState: "secret c", Tenant: fabrikam}, // of a person's connection: the tenant is not known
		}[id]
	}
	but := func(n Note, change func(*Note)) Note { change(&n); return n }
	for _, tt := range []struct {
		name  string
		notes []Note
		wakes []string
	}{
		{"two tenants", []Note{genuine("a"), genuine("b")}, []string{"feed a", "feed b"}},
		{"capitals", []Note{but(genuine("a"), func(n *Note) { n.Tenant, n.Subscription = "11111111-0000-4000-8000-00000000000A", "SUB-A" })}, []string{"feed a"}},
		{"one of them with the other's tenant", []Note{but(genuine("a"), func(n *Note) { n.Tenant = fabrikam }), genuine("b")}, []string{"feed b"}},
		{"one of them with the other's secret", []Note{genuine("a"), but(genuine("b"), func(n *Note) { n.ClientState = "secret a" })}, []string{"feed a"}},
		{"no tenant", []Note{but(genuine("a"), func(n *Note) { n.Tenant = "" })}, nil},
		{"no secret", []Note{but(genuine("a"), func(n *Note) { n.ClientState = "" })}, nil},
		{"an unknown subscription among them", []Note{genuine("a"), {Subscription: "sub-x", ClientState: "secret a", Tenant: contoso}}, []string{"feed a"}},
		{"a lifecycle event of another tenant", []Note{but(genuine("b"), func(n *Note) { n.Lifecycle, n.Tenant = "subscriptionRemoved", contoso })}, nil},
		{"a tenant that we do not know", []Note{genuine("c")}, []string{"feed c"}},
		{"a feed that is no more", []Note{{Subscription: "sub-orphan", ClientState: "secret o", Tenant: contoso}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store.ForTest(t, []fs.FS{Migrations}, func(t *testing.T, db *store.Store) {
				due := diary{map[string]time.Time{}}
				s := &Service{Store: db, Clock: clock.NewAdjustable(), Log: slog.New(slog.DiscardHandler), Jobs: due}
				for _, row := range [][]any{{"sub-a", "feed a", "secret a", contoso}, {"sub-b", "feed b", "secret b", fabrikam}, {"sub-c", "feed c", "secret c", ""}, {"sub-orphan", "", "secret o", contoso}} {
					if _, err := db.Writer().ExecContext(t.Context(), "insert into feed_subscription (id, feed, connection, state_hash, expires_at, made_at, renewed_at, heard_at, tenant) values ($1, $2, 'c', $3, 9, 1, 1, 0, $4)",
						row[0], row[1], stateHash(row[2].(string)), row[3]); err != nil {
						t.Fatal(err)
					}
				}
				if err := s.Notice(t.Context(), tt.notes); err != nil {
					t.Fatal(err)
				}
				var want []string
				for _, id := range tt.wakes {
					want = append(want, WalkJob+" "+id)
				}
				if got := slices.Sorted(maps.Keys(due.due)); !slices.Equal(got, want) {
					t.Errorf("due: %v, want %v", got, want)
				}
				var left, heard int
				if err := db.Reader().QueryRowContext(t.Context(), "select count(*), sum(case when heard_at > 0 then 1 else 0 end) from feed_subscription").Scan(&left, &heard); err != nil || left != 4 || heard != len(tt.wakes) {
					t.Errorf("%d subscriptions left, %d heard of (%v)", left, heard, err)
				}
			})
		})
	}
}
