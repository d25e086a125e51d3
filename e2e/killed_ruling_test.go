package e2e

import (
	"strings"
	"testing"

	"seneschal/internal/fault"
)

// Wherever the hub is killed while it makes a rule of an inbox, the same key ends in one rule.
func TestKilledWhileMakingARule(t *testing.T) {
	t.Parallel()
	const name = "Made once"
	in := map[string]any{"user": "ada@contoso.example", "name": name, "sequence": 1, "conditions": map[string]any{"sender_contains": []string{"shop"}}, "actions": map[string]any{"mark_as_read": true}}
	atEveryPoint(t, func(g *ground) {
		form := g.form()
		form["capabilities"] = []string{"mailsettings"}
		if out, _ := g.run(form, nil, "connection", "add", "--input", "-"); !strings.Contains(out, "healthy") {
			g.t.Fatal(out)
		}
	}, func(g *ground, extra ...string) bool {
		_, killed := g.run(in, extra, "action", "run", "mail.rule.create", "--yes", "--connection", "contoso", "--input", "-", "--idempotency-key", "4711")
		return killed
	}, func(t *testing.T, g *ground) {
		a := g.reopen()
		waitFor(t, g, "the same key ends in a rule", func() bool {
			_, err := onFiles(t, a, "mail.rule.create", in, nil, nil)
			if err != nil && fault.KindOf(err) != fault.Unclear && fault.CodeOf(err) != "in_progress" {
				t.Fatalf("asked again: %v", err)
			}
			return err == nil
		})
		list, err := onFiles(t, a, "mail.rule.list", map[string]any{"user": "ada@contoso.example"}, nil, nil)
		if err != nil || strings.Count(string(list), name) != 1 {
			t.Errorf("want one rule: %s %v", list, err)
		}
		verifyAudit(t, a)
	})
}
