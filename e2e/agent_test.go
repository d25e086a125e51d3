package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// keyed adds an API key to every request of a client.
type keyed struct{ key string }

// RoundTrip sends the request with the key.
func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+k.key)
	return http.DefaultTransport.RoundTrip(r)
}

func keyFor(t *testing.T, h *app.Hub, by access.Caller, name string, scopes ...access.Scope) (access.APIKey, vault.Secret) {
	t.Helper()
	k, secret, err := h.Access.AddAPIKey(t.Context(), by, name, scopes, 0)
	if err != nil {
		t.Fatal(err)
	}
	return k, secret
}

// agent is a client of the official SDK at the hub's /mcp.
func agent(t *testing.T, h *app.Hub, key, query string) *sdk.ClientSession {
	t.Helper()
	s, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(),
		&sdk.StreamableClientTransport{Endpoint: h.Server.URL() + "/mcp" + query, HTTPClient: &http.Client{Transport: keyed{key}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// tools lists what an agent sees.
func tools(t *testing.T, s *sdk.ClientSession) map[string]*sdk.Tool {
	t.Helper()
	out := map[string]*sdk.Tool{}
	for tool, err := range s.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		out[tool.Name] = tool
	}
	return out
}

// call gives all text of a tool's answer.
func call(t *testing.T, s *sdk.ClientSession, name string, in map[string]any) (text string, refused bool) {
	t.Helper()
	r, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: name, Arguments: in})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var b strings.Builder
	for _, c := range r.Content {
		b.WriteString(c.(*sdk.TextContent).Text + "\n")
	}
	return b.String(), r.IsError
}

// leftOnce waits until a message is among those that Ada sent, and looks that there is one.
func leftOnce(t *testing.T, h *app.Hub, subject string) {
	t.Helper()
	n := 0
	waitUntil(t, subject+" is sent", func() bool { n = sent(t, h, subject); return n > 0 })
	if n != 1 {
		t.Errorf("%s was sent %d times", subject, n)
	}
}

// planIn reads the plan out of a tool's answer.
func planIn(t *testing.T, text string) action.Plan {
	t.Helper()
	var p action.Plan
	start, end := strings.Index(text, "{"), strings.LastIndex(text, "}")
	if start < 0 || json.Unmarshal([]byte(text[start:end+1]), &p) != nil || p.ID == "" {
		t.Fatalf("no plan in %s", text)
	}
	return p
}

// sent counts the messages of a subject that Ada sent, once those under way have arrived.
func sent(t *testing.T, h *app.Hub, subject string) (n int) {
	t.Helper()
	h.Time.Advance(time.Minute)
	r, err := h.Do("contoso", "mail.message.list", "", map[string]any{"user": ada, "folder": "sentitems", "limit": 50})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(r.Output), `"subject":"`+subject+`"`)
}

func toBen(subject string) map[string]any {
	return map[string]any{"connection": "contoso", "user": ada, "to": []string{ben}, "subject": subject, "body": "x"}
}

func TestAnAgentReadsAtOnceAndPlansWhatItWrites(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := app.StartForTest(t, app.TestOptions{Engine: engine})
			h.Connect(h.Form("contoso", "Seneschal"))
			boss := staff(t, h, "boss", access.Admin, "")
			key, secret := keyFor(t, h, boss, "assistant", access.HubRead, access.ActionRead, access.ActionWrite)
			s := agent(t, h, secret.Reveal(), "")

			list, refused := call(t, s, "mail_message_list", map[string]any{"connection": "contoso", "user": ada, "limit": 3})
			if refused || !strings.Contains(list, "begin untrusted data") || !strings.Contains(list, `"subject"`) {
				t.Errorf("reading: %s", list)
			}
			text, refused := call(t, s, "mail_message_send", toBen("planned once"))
			plan := planIn(t, text)
			if refused || plan.State != action.PlanWaiting || plan.Agent != "apikey:"+key.ID || plan.Proposer != "person:boss" || !strings.HasPrefix(text, "Nothing has happened yet.") {
				t.Errorf("proposing: %s", text)
			}
			if again, _ := call(t, s, "mail_message_send", toBen("planned once")); planIn(t, again).ID != plan.ID {
				t.Errorf("the same proposal again is another plan: %s", again)
			}
			if n := sent(t, h, "planned once"); n != 0 {
				t.Fatalf("%d mails before anybody approved", n)
			}

			for situation, c := range map[string]struct {
				by     access.Caller
				digest string
				code   string
			}{
				"the agent's own key":          {access.Caller{Kind: "apikey", ID: key.ID, Name: key.Name, Scopes: key.Scopes}, plan.InputDigest, "not_a_person"},
				"an agent of the person":       {boss.ByAgent(), plan.InputDigest, "not_found"},
				"a viewer":                     {staff(t, h, "vera", access.Viewer, ""), plan.InputDigest, "not_found"},
				"a digest of something else":   {boss, strings.Repeat("0", 64), "plan_changed"},
				"a key that may write and see": {access.Caller{Kind: "apikey", ID: "other", Scopes: []access.Scope{access.ActionWrite}}, plan.InputDigest, "not_found"},
			} {
				if _, err := h.Runner.Approve(t.Context(), c.by, plan.ID, c.digest); fault.CodeOf(err) != c.code {
					t.Errorf("approved by %s: %v, want %s", situation, err, c.code)
				}
			}
			if done, err := h.Runner.Approve(t.Context(), boss, plan.ID, plan.InputDigest); err != nil || done.State != action.PlanDone || done.Run == "" || done.DecidedBy != "person:boss" {
				t.Fatalf("approved: %+v, %v", done, err)
			}
			if _, err := h.Runner.Approve(t.Context(), boss, plan.ID, plan.InputDigest); fault.CodeOf(err) != "plan_over" {
				t.Errorf("approved twice: %v", err)
			}
			leftOnce(t, h, "planned once")
			shown, _ := call(t, s, "plan_show", map[string]any{"id": plan.ID})
			if p := planIn(t, shown); p.State != action.PlanDone || len(p.Input) != 0 {
				t.Errorf("shown to the agent: %s", shown)
			}

			text, _ = call(t, s, "mail_message_send", toBen("rejected"))
			if p, err := h.Runner.Reject(t.Context(), boss, planIn(t, text).ID); err != nil || p.State != action.PlanRejected {
				t.Errorf("rejected: %+v, %v", p, err)
			}
			text, _ = call(t, s, "mail_message_send", toBen("too late"))
			late := planIn(t, text)
			h.Time.Advance(25 * time.Hour)
			if _, err := h.Runner.Approve(t.Context(), boss, late.ID, late.InputDigest); fault.CodeOf(err) != "plan_over" {
				t.Errorf("approved a day later: %v", err)
			}
			waitUntil(t, "the plan expires", func() bool {
				p, err := h.Runner.LookupPlan(t.Context(), boss, late.ID)
				return err == nil && p.State == action.PlanExpired && !p.EndedAt.IsZero()
			})
			if n := sent(t, h, "rejected") + sent(t, h, "too late"); n != 0 {
				t.Errorf("%d mails that nobody approved", n)
			}
			record := ask(t, h, boss, "audit.list", `{}`)
			if n := strings.Count(record, `"agent":"apikey:`+key.ID+`"`); n < 5 || !strings.Contains(record, `"plan":"`+plan.ID+`"`) {
				t.Errorf("the record names the agent %d times: %s", n, record)
			}
		})
	}
}

// A rule approves in a person's place: that action, of that agent, through that connection, and nothing that deletes.
func TestARuleApproves(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	h.Connect(h.Form("contoso", "Seneschal"))
	boss := staff(t, h, "boss", access.Admin, "")
	key, secret := keyFor(t, h, boss, "assistant", access.HubRead, access.ActionWrite)
	s := agent(t, h, secret.Reveal(), "")
	for situation, c := range map[string]struct {
		by           access.Caller
		action, code string
	}{
		"a person who may act":    {boss, "mail.message.send", ""},
		"the same again":          {boss, "mail.message.send", "rule_exists"},
		"an action that deletes":  {boss, "mail.message.delete", "invalid_input"},
		"a viewer":                {staff(t, h, "vera", access.Viewer, ""), "mail.message.move", "not_allowed"},
		"the agent's person's":    {boss.ByAgent(), "mail.message.move", "not_a_person"},
		"an action of the hub":    {boss, "customer.add", "invalid_input"},
		"an action there is none": {boss, "mail.message.burn", "invalid_input"},
	} {
		if situation == "the same again" {
			continue
		}
		if _, err := h.Runner.AddRule(t.Context(), c.by, "apikey:"+key.ID, c.action, "contoso"); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", situation, err, c.code)
		}
	}
	if _, err := h.Runner.AddRule(t.Context(), boss, "apikey:"+key.ID, "mail.message.send", "contoso"); fault.CodeOf(err) != "rule_exists" {
		t.Errorf("the same rule again: %v", err)
	}
	text, refused := call(t, s, "mail_message_send", toBen("by rule"))
	if p := planIn(t, text); refused || p.State != action.PlanDone || !strings.HasPrefix(p.DecidedBy, "rule:") {
		t.Errorf("a rule: %s", text)
	}
	text, _ = call(t, s, "mail_draft_create", map[string]any{"connection": "contoso", "user": ada, "to": []string{ben}, "subject": "asked about", "body": "x"})
	if p := planIn(t, text); p.State != action.PlanWaiting {
		t.Errorf("another action of the agent: %s", text)
	}
	leftOnce(t, h, "by rule")
	lead := staff(t, h, "lead", access.Admin, "")
	if _, err := h.Runner.AddRule(t.Context(), lead, "apikey:"+key.ID, "mail.message.move", "contoso"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Access.SetRole(t.Context(), boss, "lead", access.Viewer); err != nil {
		t.Fatal(err)
	}
	text, _ = call(t, s, "mail_message_move", map[string]any{"connection": "contoso", "user": ada, "message": "x", "folder": "archive"})
	if p := planIn(t, text); p.State != action.PlanWaiting {
		t.Errorf("a rule of somebody who may not approve any more: %s", text)
	}
	_, other := keyFor(t, h, boss, "another", access.HubRead, access.ActionWrite)
	text, _ = call(t, agent(t, h, other.Reveal(), ""), "mail_message_send", toBen("another agent"))
	if p := planIn(t, text); p.State != action.PlanWaiting {
		t.Errorf("another agent's: %s", text)
	}
}

// What a key may not do an agent does not see, and is refused when it asks all the same, whichever door it takes.
func TestAnAgentHasItsKeysRightsAndNoMore(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	h.Connect(h.Form("contoso", "Seneschal"))
	_, reads := keyFor(t, h, access.Local("test"), "reads", access.HubRead, access.ActionRead)
	_, writes := keyFor(t, h, access.Local("test"), "writes", access.HubRead, access.HubWrite, access.ActionRead, access.ActionWrite)

	seen, all := tools(t, agent(t, h, writes.Reveal(), "")), tools(t, agent(t, h, writes.Reveal(), "?tools=all"))
	if len(seen) < 20 || len(seen) > 30 || len(all) < 2*len(seen) {
		t.Errorf("%d tools at first, %d of the catalogue", len(seen), len(all))
	}
	for name, tool := range all {
		a, ok := h.Registry.Lookup(strings.ReplaceAll(name, "_", "."))
		if !ok { // a name with an underscore of its own
			continue
		}
		if tool.Annotations.ReadOnlyHint != (a.Effect == action.Reads) || *tool.Annotations.DestructiveHint != (a.Effect == action.Deletes) || a.Target == action.OnHub && a.Effect != action.Reads || len(a.Streams) > 0 {
			t.Errorf("%s (%s): %+v", name, a.Effect, tool.Annotations)
		}
	}
	for name, tool := range tools(t, agent(t, h, reads.Reveal(), "?tools=all")) {
		if !tool.Annotations.ReadOnlyHint {
			t.Errorf("a key that reads is offered %s", name)
		}
	}
	text, refused := call(t, agent(t, h, writes.Reveal(), "?tools=all"), "mail_attachment_add", map[string]any{"connection": "contoso", "user": ada, "id": "x"})
	if !refused || !strings.Contains(text, "file_not_here") || !strings.Contains(text, "bytes") {
		t.Errorf("a file: %s", text)
	}
	before := len(h.Cloud.Requests())
	for situation, c := range map[string]struct {
		key, path string
		body      map[string]any
		code      string
	}{
		"a write by REST, said to be an agent's":      {writes.Reveal(), "/api/v1/connections/contoso/actions/mail.message.send", toBen("x"), "plan_needed"},
		"administration, said to be an agent's":       {writes.Reveal(), "/api/v1/apikeys", map[string]any{"name": "more", "scopes": []string{"hub:write"}}, "plan_needed"},
		"a proposal with a key that reads":            {reads.Reveal(), "/api/v1/plans", map[string]any{"connection": "contoso", "action": "mail.message.send", "input": map[string]any{}}, "not_allowed"},
		"a proposal of a read":                        {writes.Reveal(), "/api/v1/plans", map[string]any{"connection": "contoso", "action": "mail.message.list", "input": map[string]any{}}, "invalid"},
		"a proposal of what the schema does not take": {writes.Reveal(), "/api/v1/plans", map[string]any{"connection": "contoso", "action": "mail.message.send", "input": map[string]any{"uesr": ada}}, "invalid"},
	} {
		h.Key = c.key
		if status, _, body := h.REST(http.MethodPost, c.path, c.body, "Seneschal-Agent", "yes", "Idempotency-Key", "k"); status < 400 || !strings.Contains(string(body), c.code) {
			t.Errorf("%s: %d %s", situation, status, body)
		}
	}
	if n := len(h.Cloud.Requests()) - before; n != 0 {
		t.Errorf("%d requests left the hub", n)
	}
}

func TestNobodyReachesTheAgentsDoorWithoutAToken(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	for situation, header := range map[string]string{"nothing": "", "a key of nobody": "Bearer snk_nothing", "another kind": "Basic YTpi"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.Server.URL()+"/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if header != "" {
			req.Header.Set("Authorization", header)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d", situation, resp.StatusCode)
		}
	}
}

// The built program serves an agent over standard input and output, with the rights of whoever runs it; what it proposes is approved by command.
func TestAnAgentOverStdio(t *testing.T) {
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	h := app.StartForTest(t, app.TestOptions{})
	h.Connect(h.Form("contoso", "Seneschal"))
	env := []string{"SENESCHAL_DATABASE_URL=" + h.Config.DatabaseURL, "SENESCHAL_KEY_FILE=" + h.Config.KeyFile, "HOME=" + t.TempDir()}
	session := func(args ...string) *sdk.ClientSession {
		t.Helper()
		cmd := exec.Command(bin, append([]string{"mcp"}, args...)...)
		cmd.Env, cmd.Dir = env, t.TempDir()
		s, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(context.WithoutCancel(t.Context()), &sdk.CommandTransport{Command: cmd, TerminateDuration: time.Minute}, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("the program did not end well: %v", err)
			}
		})
		return s
	}
	for name, tool := range tools(t, session("--tools", "all")) {
		if !tool.Annotations.ReadOnlyHint {
			t.Errorf("without --write there is %s", name)
		}
	}
	s := session("--write")
	if text, refused := call(t, s, "calendar_event_list", map[string]any{"connection": "contoso", "user": ada, "start": "2026-11-01T00:00:00Z", "end": "2026-11-08T00:00:00Z"}); refused || !strings.Contains(text, "untrusted") {
		t.Errorf("reading: %s", text)
	}
	text, _ := call(t, s, "mail_message_send", toBen("over stdio"))
	plan := planIn(t, text)
	if plan.State != action.PlanWaiting || !strings.HasPrefix(plan.Agent, "local:") {
		t.Fatalf("proposing: %s", text)
	}
	cmd := exec.CommandContext(t.Context(), bin, "plan", "approve", plan.ID, plan.InputDigest, "--output", "json")
	cmd.Env, cmd.Dir = env, t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), `"state":"done"`) && !strings.Contains(string(out), `"state": "done"`) {
		t.Fatalf("approving: %v %s", err, out)
	}
	leftOnce(t, h, "over stdio")
	if shown, _ := call(t, s, "plan_show", map[string]any{"id": plan.ID}); planIn(t, shown).State != action.PlanDone {
		t.Errorf("shown: %s", shown)
	}

	// From elsewhere it comes with a key, and has that key's rights.
	key, secret := keyFor(t, h, access.Local("test"), "elsewhere", access.HubRead, access.ActionWrite)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(secret.Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	env = []string{"SENESCHAL_URL=" + h.Server.URL(), "SENESCHAL_API_KEY_FILE=" + file, "HOME=" + t.TempDir()}
	s = session("--write")
	text, _ = call(t, s, "mail_message_send", toBen("from elsewhere"))
	if p := planIn(t, text); p.State != action.PlanWaiting || p.Agent != "apikey:"+key.ID {
		t.Errorf("from elsewhere: %s", text)
	}
	if text, refused := call(t, s, "mail_message_list", map[string]any{"connection": "contoso", "user": ada}); !refused || !strings.Contains(text, "actions:read") {
		t.Errorf("reading with a key that may not: %s", text)
	}
}

// A long answer comes in parts that together are the answer.
func TestALongAnswerComesInParts(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	h.Connect(h.Form("contoso", "Seneschal"))
	_, secret := keyFor(t, h, access.Local("test"), "reads", access.HubRead, access.ActionRead)
	s := agent(t, h, secret.Reveal(), "?tools=all")
	var joined strings.Builder
	for part, parts := 1, 2; part <= parts; part++ {
		text, refused := call(t, s, "action_list", map[string]any{"part": part})
		if refused {
			t.Fatal(text)
		}
		_, rest, _ := strings.Cut(text, "--- begin untrusted data ")
		_, rest, _ = strings.Cut(rest, "\n")
		piece, after, _ := strings.Cut(rest, "\n--- end untrusted data ")
		joined.WriteString(piece)
		if i := strings.Index(after, "This is part "); i >= 0 {
			if _, err := fmt.Sscanf(after[i:], "This is part %d of %d.", new(int), &parts); err != nil {
				t.Fatal(err)
			}
		} else {
			parts = 1
		}
	}
	r, err := h.Do("", "action.list", "", struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	if joined.String() != string(r.Output) {
		t.Errorf("the parts are %d bytes, the answer %d", joined.Len(), len(r.Output))
	}
	if text, refused := call(t, s, "action_list", map[string]any{"part": 99}); !refused || !strings.Contains(text, "this answer has") {
		t.Errorf("a part there is none: %s", text)
	}
}

// What is handed in as a secret is shown to nobody, whoever decides.
func TestAPlanShowsNoSecret(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	h.Connect(h.Form("contoso", "Seneschal", m365.Teams))
	boss := staff(t, h, "boss", access.Admin, "")
	const address = "https://prod-1.westeurope.logic.azure.com/workflows/1?sig=hush-hush"
	input, err := json.Marshal(map[string]string{"url": address, "text": "Hello"})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := h.Runner.Propose(t.Context(), action.Request{Action: "teams.workflow.post", Connection: "contoso", Caller: boss.ByAgent(), Input: input})
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []access.Caller{boss, access.Local("test"), boss.ByAgent()} {
		shown, err := h.Runner.LookupPlan(t.Context(), by, plan.ID)
		if text := string(shown.Input); err != nil || strings.Contains(text, "hush") || !strings.Contains(text, "(secret)") || !strings.Contains(text, "Hello") {
			t.Errorf("%s sees %s %v", by, text, err)
		}
	}
}
