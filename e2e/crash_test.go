package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/config"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/sim/person"
	"seneschal/internal/store"
	"seneschal/internal/telemetry"
	"seneschal/internal/vault"
)

// programDir is where the built program lies; "" before it is.
var programDir string

// program builds seneschal once.
var program = sync.OnceValues(func() (bin string, err error) {
	if programDir, err = os.MkdirTemp("", "seneschal-e2e-"); err != nil {
		return "", err
	}
	bin = filepath.Join(programDir, "seneschal")
	out, err := exec.Command("go", "build", "-o", bin, "seneschal/cmd/seneschal").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return bin, nil
})

// ground is one database and one cloud, on which the program is killed and started again.
type ground struct {
	t     *testing.T
	dir   string
	cloud *sim.Sim
	time  *clock.Adjustable
	env   []string
}

func newGround(t *testing.T, engine store.Engine) *ground {
	t.Helper()
	return newGroundOf(t, engine, "contoso")
}

// newGroundOf has a world by name or file.
func newGroundOf(t *testing.T, engine store.Engine, world string) *ground {
	t.Helper()
	g := &ground{t: t, dir: t.TempDir(), time: clock.NewAdjustable()}
	g.cloud = sim.StartForTest(t, world, func(c *sim.Config) { c.Clock = g.time })
	r := g.cloud.Ready()
	g.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.dir, "SENESCHAL_DATABASE_URL=" + store.TestURL(t, engine), "SENESCHAL_KEY_FILE=" + filepath.Join(g.dir, "master.key"),
		"SENESCHAL_CLOUD=custom", "SENESCHAL_LOGIN_URL=" + r.LoginURL, "SENESCHAL_GRAPH_URL=" + r.GraphURL, "SENESCHAL_CA_FILE=" + r.CAFile, "SENESCHAL_LOG_LEVEL=error", "SENESCHAL_INSTANCE=crash"}
	return g
}

// run starts the program; killed says that a crash point ended it.
func (g *ground) run(input any, extra []string, args ...string) (out string, killed bool) {
	g.t.Helper()
	bin, err := program()
	if err != nil {
		g.t.Fatal(err)
	}
	text, err := json.Marshal(input)
	if err != nil {
		g.t.Fatal(err)
	}
	cmd := exec.Command(bin, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = g.dir, append(g.env, extra...), strings.NewReader(string(text))
	got, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		g.t.Fatal(err)
	}
	return string(got), exit != nil && exit.ExitCode() == -1
}

// reopen starts a hub on the same database, two minutes later: every lease of the killed process has run out.
func (g *ground) reopen() *app.App {
	g.t.Helper()
	g.time.Advance(2 * time.Minute)
	a, stop := g.open()
	g.t.Cleanup(stop)
	return a
}

// open serves a hub on the database until it is stopped.
func (g *ground) open() (a *app.App, stop func()) {
	g.t.Helper()
	return g.openAs("crash")
}

// openAs serves one of several hubs on the database.
func (g *ground) openAs(instance string) (a *app.App, stop func()) {
	g.t.Helper()
	c, err := config.Load(g.dir, append(append([]string{}, g.env...), "SENESCHAL_LISTEN=127.0.0.1:0", "SENESCHAL_INSTANCE="+instance), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	a, err = app.New(context.Background(), c, app.Surroundings{Clock: g.time, Log: telemetry.NewLog(io.Discard, "text", 0)})
	if err != nil {
		g.t.Fatalf("the restart: %v", err)
	}
	s, err := a.Serve(context.Background())
	if err != nil {
		g.t.Fatalf("the restart: %v", err)
	}
	return a, func() {
		_ = s.Stop(context.Background())
		_ = a.Close()
	}
}

// graph changes the cloud as another program would, or a person in Outlook.
func (g *ground) graph(method, path string, in any) []byte {
	g.t.Helper()
	r := g.cloud.Ready()
	app := r.Tenants[0].Apps[0]
	resp, err := g.cloud.HTTPClient().PostForm(r.LoginURL+"/"+r.Tenants[0].TenantID+"/oauth2/v2.0/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {app.ClientID},
		"client_secret": {app.ClientSecret}, "scope": {"https://graph.microsoft.com/.default"}})
	if err != nil {
		g.t.Fatal(err)
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	err = json.NewDecoder(resp.Body).Decode(&token)
	_ = resp.Body.Close()
	if err != nil || token.AccessToken == "" {
		g.t.Fatalf("no token: %v", err)
	}
	body, err := json.Marshal(in)
	if err != nil {
		g.t.Fatal(err)
	}
	req, err := http.NewRequest(method, r.GraphURL+"/v1.0"+path, bytes.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + token.AccessToken}, "Content-Type": {"application/json"}}
	if resp, err = g.cloud.HTTPClient().Do(req); err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		g.t.Fatalf("%s %s: %d %v %s", method, path, resp.StatusCode, err, text)
	}
	return text
}

func (g *ground) form() map[string]any {
	r := g.cloud.Ready().Tenants[0]
	return map[string]any{"name": "contoso", "kind": "application", "tenant_id": r.TenantID, "client_id": r.Apps[0].ClientID, "credential": map[string]any{"type": "secret", "secret": r.Apps[0].ClientSecret},
		"capabilities": []string{"mail"}, "mailboxes": "ada@contoso.example"}
}

// points runs the command once with the log of crash points, on a ground of its own, and gives how many it passes.
func points(t *testing.T, engine store.Engine, prepare func(*ground), do func(g *ground, extra ...string) bool) int {
	t.Helper()
	g := newGround(t, engine)
	prepare(g)
	log := filepath.Join(g.dir, "points")
	do(g, "SENESCHAL_CRASH_LOG="+log)
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	n := strings.Count(string(text), "\n")
	t.Logf("%d crash points:\n%s", n, text)
	if n < 4 {
		t.Fatalf("only %d crash points", n)
	}
	return n
}

// atEveryPoint kills the command at each of its points, each time on fresh ground, and has check look at what is left.
func atEveryPoint(t *testing.T, prepare func(*ground), do func(g *ground, extra ...string) bool, check func(t *testing.T, g *ground)) {
	engines := []store.Engine{store.SQLite}
	if os.Getenv("SENESCHAL_SOAK") != "" {
		engines = append(engines, store.Postgres)
	}
	for _, engine := range engines {
		for n := range points(t, engine, prepare, do) {
			t.Run(fmt.Sprintf("%s/killed at point %d", engine, n+1), func(t *testing.T) {
				g := newGround(t, engine)
				prepare(g)
				log := filepath.Join(g.dir, "passed")
				if killed := do(g, "SENESCHAL_CRASH_AT="+strconv.Itoa(n+1), "SENESCHAL_CRASH_LOG="+log); !killed {
					text, err := os.ReadFile(log)
					if err != nil || strings.Count(string(text), "\n") > n { // a slow one says more often that it is there; one that is faster ends before
						t.Fatalf("the command was not killed: %v", err)
					}
				}
				check(t, g)
			})
		}
	}
}

func TestKilledWhileConnecting(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, func(*ground) {}, func(g *ground, extra ...string) bool {
		_, killed := g.run(g.form(), extra, "connection", "add", "--input", "-")
		return killed
	}, func(t *testing.T, g *ground) {
		a := g.reopen()
		all, err := a.Connections.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 0 { // killed before it was saved: nothing is left of it, and it may be entered again
			if out, _ := g.run(g.form(), nil, "connection", "add", "--input", "-"); !strings.Contains(out, "healthy") {
				t.Errorf("entered again: %s", out)
			}
			return
		}
		waitFor(t, g, "the hub proves the connection by itself", func() bool {
			c, err := a.Connections.Lookup(t.Context(), "contoso")
			return err == nil && c.State == connection.Healthy
		})
		verifyAudit(t, a)
	})
}

func TestKilledWhileRotating(t *testing.T) {
	t.Parallel()
	certificate := func(g *ground) map[string]any {
		pem, err := os.ReadFile(g.cloud.Ready().Tenants[0].Apps[0].CertificateFile)
		if err != nil {
			g.t.Fatal(err)
		}
		return map[string]any{"credential": map[string]any{"type": "certificate", "certificate": string(pem)}}
	}
	atEveryPoint(t, func(g *ground) {
		if out, _ := g.run(g.form(), nil, "connection", "add", "--input", "-"); !strings.Contains(out, "healthy") {
			g.t.Fatal(out)
		}
	}, func(g *ground, extra ...string) bool {
		_, killed := g.run(certificate(g), extra, "connection", "rotate", "contoso", "--input", "-")
		return killed
	}, func(t *testing.T, g *ground) {
		a := g.reopen()
		_, _, err := a.Connections.Prove(t.Context(), "contoso")
		if err != nil {
			t.Fatal(err)
		}
		c, err := a.Connections.Lookup(t.Context(), "contoso")
		if err != nil || c.State != connection.Healthy {
			t.Errorf("after the restart: %s %v, want healthy with the old or the new credential", c.State, err)
		}
		if c.Credential.Type != "secret" && c.Credential.Type != "certificate" {
			t.Errorf("credential %q", c.Credential.Type)
		}
		verifyAudit(t, a)
	})
}

// TestKilledWhileSending kills each way of sending: whatever was under way, Ben gets the mail once and no draft stays behind.
// A delegated token is renewed, and with it the refresh token on which the connection's life hangs.
func TestKilledWhileRefreshing(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, func(g *ground) {
		a, stop := g.open()
		defer stop()
		tenant := g.cloud.Ready().Tenants[0]
		form := connection.Form{Name: "contoso", Kind: m365.Delegated, TenantID: m365.TenantID(tenant.TenantID), ClientID: m365.ClientID(tenant.Apps[1].ClientID),
			Credential: connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(tenant.Apps[1].ClientSecret)}, Capabilities: []m365.Capability{m365.Mail}, Owner: "dora"}
		if _, err := a.Access.AddPerson(context.Background(), access.Local("test"), "dora", access.Member); err != nil {
			g.t.Fatal(err)
		}
		c, _, err := a.Connections.Add(context.Background(), access.Local("test"), form)
		if err != nil {
			g.t.Fatal(err)
		}
		link, err := a.Connections.NewLink(context.Background(), access.Local("test"), c.ID)
		if err != nil {
			g.t.Fatal(err)
		}
		if page, err := person.New(g.cloud.HTTPClient().Transport).SignIn(context.Background(), link.URL, "ada@contoso.example", "Ada-Pass-1", "/auth/microsoft/callback"); err != nil || page.Status != 200 {
			g.t.Fatalf("%v %+v", err, page)
		}
		g.time.Advance(2 * time.Hour) // the token at hand has run out
	}, func(g *ground, extra ...string) bool {
		_, killed := g.run(nil, extra, "doctor", "contoso")
		return killed
	}, func(t *testing.T, g *ground) {
		a := g.reopen()
		if _, err := a.Connections.Doctor(t.Context(), "contoso"); err != nil {
			t.Fatal(err)
		}
		if c, err := a.Connections.Lookup(t.Context(), "contoso"); err != nil || c.State != connection.Healthy {
			t.Errorf("after the restart: %s %+v %v, want healthy without a new sign-in", c.State, c.Reason, err)
		}
		verifyAudit(t, a)
	})
}

func TestKilledWhileSending(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		action  string
		subject string // of what reaches Ben
		mail    func(g *ground) map[string]any
	}{
		{"mail.message.send", "Invoice 4711", func(*ground) map[string]any {
			return map[string]any{"user": "ada@contoso.example", "to": []string{"ben@contoso.example"}, "subject": "Invoice 4711", "body": "Once."}
		}},
		{"mail.message.reply", "Re: Order 4711", func(g *ground) map[string]any {
			return map[string]any{"user": "ada@contoso.example", "message": g.order(), "cc": []string{"ben@contoso.example"}, "comment": "Once."}
		}},
		{"mail.message.forward", "Fw: Order 4711", func(g *ground) map[string]any {
			return map[string]any{"user": "ada@contoso.example", "message": g.order(), "to": []string{"ben@contoso.example"}, "comment": "Once."}
		}},
	} {
		t.Run(way.action, func(t *testing.T) {
			mails := map[*ground]map[string]any{}
			atEveryPoint(t, func(g *ground) {
				if out, _ := g.run(g.form(), nil, "connection", "add", "--input", "-"); !strings.Contains(out, "healthy") {
					g.t.Fatal(out)
				}
				mails[g] = way.mail(g)
			}, func(g *ground, extra ...string) bool {
				_, killed := g.run(mails[g], extra, "action", "run", way.action, "--connection", "contoso", "--input", "-", "--idempotency-key", "4711")
				return killed
			}, func(t *testing.T, g *ground) {
				sentOnce(t, g, way.action, way.subject, mails[g])
			})
		})
	}
}

// order puts a mail into Ada's inbox that can be answered, and gives its id.
func (g *ground) order() string {
	g.t.Helper()
	mime := "From: shop@fabrikam.example\r\nTo: ada@contoso.example\r\nSubject: Order 4711\r\nMessage-ID: <4711@fabrikam.example>\r\n\r\nPlease deliver.\r\n"
	if err := g.cloud.DeliverMail("ada@contoso.example", "inbox", []byte(mime)); err != nil {
		g.t.Fatal(err)
	}
	out, _ := g.run(map[string]any{"user": "ada@contoso.example", "subject": "Order 4711"}, nil, "action", "run", "mail.message.list", "--connection", "contoso", "--input", "-", "--output", "json")
	m := regexp.MustCompile(`"id": "([^"]+)"`).FindStringSubmatch(out)
	if m == nil {
		g.t.Fatalf("Ada has no order: %s", out)
	}
	return m[1]
}

func sentOnce(t *testing.T, g *ground, name, subject string, mail map[string]any) {
	t.Helper()
	a := g.reopen()
	input, err := json.Marshal(mail)
	if err != nil {
		t.Fatal(err)
	}
	// Whoever asked asks again with the same key until there is an answer, as every client should.
	waitFor(t, g, "the same key ends in one sent mail", func() bool {
		_, err := a.Runner.Do(t.Context(), action.Request{Action: name, Connection: "contoso", Caller: access.Local("test"), Input: input, Key: "4711"})
		if err != nil && fault.KindOf(err) != fault.Unclear && fault.CodeOf(err) != "in_progress" {
			t.Fatalf("asked again: %v", err)
		}
		return err == nil
	})
	waitFor(t, g, "Ben has the mail", func() bool { return received(t, g, subject) > 0 })
	if err := g.cloud.Advance(time.Hour); err != nil { // a second one would be there by then
		t.Fatal(err)
	}
	if n := received(t, g, subject); n != 1 {
		t.Errorf("Ben has the mail %d times, want once", n)
	}
	if n := messages(t, g, func(m map[string]any) bool { return m["subject"] == subject && m["folder"] == "Drafts" }); n != 0 {
		t.Errorf("%d drafts stayed behind", n)
	}
	verifyAudit(t, a)
}

// received counts how often Ben got a mail.
func received(t *testing.T, g *ground, subject string) int {
	t.Helper()
	return messages(t, g, func(m map[string]any) bool {
		return m["subject"] == subject && m["isDraft"] != true && strings.Contains(fmt.Sprint(m["mailbox"]), "ben@")
	})
}

// messages counts those of all mailboxes that fit.
func messages(t *testing.T, g *ground, fits func(map[string]any) bool) int {
	t.Helper()
	all, err := g.cloud.State(g.cloud.Ready().Tenants[0].TenantID, "messages")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range all {
		if fits(m) {
			n++
		}
	}
	return n
}

// waitFor moves time on until the condition holds: what the hub does by itself it does by its clock. On a busy machine a request may take
// longer than its time by that clock, so that there must be enough of it for another attempt.
func waitFor(t *testing.T, g *ground, what string, ok func() bool) {
	t.Helper()
	waitUntil(t, what, func() bool {
		if ok() {
			return true
		}
		g.time.Advance(5 * time.Second)
		return false
	})
}

func verifyAudit(t *testing.T, a *app.App) {
	t.Helper()
	if v, err := a.Audit.Verify(t.Context()); err != nil || !v.OK {
		t.Errorf("the audit chain: %+v %v", v, err)
	}
}
