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
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/app"
	"seneschal/internal/engine/alarm"
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

// teller has alarms mailed in one way, and counts what arrives.
type teller func(*testing.T, *ground) letters

type letters struct {
	count func() int
	least int // that a kill leaves: a mail server cannot be asked afterwards whether it took the mail
}

func byConnection(t *testing.T, g *ground) letters {
	return letters{func() int { return alarmMails(t, g) }, 1}
}

func byMailServer(t *testing.T, g *ground) letters {
	server := startMailServer(t, false)
	g.env = append(g.env, "SENESCHAL_ALARM_FROM=hub@msp.example", "SENESCHAL_ALARM_SMTP="+server.address)
	return letters{func() int { return len(server.got()) }, 0}
}

// quietly waits until everything was told: Ben has his mail, and the receiver every event. What cannot be known is said to be so.
func quietly(t *testing.T, g *ground, a *app.App, c *counted, told letters) {
	t.Helper()
	waitFor(t, g, "Ben is told and the receiver has everything", func() bool {
		all, err := a.Events.List(t.Context(), event.Everybody(), event.Query{Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if c.times(e.ID) == 0 {
				return false
			}
		}
		raised := alarms(t, a, event.SecretExpires)
		return len(raised) == 1 && len(raised[0].Mails) == 1 && (raised[0].Mails[0].State == alarm.Done || raised[0].Mails[0].State == alarm.Unclear)
	})
	for range 20 {
		g.time.Advance(time.Minute)
		time.Sleep(10 * time.Millisecond)
	}
	fate := alarms(t, a, event.SecretExpires)[0].Mails[0].State
	if n := told.count(); n > 1 || n < told.least || n == 0 && fate != alarm.Unclear {
		t.Errorf("Ben was told %d times, and the hub says %s", n, fate)
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
	t.Parallel()
	for _, tt := range []struct {
		name   string
		engine store.Engine
		by     teller
		kinds  []string // of steps; of each one, and both sides of every step of telling
		least  int      // so many there are
	}{
		{"through a connection", store.SQLite, byConnection, []string{"alarm", "event.", "webhook", "action.", "/send"}, 10},
		{"through a mail server", store.Postgres, byMailServer, []string{"alarm"}, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, c := alert(t, tt.engine)
			told := tt.by(t, g)
			log := filepath.Join(g.dir, "points")
			tellAndDie(t, g, "SENESCHAL_CRASH_LOG="+log, func() bool { return told.count() > 0 })
			chosen := pointsOf(t, log, tt.kinds)
			if len(chosen) < tt.least {
				t.Fatalf("only %d points", len(chosen))
			}
			for _, n := range chosen {
				t.Run(fmt.Sprintf("killed at point %d", n), func(t *testing.T) {
					g, c := alert(t, tt.engine)
					told := tt.by(t, g)
					tellAndDie(t, g, fmt.Sprintf("SENESCHAL_CRASH_AT=%d", n), func() bool { return told.count() > 0 })
					quietly(t, g, g.reopen(), c, told)
				})
			}
			quietly(t, g, g.reopen(), c, told)
		})
	}
}

// pointsOf gives the numbers of the crash points in a log that are of the kinds, the first of each.
func pointsOf(t *testing.T, log string, kinds []string) (chosen []int) {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	points := strings.Split(strings.TrimSpace(string(text)), "\n")
	named := map[string]bool{}
	for i, p := range points {
		kind := p[strings.Index(p, " ")+1:]
		if !named[kind] && slices.ContainsFunc(kinds, func(k string) bool { return strings.Contains(kind, k) }) {
			chosen = append(chosen, i+1)
			named[kind] = true
		}
	}
	t.Logf("%d points; killed at %v:\n%s", len(points), chosen, strings.Join(points, "\n"))
	return chosen
}

// tellAndDie serves until the hub died by itself, or had some time left after everybody was told.
func tellAndDie(t *testing.T, g *ground, extra string, told func() bool) {
	t.Helper()
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
	defer func() { _ = cmd.Process.Kill(); <-gone }()
	const afterwards = 200 // looks
	for begin, left := time.Now(), afterwards; left > 0; time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-gone:
			gone <- err
			return
		default:
		}
		_ = g.cloud.Advance(time.Second)
		switch {
		case told():
			left--
		case time.Since(begin) > 2*time.Minute:
			t.Error("it neither died nor told")
			return
		}
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
			quietly(t, g, first, c, byConnection(t, g))
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
