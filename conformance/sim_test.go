package conformance

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// program is what make build leaves; the clients meet the simulator as its users do.
const program = "../bin/seneschal"

// cloud is the simulator all tests share. Each test works in a mailbox of its own, so that they do not see each other.
var cloud *simulator

// simulator is the running program, seen from outside: its ready file and its admin routes.
type simulator struct {
	LoginURL string   `json:"login_url"`
	GraphURL string   `json:"graph_url"`
	AdminURL string   `json:"admin_url"`
	CAFile   string   `json:"ca_file"`
	Tenants  []tenant `json:"tenants"`

	transport *http.Transport
	stop      func()
}

type tenant struct {
	Name     string  `json:"name"`
	TenantID string  `json:"tenant_id"`
	Apps     []app   `json:"apps"`
	Users    []human `json:"users"`
}

type app struct {
	Name            string `json:"name"`
	ClientID        string `json:"client_id"`
	ClientSecret    string `json:"client_secret"`
	CertificateFile string `json:"certificate_file"`
}

type human struct {
	ID       string `json:"id"`
	UPN      string `json:"upn"`
	Name     string `json:"name"`
	Password string `json:"password"`
}

// request is one line of GET /requests.
type request struct {
	Method  string `json:"method"`
	Path    string `json:"path"`
	Status  int    `json:"status"`
	InBatch bool   `json:"in_batch"`
}

// listen is where the simulator serves; in a private network it may be Microsoft's own port.
const listen = "CONFORMANCE_LISTEN"

func TestMain(m *testing.M) {
	runtime.LockOSThread() // Pdeathsig fires when the thread ends that started the child
	dir, err := os.MkdirTemp("", "conformance")
	if err == nil {
		cloud, err = startSimulator(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
	code := m.Run()
	cloud.stop()
	_ = os.RemoveAll(dir) // a temporary folder
	os.Exit(code)
}

// startSimulator starts the program and waits for the first line it prints, which it prints once it serves.
func startSimulator(dir string) (*simulator, error) {
	ready := filepath.Join(dir, "ready.json")
	address := cmp.Or(os.Getenv(listen), "127.0.0.1:0")
	cmd := exec.Command(program, "sim", "--listen", address, "--world", "contoso", "--dir", filepath.Join(dir, "cloud"), "--ready", ready) // which is removed with dir: a killed program removes nothing
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}                                                                     // also when go test is cut off at its deadline
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; run make build first", err)
	}
	s := &simulator{stop: func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()
	}}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		s.stop()
		return nil, fmt.Errorf("the simulator did not start: %s", complaints.String())
	}
	if err := s.readReadyFile(ready); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *simulator) readReadyFile(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, s); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	authority, err := os.ReadFile(s.CAFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return fmt.Errorf("%s holds no certificate", s.CAFile)
	}
	s.transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	return nil
}

func (s *simulator) tenant(t testing.TB, name string) tenant {
	t.Helper()
	for _, one := range s.Tenants {
		if one.Name == name {
			return one
		}
	}
	t.Fatalf("the ready file names no tenant %q", name)
	return tenant{}
}

func (c tenant) app(t testing.TB, name string) app {
	t.Helper()
	for _, one := range c.Apps {
		if one.Name == name {
			return one
		}
	}
	t.Fatalf("the ready file names no app %q", name)
	return app{}
}

func (c tenant) user(t testing.TB, upn string) human {
	t.Helper()
	for _, one := range c.Users {
		if one.UPN == upn {
			return one
		}
	}
	t.Fatalf("the ready file names no user %q", upn)
	return human{}
}

// admin calls an admin route; in and out may be nil.
func (s *simulator) admin(ctx context.Context, t *testing.T, method, path string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.AdminURL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: s.transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
}

// advance moves the simulated clock.
func (s *simulator) advance(t *testing.T, by string) {
	t.Helper()
	s.admin(t.Context(), t, http.MethodPost, "/clock", map[string]string{"advance": by}, nil)
}

// deliver puts a message into a mailbox as if it had just arrived.
func (s *simulator) deliver(t *testing.T, mailbox, subject string) {
	t.Helper()
	mime := strings.Join([]string{
		"From: Nora West <nora@northwind.example>", "To: <" + mailbox + ">", "Subject: " + subject, "Message-ID: <" + t.Name() + "@northwind.example>",
		"MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "", "Hello,", "please have a look.", "",
	}, "\r\n")
	s.admin(t.Context(), t, http.MethodPost, "/mail", map[string]string{"mailbox": mailbox, "folder": "inbox", "mime_base64": base64.StdEncoding.EncodeToString([]byte(mime))}, nil)
}

// misbehave plays a fault until the test ends.
func (s *simulator) misbehave(t *testing.T, fault map[string]any) {
	t.Helper()
	s.admin(t.Context(), t, http.MethodPost, "/faults", fault, nil)
	t.Cleanup(func() { s.admin(context.Background(), t, http.MethodDelete, "/faults", nil, nil) })
}

// statuses gives what the simulator answered to requests whose path contains a part, oldest first.
func (s *simulator) statuses(t *testing.T, method, part string) []int {
	t.Helper()
	var all []request
	s.admin(t.Context(), t, http.MethodGet, "/requests", nil, &all)
	var out []int
	for _, r := range all {
		if r.Method == method && strings.Contains(r.Path, part) {
			out = append(out, r.Status)
		}
	}
	return out
}
