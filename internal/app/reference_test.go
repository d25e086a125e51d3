package app

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/admin"
	"seneschal/internal/config"
	"seneschal/internal/engine/alarm"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/m365"
)

// The reference pages are made from the registry and the manifest; this test keeps them so.
func TestGoldenReference(t *testing.T) {
	r, err := registry(&admin.Hub{}, &timeline.Engine{}, &alarm.Engine{}, &delivery.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "../../../docs/reference/actions.md", []byte(actionsPage(r)))
	golden(t, "../../../docs/reference/permissions.md", []byte(permissionsPage()))
}

// The systemd unit names a command and settings that exist.
func TestTheUnitNamesWhatExists(t *testing.T) {
	text, err := os.ReadFile("../../deploy/seneschal.service")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, s := range config.Settings() {
		known["SENESCHAL_"+s.Name] = true
	}
	settings := regexp.MustCompile(`(?m)^Environment=(\w+)=`).FindAllStringSubmatch(string(text), -1)
	for _, s := range settings {
		if !known[s[1]] {
			t.Errorf("%s is no setting", s[1])
		}
	}
	if len(settings) == 0 || !strings.Contains(string(text), "\nExecStart=/usr/local/bin/seneschal serve\n") {
		t.Error("the unit does not say where its data lie, or how it serves")
	}
}

func actionsPage(r *action.Registry) string {
	var b strings.Builder
	b.WriteString("# Actions\n\nMade from the registry (go test ./internal/app -run Golden -update). What comes of each in every mode: [modes](modes.md).\n\n| action | what it does | effect | modes | application permission | delegated permission |\n|---|---|---|---|---|---|\n")
	for _, a := range r.All() {
		if a.Target == action.OnConnection {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %v | %s | %s |\n", a.Name, a.Summary, a.Effect, a.Modes(), strings.Join(a.Permissions(m365.Application), ", "), strings.Join(a.Permissions(m365.Delegated), ", "))
		}
	}
	b.WriteString("\n## Administration of the hub\n\n| action | what it does | route | scope |\n|---|---|---|---|\n")
	for _, a := range r.All() {
		if a.Target == action.OnHub {
			fmt.Fprintf(&b, "| `%s` | %s | `%s` | `%s` |\n", a.Name, a.Summary, a.Route, access.KeyScope(a.Scope))
		}
	}
	return b.String()
}

func permissionsPage() string {
	var b strings.Builder
	b.WriteString("# Permissions\n\nWhat each capability needs, made from the one manifest (go test ./internal/app -run Golden -update).\n\n| capability | what for | application | delegated | why | operation |\n|---|---|---|---|---|---|\n")
	for _, c := range m365.Capabilities() {
		for _, n := range c.Needs {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | `%s` |\n", c.Name, c.Title, orDash(n.Role), orDash(n.Scope), n.Why, n.Operation)
		}
		for _, n := range c.Wants {
			fmt.Fprintf(&b, "| `%s` | %s, optional | %s | %s | %s | `%s` |\n", c.Name, c.Title, orDash(n.Role), orDash(n.Scope), n.Why, n.Operation)
		}
	}
	return b.String()
}

func orDash(permission string) string {
	if permission == "" {
		return "–"
	}
	return permission
}
