package bench

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"seneschal/internal/action"
	"seneschal/internal/m365"
)

var update = flag.Bool("update", false, "write testdata anew instead of comparing with it")

// snapshot is all that a face shows of an action.
type snapshot struct {
	Name, Summary, Effect  string
	Capability             m365.Capability
	Modes                  []m365.Mode
	Application, Delegated []string // permissions
	Operations             []m365.OperationKey
	MayCall                []m365.OperationKey `json:",omitempty"`
	Files                  []action.File       `json:",omitempty"`
	Args                   []string            `json:",omitempty"`
	Streams                []string            `json:",omitempty"`
	Resumes                bool                `json:",omitempty"`
	ShowsBody, Repeatable  bool
	Input, Output          *huma.Schema
}

// Golden compares the actions' outer form with testdata/actions.json: other programs rely on it.
func Golden(t *testing.T, actions []action.Action) {
	t.Helper()
	list := make([]snapshot, len(actions))
	for i, a := range actions {
		list[i] = snapshot{a.Name, a.Summary, a.Effect.String(), a.Capability, a.Modes(), a.Permissions(m365.Application), a.Permissions(m365.Delegated), a.Operations, a.MayCall, a.Files, a.Args, a.Streams, a.Resumes,
			a.ShowsBody, a.Repeatable, a.Input(), a.Output()}
	}
	got, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "actions.json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(want), got) {
		t.Errorf("the actions' outer form changed; look at the difference after: go test -run %s -update", t.Name())
	}
}
