package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkCalls asks a hub for mails' bodies as fast as it answers, over REST with a key, each look recorded before the fetch; alone, and as
// steps of batches.
func BenchmarkCalls(b *testing.B) {
	length := setting(b, "BENCH_LENGTH", 10*time.Second, time.ParseDuration)
	h := newHub(b)
	secret := h.key(b)
	cmd, _ := h.serve(b)
	defer stop(b, cmd)
	mails := h.mails(b, secret)
	before := h.recorded(b)
	alone := h.rate(b, length, 16, func(client *http.Client, n int64) (int, error) {
		m := mails[n%int64(len(mails))]
		_, err := h.post(client, secret, "/connections/contoso/actions/mail.message.get", m)
		return 1, err
	})
	report(b, "action calls a second, each audited (SQLite)", fmt.Sprintf("%.0f", alone), "500", 500/alone)
	batched := h.rate(b, length/2, 2, func(client *http.Client, n int64) (int, error) {
		steps := make([]map[string]any, 200)
		for i := range steps {
			steps[i] = map[string]any{"id": fmt.Sprint("s", i), "action": "mail.message.get", "input": mails[i%len(mails)]}
		}
		answer, err := h.post(client, secret, "/connections/contoso/batch", map[string]any{"steps": steps})
		if err == nil && !strings.Contains(answer, `"ok":true`) {
			err = fmt.Errorf("%.300s", answer)
		}
		return len(steps), err
	})
	note(b, "  the same as steps of batches of 200", fmt.Sprintf("%.0f", batched))
	if after := h.recorded(b); after <= before {
		b.Errorf("the record had %d entries before and %d after", before, after)
	}
}

// key makes a key for a program.
func (h *hub) key(b *testing.B) string {
	b.Helper()
	cmd := exec.Command(h.program, "apikey", "add", "bench", "--scope", "hub:read", "--scope", "actions:read", "--output", "json")
	cmd.Env = h.env
	out, err := cmd.Output()
	var made struct{ Key string }
	if err == nil {
		err = json.Unmarshal(out, &made)
	}
	if err != nil || made.Key == "" {
		b.Fatalf("%v: %s", err, out)
	}
	return made.Key
}

// mails are inputs that name messages of the connection's mailboxes, in turn.
func (h *hub) mails(b *testing.B, secret string) (out []map[string]any) {
	b.Helper()
	client := &http.Client{}
	for _, user := range []string{"ada@contoso.example", "ben@contoso.example"} {
		answer, err := h.post(client, secret, "/connections/contoso/actions/mail.message.list", map[string]any{"user": user, "limit": 8})
		var list struct {
			Output struct{ Messages []struct{ ID string } }
		}
		if err == nil {
			err = json.Unmarshal([]byte(answer), &list)
		}
		if err != nil || len(list.Output.Messages) < 8 {
			b.Fatalf("%v: %s", err, answer)
		}
		for _, m := range list.Output.Messages {
			out = append(out, map[string]any{"user": user, "message": m.ID})
		}
	}
	return out
}

func (h *hub) post(client *http.Client, secret, path string, in any) (string, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequest(http.MethodPost, h.url+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d %.300s", resp.StatusCode, answer)
	}
	return string(answer), err
}

// recorded is how many entries the record has.
func (h *hub) recorded(b *testing.B) int {
	b.Helper()
	cmd := exec.Command(h.program, "audit", "verify", "--output", "json")
	cmd.Env = h.env
	out, err := cmd.Output()
	var v struct {
		OK      bool
		Checked int
	}
	if err == nil {
		err = json.Unmarshal(out, &v)
	}
	if err != nil || !v.OK {
		b.Fatalf("%v: %s", err, out)
	}
	return v.Checked
}

// rate has workers call for a time, and gives the calls a second that were answered.
func (h *hub) rate(b *testing.B, length time.Duration, workers int, call func(*http.Client, int64) (int, error)) float64 {
	b.Helper()
	var next, done atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, workers)
	begin := time.Now()
	for range workers {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
			for time.Since(begin) < length {
				n, err := call(client, next.Add(1))
				if err != nil {
					failed <- err
					return
				}
				done.Add(int64(n))
			}
		})
	}
	all.Wait()
	took := time.Since(begin)
	select {
	case err := <-failed:
		b.Fatal(err)
	default:
	}
	return float64(done.Load()) / took.Seconds()
}
