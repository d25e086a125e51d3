package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
)

// office is a hub with an app's connection, which is asked over REST, and Ada's own one.
type office struct {
	*app.Hub
	t   *testing.T
	ada access.Caller
}

func openOffice(t *testing.T) *office {
	t.Helper()
	h := app.StartForTest(t, app.TestOptions{})
	capabilities := []m365.Capability{m365.OneDrive, m365.SharePoint, m365.Teams}
	h.Connect(h.Form("contoso", "Seneschal", capabilities...))
	by, _ := signedIn(t, h, capabilities...)
	o := &office{h, t, by}
	o.keepTime()
	return o
}

// keepTime lets pauses pass while requests are under way.
func (o *office) keepTime() {
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(50 * time.Millisecond):
				o.Time.Advance(time.Second)
			}
		}
	}()
	o.t.Cleanup(func() { stop(); <-over })
}

// try runs an action through the app's connection, and gives the problem that came of it. A file makes it a form of parts.
func (o *office) try(name string, in map[string]any, key string, file ...[]byte) *fault.Problem {
	o.t.Helper()
	status, text := o.ask(name, in, key, file...)
	if status < http.StatusBadRequest {
		return nil
	}
	var p fault.Problem
	if err := json.Unmarshal(text, &p); err != nil {
		o.t.Fatalf("%s: %d %s", name, status, text)
	}
	return &p
}

func (o *office) ask(name string, in map[string]any, key string, file ...[]byte) (status int, answer []byte) {
	o.t.Helper()
	if key == "" {
		key = rand.Text()
	}
	text, err := json.Marshal(in)
	if err != nil {
		o.t.Fatal(err)
	}
	body, kind := bytes.NewBuffer(text), "application/json"
	if len(file) > 0 {
		body, kind = asParts(o.t, text, file[0])
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, o.Server.URL()+"/api/v1/connections/contoso/actions/"+name, body)
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + o.Key}, "Content-Type": {kind}, "Idempotency-Key": {key}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		o.t.Fatal(err)
	}
	return resp.StatusCode, answer
}

func asParts(t *testing.T, input, file []byte) (*bytes.Buffer, string) {
	t.Helper()
	body := &bytes.Buffer{}
	parts := multipart.NewWriter(body)
	err := parts.WriteField("input", string(input))
	if err == nil {
		var w io.Writer
		if w, err = parts.CreateFormFile("file", "x"); err == nil {
			_, err = w.Write(file)
		}
	}
	if err == nil {
		err = parts.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return body, parts.FormDataContentType()
}

// done is try for what must work; out takes the output.
func (o *office) done(name string, in map[string]any, out any, file ...[]byte) {
	o.t.Helper()
	status, text := o.ask(name, in, "", file...)
	var answer struct{ Output json.RawMessage }
	if status != http.StatusOK || json.Unmarshal(text, &answer) != nil || json.Unmarshal(answer.Output, out) != nil {
		o.t.Fatalf("%s: %d %s", name, status, text)
	}
}

// tryAs is try through Ada's own connection.
func (o *office) tryAs(name string, in map[string]any) *fault.Problem {
	o.t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		o.t.Fatal(err)
	}
	_, err = o.Runner.Do(o.t.Context(), action.Request{Action: name, Connection: "mine", Caller: o.ada, Input: text, Key: rand.Text()})
	return problemOf(err)
}

func problemOf(err error) *fault.Problem {
	if err == nil {
		return nil
	}
	p := fault.As(err).Problem()
	return &p
}

// read downloads over REST.
func (o *office) read(in map[string]any) []byte {
	o.t.Helper()
	status, text := o.ask("drive.item.download", in, "")
	if status != http.StatusOK {
		o.t.Fatalf("download: %d %s", status, text)
	}
	return text
}

// broken plays a fault until the row is over.
func (o *office) broken(f sim.Fault, method, path string) {
	o.t.Helper()
	f.Match = matching(method, path)
	play(o.t, o.Hub, f)
}

func (o *office) change(f sim.FileChange) {
	o.t.Helper()
	f.User = ada
	if err := o.Cloud.ChangeFile(f); err != nil {
		o.t.Fatal(err)
	}
}

// file is an input about a file of Ada's.
func file(name string, more ...any) map[string]any {
	in := map[string]any{"user": ada, "name": name}
	for i := 0; i+1 < len(more); i += 2 {
		in[more[i].(string)] = more[i+1]
	}
	return in
}

func at(path string, more ...any) map[string]any {
	in := file("", more...)
	if in["path"] = path; in["name"] == "" {
		delete(in, "name")
	}
	return in
}

type driveItem struct {
	ID, Name string
	Size     int64
}

// put uploads a file that must be taken.
func (o *office) put(in map[string]any, content []byte) (i driveItem) {
	o.t.Helper()
	o.done("drive.item.upload", in, &i, content)
	return i
}

// want tells what is not as it should be.
func (o *office) want(is bool, format string, args ...any) {
	o.t.Helper()
	if !is {
		o.t.Errorf(format, args...)
	}
}

// apart is for what cannot be taken back: it happens in an office of its own.
func apart(f func(o *office) *fault.Problem) func(o *office) *fault.Problem {
	return func(o *office) *fault.Problem { return f(openOffice(o.t)) }
}

func (o *office) limit(l sim.Limits) {
	o.t.Helper()
	if err := o.Cloud.SetLimits(l); err != nil {
		o.t.Fatal(err)
	}
}

// insideOnly switches sharing outside off, until it is called.
func (o *office) insideOnly() func() {
	o.t.Helper()
	play(o.t, o.Hub, sim.Fault{Kind: "sharing_off"})
	return func() { play(o.t, o.Hub, sim.Fault{Kind: "sharing_on"}) }
}

func (o *office) taken(conflict string) *fault.Problem {
	o.t.Helper()
	o.put(file("Taken.txt", "conflict", "replace"), []byte("old"))
	return o.try("drive.item.upload", file("taken.TXT", "conflict", conflict), "", []byte("new"))
}

func (o *office) sealed(why string) *fault.Problem {
	o.t.Helper()
	o.put(file("Sealed.docx", "conflict", "replace"), nil)
	o.change(sim.FileChange{Path: "Sealed.docx", Sealed: why})
	return o.try("drive.label.list", at("Sealed.docx"), "")
}

func (o *office) team() string { return o.Cloud.Ready().Tenants[0].Teams[0].ID }

// sent counts the requests of a method, or of any, to such addresses.
func (o *office) sent(method, path string) (n int) {
	for _, r := range o.Cloud.Requests() {
		if (method == "" || r.Method == method) && strings.Contains(r.Path, path) {
			n++
		}
	}
	return n
}

// posts sends what the corridor would not let pass, as if Microsoft offered it one day and still refused it: once, with the token there is.
func (o *office) posts(status int) *fault.Problem {
	o.t.Helper()
	bound, err := o.Connections.Bind(o.t.Context(), "contoso", connection.ForActions)
	if err != nil {
		o.t.Fatal(err)
	}
	o.broken(sim.Fault{Kind: "status", Status: status, Code: "Unauthorized"}, "POST", "/messages")
	posted, tokens := o.sent("POST", "/messages"), o.sent("POST", "/oauth2/v2.0/token")
	_, err = graph.Post[graph.ChatMessage](o.t.Context(), bound.Graph, graph.ChannelAt(o.team(), "19:x@thread.tacv2").Sub("messages"), graph.NewChatMessage{Body: graph.ItemBody{ContentType: "text", Content: "x"}})
	if n, more := o.sent("POST", "/messages")-posted, o.sent("POST", "/oauth2/v2.0/token")-tokens; n != 1 || more > 0 {
		o.t.Errorf("%d posts, %d tokens", n, more)
	}
	return problemOf(err)
}
