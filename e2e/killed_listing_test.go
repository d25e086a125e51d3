package e2e

import (
	"strings"
	"testing"

	"seneschal/internal/fault"
)

// Wherever the hub is killed while it puts an item into a list, the same key ends in one item.
func TestKilledWhilePuttingAnItemIntoAList(t *testing.T) {
	t.Parallel()
	const site, title = "https://contoso.sharepoint.com/sites/projects", "Made once"
	in := map[string]any{"site": site, "list": "Work orders", "fields": map[string]any{"Title": title, "Hours": 2}}
	atEveryPoint(t, func(g *ground) {
		form := g.form()
		form["capabilities"], form["sites"] = []string{"sharepoint"}, []string{"https://contoso.sharepoint.com/sites/projects"}
		if out, _ := g.run(form, nil, "connection", "add", "--input", "-"); !strings.Contains(out, "healthy") {
			g.t.Fatal(out)
		}
	}, func(g *ground, extra ...string) bool {
		_, killed := g.run(in, extra, "action", "run", "sharepoint.list_item.create", "--connection", "contoso", "--input", "-", "--idempotency-key", "4711")
		return killed
	}, func(t *testing.T, g *ground) {
		a := g.reopen()
		waitFor(t, g, "the same key ends in an item", func() bool {
			_, err := onFiles(t, a, "sharepoint.list_item.create", in, nil, nil)
			if err != nil && fault.KindOf(err) != fault.Unclear && fault.CodeOf(err) != "in_progress" {
				t.Fatalf("asked again: %v", err)
			}
			return err == nil
		})
		list, err := onFiles(t, a, "sharepoint.list_item.list", map[string]any{"site": site, "list": "Work orders"}, nil, nil)
		if err != nil || strings.Count(string(list), title) != 1 {
			t.Errorf("want one item: %s %v", list, err)
		}
		verifyAudit(t, a)
	})
}
