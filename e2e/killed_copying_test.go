package e2e

import (
	"strings"
	"testing"

	"seneschal/internal/fault"
)

// A copy that the hub is killed in is there once and whole, and its key says so.
func TestKilledWhileCopying(t *testing.T) {
	t.Parallel()
	in := map[string]any{"user": ada, "path": "Documents", "name": "Copied", "conflict": "rename"}
	atEveryPoint(t, (*ground).connectToFiles, func(g *ground, extra ...string) bool {
		_, killed := g.run(in, extra, "action", "run", "drive.item.copy", "--connection", "contoso", "--input", "-", "--idempotency-key", "4711")
		return killed
	}, func(t *testing.T, g *ground) {
		a := g.reopen()
		waitFor(t, g, "the same key ends in a copy", func() bool {
			_, err := onFiles(t, a, "drive.item.copy", in, nil, nil)
			if err != nil && fault.KindOf(err) != fault.Unclear && fault.CodeOf(err) != "in_progress" {
				t.Fatalf("asked again: %v", err)
			}
			return err == nil
		})
		list, err := onFiles(t, a, "drive.item.list", map[string]any{"user": ada}, nil, nil)
		if err != nil || strings.Count(string(list), `"name":"Copied`) != 1 {
			t.Errorf("want one copy: %s %v", list, err)
		}
		if _, err := onFiles(t, a, "drive.item.get", map[string]any{"user": ada, "path": "Copied/Welcome.txt"}, nil, nil); err != nil {
			t.Errorf("it is not whole: %v", err)
		}
		verifyAudit(t, a)
	})
}
