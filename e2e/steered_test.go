package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/config"
	"seneschal/internal/telemetry"
)

// A steered hub is a process of its own, so that it can be killed, whose clock the test moves. These settings are the test's own.
const (
	steeredBy   = "E2E_STEERED" // how far its clock is ahead of the machine's
	steeredDies = "E2E_DIES"    // at which passing of which crash point: "point|detail|n"
	steeredLog  = "E2E_PASSED"  // file that gets each crash point passed, once
)

// steer is the process: it serves, says where, and obeys lines of "advance <duration>".
func steer(ctx context.Context) error {
	ahead, err := time.ParseDuration(os.Getenv(steeredBy))
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	c, err := config.Load(dir, os.Environ(), nil)
	if err != nil {
		return err
	}
	hands := clock.NewAdjustable()
	hands.Advance(ahead)
	a, err := app.New(ctx, c, app.Surroundings{Clock: hands, Hook: death(), Log: telemetry.NewLog(os.Stderr, "text", c.LogLevel)})
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	s, err := a.Serve(ctx)
	if err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	_, key, err := a.Access.AddAPIKey(ctx, access.Local("test"), fmt.Sprint("test at ", hands.Now().UnixNano()), []access.Scope{access.HubRead, access.HubWrite, access.Communications}, 0)
	if err != nil {
		return err
	}
	fmt.Println(s.URL(), key.Reveal())
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		d, err := time.ParseDuration(strings.TrimPrefix(lines.Text(), "advance "))
		if err != nil {
			return err
		}
		hands.Advance(d)
		fmt.Println("ok")
	}
	return errors.Join(s.Stop(context.WithoutCancel(ctx)), a.Close())
}

// death kills the process where it was told to, without any goodbye.
func death() clock.Hook {
	where, n := os.Getenv(steeredDies), 0
	if at := strings.LastIndexByte(where, '|'); at >= 0 {
		n, _ = strconv.Atoi(where[at+1:])
		where = where[:at]
	}
	var mu sync.Mutex
	passed := map[string]int{}
	return func(p clock.Point, detail string) {
		mu.Lock()
		defer mu.Unlock()
		here := string(p) + "|" + detail
		if passed[here]++; passed[here] == 1 {
			noteLine(os.Getenv(steeredLog), here)
		}
		if here == where && passed[here] == n {
			if self, err := os.FindProcess(os.Getpid()); err == nil {
				_ = self.Kill()
			}
			select {} // the signal is on its way; nothing more may happen
		}
	}
}

func noteLine(file, line string) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = fmt.Fprintln(f, line)
	_ = f.Close()
}

// steered is a steered hub as its test sees it.
type steered struct {
	t        *testing.T
	cmd      *exec.Cmd
	orders   io.WriteCloser
	answers  *bufio.Scanner
	url, key string
	errors   bytes.Buffer
}

// startSteered starts one; nil when it died on the way.
func startSteered(t *testing.T, dir string, env []string) *steered {
	t.Helper()
	s := &steered{t: t, cmd: exec.Command("seneschal")}
	s.cmd.Dir, s.cmd.Env, s.cmd.Stderr = dir, env, &s.errors
	var err error
	if s.orders, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.answers = bufio.NewScanner(out)
	for s.answers.Scan() {
		if url, key, ok := strings.Cut(s.answers.Text(), " "); ok && strings.HasPrefix(url, "http") {
			s.url, s.key = url, key
			return s
		}
	}
	s.end()
	return nil
}

// advance moves the clock; false: the hub is dead.
func (s *steered) advance(d time.Duration) bool {
	_, err := fmt.Fprintln(s.orders, "advance", d)
	return err == nil && s.answers.Scan()
}

// end waits for the process, which was killed or is told to stop now; any other end is a failure.
func (s *steered) end() {
	s.t.Helper()
	_ = s.orders.Close()
	var exit *exec.ExitError
	if err := s.cmd.Wait(); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != -1) {
		s.t.Errorf("the hub ended by itself: %v\n%s", err, s.errors.String())
	}
}

func (s *steered) kill() {
	s.t.Helper()
	_ = s.cmd.Process.Kill() // it may be dead already
	s.end()
}

// rest asks the hub; an error means that it is dead.
func (s *steered) rest(method, path string, in, out any) (status int, err error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, s.url+"/api/v1"+path, body)
	if err != nil {
		return 0, err
	}
	req.Header = http.Header{"Authorization": {"Bearer " + s.key}, "Content-Type": {"application/json"}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode < 300 && out != nil {
		err = json.Unmarshal(text, out)
	}
	if err == nil && resp.StatusCode >= 300 {
		return resp.StatusCode, fmt.Errorf("%s %s: %d %s", method, path, resp.StatusCode, text)
	}
	return resp.StatusCode, err
}
