package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"seneschal/internal/store"
)

// follower is a hub that follows the mailboxes of a large world.
type follower struct {
	*cloud
	hub *exec.Cmd
	db  *store.Store
	url string
	key string
}

// BenchmarkFeeds imports mailboxes for the first time: few large ones, many small ones, and few small ones to compare the cost of each with.
// BENCH_SCALE divides the numbers of mailboxes.
func BenchmarkFeeds(b *testing.B) {
	scale := setting(b, "BENCH_SCALE", 1, strconv.Atoi)
	few := imported(b, 100/min(scale, 10), 50)
	many := imported(b, 10_000/scale, 50)
	large := imported(b, 1_000/scale, 5_000)
	for _, r := range []importing{few, many, large} {
		name := fmt.Sprintf("import of %d mailboxes x %d messages: ", r.mailboxes, r.messages)
		all := float64(r.mailboxes * r.messages)
		note(b, name+"messages a second and core of the hub", fmt.Sprintf("%.0f (%.0f a second on the clock, the simulator beside)", all/r.cpu.Seconds(), all/r.wall.Seconds()))
		note(b, name+"requests per 1,000 messages", fmt.Sprintf("%.1f", float64(r.requests)*1000/all))
		report(b, name+"peak memory of the hub", fmt.Sprintf("%.0f MB", r.peak), "250 MB", r.peak/250)
	}
	each := func(r importing) float64 { return r.cpu.Seconds() / float64(r.mailboxes) * 1000 }
	report(b, "CPU per mailbox, 10,000 beside 100", fmt.Sprintf("%.1f ms beside %.1f ms", each(many), each(few)), "the same, within a quarter", each(many)/each(few)/1.25)
}

// importing is what a first import took.
type importing struct {
	mailboxes, messages int
	wall, cpu           time.Duration
	requests            int
	peak                float64 // MB
}

func imported(b *testing.B, mailboxes, messages int) importing {
	b.Helper()
	f := newFollower(b, mailboxes, messages)
	defer f.stop(b)
	before, used, begin := f.counters(b)["requests"], cpu(b, f.hub.Process.Pid), time.Now()
	f.connect(b, mailboxes)
	f.settle(b, mailboxes)
	r := importing{mailboxes: mailboxes, messages: messages, wall: time.Since(begin), cpu: cpu(b, f.hub.Process.Pid) - used, requests: f.counters(b)["requests"] - before}
	r.peak = memory(b, f.hub.Process.Pid, "VmHWM")
	return r
}

// newFollower starts a large world and a hub; settings may hold %s for the hub's own address.
func newFollower(b *testing.B, mailboxes, messages int, settings ...string) *follower {
	b.Helper()
	f := &follower{cloud: startCloud(b, "--world", "large", "--users", strconv.Itoa(mailboxes), "--messages", strconv.Itoa(messages))}
	dir := b.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	database := "file:" + filepath.Join(dir, "hub.db")
	f.url = "http://" + address
	program := program(b, "seneschal")
	env := append(os.Environ(), "SENESCHAL_DATABASE_URL="+database, "SENESCHAL_KEY_FILE="+filepath.Join(dir, "master.key"), "SENESCHAL_LISTEN="+address,
		"SENESCHAL_CLOUD=custom", "SENESCHAL_LOGIN_URL="+f.LoginURL, "SENESCHAL_GRAPH_URL="+f.GraphURL, "SENESCHAL_CA_FILE="+f.CAFile, "SENESCHAL_LOG_LEVEL=error")
	for _, s := range settings {
		env = append(env, strings.ReplaceAll(s, "%s", f.url))
	}
	add := exec.Command(program, "apikey", "add", "bench", "--scope", "hub:read", "--scope", "hub:write", "--scope", "communications:read", "--output", "json")
	add.Env = env
	out, err := add.Output()
	if err != nil {
		b.Fatal(err)
	}
	var key struct{ Key string }
	if err := json.Unmarshal(out, &key); err != nil {
		b.Fatal(err)
	}
	f.key = key.Key
	f.hub = exec.Command(program, "serve")
	f.hub.Env, f.hub.Stderr = env, os.Stderr
	start(b, f.hub)
	wait(b, "the hub is ready", func() bool {
		resp, err := http.Get(f.url + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	if f.db, err = store.Open(b.Context(), database, nil); err != nil {
		b.Fatal(err)
	}
	return f
}

func (f *follower) stop(b *testing.B) {
	b.Helper()
	if err := f.db.Close(); err != nil {
		b.Error(err)
	}
	stop(b, f.hub)
}

// connect makes a customer, to whom every seventh mail belongs, and has all mailboxes followed.
func (f *follower) connect(b *testing.B, mailboxes int) {
	b.Helper()
	f.post(b, "/customers", map[string]any{"name": "Customer", "domains": []string{"customer0.example"}})
	var list []map[string]any
	for m := range mailboxes {
		list = append(list, map[string]any{"upn": fmt.Sprintf("user%05d@large.example", m), "purposes": []string{"timeline"}})
	}
	t := f.Tenants[0]
	f.post(b, "/connections", map[string]any{"name": "large", "kind": "application", "tenant_id": t.TenantID, "client_id": t.Apps[0].ClientID,
		"credential": map[string]any{"type": "secret", "secret": t.Apps[0].ClientSecret}, "capabilities": []string{"timeline"}, "mailboxes": list})
}

func (f *follower) post(b *testing.B, path string, in any) {
	b.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		b.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, f.url+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + f.key}, "Content-Type": {"application/json"}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode >= 300 {
		b.Fatalf("POST %s: %d %v %.2000s", path, resp.StatusCode, err, text)
	}
}

// settle waits until every mailbox's folders are known and every feed has reached its end.
func (f *follower) settle(b *testing.B, mailboxes int) {
	b.Helper()
	for begin := time.Now(); time.Since(begin) < time.Hour; time.Sleep(200 * time.Millisecond) {
		var known, open int
		err := f.db.Reader().QueryRowContext(b.Context(), "select coalesce(sum(case when kind = 'folders' then 1 else 0 end), 0), coalesce(sum(case when state <> 'live' then 1 else 0 end), 0) from feed_entry").Scan(&known, &open)
		if err != nil && !strings.Contains(err.Error(), "locked") {
			b.Fatal(err)
		}
		if err == nil && known == mailboxes && open == 0 {
			return
		}
	}
	b.Fatal("the feeds did not come to rest within an hour")
}
