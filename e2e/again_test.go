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
	"seneschal/internal/fault"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// What a run was asked is run again as a new effect, once for each key, with the rights of whoever asks, and for a day.
func TestARunIsRunAgain(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := app.StartForTest(t, app.TestOptions{Engine: engine})
			h.Connect(h.Form("contoso", "Seneschal"))
			first, err := h.Do("contoso", "mail.draft.create", "k1", map[string]any{"user": "ada@contoso.example", "subject": "Again", "body": "A body that nobody sees."})
			if err != nil {
				t.Fatal(err)
			}
			again := func(by access.Caller, id, key string) (action.Result, error) { return runAgain(t, h, by, id, key) }
			local := access.Local("test")
			for _, key := range []string{"k2", "k2", "k3"} { // the second is a repetition
				if _, err := again(local, first.Run, key); err != nil {
					t.Fatal(err)
				}
			}
			if n := drafts(t, h, "Again"); n != 3 {
				t.Errorf("%d drafts, want the first and two more", n)
			}
			status, _, body := h.REST(http.MethodGet, "/api/v1/runs/"+first.Run, nil)
			if status != http.StatusOK || !strings.Contains(string(body), `"can_run_again":true`) || strings.Contains(string(body), "nobody sees") {
				t.Errorf("shown: %d %s", status, body)
			}
			refused := map[string]struct {
				by   access.Caller
				id   string
				key  string
				kind fault.Kind
			}{
				"without a key": {local, first.Run, "", fault.Invalid}, "of nobody's": {local, "none", "k", fault.NotFound}, "of somebody else's": {staff(t, h, "Mia", access.Member, "mia@contoso.example"), first.Run, "k", fault.NotFound},
				"by nobody": {access.Caller{}, first.Run, "k", fault.Unauthenticated}, "by a key that may read": {access.Caller{Kind: "apikey", ID: "r", Name: "r", Scopes: []access.Scope{access.HubRead, access.ActionRead}}, first.Run, "k", fault.Forbidden},
			}
			for name, tt := range refused {
				if _, err := again(tt.by, tt.id, tt.key); fault.KindOf(err) != tt.kind {
					t.Errorf("%s: got %v", name, err)
				}
			}
			h.Time.Advance(26 * time.Hour)
			waitUntil(t, "the input is forgotten", func() bool {
				_, err := again(local, first.Run, "k4")
				return fault.CodeOf(err) == "input_gone"
			})
		})
	}
}

// A run whose outcome is not known is not run again before it is; one with files cannot be, and says so.
func TestWhatIsNotRunAgain(t *testing.T) {
	t.Parallel()
	h := app.StartForTest(t, app.TestOptions{})
	h.Connect(h.Form("contoso", "Seneschal"))
	f := sim.Fault{Kind: "timeout_after_accept", Times: 1}
	f.Match.Method, f.Match.Path = "POST", "/messages"
	play(t, h, f)
	lost, err := h.Do("contoso", "mail.draft.create", "k1", map[string]any{"user": "ada@contoso.example", "subject": "Lost"})
	if fault.KindOf(err) != fault.Unclear {
		t.Fatalf("got %v", err)
	}
	again := func(id, key string) (action.Result, error) { return runAgain(t, h, access.Local("test"), id, key) }
	if _, err := again(lost.Run, "k2"); fault.CodeOf(err) != "still_unclear" {
		t.Errorf("unclear: got %v", err)
	}
	do := doer(t, h, access.Local("test"), "contoso", "ada@contoso.example")
	draft := do("mail.draft.create", map[string]any{"subject": "With a file"})["id"]
	do("mail.attachment.add", map[string]any{"message": draft, "name": "a.txt"}, map[string][]byte{"file": []byte("x")})
	runs, err := h.Runner.Runs(t.Context(), action.RunsQuery{Limit: 1})
	if err != nil || len(runs) != 1 || runs[0].Action != "mail.attachment.add" || runs[0].CanRunAgain {
		t.Fatalf("got %+v %v", runs, err)
	}
	if _, err := again(runs[0].ID, "k3"); fault.CodeOf(err) != "input_gone" {
		t.Errorf("with a file: got %v", err)
	}
}

func runAgain(t *testing.T, h *app.Hub, by access.Caller, id, key string) (action.Result, error) {
	t.Helper()
	text, err := json.Marshal(map[string]string{"id": id})
	if err != nil {
		t.Fatal(err)
	}
	return h.Runner.Do(t.Context(), action.Request{Action: "run.again", Caller: by, Input: text, Key: key})
}

// drafts counts those with a subject.
func drafts(t *testing.T, h *app.Hub, subject string) (n int) {
	t.Helper()
	result, err := h.Do("contoso", "mail.message.list", "", map[string]any{"user": "ada@contoso.example", "folder": "drafts", "limit": 50})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(result.Output), `"subject":"`+subject+`"`)
}
