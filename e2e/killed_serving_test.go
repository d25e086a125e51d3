package e2e

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/app"
	"seneschal/internal/event"
	"seneschal/internal/store"
)

// counted is a receiver of webhooks that counts how often it got each event.
type counted struct {
	mu   sync.Mutex
	seen map[string]int
	*httptest.Server
}

func startReceiver(t *testing.T, dir string) *counted {
	t.Helper()
	cert, key := writeCertificate(t, dir, 7)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	c := &counted{seen: map[string]int{}}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.seen[r.Header.Get("webhook-id")]++
	}))
	c.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	c.StartTLS()
	t.Cleanup(c.Close)
	return c
}

func (c *counted) times(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[id]
}

// alert prepares a ground: a connection that can send, an admin who reads at Ben's, a webhook, and a credential that ends soon.
func alert(t *testing.T, engine store.Engine) (*ground, *counted) {
	t.Helper()
	g := newGround(t, engine)
	c := startReceiver(t, g.dir)
	var authorities []byte
	for _, file := range []string{g.cloud.Ready().CAFile, filepath.Join(g.dir, "tls.crt")} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		authorities = append(authorities, text...)
	}
	all := filepath.Join(g.dir, "ca.pem")
	if err := os.WriteFile(all, authorities, 0o600); err != nil {
		t.Fatal(err)
	}
	g.env = append(g.env, "SENESCHAL_CA_FILE="+all, "SENESCHAL_ALARM_FROM="+ada, "SENESCHAL_ALARM_TO="+ben)
	ending := g.form()
	ending["name"], ending["credential"].(map[string]any)["expires_at"] = "ending", g.time.Now().Add(5*24*time.Hour).Format(time.RFC3339)
	for _, step := range []struct {
		in   any
		args string
	}{{g.form(), "connection add --input -"}, {map[string]any{"name": "psa", "url": c.URL, "allow_private": true}, "webhook add --input -"}, {ending, "connection add --input -"}} {
		if out, _ := g.run(step.in, nil, strings.Fields(step.args)...); !strings.Contains(out, "name") {
			t.Fatalf("%s: %s", step.args, out)
		}
	}
	return g, c
}

// quietly waits until everything was told: Ben has his mail, and the receiver every event.
func quietly(t *testing.T, g *ground, a *app.App, c *counted) {
	t.Helper()
	waitFor(t, g, "Ben is told and the receiver has everything", func() bool {
		all, err := a.Events.List(t.Context(), event.Everybody(), event.Query{Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		raised := false
		for _, e := range all {
			raised = raised || e.Type == event.AlarmRaised
			if c.times(e.ID) == 0 {
				return false
			}
		}
		return raised && alarmMails(t, g) > 0
	})
	for range 20 {
		g.time.Advance(time.Minute)
		time.Sleep(10 * time.Millisecond)
	}
	if n := alarmMails(t, g); n != 1 {
		t.Errorf("Ben was told %d times", n)
	}
	verifyAudit(t, a)
}

func alarmMails(t *testing.T, g *ground) int {
	t.Helper()
	return messages(t, g, func(m map[string]any) bool {
		return strings.Contains(fmt.Sprint(m["subject"]), "of ending ends on") && strings.Contains(fmt.Sprint(m["mailbox"]), "ben@") && m["isDraft"] != true
	})
}

// A hub that serves is killed somewhere between finding what is wrong and having told everybody; the next one ends it.
func TestKilledWhileTelling(t *testing.T) {
	log := func(g *ground) string { return filepath.Join(g.dir, "points") }
	serve := func(g *ground, c *counted, extra string, enough func() bool) {
		bin, err := program()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(bin, "serve", "--listen", "127.0.0.1:0")
		cmd.Dir, cmd.Env = g.dir, append(append([]string{}, g.env...), extra)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		gone := make(chan error, 1)
		go func() { gone <- cmd.Wait() }()
		defer func() { _ = cmd.Process.Kill() }()
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			select {
			case <-gone:
				return
			default:
			}
			if enough() {
				_ = cmd.Process.Kill()
				<-gone
				return
			}
		}
		t.Error("it neither died nor told")
	}
	g, c := alert(t, store.SQLite)
	serve(g, c, "SENESCHAL_CRASH_LOG="+log(g), func() bool { _ = g.cloud.Advance(time.Second); return alarmMails(t, g) > 0 })
	text, err := os.ReadFile(log(g))
	if err != nil {
		t.Fatal(err)
	}
	points := strings.Split(strings.TrimSpace(string(text)), "\n")
	var chosen []int
	named := map[string]bool{}
	for i, p := range points { // of each kind of step one, and both sides of every step of telling
		kind := p[strings.Index(p, " ")+1:]
		if strings.Contains(kind, "alarm") || strings.Contains(kind, "event.") || strings.Contains(kind, "webhook") || strings.Contains(kind, "action.") || strings.Contains(kind, "/send") {
			if !named[kind] {
				chosen = append(chosen, i+1)
			}
			named[kind] = true
		}
	}
	t.Logf("%d points; killed at %v:\n%s", len(points), chosen, strings.Join(points, "\n"))
	if len(chosen) < 10 {
		t.Fatalf("only %d points", len(chosen))
	}
	for _, n := range chosen {
		t.Run(fmt.Sprintf("killed at point %d", n), func(t *testing.T) {
			g, c := alert(t, store.SQLite)
			serve(g, c, fmt.Sprintf("SENESCHAL_CRASH_AT=%d", n), func() bool { _ = g.cloud.Advance(time.Second); return alarmMails(t, g) > 0 })
			quietly(t, g, g.reopen(), c)
		})
	}
}

// Two hubs look at the same things at the same time: one mail, and every event at the receiver; each hub's stream has them all.
func TestTwoHubsTellOnce(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			g, c := alert(t, engine)
			first, stop := g.openAs("first")
			t.Cleanup(stop)
			second, stop := g.openAs("second")
			t.Cleanup(stop)
			quietly(t, g, first, c)
			emit(t, second, event.Event{Type: event.Healthy, Data: map[string]any{"by": "second"}})
			waitFor(t, g, "what one hub commits is in the other's list and stream", func() bool {
				list, err := first.Events.List(t.Context(), event.Everybody(), event.Query{Limit: 1})
				return err == nil && len(list) == 1 && list[0].Data["by"] == "second" && list[0].Number > 0 && c.times(list[0].ID) > 0
			})
			text, err := json.Marshal(alarms(t, first, event.SecretExpires))
			if err != nil || !strings.Contains(string(text), `"done"`) {
				t.Errorf("%s %v", text, err)
			}
		})
	}
}
