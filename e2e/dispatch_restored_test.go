package e2e

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/store"
)

// What was planned after the backup was made is unknown when that is restored. The planning system says its slots again, changed meanwhile
// or cancelled, and each goes on with the event that it had.
func TestSlotsAreFoundAgainAfterABackupWasRestored(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]store.Engine{{store.SQLite, store.Postgres}, {store.Postgres, store.SQLite}} {
		t.Run(string(pair[0])+" to "+string(pair[1]), func(t *testing.T) {
			g := planned(t, pair[0], killedLife{})
			in := dispatch.SlotIn{Technician: ada, Start: g.at.Format(time.RFC3339), End: g.at.Add(time.Hour).Format(time.RFC3339), Subject: "Restored slot"}
			slot := func(id, location string) dispatch.SlotIn {
				s := in
				s.ExternalID, s.Location = id, location
				return s
			}
			said := func(all ...dispatch.SlotIn) {
				a := g.join(nil)
				defer func() { _ = a.Close() }()
				_, err := a.Dispatch.PutAll(t.Context(), access.Local("test"), all, false)
				if err == nil {
					err = g.work(t.Context(), a)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			moved := func(location string) dispatch.SlotIn {
				s := slot("moved", location)
				s.Technician = ben
				return s
			}
			said(slot("before", "Here"), slot("moved", "Here"))
			file := filepath.Join(g.dir, "hub.backup")
			if out, _ := g.run(nil, nil, "backup", "create", file); !bytes.Contains([]byte(out), []byte("rows in")) {
				t.Fatal(out)
			}
			said(slot("before", "There"), slot("same", "Here"), slot("changed", "Here"), slot("cancelled", "Here"), slot("given", "Here"), moved("There"))
			g.env = append(g.env, "SENESCHAL_DATABASE_URL="+store.TestURL(t, pair[1]))
			if out, _ := g.run(nil, nil, "backup", "restore", file); !bytes.Contains([]byte(out), []byte("rows restored")) {
				t.Fatal(out)
			}
			a, stop := g.open()
			defer stop()
			cancelled, given := slot("cancelled", "Here"), slot("given", "Here")
			cancelled.Status, given.Technician = "cancelled", ben
			all := []dispatch.SlotIn{slot("before", "There"), slot("same", "Here"), slot("changed", "Elsewhere"), slot("new", "Here"), cancelled, moved("Elsewhere")}
			if _, err := a.Dispatch.PutAll(t.Context(), access.Local("test"), all, false); err != nil {
				t.Fatal(err)
			}
			rest := func(id string, state dispatch.State) {
				t.Helper()
				waitFor(t, g.ground, id+" is "+string(state), func() bool {
					s, err := a.Dispatch.Lookup(t.Context(), id)
					return err == nil && s.State == state
				})
			}
			for _, id := range []string{"before", "same", "changed", "new", "moved"} {
				rest(id, dispatch.Placed)
			}
			rest("cancelled", dispatch.Withdrawn)
			if _, err := a.Dispatch.Put(t.Context(), access.Local("test"), given); err != nil {
				t.Fatal(err)
			}
			rest("given", dispatch.Placed)
			events, err := g.cloud.State(g.cloud.Ready().Tenants[0].TenantID, "events")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range events {
				if e["subject"] == in.Subject {
					where, _ := e["location"].(map[string]any)
					got = append(got, fmt.Sprint(e["mailbox"], " ", where["displayName"]))
				}
			}
			slices.Sort(got)
			if want := []string{ada + " Elsewhere", ada + " Here", ada + " Here", ada + " There", ben + " Elsewhere", ben + " Here"}; !slices.Equal(got, want) {
				t.Errorf("the calendars hold %q, want %q", got, want)
			}
		})
	}
}
