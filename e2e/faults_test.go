package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/vault"
)

// table reads one table of docs/faults.md by its head.
func table(t *testing.T, head string) [][]string {
	t.Helper()
	text, err := os.ReadFile("../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(text), "| "+head+" |")
	if !ok {
		t.Fatalf("docs/faults.md has no table %q", head)
	}
	var rows [][]string
	for _, line := range strings.Split(after, "\n")[2:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		var cells []string
		for _, c := range strings.Split(strings.Trim(line, "| "), "|") {
			cells = append(cells, strings.TrimSpace(c))
		}
		rows = append(rows, cells)
	}
	return rows
}

func play(t *testing.T, h *app.Hub, f sim.Fault) {
	t.Helper()
	if err := h.Cloud.Fault(f); err != nil {
		t.Fatal(err)
	}
}

func matching(method, path string) (m struct {
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
	Tenant string `json:"tenant,omitempty"`
}) {
	m.Method, m.Path = method, path
	return m
}

func withSecret(h *app.Hub, value string) connection.Form {
	f := h.Form("c", "Seneschal")
	f.Credential.Secret = vault.NewSecret(value)
	return f
}

// withCertificate is the form of our app with the certificate of an app of that name.
func withCertificate(t *testing.T, h *app.Hub, of string) connection.Form {
	t.Helper()
	pem, err := os.ReadFile(h.ReadyApp(of).CertificateFile)
	if err != nil {
		t.Fatal(err)
	}
	f := h.Form("c", "Seneschal")
	f.Credential = connection.CredentialForm{Type: "certificate", Certificate: vault.NewSecret(string(pem))}
	return f
}

// connecting makes each situation of a connection, and gives the connection to look at.
var connecting = map[string]func(t *testing.T, h *app.Hub) connection.Connection{
	"wrong tenant id": func(_ *testing.T, h *app.Hub) connection.Connection {
		f := h.Form("c", "Seneschal")
		f.TenantID = "22222222-2222-2222-2222-222222222222"
		return h.Connect(f)
	},
	"app unknown in the tenant": func(_ *testing.T, h *app.Hub) connection.Connection {
		f := h.Form("c", "Seneschal")
		f.ClientID = "11111111-1111-1111-1111-111111111111"
		return h.Connect(f)
	},
	"a subscription's or object's id as tenant id": func(t *testing.T, h *app.Hub) connection.Connection {
		play(t, h, sim.Fault{Kind: "status", Status: http.StatusNotFound, Match: matching("GET", "/organization")})
		return h.Connect(h.Form("c", "Seneschal"))
	},
	"the tenant lives in another cloud": func(t *testing.T, h *app.Hub) connection.Connection {
		play(t, h, sim.Fault{Kind: "aadsts", Code: "900382"})
		return h.Connect(h.Form("c", "Seneschal"))
	},
	"a certificate the app does not know": func(t *testing.T, h *app.Hub) connection.Connection {
		return h.Connect(withCertificate(t, h, "Seneschal sign-in"))
	},
	"this machine's clock is wrong": func(t *testing.T, h *app.Hub) connection.Connection {
		h.Time.Advance(3 * time.Hour) // the cloud's time; certificates are signed for by the machine's
		return h.Connect(withCertificate(t, h, "Seneschal"))
	},
	"wrong client secret": func(_ *testing.T, h *app.Hub) connection.Connection { return h.Connect(withSecret(h, "wrong")) },
	"expired client secret": func(_ *testing.T, h *app.Hub) connection.Connection {
		return h.Connect(h.Form("c", "Seneschal expired"))
	},
	"no consent at all": func(_ *testing.T, h *app.Hub) connection.Connection { return h.Connect(h.Form("c", "Nothing granted")) },
	"consent withdrawn": later(func(id string) sim.Fault { return sim.Fault{Kind: "consent_withdrawn", App: id} }),
	"secret expired while connected": later(func(id string) sim.Fault {
		return sim.Fault{Kind: "secret_expired", App: id}
	}),
	"application disabled":              later(func(id string) sim.Fault { return sim.Fault{Kind: "app_disabled", App: id} }),
	"Conditional Access blocks the app": later(func(string) sim.Fault { return sim.Fault{Kind: "aadsts", Code: "53003"} }),
	"sign-in service unreachable": later(func(string) sim.Fault {
		return sim.Fault{Kind: "reset", Match: matching("", "/oauth2/v2.0/token")}
	}),
	"sign-in service busy for a moment": later(func(string) sim.Fault { return sim.Fault{Kind: "aadsts", Code: "90033", Times: 1} }),
}

// later connects first, then has something happen, and looks again hours later.
func later(f func(client string) sim.Fault) func(*testing.T, *app.Hub) connection.Connection {
	return func(t *testing.T, h *app.Hub) connection.Connection {
		c := h.Connect(h.Form("c", "Seneschal"))
		if c.State != connection.Healthy {
			t.Fatalf("at first: %s %+v", c.State, c.Reason)
		}
		play(t, h, f(string(c.ClientID)))
		h.Time.Advance(3 * time.Hour)
		done := make(chan error, 1)
		go func() {
			_, err := h.Connections.Doctor(t.Context(), c.ID)
			done <- err
		}()
		for { // pauses between attempts pass by the clock
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				return c
			case <-time.After(50 * time.Millisecond):
				h.Time.Advance(time.Second)
			}
		}
	}
}

func TestFaultsOfConnections(t *testing.T) {
	t.Parallel()
	rows := table(t, "situation | code | state")
	if len(rows) != len(connecting) {
		t.Errorf("docs/faults.md has %d rows, the test knows %d", len(rows), len(connecting))
	}
	for _, row := range rows {
		t.Run(row[0], func(t *testing.T) {
			make, ok := connecting[row[0]]
			if !ok {
				t.Fatal("the test does not know how to make this happen")
			}
			h := app.StartForTest(t, app.TestOptions{})
			c, err := h.Connections.Lookup(t.Context(), make(t, h).ID)
			if err != nil {
				t.Fatal(err)
			}
			code := ""
			if c.Reason != nil {
				code = c.Reason.Code
				if c.Reason.Fix == "" || c.Reason.Who == "" {
					t.Errorf("without a remedy: %+v", c.Reason)
				}
			}
			if code != row[1] || string(c.State) != row[2] {
				t.Errorf("got code %q, state %s; want %q, %s (%+v)", code, c.State, row[1], row[2], c.Reason)
			}
		})
	}
}

// reading is the misbehaviour of each situation of a read.
var reading = map[string]sim.Fault{
	"one refused token":              {Kind: "expire_token", Times: 1},
	"tokens refused again and again": {Kind: "expire_token"},
	"throttled with Retry-After":     {Kind: "429", RetryAfter: "2", Times: 1},
	"throttled without Retry-After":  {Kind: "429", Times: 1},
	"throttled inside a batch":       {Kind: "batch_inner", Times: 1},
	"a server error that passes":     {Kind: "status", Status: 503, Times: 1},
	"server errors that stay":        {Kind: "status", Status: 503},
	"the connection resets once":     {Kind: "reset", Times: 1},
	"truncated JSON that stays":      {Kind: "truncate"},
	"HTML instead of JSON":           {Kind: "html"},
	"an answer of 200 MB":            {Kind: "huge"},
}

func TestFaultsOfReads(t *testing.T) {
	t.Parallel()
	rows := table(t, "situation of a read | code")
	if len(rows) != len(reading) {
		t.Errorf("docs/faults.md has %d rows, the test knows %d", len(rows), len(reading))
	}
	for _, row := range rows {
		t.Run(row[0], func(t *testing.T) {
			f, ok := reading[row[0]]
			if !ok {
				t.Fatal("the test does not know how to make this happen")
			}
			h := app.StartForTest(t, app.TestOptions{})
			h.Connect(h.Form("c", "Seneschal"))
			read := listMail
			if f.Kind == "batch_inner" {
				read = batchOfMail
			} else {
				f.Match = matching("GET", "/messages")
			}
			play(t, h, f)
			before := len(h.Cloud.Requests())
			_, err := patiently(h, func() error { return read(t.Context(), h) })
			want := ""
			if len(row) > 1 {
				want = row[1]
			}
			if row[0] == "server errors that stay" {
				if fault.KindOf(err) != fault.Unavailable {
					t.Errorf("got %v, want unavailable", err)
				}
			} else if got := fault.CodeOf(err); got != want || (err != nil && fault.As(err).Fix == "") {
				t.Errorf("got %q (%v), want %q with a remedy", got, err, want)
			}
			if n := len(h.Cloud.Requests()) - before; n > 20 {
				t.Errorf("%d requests: it looped", n)
			}
		})
	}
}

func listMail(_ context.Context, h *app.Hub) error {
	_, err := h.Do("c", "mail.message.list", "", map[string]any{"user": "ada@contoso.example"})
	return err
}

// batchOfMail reads two mailboxes in one request.
func batchOfMail(ctx context.Context, h *app.Hub) error {
	bound, err := h.Connections.Bind(ctx, "c", connection.ForActions)
	if err != nil {
		return err
	}
	var parts []graph.Part
	for _, mailbox := range []m365.UserID{"ada@contoso.example", "ben@contoso.example"} {
		parts = append(parts, graph.Part{Method: http.MethodGet, Path: bound.Graph.User(mailbox).Messages()})
	}
	answers, err := bound.Graph.Batch(ctx, parts)
	for _, a := range answers {
		err = errors.Join(err, a.Err)
	}
	return err
}

// patiently runs f while the clock moves on, so that pauses pass.
func patiently(h *app.Hub, f func() error) (time.Duration, error) {
	done := make(chan error, 1)
	begin := h.Time.Now()
	go func() { done <- f() }()
	for {
		select {
		case err := <-done:
			return h.Time.Now().Sub(begin), err
		case <-time.After(30 * time.Millisecond):
			h.Time.Advance(time.Second)
		}
	}
}

func TestFaultsOfSending(t *testing.T) {
	t.Parallel()
	mail := map[string]any{"user": "ada@contoso.example", "to": []string{"ben@contoso.example"}, "subject": "Invoice 4711", "body": "Once."}
	situations := map[string]sim.Fault{
		"the draft is refused":           {Kind: "status", Status: 400, Code: "ErrorInvalidRecipients", Match: matching("POST", "/messages")},
		"the answer to the send is lost": {Kind: "timeout_after_accept", Times: 1, Match: matching("POST", "/send")},
		"accepted, and nothing follows":  {Kind: "accept_then_nothing", Times: 1, Match: matching("POST", "/send")},
		"throttled at the send":          {Kind: "429", RetryAfter: "1", Times: 1, Match: matching("POST", "/send")},
	}
	rows := table(t, "situation of sending mail | effect")
	if len(rows) != len(situations) {
		t.Errorf("docs/faults.md has %d rows, the test knows %d", len(rows), len(situations))
	}
	for _, row := range rows {
		t.Run(row[0], func(t *testing.T) {
			f, ok := situations[row[0]]
			if !ok {
				t.Fatal("the test does not know how to make this happen")
			}
			h := app.StartForTest(t, app.TestOptions{})
			h.Connect(h.Form("c", "Seneschal", m365.Mail))
			play(t, h, f)
			_, err := patiently(h, func() error { _, err := h.Do("c", "mail.message.send", "k", mail); return err })
			first := outcomeWord(err)
			h.Cloud.ClearFaults()
			for range 200 { // the sweep answers what is unclear, by its clock
				if runs, e := h.Runner.Runs(t.Context(), action.RunsQuery{Limit: 1}); e != nil || string(runs[0].State) != "unclear" {
					break
				}
				h.Time.Advance(20 * time.Second)
				time.Sleep(10 * time.Millisecond)
			}
			if err := h.Cloud.Advance(time.Minute); err != nil {
				t.Fatal(err)
			}
			runs, err := h.Runner.Runs(t.Context(), action.RunsQuery{Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			arrived := arrivals(t, h, "Invoice 4711")
			got := map[string]string{
				"refused refused 0": "refused", "unclear done 1": "unclear, then done once", "unclear unclear 0": "unclear, never sent twice", "unclear refused 0": "unclear, never sent twice", "done done 1": "done once",
			}[fmt.Sprint(first, " ", runs[0].State, " ", arrived)]
			if got != row[1] {
				t.Errorf("first %s, then %s, %d arrived: want %q", first, runs[0].State, arrived, row[1])
			}
		})
	}
}

func outcomeWord(err error) string {
	switch {
	case err == nil:
		return "done"
	case fault.KindOf(err) == fault.Unclear:
		return "unclear"
	default:
		return "refused"
	}
}

func arrivals(t *testing.T, h *app.Hub, subject string) int {
	t.Helper()
	messages, err := h.Cloud.State(h.Cloud.Ready().Tenants[0].TenantID, "messages")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range messages {
		if m["subject"] == subject && m["isDraft"] != true && strings.Contains(fmt.Sprint(m["mailbox"]), "ben@") {
			n++
		}
	}
	return n
}
