package app

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seneschal/internal/admin"
	"seneschal/internal/engine/alarm"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/face/cli"
	"seneschal/internal/face/rest"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

// golden compares an outer surface with its file: a change is seen in review.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *updateGolden {
		if err := os.WriteFile(path, got, 0o644); err != nil { //nolint:gosec // a file of the checkout
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s changed; if that is meant: go test ./internal/app -run Golden -update\n%s", name, diff)
	}
}

func TestGoldenOpenAPI(t *testing.T) {
	r, err := registry(&admin.Hub{}, &timeline.Engine{}, &alarm.Engine{}, &delivery.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "openapi.json", rest.OpenAPI(r, "golden"))
}

func TestGoldenCommands(t *testing.T) {
	for name, args := range map[string][]string{"help.txt": {"--help"}, "help-connection.txt": {"connection", "--help"}, "help-action-run.txt": {"action", "run", "--help"}, "config.txt": {"config", "describe"}, "help-plan.txt": {"plan", "--help"}, "mcp-tools.json": {"mcp", "--list", "--write"}} {
		var out bytes.Buffer
		if code := Main(context.Background(), args, nil, cli.Stdio{In: &bytes.Buffer{}, Out: &out, Err: &out}); code != 0 {
			t.Fatalf("%v: exit code %d", args, code)
		}
		golden(t, name, out.Bytes())
	}
}
