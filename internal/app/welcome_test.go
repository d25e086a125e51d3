package app

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"seneschal/internal/clock"
	"seneschal/internal/config"
	"seneschal/internal/face/cli"
	"seneschal/internal/telemetry"
)

// said is what a hub writes while others read it.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
	then func() // after each piece
}

// Write keeps a piece.
func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.then != nil {
		s.then()
	}
	return s.text.Write(p)
}

func (s *said) has(part string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), part)
}

// A new hub has its first admin before it lets anybody in: whoever is faster and comes by single sign-on would leave it without one.
func TestTheFirstAdminIsThereBeforeAnybodyComes(t *testing.T) {
	dir := t.TempDir()
	c, err := config.Load(dir, nil, map[string]string{"LISTEN": "127.0.0.1:0", "DATABASE_URL": "file:" + filepath.Join(dir, "hub.db"), "KEY_FILE": filepath.Join(dir, "master.key")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	log, out := &said{}, &said{then: stop}
	early, made := false, false
	hook := func(p clock.Point, what string) {
		if p == clock.BeforeCommit && what == "access.person" {
			early, made = log.has("the hub serves"), true
		}
	}
	a, err := New(ctx, c, Surroundings{Clock: clock.Real{}, Hook: hook, Log: telemetry.NewLog(log, "text", 0)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	if err := a.serveUntilStopped(ctx, &process{io: cli.Stdio{Out: out, Err: io.Discard}}); err != nil {
		t.Fatal(err)
	}
	if !made || early {
		t.Errorf("the first admin was made: %t, and the hub served by then: %t", made, early)
	}
	if !out.has("/login?token=") {
		t.Errorf("nobody is told how to come in: %s", out.text.String())
	}
}
