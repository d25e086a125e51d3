package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/app"
)

// Clients of every published version of the protocol are served, each request by itself: no hub remembers a session.
func TestClientsOfEveryVersionAreServed(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	h.Connect(h.Form("contoso", "Seneschal"))
	_, secret := keyFor(t, h, access.Local("test"), "reads", access.HubRead, access.ActionRead)
	h.Key = secret.Reveal()
	for _, version := range []string{"2025-03-26", "2025-06-18", "2025-11-25"} {
		send := func(method, params string) string {
			t.Helper()
			body := map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": json.RawMessage(params)}
			status, _, answer := h.REST(http.MethodPost, "/mcp", body, "Accept", "application/json, text/event-stream", "Mcp-Protocol-Version", version)
			if status != http.StatusOK {
				t.Errorf("%s of %s: %d %s", method, version, status, answer)
			}
			return string(answer)
		}
		if got := send("initialize", fmt.Sprintf(`{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"old","version":"1"}}`, version)); !strings.Contains(got, `"protocolVersion":"`+version+`"`) || !strings.Contains(got, "seneschal") {
			t.Errorf("initialize of %s: %s", version, got)
		}
		if got := send("tools/list", `{}`); !strings.Contains(got, `"mail_message_list"`) || strings.Contains(got, `"mail_message_send"`) {
			t.Errorf("tools of %s: %.300s", version, got)
		}
		if got := send("tools/call", `{"name":"connection_list","arguments":{}}`); !strings.Contains(got, "contoso") || strings.Contains(got, `"isError":true`) {
			t.Errorf("a call of %s: %s", version, got)
		}
	}
	if status, _, body := h.REST(http.MethodPost, "/mcp", map[string]string{"x": strings.Repeat("y", 2<<20)}, "Accept", "application/json, text/event-stream"); status != http.StatusRequestEntityTooLarge {
		t.Errorf("2 MB in one message: %d %.200s", status, body)
	}
}
