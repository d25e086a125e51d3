package bench

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/graph"
	"seneschal/internal/wire"
)

// hub is the built program on a database of its own, with one connection to a simulated tenant.
type hub struct {
	program string
	url     string
	env     []string
}

func newHub(b *testing.B) *hub {
	b.Helper()
	c := startCloud(b, "--world", "contoso")
	dir := b.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	h := &hub{program: program(b, "seneschal"), url: "http://" + address}
	h.env = append(os.Environ(), "SENESCHAL_DATABASE_URL=file:"+filepath.Join(dir, "hub.db"), "SENESCHAL_KEY_FILE="+filepath.Join(dir, "master.key"), "SENESCHAL_LISTEN="+address,
		"SENESCHAL_CLOUD=custom", "SENESCHAL_LOGIN_URL="+c.LoginURL, "SENESCHAL_GRAPH_URL="+c.GraphURL, "SENESCHAL_CA_FILE="+c.CAFile, "SENESCHAL_LOG_LEVEL=error")
	t := c.Tenants[0]
	form, err := json.Marshal(map[string]any{"name": "contoso", "kind": "application", "tenant_id": t.TenantID, "client_id": t.Apps[0].ClientID,
		"credential": map[string]any{"type": "secret", "secret": t.Apps[0].ClientSecret}, "capabilities": []string{"directory", "mail", "calendar"},
		"mailboxes": "ada@contoso.example; ben@contoso.example"})
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(dir, "form.json")
	if err := os.WriteFile(file, form, 0o600); err != nil {
		b.Fatal(err)
	}
	h.run(b, "connection", "add", "--input", file)
	return h
}

// run runs a command to its end and tells how long it took.
func (h *hub) run(b *testing.B, args ...string) time.Duration {
	b.Helper()
	cmd := exec.Command(h.program, args...)
	cmd.Env = h.env
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(begin)
	if err != nil {
		b.Fatalf("seneschal %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return took
}

// serve starts the hub and tells how long it took until /readyz said so.
func (h *hub) serve(b *testing.B) (*exec.Cmd, time.Duration) {
	b.Helper()
	cmd := exec.Command(h.program, "serve")
	cmd.Env = h.env
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	begin := time.Now()
	start(b, cmd)
	for time.Since(begin) < 20*time.Second {
		resp, err := client.Get(h.url + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return cmd, time.Since(begin)
			}
		}
		time.Sleep(time.Millisecond)
	}
	b.Fatalf("the hub did not become ready: %s", said.String())
	return nil, 0
}

// BenchmarkHub measures the program as its operator meets it.
func BenchmarkHub(b *testing.B) {
	idle := setting(b, "BENCH_IDLE", time.Minute, time.ParseDuration)
	h := newHub(b)
	var starts, alone, beside []time.Duration
	for range 10 {
		cmd, took := h.serve(b)
		starts = append(starts, took)
		time.Sleep(100 * time.Millisecond) // readiness comes before the first-admin check, which a signal would cut off
		stop(b, cmd)
	}
	report(b, "serve, ready on an existing database (median of 10)", ms(middle(starts)), "100 ms", middle(starts).Seconds()/0.100)
	for range 20 {
		alone = append(alone, h.run(b, "action", "list"))
	}
	report(b, "action list, no hub running (median of 20)", ms(middle(alone)), "50 ms", middle(alone).Seconds()/0.050)
	cmd, _ := h.serve(b)
	time.Sleep(idle)
	resident := residentMB(b, cmd.Process.Pid)
	report(b, fmt.Sprintf("serve, resident after %v idle", idle), fmt.Sprintf("%.1f MB", resident), "45 MB", resident/45)
	for range 20 {
		beside = append(beside, h.run(b, "action", "list"))
	}
	report(b, "action list, through the running hub (median of 20)", ms(middle(beside)), "50 ms", middle(beside).Seconds()/0.050)
}

// residentMB is what the process holds in memory, in units of a million bytes.
func residentMB(b *testing.B, pid int) float64 {
	b.Helper()
	return memory(b, pid, "VmRSS")
}

// memory is one of the kernel's figures of a process: VmRSS now, VmHWM at most; in units of a million bytes.
func memory(b *testing.B, pid int, figure string) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, figure+":"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kb) * 1024 / 1e6
		}
	}
	b.Fatal("the process tells no " + figure)
	return 0
}

// exchanges counts what leaves the hub.
type exchanges struct{ n int }

// Record counts one.
func (e *exchanges) Record(wire.Exchange) { e.n++ }

// BenchmarkHubActions measures what an action adds to the same Graph call, in turns: the call, the action, the action through REST.
func BenchmarkHubActions(b *testing.B) {
	var sent exchanges
	h := app.StartForTest(b, app.TestOptions{Recorder: &sent})
	h.Connect(h.Form("contoso", "Seneschal"))
	bound, err := h.Connections.Bind(b.Context(), "contoso", connection.ForActions)
	if err != nil {
		b.Fatal(err)
	}
	const mailbox = "ada@contoso.example"
	ctx := wire.WithPriority(b.Context(), wire.Interactive)
	ada := bound.Graph.User(mailbox)
	var id string
	for m, err := range graph.List[graph.Message](ctx, bound.Graph, ada.Messages(), graph.Top(1)) {
		if err != nil {
			b.Fatal(err)
		}
		id = m.ID
		break
	}
	user := graph.Select("id", "userPrincipalName", "mail", "displayName", "givenName", "surname", "jobTitle", "mobilePhone", "businessPhones", "userType", "accountEnabled", "proxyAddresses", "assignedLicenses")
	body := graph.Select("body", "ccRecipients", "bccRecipients", "replyTo", "sentDateTime", "internetMessageId", "id", "subject", "from", "toRecipients", "receivedDateTime", "bodyPreview",
		"isRead", "hasAttachments", "conversationId", "parentFolderId")
	read := true
	for _, c := range []struct {
		what, action string
		input        map[string]any
		target       time.Duration
		direct       func() error
	}{
		{"a read", "directory.user.get", map[string]any{"user": mailbox}, time.Millisecond, func() error {
			_, err := graph.Get[graph.User](ctx, bound.Graph, ada.Path, user)
			return err
		}},
		{"a read of a body, audited first", "mail.message.get", map[string]any{"user": mailbox, "message": id}, 0, func() error {
			_, err := graph.Get[graph.Message](ctx, bound.Graph, ada.Message(id), body, graph.TextBody())
			return err
		}},
		{"a write, commits FULL", "mail.message.update", map[string]any{"user": mailbox, "message": id, "is_read": true}, 2 * time.Millisecond, func() error {
			_, err := graph.Patch[graph.Message](ctx, bound.Graph, ada.Message(id), graph.MessageChange{IsRead: &read}, graph.Idempotent())
			return err
		}},
	} {
		input, err := json.Marshal(c.input)
		if err != nil {
			b.Fatal(err)
		}
		once := func(key string) error {
			_, err := h.Runner.Do(b.Context(), action.Request{Action: c.action, Connection: "contoso", Caller: access.Local("bench"), Input: input, Key: key})
			return err
		}
		rest := func(key string) error {
			if status, _, answer := h.REST(http.MethodPost, "/api/v1/connections/contoso/actions/"+c.action, c.input, "Idempotency-Key", key); status != http.StatusOK {
				return fmt.Errorf("%d %s", status, answer)
			}
			return nil
		}
		// The action makes one call, as what it is compared with: what it adds is the hub's own.
		for i, f := range []func() error{c.direct, func() error { return once(c.action + " first") }, func() error { return rest(c.action + " second") }} {
			before := sent.n
			if err := f(); err != nil {
				b.Fatalf("%s, way %d: %v", c.action, i, err)
			}
			if made := sent.n - before; made != 1 {
				b.Fatalf("%s, way %d makes %d calls", c.action, i, made)
			}
		}
		var direct, through, overREST []time.Duration
		for i := range 300 {
			direct = append(direct, timed(b, c.direct))
			through = append(through, timed(b, func() error { return once(fmt.Sprint(c.action, i)) }))
			overREST = append(overREST, timed(b, func() error { return rest(fmt.Sprint(c.action, "/", i)) }))
		}
		added := middle(through) - middle(direct)
		measured := fmt.Sprintf("%s (call %s, action %s, p50 of 300)", ms(added), ms(middle(direct)), ms(middle(through)))
		if c.target > 0 {
			report(b, "added by an action: "+c.what, measured, ms(c.target), max(0, added.Seconds()/c.target.Seconds()))
		} else {
			note(b, "added by an action: "+c.what, measured)
		}
		note(b, "  the same through REST", ms(middle(overREST)-middle(direct)))
	}
}

func timed(b *testing.B, f func() error) time.Duration {
	b.Helper()
	begin := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

func middle(all []time.Duration) time.Duration { return median(all, cmp.Compare[time.Duration]) }

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }
