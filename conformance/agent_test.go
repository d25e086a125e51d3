package conformance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// hub is the running program with a connection to the simulated cloud, met as its users meet it.
type hub struct {
	url, key string
	env      []string
	dir      string
}

// environment is what the program needs to know: a database and a key in dir, and the simulated cloud.
func environment(dir string) []string {
	return []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.Getenv("TMPDIR"), "SENESCHAL_DATABASE_URL=file:" + filepath.Join(dir, "hub.db"), "SENESCHAL_KEY_FILE=" + filepath.Join(dir, "master.key"),
		"SENESCHAL_CLOUD=custom", "SENESCHAL_LOGIN_URL=" + cloud.LoginURL, "SENESCHAL_GRAPH_URL=" + cloud.GraphURL, "SENESCHAL_CA_FILE=" + cloud.CAFile}
}

// serveHub starts the hub, enters a connection, and makes a key that may read and propose.
func serveHub(t *testing.T) hub {
	t.Helper()
	bin, err := filepath.Abs(program)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	h := hub{dir: dir, env: append(environment(dir), "SENESCHAL_LISTEN=127.0.0.1:0", "SENESCHAL_LOG_FORMAT=json")}
	contoso := cloud.tenant(t, "contoso")
	a := contoso.app(t, "Seneschal")
	form, err := json.Marshal(map[string]any{"name": "contoso", "kind": "application", "tenant_id": contoso.TenantID, "client_id": a.ClientID, "credential": map[string]string{"type": "secret", "secret": a.ClientSecret},
		"capabilities": []string{"mail"}, "mailboxes": contoso.Users[0].UPN})
	if err != nil {
		t.Fatal(err)
	}
	h.run(t, bin, string(form), "connection", "add", "--input", "-")
	var made struct{ Key string }
	if err := json.Unmarshal([]byte(h.run(t, bin, "", "apikey", "add", "assistant", "--scope", "hub:read", "--scope", "actions:read", "--scope", "actions:write", "--output", "json")), &made); err != nil {
		t.Fatal(err)
	}
	h.key = made.Key
	cmd := exec.Command(bin, "serve")
	cmd.Env, cmd.Dir, cmd.SysProcAttr = h.env, dir, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var line struct{ Msg, URL string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "the hub serves" {
			h.url = line.URL
			go func() { _, _ = io.Copy(io.Discard, log) }()
			return h
		}
	}
	t.Fatal("the hub did not start")
	return h
}

func (h hub) run(t *testing.T, bin, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command(bin, args...)
	cmd.Env, cmd.Dir, cmd.Stdin = h.env, h.dir, strings.NewReader(input)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v %s%s", args, err, out, problems.String())
	}
	return string(out)
}

type bearer struct{ key string }

// RoundTrip sends the request with the key.
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.key)
	return http.DefaultTransport.RoundTrip(r)
}

// planOf reads the plan in a tool's answer.
func planOf(t *testing.T, s *mcp.ClientSession, tool string, in map[string]any) (p struct {
	ID, State   string
	InputDigest string `json:"input_sha256"`
}) {
	t.Helper()
	r, err := s.CallTool(context.Background(), &mcp.CallToolParams{Name: tool, Arguments: in})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, c := range r.Content {
		fmt.Fprintln(&text, c.(*mcp.TextContent).Text)
	}
	start, end := strings.Index(text.String(), "{"), strings.LastIndex(text.String(), "}")
	if r.IsError || start < 0 || json.Unmarshal([]byte(text.String()[start:end+1]), &p) != nil || p.ID == "" {
		t.Fatalf("%s: %s", tool, text.String())
	}
	return p
}

// The official SDK's client lists, reads, proposes; a person approves; it runs: over Streamable HTTP and over stdio.
func TestAnAgentOfTheOfficialSDK(t *testing.T) {
	bin, err := filepath.Abs(program)
	if err != nil {
		t.Fatal(err)
	}
	h := serveHub(t)
	who := cloud.tenant(t, "contoso").Users[0].UPN
	stdio := exec.Command(bin, "mcp", "--write")
	stdio.Env, stdio.Dir = h.env, h.dir
	for way, transport := range map[string]mcp.Transport{
		"http":  &mcp.StreamableClientTransport{Endpoint: h.url + "/mcp", HTTPClient: &http.Client{Transport: bearer{h.key}}},
		"stdio": &mcp.CommandTransport{Command: stdio},
	} {
		t.Run(way, func(t *testing.T) {
			s, err := mcp.NewClient(&mcp.Implementation{Name: "conformance", Version: "1"}, nil).Connect(context.Background(), transport, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Errorf("closing: %v", err)
				}
			}()
			n, writes := 0, false
			for tool, err := range s.Tools(context.Background(), nil) {
				if err != nil {
					t.Fatal(err)
				}
				n++
				writes = writes || tool.Name == "mail_draft_create" && !tool.Annotations.ReadOnlyHint
			}
			if n < 20 || n > 30 || !writes {
				t.Errorf("%d tools; one that writes: %v", n, writes)
			}
			title := "proposed over " + way
			p := planOf(t, s, "mail_draft_create", map[string]any{"connection": "contoso", "user": who, "to": []string{who}, "subject": title, "body": "x"})
			if p.State != "waiting" {
				t.Fatalf("%+v", p)
			}
			h.run(t, bin, "", "plan", "approve", p.ID, p.InputDigest)
			if p := planOf(t, s, "plan_show", map[string]any{"id": p.ID}); p.State != "done" {
				t.Errorf("%+v", p)
			}
			r, err := s.CallTool(context.Background(), &mcp.CallToolParams{Name: "mail_message_list", Arguments: map[string]any{"connection": "contoso", "user": who, "folder": "drafts"}})
			if err != nil || r.IsError {
				t.Fatal(err, r)
			}
			if text := r.Content[0].(*mcp.TextContent).Text; strings.Count(text, title) != 1 || !strings.Contains(text, "begin untrusted data") {
				t.Errorf("read back: %s", text)
			}
		})
	}
}
