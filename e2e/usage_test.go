package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/sim"
	"seneschal/internal/store"
	"seneschal/internal/wire"
)

// What is used and left of each budget can be read: the closed ones first, and null where nothing is known or bounded.
func TestUsageTellsWhatIsUsedAndLeft(t *testing.T) {
	limits := wire.Limits{
		"outlook": {Requests: 100, Window: 10 * time.Minute, Concurrent: 4},
		"graph":   {Requests: 1000, Window: 10 * time.Minute},
	}
	h := app.StartForTest(t, app.TestOptions{Limits: limits})
	h.Connect(h.Form("contoso", "Seneschal"))
	for range 7 {
		if _, err := h.Do("contoso", "mail.message.list", "", map[string]any{"user": "ada@contoso.example", "limit": 1}); err != nil {
			t.Fatal(err)
		}
	}
	fault := sim.Fault{Kind: "429", RetryAfter: "600", Times: 1}
	fault.Match.Path = "/users/ben@contoso.example/"
	if err := h.Cloud.Fault(fault); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Do("contoso", "mail.message.list", "", map[string]any{"user": "ben@contoso.example", "limit": 1}); err == nil {
		t.Fatal("Ben's mailbox was not closed")
	}
	var out struct{ Budgets []connection.BudgetUse }
	status, _, body := h.REST(http.MethodGet, "/api/v1/usage", nil)
	if err := json.Unmarshal(body, &out); err != nil || status != http.StatusOK {
		t.Fatalf("%d %v: %s", status, err, body)
	}
	rows := map[string]connection.BudgetUse{}
	for _, r := range out.Budgets {
		rows[r.Class+r.Mailbox] = r
	}
	if first := out.Budgets[0]; first.Mailbox != "ben@contoso.example" || first.BlockedUntil == nil || first.Left == nil || *first.Left != 0 {
		t.Errorf("first: %+v, want Ben's closed mailbox", first)
	}
	ada := rows["outlookada@contoso.example"]
	if ada.Used < 7 || ada.Left == nil || *ada.Left != 100-ada.Used || ada.ResetAt == nil || ada.BlockedUntil != nil || ada.Share != nil || *ada.Limit.Concurrent != 4 || *ada.Limit.WindowSeconds != 600 {
		t.Errorf("Ada: %+v", ada)
	}
	if len(ada.Connections) != 1 || ada.Connections[0] != "contoso" || ada.Tenant == "" || ada.TenantID == "" {
		t.Errorf("whose it is: %+v", ada)
	}
	if all := rows["graph"]; all.TenantID != "" || all.Limit.Concurrent != nil || all.Used == 0 {
		t.Errorf("all tenants together: %+v", all)
	}
	viewer, err := h.Access.AddPerson(t.Context(), access.Local("test"), "vera", access.Viewer)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := h.Runner.Do(t.Context(), action.Request{Action: "usage.list", Caller: viewer.Caller()})
	if err != nil || strings.Contains(string(seen.Output), "@") || !strings.Contains(string(seen.Output), `"graph"`) {
		t.Errorf("a viewer sees %s %v, want no mailboxes", seen.Output, err)
	}
	h.Time.Advance(11 * time.Minute)
	waitUntil(t, "a window after the last request nothing is used", func() bool { // what was due meanwhile asks, too
		h.Time.Advance(time.Second)
		_, _, body := h.REST(http.MethodGet, "/api/v1/usage", nil)
		return strings.HasPrefix(string(body), `{"budgets":[],`)
	})
}

// What was asked of which service is counted by connection and hour, and a service that fails again and again is told of as Microsoft's trouble.
func TestUsageTellsHowItWent(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := app.StartForTest(t, app.TestOptions{Engine: engine})
			h.Connect(h.Form("contoso", "Seneschal"))
			list := func() {
				_, _ = h.Do("contoso", "mail.message.list", "", map[string]any{"user": "ada@contoso.example", "limit": 1})
			}
			before := went(t, h, "mail")
			for range 3 {
				list()
			}
			counts(t, "three reads", before, went(t, h, "mail"), connection.Traffic{Requests: 3})
			faulty := sim.Fault{Kind: "429", RetryAfter: "1", Times: 1}
			faulty.Match.Path = "/messages"
			play(t, h, faulty)
			before = went(t, h, "mail")
			list()
			counts(t, "one that had to wait", before, went(t, h, "mail"), connection.Traffic{Requests: 2, Throttled: 1})
			if err := h.Connections.Uses.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			counts(t, "written down", before, went(t, h, "mail"), connection.Traffic{Requests: 2, Throttled: 1})
			if out := usage(t, h); len(out.Troubles) != 0 {
				t.Errorf("no trouble, yet %+v", out.Troubles)
			}
			faulty.Kind, faulty.Status, faulty.Times = "status", 502, 5
			play(t, h, faulty)
			for range 5 {
				list()
			}
			if out := usage(t, h); len(out.Troubles) != 1 || out.Troubles[0].Service != "mail" || out.Troubles[0].Failures != 5 || out.Troubles[0].Connections[0] != "contoso" || out.Troubles[0].StatusPage == "" {
				t.Errorf("troubles: %+v", out.Troubles)
			}
			h.Time.Advance(11 * time.Minute)
			if out := usage(t, h); len(out.Troubles) != 0 {
				t.Errorf("it is over, yet %+v", out.Troubles)
			}
			h.Time.Advance(26 * time.Hour)
			if row := went(t, h, "mail"); row.Throttled != 0 {
				t.Errorf("more than a day later: %+v", row)
			}
		})
	}
}

type usageOut struct {
	Traffic  []connection.Traffic
	Troubles []connection.Trouble
}

func usage(t *testing.T, h *app.Hub) (out usageOut) {
	t.Helper()
	status, _, body := h.REST(http.MethodGet, "/api/v1/usage", nil)
	if err := json.Unmarshal(body, &out); err != nil || status != http.StatusOK {
		t.Fatalf("%d %v: %s", status, err, body)
	}
	return out
}

// went is how the requests to a service went in the last day.
func went(t *testing.T, h *app.Hub, service string) connection.Traffic {
	t.Helper()
	for _, row := range usage(t, h).Traffic {
		if row.Service == service {
			return row
		}
	}
	return connection.Traffic{}
}

func counts(t *testing.T, what string, before, after, want connection.Traffic) {
	t.Helper()
	got := connection.Traffic{Requests: after.Requests - before.Requests, Throttled: after.Throttled - before.Throttled, Failed: after.Failed - before.Failed}
	if got != want {
		t.Errorf("%s: counted %+v, want %+v", what, got, want)
	}
}
