package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"seneschal/internal/app"
	"seneschal/internal/sim"
	"seneschal/internal/store"
	"seneschal/internal/telemetry"
)

// followFaults are those that a hub gets over by itself.
var followFaults = []string{"status", "reset", "truncate", "html", "429", "expire_token", "delta_gone"}

// However faults and restarts fall among the changes, what was told adds up to what Microsoft has: nothing is told twice, and nothing lost.
func TestWhatIsToldOfFilesConverges(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 9)) //nolint:gosec // a storm is no secret
			h := following(t, []store.Engine{store.SQLite, store.Postgres}[seed%2], false)
			alive, gone := map[string]int{}, map[string]bool{} // how often each was renamed
			for round := range 12 {
				switch id := anyOf(r, alive); {
				case id == "" || r.IntN(3) == 0:
					alive[fmt.Sprint(changed(t, h, "drive.item.upload", map[string]any{"user": ada, "name": fmt.Sprint("file", round)}, 'a')["id"])] = 0
				case r.IntN(3) == 0:
					changed(t, h, "drive.item.delete", map[string]any{"user": ada, "item": id})
					gone[id] = true
					delete(alive, id)
				default:
					changed(t, h, "drive.item.rename", map[string]any{"user": ada, "item": id, "name": fmt.Sprint("renamed", round)})
					alive[id]++
				}
				play(t, h, sim.Fault{Kind: followFaults[r.IntN(len(followFaults))], Status: 503, Match: matching("GET", "/**/delta**"), Times: 1 + r.IntN(2)})
				if r.IntN(4) == 0 {
					restart(t, h)
				}
				walked(t, h)
			}
			played := 0
			for _, kind := range followFaults {
				played += h.Cloud.Counters()["faults."+kind]
			}
			if played < 6 {
				t.Errorf("only %d faults were met", played)
			}
			h.Cloud.ClearFaults()
			walked(t, h)
			allFollowed(t, h)
			told := map[string]map[string]int{}
			for _, line := range news(t, h, nil) {
				words := strings.Fields(line)
				if told[words[1]] == nil {
					told[words[1]] = map[string]int{}
				}
				told[words[1]][words[2]]++
			}
			for id, n := range alive {
				if k := told[id]; k["created"] != 1 || k["deleted"] != 0 || k["renamed"] > n || n > 0 && k["renamed"]+k["created"] < 1 {
					t.Errorf("%s is there, renamed %d times, and told as %v", id, n, k)
				}
			}
			for id := range gone {
				if k := told[id]; k["created"] != k["deleted"] || k["created"] > 1 {
					t.Errorf("%s is gone, and told as %v", id, k)
				}
			}
			for id := range told {
				if _, there := alive[id]; !there && !gone[id] {
					t.Errorf("%s is told, and nobody changed it: %v", id, told[id])
				}
			}
		})
	}
}

// restart ends the hub and joins another on the same database.
func restart(t *testing.T, h *app.Hub) {
	t.Helper()
	if err := h.Server.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.App, err = app.New(context.Background(), h.Config, app.Surroundings{Clock: h.Time, Log: telemetry.NewLog(io.Discard, "text", 0)}); err != nil {
		t.Fatal(err)
	}
	if h.Server, err = h.Serve(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func anyOf(r *rand.Rand, m map[string]int) string {
	all := slices.Sorted(maps.Keys(m))
	if len(all) == 0 {
		return ""
	}
	return all[r.IntN(len(all))]
}
