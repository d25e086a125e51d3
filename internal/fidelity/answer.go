package fidelity

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"seneschal/internal/wire"
)

// Answer is what is kept of one answer: nothing that somebody wrote.
type Answer struct {
	Operation string
	Status    int
	Code      string // of the error
	Media     string
	Headers   []string // which of the watched ones it has
	Shape     Shape
}

// Shape is which properties an answer has and of which kinds they are, by path: value[].from.emailAddress.name.
type Shape struct {
	Objects    map[string]int // how many objects stand at a path
	Properties map[string]*Property
}

// Property is one of an object's, or of several objects' at the same path.
type Property struct {
	Parent string
	Has    int      // how many of the objects have it
	Kinds  []string // what kinds of value it has, null left out
}

// watched are the headers that the product or its users live by: graph/FACTS §3 (throttling, errors) and §4 (paging, concurrency).
var watched = []string{"Request-Id", "Client-Request-Id", "Date", "Etag", "Location", "Retry-After", "Odata-Version", "Preference-Applied", "X-Ms-Ags-Diagnostic", "Cache-Control"}

// Recorder keeps the answers of one probe after the other. Give it to the pipeline as its recorder.
type Recorder struct {
	mu  sync.Mutex
	now []Answer
}

// Record keeps what may be kept of an attempt. One that was throttled or failed on the way says nothing of the shape: it is repeated.
func (r *Recorder) Record(e wire.Exchange) {
	if e.Status == 0 || e.Status == http.StatusTooManyRequests || e.Status >= http.StatusInternalServerError {
		return
	}
	a := Answer{Operation: e.Operation, Status: e.Status, Shape: Shape{Objects: map[string]int{}, Properties: map[string]*Property{}}}
	a.Media, _, _ = mime.ParseMediaType(e.Header.Get("Content-Type"))
	for _, h := range watched {
		if e.Header.Get(h) != "" {
			a.Headers = append(a.Headers, h)
		}
	}
	var body any
	if json.Unmarshal(e.Body, &body) == nil {
		a.Shape.look("", body)
		a.Code = code(body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = append(r.now, a)
}

func (r *Recorder) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = nil
}

func (r *Recorder) take() []Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

var codes = regexp.MustCompile(`^[A-Za-z0-9_.]{1,80}$`)

// code is Microsoft's error code; it is a word of theirs, or it is not shown.
func code(body any) string {
	whole, _ := body.(map[string]any)
	e, _ := whole["error"].(map[string]any)
	text, _ := e["code"].(string)
	if text != "" && !codes.MatchString(text) {
		return "(not a word)"
	}
	return text
}

// names of properties are Microsoft's, unless the object is open: a list item's fields are columns that people named.
var names = regexp.MustCompile(`^@?[A-Za-z][A-Za-z0-9@._]{0,79}$`)

const open = "fields"

// look takes in a value and everything in it.
func (s *Shape) look(path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		s.Objects[path]++
		if path == open || strings.HasSuffix(path, "."+open) {
			return
		}
		for name, inner := range v {
			if !names.MatchString(name) {
				name = "(not a name)"
			}
			at := strings.TrimPrefix(path+"."+name, ".")
			p := s.Properties[at]
			if p == nil {
				p = &Property{Parent: path}
				s.Properties[at] = p
			}
			p.Has++
			if k := kind(inner); k != "null" && !slices.Contains(p.Kinds, k) {
				p.Kinds = append(p.Kinds, k)
				slices.Sort(p.Kinds)
			}
			s.look(at, inner)
		}
	case []any:
		for _, inner := range v {
			s.look(path+"[]", inner)
		}
	}
}

// kind names what a value is, and for a text which form it has.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case []any:
		return "array"
	case string:
		return form(v)
	default:
		return "object"
	}
}

var (
	guid    = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	instant = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?`)
)

// form names the form of a text. Of a link into the service it tells whether it is whole, and which of its parameters page.
func form(text string) string {
	switch m := instant.FindString(text); {
	case guid.MatchString(text):
		return "GUID"
	case m != "" && text == m:
		return "time without zone"
	case m != "" && text == m+"Z":
		return "time in UTC"
	case m != "":
		return "time with offset"
	}
	if _, err := time.Parse(time.DateOnly, text); err == nil {
		return "date"
	}
	if link, err := url.Parse(text); err == nil && (link.Scheme == "https" || link.Scheme == "http") {
		for _, p := range []string{"$skiptoken", "$skip", "$deltatoken", "token"} {
			if link.Query().Has(p) {
				return "link with " + p
			}
		}
		return "link"
	}
	return "text"
}
