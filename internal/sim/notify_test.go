package sim

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// hub is a subscriber.
type hub struct {
	*httptest.Server
	got chan map[string]any
}

func startHub(t *testing.T, validate bool) *hub {
	t.Helper()
	h := &hub{got: make(chan map[string]any, 100)}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := r.URL.Query().Get("validationToken"); token != "" {
			if !validate {
				token = "wrong"
			}
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, token)
			return
		}
		var body struct{ Value []map[string]any }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Errorf("notification: %v", err)
		}
		w.WriteHeader(http.StatusAccepted)
		for _, v := range body.Value {
			h.got <- v
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hub) next(t *testing.T) map[string]any {
	t.Helper()
	select {
	case n := <-h.got:
		return n
	case <-time.After(10 * time.Second):
		t.Fatal("no notification came")
		return nil
	}
}

func TestSubscriptions(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	h := startHub(t, true)
	in := func(change map[string]any) map[string]any {
		m := map[string]any{"changeType": "created,updated,deleted", "notificationUrl": h.URL + "/notify?x=1", "lifecycleNotificationUrl": h.URL, "resource": "users/ada@contoso.example/mailFolders('inbox')/messages", "clientState": "secret", "expirationDateTime": c.Now().Add(time.Hour).Format(time.RFC3339)}
		for k, v := range change {
			m[k] = v
		}
		return m
	}
	silent := startHub(t, false)
	for _, tt := range []struct {
		name   string
		body   map[string]any
		status int
	}{
		{"no handshake", in(map[string]any{"notificationUrl": silent.URL}), 400},
		{"http off loopback", in(map[string]any{"notificationUrl": "http://example.com/"}), 400},
		{"too long", in(map[string]any{"expirationDateTime": c.Now().AddDate(0, 1, 0).Format(time.RFC3339)}), 400},
		{"bad change type", in(map[string]any{"changeType": "renamed"}), 400},
		{"unknown mailbox", in(map[string]any{"resource": "users/nobody@contoso.example/messages"}), 404},
		{"good", in(nil), 201},
		{"twice", in(nil), 409},
	} {
		if a := c.graph(token, "POST", "/subscriptions", tt.body); a.status != tt.status {
			t.Errorf("%s: got %d %s", tt.name, a.status, a.raw)
		}
	}
	if a := c.graph(c.appToken("Nothing granted"), "POST", "/subscriptions", in(nil)); a.status != 403 {
		t.Errorf("without permission: got %d", a.status)
	}
	mine := c.graph(token, "GET", "/subscriptions", nil).list()
	if len(mine) != 1 {
		t.Fatalf("list: got %v", mine)
	}
	id := mine[0]["id"].(string)
	if err := c.DeliverMail("ada@contoso.example", "inbox", []byte("From: nora@northwind.example\r\nTo: ada@contoso.example\r\nSubject: New\r\n\r\nHi\r\n")); err != nil {
		t.Fatal(err)
	}
	n := h.next(t)
	if n["changeType"] != "created" || n["clientState"] != "secret" || n["subscriptionId"] != id || n["tenantId"] != c.tenant("contoso").TenantID {
		t.Errorf("got %v", n)
	}
	message := n["resourceData"].(map[string]any)["id"].(string)
	c.graph(token, "POST", ada+"/messages/"+message+"/move", map[string]any{"destinationId": "archive"})
	if n := h.next(t); n["changeType"] != "deleted" {
		t.Errorf("moved out: got %v", n)
	}
	if err := c.Fault(Fault{Kind: "lifecycle", Code: "reauthorizationRequired"}); err != nil {
		t.Fatal(err)
	}
	if n := h.next(t); n["lifecycleEvent"] != "reauthorizationRequired" {
		t.Errorf("lifecycle: got %v", n)
	}
	if a := c.graph(token, "POST", "/subscriptions/"+id+"/reauthorize", nil); a.status != 204 {
		t.Errorf("reauthorize: got %d", a.status)
	}
	if a := c.graph(token, "PATCH", "/subscriptions/"+id, map[string]any{"expirationDateTime": c.Now().Add(2 * time.Hour).Format(time.RFC3339)}); a.status != 200 {
		t.Errorf("renew: got %d %s", a.status, a.raw)
	}
	c.settle(3 * time.Hour)
	if a := c.graph(c.appToken("Seneschal"), "GET", "/subscriptions/"+id, nil); a.status != 404 {
		t.Errorf("expired: got %d", a.status)
	}
}

func TestBatch(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	run := func(parts ...map[string]any) map[string]map[string]any {
		a := c.graph(token, "POST", "/$batch", map[string]any{"requests": parts})
		if a.status != 200 {
			t.Fatalf("got %d %s", a.status, a.raw)
		}
		out := map[string]map[string]any{}
		for _, r := range a.json["responses"].([]any) {
			m := r.(map[string]any)
			out[m["id"].(string)] = m
		}
		return out
	}
	got := run(
		map[string]any{"id": "1", "method": "GET", "url": "/users/ada@contoso.example?$select=mail"},
		map[string]any{"id": "2", "method": "POST", "url": "users/ada@contoso.example/messages", "headers": map[string]any{"Content-Type": "application/json"}, "body": draft("ben@contoso.example")},
		map[string]any{"id": "3", "method": "GET", "url": "/users/nobody@contoso.example"},
		map[string]any{"id": "4", "method": "GET", "url": "/users", "dependsOn": []string{"3"}},
	)
	for id, want := range map[string]float64{"1": 200, "2": 201, "3": 404, "4": 424} {
		if got[id]["status"] != want {
			t.Errorf("part %s: got %v, want %v", id, got[id], want)
		}
	}
	if err := c.Fault(Fault{Kind: "batch_inner", RetryAfter: "3", Times: 1}); err != nil {
		t.Fatal(err)
	}
	one := map[string]any{"id": "a", "method": "GET", "url": "/organization"}
	if r := run(one)["a"]; r["status"] != float64(429) || r["headers"].(map[string]any)["Retry-After"] != "3" {
		t.Errorf("inner 429: got %v", r)
	}
	many := []map[string]any{}
	for i := range 21 {
		many = append(many, map[string]any{"id": strings.Repeat("x", i+1), "method": "GET", "url": "/organization"})
	}
	for name, parts := range map[string][]map[string]any{"21 parts": many, "same id": {one, {"id": "A", "method": "GET", "url": "/users"}}, "no content type": {{"id": "1", "method": "POST", "url": "/users/x/messages", "body": map[string]any{}}}} {
		if a := c.graph(token, "POST", "/$batch", map[string]any{"requests": parts}); a.status != 400 {
			t.Errorf("%s: got %d", name, a.status)
		}
	}
}
