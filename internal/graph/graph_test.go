package graph_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/wire"
)

type oneToken struct{}

func (oneToken) Token(context.Context, wire.Refresh) (wire.Token, error) {
	return wire.Token{Value: "secret-token"}, nil
}

// patient is the machine's clock on which every wait is over at once.
type patient struct{ clock.Real }

func (patient) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// serve starts a server and gives the configuration of a client of it.
func serve(t testing.TB, h http.HandlerFunc) graph.Config {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	transport := wire.NewTransport(wire.TransportConfig{})
	t.Cleanup(transport.CloseIdleConnections)
	return graph.Config{URL: srv.URL, Tenant: "tenant", App: "app",
		Wire: wire.Config{Transport: transport, Tokens: oneToken{}, Clock: patient{}, Random: rand.Uint64}}
}

// me is the signed-in person's place.
func me(c *graph.Delegated) graph.Owner {
	o, _ := c.Owner("") // a delegated client always has one
	return o
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Request-Id", "rid")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestPathsAreEscapedAndKnowTheirOperation(t *testing.T) {
	var seen string
	c := graph.NewDelegated(serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r.URL.EscapedPath()
		reply(w, 200, `{}`)
	}))
	tests := []struct {
		name string
		path graph.Path
		url  string
		op   m365.OperationKey
	}{
		{"ids with everything", c.User("ada@contoso.example").Message("AA/+=:@#?%&é"), "/v1.0/users/ada%40contoso.example/messages/AA%2F%2B%3D%3A%40%23%3F%25%26%C3%A9", "GET /users/{user-id}/messages/{message-id}"},
		{"me", me(c).MailFolder("inbox").Sub("messages").Func("delta"), "/v1.0/me/mailFolders/inbox/messages/delta", "GET /me/mailFolders/{mailFolder-id}/messages/delta()"},
		{"bytes of a message", me(c).Message("1").MIME(), "/v1.0/me/messages/1/$value", "GET /me/messages/{message-id}/$value"},
		{"default calendar", me(c).Calendar("").Sub("events"), "/v1.0/me/calendar/events", "GET /me/calendar/events"},
		{"a file by its path", graph.At("drives").Item("drive-id", "b!x").Sub("root").Named("a b/ü#.txt").Sub("children"), "/v1.0/drives/b%21x/root:/a%20b/%C3%BC%23.txt:/children", "GET /drives/{drive-id}/root:/{item-path}:/children"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if op := test.path.Operation("GET"); op != test.op {
				t.Errorf("operation %q, want %q", op, test.op)
			}
			if _, known := m365.LookupOperation(test.op); !known {
				t.Errorf("the permission tables do not know %s", test.op)
			}
			if _, err := graph.Get[struct{}](t.Context(), c.Client, test.path); err != nil || seen != test.url {
				t.Errorf("url %s, want %s (%v)", seen, test.url, err)
			}
		})
	}
	for _, id := range []string{"", ".", "..", "../../drives/b!x", `x\..\y`, "x/./y"} {
		if err := graph.Delete(t.Context(), c.Client, me(c).Message(id)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("id %q: %v", id, err)
		}
	}
}

func TestAnAppHasNoMe(t *testing.T) {
	calls := 0
	cfg := serve(t, func(w http.ResponseWriter, _ *http.Request) { calls++; reply(w, 200, `{}`) })
	app, person := graph.NewApplication(cfg), graph.NewDelegated(cfg)
	if _, err := app.Owner(""); fault.KindOf(err) != fault.Invalid {
		t.Errorf("owner: %v", err)
	}
	if o, err := person.Owner(""); err != nil || o.String() != "/me" {
		t.Errorf("owner: %v %v", o, err)
	}
	if _, err := graph.Get[graph.User](t.Context(), app.Client, me(person).Path); fault.CodeOf(err) != "mode_not_supported" || calls != 0 {
		t.Errorf("a person's path in an app's client: %v, %d calls", err, calls)
	}
}

func TestEveryCallAsksForImmutableIDs(t *testing.T) {
	var got http.Header
	var query string
	c := graph.NewDelegated(serve(t, func(w http.ResponseWriter, r *http.Request) {
		got, query = r.Header, r.URL.RawQuery
		reply(w, 200, `{"id":"1"}`)
	}))
	var proof graph.Proof
	_, err := graph.Get[graph.Event](t.Context(), c.Client, me(c).Event("1"), graph.TextBody(),
		graph.Select("id", "subject"), graph.Filter("subject eq "+graph.Quote("it's + 1")), graph.Prove(&proof))
	if err != nil {
		t.Fatal(err)
	}
	if want := `IdType="ImmutableId", outlook.body-content-type="text"`; got.Get("Prefer") != want {
		t.Errorf("Prefer: %s", got.Get("Prefer"))
	}
	if want := "$select=id%2Csubject&$filter=subject%20eq%20%27it%27%27s%20%2B%201%27"; query != want {
		t.Errorf("query %s, want %s", query, want)
	}
	if proof.RequestID != "rid" || proof.At.IsZero() {
		t.Errorf("proof %+v", proof)
	}
}

// A page's token comes back by way of a caller: whatever stands in it, path and options stay ours.
func TestAPageTokenLeadsNowhereElse(t *testing.T) {
	var asked []string
	cfg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+" "+r.URL.Query().Get("$top")+" "+r.URL.Query().Get("$skiptoken")+r.URL.Query().Get("$skip"))
		switch r.URL.Query().Get("$skiptoken") {
		case "":
			reply(w, 200, `{"value":[{"id":"1"}],"@odata.nextLink":"https://elsewhere.example/v1.0/users/other/messages?$top=9&$skiptoken=MSZZ%2bQ%3d%3d"}`)
		case "MSZZ+Q==":
			reply(w, 200, `{"value":[{"id":"2"}]}`)
		default:
			reply(w, 200, `{"value":[],"@odata.nextLink":"https://elsewhere.example/"}`)
		}
	})
	c := graph.NewDelegated(cfg)
	read := func(from graph.PageToken) ([]graph.Message, graph.PageToken, error) {
		return graph.ListPage[graph.Message](t.Context(), c.Client, me(c).Messages(), from, graph.Top(1))
	}
	_, next, err := read("")
	if err != nil || next == "" {
		t.Fatalf("the first page: %q %v", next, err)
	}
	if items, last, err := read(next); err != nil || last != "" || len(items) != 1 || items[0].ID != "2" {
		t.Errorf("the second page: %+v %q %v", items, last, err)
	}
	if _, _, err := read("$top=500&$filter=x"); fault.CodeOf(err) != "malformed_answer" {
		t.Errorf("a link without a place: %v", err)
	}
	want := []string{"/v1.0/me/messages 1 ", "/v1.0/me/messages 1 MSZZ+Q==", "/v1.0/me/messages 1 500&$filter=x"}
	if !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}

func TestListFollowsPagesButNeverForeignLinks(t *testing.T) {
	var base string
	cfg := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("$skip") {
		case "":
			reply(w, 200, `{"value":[{"id":"1","isRead":true},{"id":"2","toRecipients":[{"emailAddress":{"address":"a"}}]}],"@odata.nextLink":"`+base+`/v1.0/me/messages?$skip=2"}`)
		case "2":
			reply(w, 200, `{"value":[],"@odata.nextLink":"`+base+`/v1.0/me/messages?$skip=3"}`) // an empty page is not the last
		case "3":
			reply(w, 200, `{"value":[{"id":"3"}],"@odata.nextLink":"https://graph.microsoft.com.evil.example/steal"}`)
		}
	})
	base = cfg.URL
	c := graph.NewDelegated(cfg)
	var ids []string
	var last error
	for m, err := range graph.List[graph.Message](t.Context(), c.Client, me(c).Messages()) {
		if err != nil {
			last = err
			break
		}
		ids = append(ids, fmt.Sprintf("%s%v %d", m.ID, m.IsRead, len(m.ToRecipients)))
	}
	if want := "[1true 0 2false 1 3false 0]"; fmt.Sprint(ids) != want {
		t.Errorf("ids %v, want %v: a page must not shine through to the next", ids, want)
	}
	if fault.CodeOf(last) != "foreign_host" {
		t.Errorf("last: %v", last)
	}
}

func TestDeltaWalks(t *testing.T) {
	var base string
	tests := []struct {
		name  string
		from  string
		serve func(token string, w http.ResponseWriter)
		want  string
	}{
		{"first round in two pages", "", func(token string, w http.ResponseWriter) {
			if token == "" {
				reply(w, 200, `{"value":[{"id":"1"}],"@odata.nextLink":"`+base+`/v1.0/me/mailFolders/inbox/messages/delta?t=p2"}`)
			} else {
				reply(w, 200, `{"value":[{"id":"2","subject":"about \"@removed\""},{"id":"3","@removed":{"reason":"deleted"}}],"@odata.deltaLink":"`+base+`/x?t=d1"}`)
			}
		}, "items 1 removed 0 p2 last=false reset=false; items 1 removed 1 d1 last=true reset=false; "},
		{"410 starts over", "old", func(token string, w http.ResponseWriter) {
			if token == "old" {
				reply(w, 410, `{"error":{"code":"syncStateNotFound"}}`)
			} else {
				reply(w, 200, `{"value":[{"id":"1"}],"@odata.deltaLink":"`+base+`/x?t=d2"}`)
			}
		}, "items 1 removed 0 d2 last=true reset=true; "},
		{"the directory says it with 400", "old", func(token string, w http.ResponseWriter) {
			if token == "old" {
				reply(w, 400, `{"error":{"code":"Directory_X","innerError":{"code":"SyncStateNotFound"}}}`)
			} else {
				reply(w, 200, `{"value":[],"@odata.deltaLink":"`+base+`/x?t=d3"}`)
			}
		}, "items 0 removed 0 d3 last=true reset=true; "},
		{"a link that is forgotten again and again ends", "old", func(token string, w http.ResponseWriter) {
			reply(w, 410, `{"error":{"code":"resyncRequired"}}`)
		}, "gone delta_forgotten"},
		{"neither link", "", func(token string, w http.ResponseWriter) { reply(w, 200, `{"value":[]}`) }, "unavailable malformed_answer"},
		{"the same page for ever", "p1", func(token string, w http.ResponseWriter) {
			reply(w, 200, `{"value":[],"@odata.nextLink":"`+base+`/x?t=p1"}`)
		}, "upstream_refused endless_paging"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := serve(t, func(w http.ResponseWriter, r *http.Request) { test.serve(r.URL.Query().Get("t"), w) })
			base = cfg.URL
			c := graph.NewDelegated(cfg)
			from := m365.DeltaLink("")
			if test.from != "" {
				from = m365.DeltaLink(base + "/x?t=" + test.from)
			}
			got := ""
			for p, err := range graph.Delta[graph.Message](t.Context(), c.Client, me(c).MailFolder("inbox").Sub("messages"), from) {
				if err != nil {
					got += fmt.Sprint(fault.KindOf(err), " ", fault.CodeOf(err))
					break
				}
				_, token, _ := strings.Cut(string(p.Link), "t=")
				got += fmt.Sprintf("items %d removed %d %s last=%v reset=%v; ", len(p.Items), len(p.Removed), token, p.Last, p.Reset)
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// batchServer answers each part by its URL, and counts how often each was asked.
func batchServer(t *testing.T, asked map[string]int, sizes *[]int, answer func(url string, n int) string) graph.Config {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Requests []struct {
				ID        string            `json:"id"`
				URL       string            `json:"url"`
				Method    string            `json:"method"`
				Headers   map[string]string `json:"headers"`
				Body      json.RawMessage   `json:"body"`
				DependsOn []string          `json:"dependsOn"`
			} `json:"requests"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		*sizes = append(*sizes, len(q.Requests))
		var parts []string
		failed := map[string]bool{}
		for _, p := range q.Requests {
			if len(p.Body) > 0 && p.Headers["Content-Type"] == "" {
				t.Errorf("part %s has a body without Content-Type", p.ID)
			}
			if !strings.Contains(p.Headers["Prefer"], "ImmutableId") {
				t.Errorf("part %s lacks Prefer", p.ID)
			}
			a := `"status":424`
			if len(p.DependsOn) == 0 || !failed[p.DependsOn[0]] {
				asked[p.URL]++
				a = answer(p.URL, asked[p.URL])
			}
			failed[p.ID] = !strings.Contains(a, `"status":20`)
			parts = append([]string{`{"id":"` + p.ID + `",` + a + `}`}, parts...) // in another order than asked
		}
		reply(w, 200, `{"responses":[`+strings.Join(parts, ",")+`]}`)
	})
}

func TestBatchRepeatsOnlyWhatFailedInside(t *testing.T) {
	asked, sizes := map[string]int{}, []int{}
	c := graph.NewDelegated(batchServer(t, asked, &sizes, func(url string, n int) string {
		if n == 1 && strings.HasSuffix(url, "/7") {
			return `"status":429,"headers":{"Retry-After":"3"},"body":{"error":{"code":"ApplicationThrottled"}}`
		}
		if strings.HasSuffix(url, "/8") {
			return `"status":404,"body":{"error":{"code":"ErrorItemNotFound"}}`
		}
		return `"status":200,"body":{"id":"` + url[strings.LastIndex(url, "/")+1:] + `"}`
	}))
	var parts []graph.Part
	for i := range 45 {
		parts = append(parts, graph.Part{Method: "GET", Path: me(c).Message(strconv.Itoa(i))})
	}
	start := time.Now()
	answers, err := c.Batch(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range answers {
		var m graph.Message
		if err := a.Into(&m); i == 8 {
			if fault.KindOf(err) != fault.NotFound || fault.As(err).Upstream.Code != "ErrorItemNotFound" {
				t.Errorf("part 8: %v", err)
			}
		} else if err != nil || m.ID != strconv.Itoa(i) {
			t.Errorf("part %d: %+v %v", i, m, err)
		}
	}
	if fmt.Sprint(sizes) != "[20 1 20 5]" || asked["/me/messages/7"] != 2 || asked["/me/messages/6"] != 1 {
		t.Errorf("sizes %v, asked %v", sizes, asked)
	}
	if waited := time.Since(start); waited < 3*time.Second {
		t.Errorf("the budget was open again after %v, the part asked for 3 s", waited)
	}
}

func TestBatchInOrder(t *testing.T) {
	asked, sizes := map[string]int{}, []int{}
	c := graph.NewDelegated(batchServer(t, asked, &sizes, func(url string, n int) string {
		if strings.HasSuffix(url, "/2/send") {
			return `"status":400,"body":{"error":{"code":"ErrorInvalidRecipients"}}`
		}
		return `"status":202`
	}))
	var parts []graph.Part
	for i := range 5 {
		parts = append(parts, graph.Part{Method: "POST", Path: me(c).Message(strconv.Itoa(i)).Sub("send")})
	}
	answers, err := c.BatchInOrder(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, a := range answers {
		got += fmt.Sprint(a.Status, " ", fault.CodeOf(a.Err), "; ")
	}
	if want := "202 ; 202 ; 400 ErrorInvalidRecipients; 424 earlier_part_failed; 424 earlier_part_failed; "; got != want {
		t.Errorf("got %s", got)
	}
}

func TestBatchUnclearAndBinary(t *testing.T) {
	asked, sizes := map[string]int{}, []int{}
	c := graph.NewDelegated(batchServer(t, asked, &sizes, func(url string, n int) string {
		if strings.HasSuffix(url, "$value") {
			return `"status":200,"body":"` + base64.StdEncoding.EncodeToString([]byte("\xfb\xff bytes")) + `"`
		}
		return `"status":504,"body":{"error":{"code":"UnknownError"}}`
	}))
	answers, err := c.Batch(t.Context(), []graph.Part{
		{Method: "POST", Path: me(c).Message("1").Sub("send")},
		{Method: "GET", Path: me(c).Message("1").MIME()},
	})
	if err != nil {
		t.Fatal(err)
	}
	if fault.KindOf(answers[0].Err) != fault.Unclear || asked["/me/messages/1/send"] != 1 {
		t.Errorf("sent %d times, %v", asked["/me/messages/1/send"], answers[0].Err)
	}
	if b, err := answers[1].Bytes(); err != nil || string(b) != "\xfb\xff bytes" {
		t.Errorf("bytes %q %v", b, err)
	}
}

func TestFence(t *testing.T) {
	calls := 0
	cfg := serve(t, func(w http.ResponseWriter, _ *http.Request) { calls++; reply(w, 200, `{}`) })
	cfg.Wire.Fence = graph.MailboxFence{Mailboxes: []string{"Ada@contoso.example"}, Sites: []string{"site1"}, Teams: []string{"Team1"}, ReadOnly: true}.Fence()
	c := graph.NewApplication(cfg)
	get := func(p graph.Path) error { _, err := graph.Get[struct{}](t.Context(), c.Client, p); return err }
	post := func(p graph.Path, body any) error {
		return graph.Call(t.Context(), c.Client, p, body)
	}
	ada, bob := c.User("ADA@contoso.example"), c.User("bob@contoso.example")
	tests := []struct {
		name string
		err  error
		code string
	}{
		{"a listed mailbox", get(ada.Messages()), ""},
		{"another mailbox", get(bob.Messages()), "mailbox_not_listed"},
		{"an unknown place of another mailbox", get(bob.Sub("somethingNew")), "mailbox_not_listed"},
		{"another user's directory entry", get(bob.Path), ""},
		{"a write", post(ada.Sub("sendMail"), nil), "read_only"},
		{"free and busy times", post(ada.Calendar("").Sub("getSchedule"), graph.ScheduleRequest{Schedules: []string{"ADA@contoso.example"}}), ""},
		{"free and busy times of somebody else", post(ada.Calendar("").Sub("getSchedule"), graph.ScheduleRequest{Schedules: []string{"ada@contoso.example", "bob@contoso.example"}}), "mailbox_not_listed"},
		{"free and busy times of who knows whom", post(ada.Calendar("").Sub("getSchedule"), map[string]any{"schedules": "bob@contoso.example"}), "mailbox_not_listed"},
		{"a listed site", get(graph.At("sites").Item("site-id", "SITE1").Sub("lists")), ""},
		{"another site", get(graph.At("sites").Item("site-id", "site2")), "site_not_listed"},
		{"a listed team", get(graph.TeamAt("TEAM1").Sub("channels")), ""},
		{"another team", get(graph.TeamAt("team2").Sub("channels")), "team_not_listed"},
		{"a message of another team", get(graph.MessageAt("team2", "19:x@thread.tacv2", "1", "")), "team_not_listed"},
		{"a channel as somebody's chat", get(ada.Chat("19:x@Thread.tacv2").Sub("messages")), "invalid_input"},
		{"a subscription to another team", post(graph.At("subscriptions"), graph.Subscription{Resource: "/teams/team2/channels/getAllMessages"}), "team_not_listed"},
		{"a subscription to all teams", post(graph.At("subscriptions"), graph.Subscription{Resource: "teams/getAllMessages"}), "team_not_listed"},
		{"a subscription to a listed mailbox", post(graph.At("subscriptions"), graph.Subscription{Resource: "users/ada@contoso.example/messages"}), ""},
		{"a subscription to another mailbox", post(graph.At("subscriptions"), graph.Subscription{Resource: "/users/bob@contoso.example/events"}), "mailbox_not_listed"},
	}
	for _, test := range tests {
		if fault.CodeOf(test.err) != test.code {
			t.Errorf("%s: %v, want %q", test.name, test.err, test.code)
		}
	}
	before := calls
	if _, err := c.Batch(t.Context(), []graph.Part{{Method: "GET", Path: ada.Messages()}, {Method: "GET", Path: bob.Messages()}}); fault.CodeOf(err) != "mailbox_not_listed" || calls != before {
		t.Errorf("a batch with one part outside: %v", err)
	}
	ask := graph.Part{Method: "POST", Path: ada.Calendar("").Sub("getSchedule"), Body: graph.ScheduleRequest{Schedules: []string{"bob@contoso.example"}}}
	if _, err := c.Batch(t.Context(), []graph.Part{ask}); fault.CodeOf(err) != "mailbox_not_listed" || calls != before {
		t.Errorf("free and busy times inside a batch: %v", err)
	}
	cfg.Wire.Fence = graph.MailboxFence{Mailboxes: []string{wire.Me, "ada@contoso.example"}}.Fence()
	person := graph.NewDelegated(cfg)
	if err := graph.Call(t.Context(), person.Client, me(person).Calendar("").Sub("getSchedule"), graph.ScheduleRequest{Schedules: []string{"bob@contoso.example"}}); err != nil {
		t.Errorf("a person asks by their own rights: %v", err)
	}
}

func TestChangesTellUnsetFromEmpty(t *testing.T) {
	tests := []struct {
		change any
		want   string
	}{
		{graph.MessageChange{}, `{}`},
		{graph.MessageChange{Subject: new(""), IsRead: new(false), Categories: []string{}}, `{"subject":"","categories":[],"isRead":false}`},
		{graph.EventChange{Recurrence: new(*graph.Recurrence)}, `{"recurrence":null}`},
		{graph.EventChange{Attendees: []graph.Attendee{}, Start: new(graph.UTC(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)))}, `{"start":{"dateTime":"2026-11-02T09:00:00.0000000","timeZone":"UTC"},"attendees":[]}`},
	}
	for _, test := range tests {
		if got, err := json.Marshal(test.change); err != nil || string(got) != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

// session is an upload target that misbehaves as told.
type session struct {
	got       []byte
	size      int
	outlook   bool
	lose      int // the answer of this piece is lost, after it was taken in
	pieces    int
	authorize string
}

func (s *session) serve(w http.ResponseWriter, r *http.Request) {
	s.authorize += r.Header.Get("Authorization")
	if r.Method == http.MethodGet {
		s.progress(w)
		return
	}
	var from, to, size int
	if _, err := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size); err != nil || size != s.size {
		reply(w, 400, `{}`)
		return
	}
	if from != len(s.got) {
		reply(w, 416, `{"error":{"code":"invalidRange"}}`)
		return
	}
	b, err := io.ReadAll(r.Body)
	if err != nil || len(b) != to-from+1 || len(b) > 4<<20 {
		reply(w, 400, `{}`)
		return
	}
	s.got = append(s.got, b...)
	if s.pieces++; s.pieces == s.lose {
		panic(http.ErrAbortHandler)
	}
	if len(s.got) == s.size {
		w.Header().Set("Location", "https://outlook.example/attachments('id1')")
		w.WriteHeader(http.StatusCreated)
		return
	}
	s.progress(w)
}

func (s *session) progress(w http.ResponseWriter) {
	name, status := "nextExpectedRanges", 202
	if s.outlook {
		name, status = "NextExpectedRanges", 200
	}
	reply(w, status, fmt.Sprintf(`{%q:["%d-"]}`, name, len(s.got)))
}

func TestUploads(t *testing.T) {
	content := make([]byte, 9_000_000)
	for i := range content {
		content[i] = byte(i * 7 >> 3)
	}
	tests := []struct {
		name    string
		session session
		reader  io.Reader
		code    string
	}{
		{"Outlook, in three pieces", session{outlook: true}, bytes.NewReader(content), ""},
		{"an answer is lost, stream", session{lose: 2}, io.MultiReader(bytes.NewReader(content)), ""},
		{"an answer is lost, file", session{lose: 1}, bytes.NewReader(content), ""},
		{"content is shorter than announced", session{}, io.MultiReader(bytes.NewReader(content[:5_000_000])), "content_too_short"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := test.session
			s.size = len(content)
			host := httptest.NewServer(http.HandlerFunc(s.serve))
			defer host.Close()
			c := graph.NewDelegated(serve(t, func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				if !strings.Contains(string(b), `{"AttachmentItem":{"attachmentType":"file","name":"a.bin","size":9000000}}`) {
					t.Errorf("session asked with %s", b)
				}
				reply(w, 201, `{"uploadUrl":"`+host.URL+`/up?authtoken=x","nextExpectedRanges":["0-"]}`)
			}))
			taken := []int64{0}
			up, err := c.AttachFile(t.Context(), me(c).Message("1"), graph.AttachmentItem{Name: "a.bin", Size: int64(len(content))}, test.reader, func(n int64) { taken = append(taken, n) })
			if fault.CodeOf(err) != test.code {
				t.Fatalf("err = %v, want %q", err, test.code)
			}
			if test.code == "" && (!bytes.Equal(s.got, content) || !strings.Contains(up.Location, "id1")) {
				t.Errorf("%d bytes arrived, location %q", len(s.got), up.Location)
			}
			if !slices.IsSorted(taken) || test.code == "" && taken[len(taken)-1] != int64(len(content)) {
				t.Errorf("told of %v bytes taken", taken)
			}
			if s.authorize != "" {
				t.Error("the upload host saw the token")
			}
		})
	}
}

func TestMIME(t *testing.T) {
	mime := "Subject: x\r\n\r\nhello"
	c := graph.NewDelegated(serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, mime)
			return
		}
		b, _ := io.ReadAll(r.Body)
		if got, err := base64.StdEncoding.DecodeString(string(b)); err != nil || string(got) != mime || r.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("sent %q as %s", b, r.Header.Get("Content-Type"))
		}
		reply(w, 201, `{"id":"draft","isDraft":true}`)
	}))
	s, err := c.Content(t.Context(), me(c).Message("1").MIME())
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(s)
	if err := s.Close(); err != nil || string(got) != mime {
		t.Errorf("%q %v", got, err)
	}
	if err != nil {
		t.Error(err)
	}
	if m, err := c.CreateMIME(t.Context(), me(c).Messages(), []byte(mime)); err != nil || m.ID != "draft" || !m.IsDraft {
		t.Errorf("%+v %v", m, err)
	}
}
