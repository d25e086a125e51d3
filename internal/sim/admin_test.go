package sim

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAdminRoutes walks the routes of CONTRACT.md by plain HTTP.
func TestAdminRoutes(t *testing.T) {
	c := start(t)
	desk := func(method, path, body string) answerOf {
		t.Helper()
		return c.do(method, c.ready.AdminURL+path, strings.NewReader(body), nil)
	}
	token := c.appToken("Seneschal")
	c.graph(token, "GET", ada+"/mailFolders/inbox", nil)
	var requests []Request
	if err := json.Unmarshal(desk("GET", "/requests", "").raw, &requests); err != nil {
		t.Fatal(err)
	}
	if last := requests[len(requests)-1]; last.Method != "GET" || last.Status != 200 || last.Mailbox != "ada@contoso.example" || last.Tenant == "" || last.RequestID == "" {
		t.Errorf("requests: got %+v", last)
	}
	if a := desk("GET", "/counters", ""); a.str("requests") != "2" {
		t.Errorf("counters: got %s", a.raw)
	}
	before := c.Now()
	mime := base64.StdEncoding.EncodeToString([]byte("From: a@b.example\r\nTo: ada@contoso.example\r\nSubject: By the desk\r\n\r\nHi\r\n"))
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/clock", `{"advance":"10m"}`, 204},
		{"POST", "/clock", `{"advance":"soon"}`, 400},
		{"POST", "/mail", `{"mailbox":"ada@contoso.example","folder":"junkemail","mime_base64":"` + mime + `"}`, 204},
		{"POST", "/mail", `{"mailbox":"nobody@contoso.example","mime_base64":"` + mime + `"}`, 400},
		{"POST", "/limits", `{"mailbox_requests":5000,"mailbox_concurrency":2}`, 204},
		{"POST", "/limits", `{"mailbox_request":1}`, 400},
		{"POST", "/faults", `{"match":{"method":"GET","path":"/v1.0/users/**","tenant":"` + c.tenant("contoso").TenantID + `"},"kind":"status","status":503,"retry_after":"2","times":1,"after":1}`, 204},
		{"POST", "/faults", `{"kind":"nonsense"}`, 400},
		{"GET", "/state/nowhere/users", "", 400},
	} {
		if a := desk(tt.method, tt.path, tt.body); a.status != tt.status {
			t.Errorf("%s %s %s: got %d %s", tt.method, tt.path, tt.body, a.status, a.raw)
		}
	}
	if moved := c.Now().Sub(before); moved < 10*time.Minute {
		t.Errorf("the clock moved by %v", moved)
	}
	var messages []map[string]any
	resp, err := http.Get(c.ready.AdminURL + "/state/contoso/messages")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&messages); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, m := range messages {
		found = found || m["subject"] == "By the desk" && m["folder"] == "Junk Email" && m["mailbox"] == "ada@contoso.example"
	}
	if !found {
		t.Error("the state does not show the delivered message")
	}
	var statuses []int
	for range 3 {
		statuses = append(statuses, c.graph(token, "GET", ada, nil).status)
	}
	if statuses[0] != 200 || statuses[1] != 503 || statuses[2] != 200 {
		t.Errorf("one fault after one request: got %v", statuses)
	}
	if a := desk("DELETE", "/faults", ""); a.status != 204 {
		t.Errorf("delete faults: got %d", a.status)
	}
	if a := desk("POST", "/reset", ""); a.status != 204 {
		t.Errorf("reset: got %d %s", a.status, a.raw)
	}
}

// TestReadyShape holds the ready file to CONTRACT.md.
func TestReadyShape(t *testing.T) {
	c := start(t)
	b, err := json.Marshal(c.Ready())
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{`"login_url":"https://127.0.0.1:`, `"graph_url":"https://`, `"admin_url":"http://`, `"ca_file":"/`, `"tenant_id":`, `"client_secret":`, `"certificate_file":"/`, `"app_roles":[`, `"scopes":[`, `"password":"Ada-Pass-1"`, `"mailbox":false`} {
		if !strings.Contains(string(b), field) {
			t.Errorf("the ready file lacks %s: %s", field, b)
		}
	}
}

// TestSameSeedSameWorld compares two starts.
func TestSameSeedSameWorld(t *testing.T) {
	one, two := start(t), start(t)
	a, b := one.user("ada@contoso.example"), two.user("ada@contoso.example")
	if a.ID != b.ID {
		t.Errorf("got ids %s and %s", a.ID, b.ID)
	}
	other := start(t, func(c *Config) { c.Seed = 2 })
	if other.user("ada@contoso.example").ID == a.ID {
		t.Error("another seed gives the same ids")
	}
}
