package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/fault"
)

// A killed upload goes on with its key: the file is there once and whole, and at most one piece was sent for nothing.
func TestKilledWhileUploading(t *testing.T) {
	t.Parallel()
	const pieces = 2
	content := bytes.Repeat([]byte("0123456789abcdef"), 900_000) // more than one piece, less than two
	in := map[string]any{"user": "ada@contoso.example", "name": "Large.bin", "conflict": "rename"}
	atEveryPoint(t, func(g *ground) {
		g.connectToFiles()
		if err := os.WriteFile(filepath.Join(g.dir, "large"), content, 0o600); err != nil {
			g.t.Fatal(err)
		}
	}, func(g *ground, extra ...string) bool {
		_, killed := g.run(in, extra, "action", "run", "drive.item.upload", "--connection", "contoso", "--input", "-", "--file", "file=large", "--idempotency-key", "4711")
		return killed
	}, func(t *testing.T, g *ground) {
		a := g.reopen()
		waitFor(t, g, "the same key ends in an uploaded file", func() bool {
			_, err := onFiles(t, a, "drive.item.upload", in, content, nil)
			if err != nil && fault.KindOf(err) != fault.Unclear && fault.CodeOf(err) != "in_progress" {
				t.Fatalf("asked again: %v", err)
			}
			return err == nil
		})
		if n := taken(g); n > pieces+1 {
			t.Errorf("%d pieces of %d were sent", n, pieces)
		}
		list, err := onFiles(t, a, "drive.item.list", map[string]any{"user": "ada@contoso.example"}, nil, nil)
		if err != nil || strings.Count(string(list), `"Large`) != 1 {
			t.Errorf("want one file: %s %v", list, err)
		}
		var got bytes.Buffer
		if _, err := onFiles(t, a, "drive.item.download", map[string]any{"user": "ada@contoso.example", "path": "Large.bin"}, nil, &got); err != nil || !bytes.Equal(got.Bytes(), content) {
			t.Errorf("%d bytes came back, or other ones: %v", got.Len(), err)
		}
		verifyAudit(t, a)
	})
}

func (g *ground) connectToFiles() {
	g.t.Helper()
	form := g.form()
	form["capabilities"] = []string{"onedrive"}
	if out, _ := g.run(form, nil, "connection", "add", "--input", "-"); !strings.Contains(out, "healthy") {
		g.t.Fatal(out)
	}
}

// onFiles runs an action with a file in or out.
func onFiles(t *testing.T, a *app.App, name string, in map[string]any, file []byte, out io.Writer) (json.RawMessage, error) {
	t.Helper()
	input, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	q := action.Request{Action: name, Connection: "contoso", Caller: access.Local("test"), Input: input, Key: "4711", Out: func(action.Bytes) io.Writer { return out }}
	if file != nil {
		c, err := action.Spool("large", "", bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		q.Files = map[string]*action.Content{"file": c}
	}
	r, err := a.Runner.Do(t.Context(), q)
	return r.Output, err
}

// taken counts the pieces that upload sessions took.
func taken(g *ground) int {
	n := 0
	for _, r := range g.cloud.Requests() {
		if r.Method == http.MethodPut && strings.Contains(r.Path, "/drive-upload/") && r.Status < 300 {
			n++
		}
	}
	return n
}
