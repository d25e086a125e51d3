package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/config"
	"seneschal/internal/graph"
	"seneschal/internal/sim"
	"seneschal/internal/store"
	"seneschal/internal/telemetry"
	"seneschal/internal/wire"
)

// scaledLimits has this test binary serve a hub of its own, with limits small enough to be reached in seconds.
const scaledLimits = "E2E_SCALED_LIMITS"

var scaled = wire.Limit{Requests: 40, Window: 4 * time.Second, Concurrent: 4}

// serveScaled is `seneschal serve` with the scaled limits.
func serveScaled(ctx context.Context) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	c, err := config.Load(dir, os.Environ(), nil)
	if err != nil {
		return err
	}
	limits := graph.Limits()
	limits["outlook"] = scaled
	a, err := app.New(ctx, c, app.Surroundings{Clock: clock.Real{}, Log: telemetry.NewLog(os.Stderr, "text", c.LogLevel), Limits: limits})
	if err != nil {
		return err
	}
	defer a.Close()
	s, err := a.Serve(ctx)
	if err != nil {
		return err
	}
	<-ctx.Done()
	return s.Stop(context.WithoutCancel(ctx))
}

// served is a hub in a process of its own.
type served struct{ url, key string }

// serve starts a hub with scaled limits on the ground's database, or on another one.
func (g *ground) serve(name string, extra ...string) served {
	g.t.Helper()
	address := freeAddress(g.t)
	s := served{url: "http://" + address}
	out, _ := g.run(nil, extra, "apikey", "add", name, "--scope", "actions:read", "--scope", "hub:read", "--output", "json")
	key := regexp.MustCompile(`snk_[^"]+`).FindString(out)
	if s.key = key; key == "" {
		g.t.Fatal(out)
	}
	cmd := exec.Command("seneschal", "serve")
	cmd.Dir, cmd.Stderr = g.dir, os.Stderr
	cmd.Env = append(append(append([]string{}, g.env...), extra...), scaledLimits+"=1", "SENESCHAL_INSTANCE="+name, "SENESCHAL_LISTEN="+address)
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			g.t.Errorf("%s: %v", name, err)
		}
	})
	waitUntil(g.t, name+" is ready", func() bool {
		resp, err := http.Get(s.url + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return s
}

// list reads a page of a mailbox through the hub.
func (s served) list(ctx context.Context) error {
	body, err := json.Marshal(map[string]any{"user": "ada@contoso.example", "limit": 1})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/v1/connections/contoso/actions/mail.message.list", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return err
}

// readFrom has six readers on each hub for a while, and says how much each hub read.
func readFrom(t *testing.T, d time.Duration, hubs ...served) []int64 {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	counts := make([]atomic.Int64, len(hubs))
	var all sync.WaitGroup
	for i, h := range hubs {
		for range 6 {
			all.Go(func() {
				for ctx.Err() == nil {
					if err := h.list(ctx); err == nil {
						counts[i].Add(1)
					} else if ctx.Err() == nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	all.Wait()
	out := make([]int64, len(hubs))
	for i := range counts {
		out[i] = counts[i].Load()
	}
	return out
}

// throttled counts the answers 429 of the simulated cloud.
func (g *ground) throttled() (n int) {
	for _, r := range g.cloud.Requests() {
		if r.Status == http.StatusTooManyRequests {
			n++
		}
	}
	return n
}

// Two hubs on one database are never told to wait; two that know nothing of each other are.
func TestTwoHubsShareTheRequestBudgets(t *testing.T) {
	prepare := func(t *testing.T) *ground {
		g := newGround(t, store.Postgres)
		if out, _ := g.run(g.form(), nil, "connection", "add", "--input", "-"); !strings.Contains(out, "healthy") {
			t.Fatal(out)
		}
		if err := g.cloud.SetLimits(sim.Limits{MailboxRequests: scaled.Requests, MailboxWindow: scaled.Window.String(), MailboxConcurrency: scaled.Concurrent, Latency: "20ms"}); err != nil {
			t.Fatal(err)
		}
		return g
	}
	t.Run("one database", func(t *testing.T) {
		g := prepare(t)
		first := g.serve("first")
		// A few were used by the command that connected, and count for longer than the scaled window.
		if alone := readFrom(t, 3*time.Second, first); alone[0] < int64(scaled.Requests)*9/10 {
			t.Errorf("alone, it read %d in the first window, want all %d", alone[0], scaled.Requests)
		}
		const windows = 5
		counts := readFrom(t, windows*scaled.Window, first, g.serve("second"))
		t.Logf("in %d windows of %d: %d and %d requests; 429 caused: %d", windows, scaled.Requests, counts[0], counts[1], g.throttled())
		if n := g.throttled(); n > 0 {
			t.Errorf("%d answers 429", n)
		}
		for i, n := range counts {
			if n < windows*int64(scaled.Requests)/5 {
				t.Errorf("hub %d read %d in %d windows of %d", i+1, n, windows, scaled.Requests)
			}
		}
		if sum := counts[0] + counts[1]; sum < windows*int64(scaled.Requests)*6/10 {
			t.Errorf("together they read %d in %d windows of %d", sum, windows, scaled.Requests)
		}
	})
	t.Run("two databases", func(t *testing.T) {
		g := prepare(t)
		other := "SENESCHAL_DATABASE_URL=file:" + filepath.Join(g.dir, "other.db")
		if out, _ := g.run(g.form(), []string{other}, "connection", "add", "--input", "-"); !strings.Contains(out, "healthy") {
			t.Fatal(out)
		}
		readFrom(t, 2*scaled.Window, g.serve("first"), g.serve("second", other))
		if g.throttled() == 0 {
			t.Error("no 429 without sharing: the test above shows nothing")
		}
	})
}
