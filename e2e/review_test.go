package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/store"
)

// What was called tells which permissions are used; what was not, only once it was watched for long enough.
func TestTheAccessReviewTellsWhatIsNotUsed(t *testing.T) {
	both(t, func(t *testing.T, engine store.Engine) {
		h := app.StartForTest(t, app.TestOptions{Engine: engine})
		c := h.Connect(h.Form("c", "Seneschal"))
		if _, err := h.Do("c", "mail.message.list", "", map[string]any{"user": ada}); err != nil {
			t.Fatal(err)
		}
		review := func() (connection.Reviewed, string) {
			t.Helper()
			r, err := h.Runner.Do(t.Context(), action.Request{Action: "access.review", Caller: access.Local("test"), Input: json.RawMessage(`{}`)})
			if err != nil {
				t.Fatal(err)
			}
			var out struct{ Connections []connection.Reviewed }
			if err := json.Unmarshal(r.Output, &out); err != nil || len(out.Connections) != 1 {
				t.Fatal(err, out)
			}
			return out.Connections[0], string(r.Output)
		}
		states := func(r connection.Reviewed) map[string]connection.PermissionUse {
			out := map[string]connection.PermissionUse{}
			for _, p := range r.Permissions {
				out[p.Permission] = p
			}
			return out
		}
		first, _ := review()
		if got := states(first); got["Mail.ReadWrite"].State != connection.Used || got["Calendars.ReadWrite"].State != connection.NotYet || got["Calendars.ReadWrite"].Remove != nil || first.ObservedDays != 1 {
			t.Errorf("on the first day: %+v", first)
		}
		if !strings.Contains(first.Consent.Known, "not known") {
			t.Errorf("who consented: %+v", first.Consent)
		}
		// A month at work: the calendar was never asked for, though the doctor tried it.
		for day := range int64(30) {
			if _, err := h.Store.Writer().ExecContext(t.Context(), "insert into connection_use (connection, operation, day, count, last_at) values ($1, 'GET /users/{user-id}', $2, 1, $3) on conflict do nothing",
				c.ID, h.Time.Now().UnixMilli()/86400000-day, h.Time.Now().UnixMilli()-day*86400000); err != nil {
				t.Fatal(err)
			}
		}
		second, text := review()
		calendar := states(second)["Calendars.ReadWrite"]
		if calendar.State != connection.Unused || calendar.Remove == nil || len(second.Unmatched) > 0 {
			t.Fatalf("after a month: %+v", second)
		}
		steps := strings.Join(calendar.Remove.Portal, "\n") + calendar.Remove.PowerShell + calendar.Remove.Graph
		has(t, "the steps", steps, "First take calendar off the connection c", "API permissions", "Remove-MgServicePrincipalAppRoleAssignment", "DELETE", string(c.ClientID), "ef54d2bf-783f-4e0f-bca1-3210c0444d99")
		has(t, "the review", text, `"apikeys":[{`, `"state":"never_used"`)
		// Using it once counts.
		if _, err := h.Do("c", "calendar.event.list", "", map[string]any{"user": ada, "start": h.Time.Now().UTC().Format(time.RFC3339), "end": h.Time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}); err != nil {
			t.Fatal(err)
		}
		if third, _ := review(); states(third)["Calendars.ReadWrite"].State != connection.Used {
			t.Errorf("after a use: %+v", third)
		}
		if n := rows(t, h, "select count(*) from connection_use"); n > 45 {
			t.Errorf("%d rows: one a request?", n)
		}
	})
}
