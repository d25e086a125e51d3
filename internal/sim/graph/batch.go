package graph

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"seneschal/internal/sim/world"
)

// Bounds of a batch: graph/FACTS §3.1, §4.
const (
	batchParts       = 20
	batchConcurrency = 4
)

type batchPart struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

// batch runs the parts: unordered ones at most four at a time, dependent ones after what they wait for. Answers come in any order.
func batch(c *call) (reply, *problem) {
	raw, p := c.bytes()
	if p != nil {
		return reply{}, p
	}
	var in struct{ Requests []batchPart }
	if json.Unmarshal(raw, &in) != nil {
		return reply{}, badRequest("Invalid batch payload format.")
	}
	if p := checkBatch(in.Requests); p != nil {
		return reply{}, p
	}
	results := newResults(in.Requests)
	gate := make(chan struct{}, batchConcurrency)
	var wait sync.WaitGroup
	for _, part := range in.Requests {
		wait.Go(func() {
			if !results.ready(part.DependsOn) {
				results.set(part.ID, world.Object{"id": part.ID, "status": http.StatusFailedDependency, "headers": world.Object{"Content-Type": "application/json"}, "body": bodyOf(fail(http.StatusFailedDependency, "FailedDependency", "A request that this one depends on has failed."), "", "", c.s.world.Now())})
				return
			}
			gate <- struct{}{}
			defer func() { <-gate }()
			results.set(part.ID, c.runPart(part))
		})
	}
	wait.Wait()
	out := results.all()
	c.s.world.Rand("batch", c.note.RequestID).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return ok(world.Object{"responses": out}), nil
}

func checkBatch(parts []batchPart) *problem {
	if len(parts) == 0 || len(parts) > batchParts {
		return fail(http.StatusBadRequest, "BadRequest", "A batch holds between 1 and 20 requests; this one has "+strconv.Itoa(len(parts))+".")
	}
	seen := map[string]bool{}
	for _, p := range parts {
		id := strings.ToLower(p.ID)
		if p.ID == "" || p.Method == "" || p.URL == "" || seen[id] {
			return badRequest("Each request of a batch needs a unique id, a method and a url.")
		}
		for _, d := range p.DependsOn {
			if !seen[strings.ToLower(d)] {
				return badRequest("Request '" + p.ID + "' depends on '" + d + "', which does not stand before it.")
			}
		}
		seen[id] = true
		if hasBody(p) && !slices.ContainsFunc(keys(p.Headers), func(k string) bool { return strings.EqualFold(k, "Content-Type") }) {
			return badRequest("Write request id : " + p.ID + " does not contain Content-Type header or body.")
		}
	}
	return nil
}

func hasBody(p batchPart) bool { return len(p.Body) > 0 && string(p.Body) != "null" }

func keys(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}

// results hold the parts' answers and let dependants wait for them.
type results struct {
	mu     sync.Mutex
	done   map[string]chan struct{}
	answer map[string]world.Object
}

func newResults(parts []batchPart) *results {
	r := &results{done: map[string]chan struct{}{}, answer: map[string]world.Object{}}
	for _, p := range parts {
		r.done[strings.ToLower(p.ID)] = make(chan struct{})
	}
	return r
}

// ready waits for the named parts and tells whether all went well.
func (r *results) ready(ids []string) bool {
	good := true
	for _, id := range ids {
		id = strings.ToLower(id)
		<-r.done[id]
		r.mu.Lock()
		if world.Number(r.answer[id], "status") >= 400 {
			good = false
		}
		r.mu.Unlock()
	}
	return good
}

func (r *results) set(id string, o world.Object) {
	id = strings.ToLower(id)
	r.mu.Lock()
	r.answer[id] = o
	r.mu.Unlock()
	close(r.done[id])
}

func (r *results) all() []any {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for id := range r.answer {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	out := []any{}
	for _, id := range ids {
		out = append(out, r.answer[id])
	}
	return out
}

// runPart sends one part through the front door, with the outer call's token and host.
func (c *call) runPart(p batchPart) world.Object {
	target := "https://" + c.r.Host + "/" + c.version + "/" + strings.TrimPrefix(p.URL, "/")
	body, bad := partBody(p)
	u, err := url.Parse(target)
	if err != nil || bad {
		return partAnswer(p.ID, http.StatusBadRequest, http.Header{"Content-Type": {"application/json"}}, mustJSON(bodyOf(badRequest("The request of the batch cannot be read."), "", "", c.s.world.Now())))
	}
	r, err := http.NewRequestWithContext(c.r.Context(), strings.ToUpper(p.Method), u.String(), body)
	if err != nil {
		return partAnswer(p.ID, http.StatusBadRequest, http.Header{"Content-Type": {"application/json"}}, mustJSON(bodyOf(badRequest(errorText(err)), "", "", c.s.world.Now())))
	}
	for k, v := range p.Headers {
		r.Header.Set(k, v)
	}
	r.Header.Set("Authorization", c.r.Header.Get("Authorization"))
	w := httptest.NewRecorder()
	c.s.inner.ServeHTTP(w, r)
	return partAnswer(p.ID, w.Code, w.Header(), w.Body.Bytes())
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return nil // maps of strings always encode
	}
	return b
}

// partBody is a JSON body, or a base64url string of bytes: graph/FACTS §4.
func partBody(p batchPart) (io.Reader, bool) {
	if !hasBody(p) {
		return http.NoBody, false
	}
	var text string
	if json.Unmarshal(p.Body, &text) != nil {
		return bytes.NewReader(p.Body), false
	}
	if strings.HasPrefix(p.Headers["Content-Type"], "text/plain") {
		return strings.NewReader(text), false
	}
	b, err := base64.URLEncoding.DecodeString(text)
	if err != nil {
		b, err = base64.StdEncoding.DecodeString(text)
	}
	return bytes.NewReader(b), err != nil
}

func partAnswer(id string, status int, header http.Header, body []byte) world.Object {
	headers := world.Object{}
	for _, name := range []string{"Content-Type", "Retry-After", "Location", "Preference-Applied", "Request-Id", "Www-Authenticate"} {
		if v := header.Get(name); v != "" {
			headers[name] = v
		}
	}
	out := world.Object{"id": id, "status": status, "headers": headers}
	var v any
	switch {
	case len(body) == 0:
	case strings.Contains(header.Get("Content-Type"), "json") && json.Unmarshal(body, &v) == nil:
		out["body"] = v
	default:
		out["body"] = base64.StdEncoding.EncodeToString(body)
	}
	return out
}
