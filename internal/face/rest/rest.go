package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/fault"
)

// Base is the path all routes lie below.
const Base = "/api/v1"

// AgentHeader says that an agent asks in the caller's name: it can do less than its caller, never more, so whoever asks may say so.
const AgentHeader = "Seneschal-Agent"

const maxJSON = 8 << 20

// Face serves the registry.
type Face struct {
	Runner  *action.Runner
	Caller  func(*http.Request) (access.Caller, error) // who is asking; the zero Caller when nobody says
	Version string

	Now        func() time.Time
	MachineNow func() time.Time // for deadlines of the network
	Closing    <-chan struct{}  // closed when the hub stops: streams would outlive it

	streams atomic.Int64
}

// Mount adds the routes.
func (f *Face) Mount(mux *http.ServeMux) {
	for _, a := range f.Runner.Registry().All() {
		if a.Target == action.OnHub {
			method, path, _ := strings.Cut(a.Route, " ")
			mux.Handle(method+" "+Base+path, f.hubAction(a))
		}
	}
	mux.HandleFunc("POST "+Base+"/connections/{id}/actions/{name}", f.connectionAction)
	doc := sync.OnceValue(func() []byte { return OpenAPI(f.Runner.Registry(), f.Version) }) // large, and most hubs are never asked
	mux.HandleFunc("GET "+Base+"/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(doc())
	})
	mux.HandleFunc(Base+"/", func(w http.ResponseWriter, r *http.Request) {
		WriteFault(w, &fault.Error{Kind: fault.NotFound, Code: "no_route", Message: "There is no " + r.Method + " " + r.URL.Path, Fix: "See " + Base + "/openapi.json", Who: "you"})
	})
}

func (f *Face) hubAction(a action.Action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.Messages() {
			f.stream(w, r, a)
			return
		}
		f.serve(w, r, a, "")
	})
}

func (f *Face) connectionAction(w http.ResponseWriter, r *http.Request) {
	a, ok := f.Runner.Registry().Lookup(r.PathValue("name"))
	if !ok || a.Target != action.OnConnection {
		WriteFault(w, action.Missing(r.PathValue("name")))
		return
	}
	f.serve(w, r, a, r.PathValue("id"))
}

func (f *Face) serve(w http.ResponseWriter, r *http.Request, a action.Action, connection string) {
	caller, err := f.Caller(r)
	if err != nil {
		WriteFault(w, err)
		return
	}
	q := action.Request{Action: a.Name, Connection: connection, Caller: caller, Key: r.Header.Get("Idempotency-Key"), DryRun: r.URL.Query().Get("dry_run") == "true", Agent: r.Header.Get(AgentHeader) != ""}
	if q.Input, q.Files, err = input(w, r, a, connection != ""); err != nil {
		WriteFault(w, err)
		return
	}
	defer closeAll(q.Files)
	stream := &streamed{ResponseWriter: w, name: a.Name}
	if len(a.Streams) > 0 {
		q.Out = stream.begin
	}
	result, err := f.Runner.Do(r.Context(), q)
	if stream.begun {
		if err != nil {
			panic(http.ErrAbortHandler) // the client has the status already: a connection that breaks is the only way left to say that it is not whole
		}
		return
	}
	if result.Run != "" {
		w.Header().Set("Seneschal-Run", result.Run)
	}
	if err != nil {
		WriteFault(w, err)
		return
	}
	if a.Target == action.OnHub {
		setETag(w, result.Output)
		writeJSON(w, http.StatusOK, result.Output)
		return
	}
	writeJSON(w, http.StatusOK, result)
}

// streamed is an answer that an action writes by itself.
type streamed struct {
	http.ResponseWriter
	name  string // for files whose own name cannot be
	begun bool
}

func (s *streamed) begin(what action.Bytes) io.Writer {
	s.begun = true
	s.Header().Set("Content-Type", what.Media)
	if what.Name != "" {
		s.Header().Set("Content-Disposition", what.Disposition(s.name))
	}
	s.Header().Set("Cache-Control", "no-store")
	s.WriteHeader(http.StatusOK)
	return s.ResponseWriter
}

// setETag lets a client make its next change conditional: a connection's version is its ETag.
func setETag(w http.ResponseWriter, output json.RawMessage) {
	var v struct {
		Version int64 `json:"version"`
	}
	if json.Unmarshal(output, &v) == nil && v.Version > 0 {
		w.Header().Set("ETag", strconv.Quote(strconv.FormatInt(v.Version, 10)))
	}
}

// input joins body, path and query into the one JSON object that the action's schema checks.
func input(w http.ResponseWriter, r *http.Request, a action.Action, onConnection bool) (json.RawMessage, map[string]*action.Content, error) {
	fields := map[string]json.RawMessage{}
	files := map[string]*action.Content{}
	media, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var err error
	switch {
	case media == "multipart/form-data":
		err = readParts(multipart.NewReader(r.Body, params["boundary"]), a, fields, files)
	case r.Body != nil && r.Method != http.MethodGet:
		err = readBody(http.MaxBytesReader(w, r.Body, maxJSON), fields)
	}
	if err != nil {
		closeAll(files)
		return nil, nil, err
	}
	if !onConnection {
		addPathAndQuery(r, a, fields)
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" && a.Messages() {
		fields["after"] = typed(a.Input().Properties["after"], []string{last})
	}
	if version, ok := strings.CutPrefix(r.Header.Get("If-Match"), `"`); ok && a.Input().Properties["version"] != nil {
		fields["version"] = json.RawMessage(strings.TrimSuffix(version, `"`))
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, files, fault.BadField("(input)", "is not JSON")
	}
	return text, files, nil
}

func readBody(body io.Reader, fields map[string]json.RawMessage) error {
	text, err := io.ReadAll(body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &fault.Error{Kind: fault.TooLarge, Code: "body_too_large", Message: "The request is larger than 8 MB", Fix: "Send large files as multipart/form-data", Who: "you"}
	}
	if err != nil {
		return fault.BadField("(input)", "could not be read to its end")
	}
	if len(strings.TrimSpace(string(text))) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, &fields); err != nil {
		return fault.BadField("(input)", "is not a JSON object: %v", err)
	}
	return nil
}

// readParts takes a multipart request: the part "input" is the JSON, every other part a file, streamed to disk.
func readParts(parts *multipart.Reader, a action.Action, fields map[string]json.RawMessage, files map[string]*action.Content) error {
	for {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fault.BadField("(input)", "is not valid multipart: %v", err)
		}
		if p.FormName() == "input" {
			if err := readBody(io.LimitReader(p, maxJSON), fields); err != nil {
				return err
			}
			continue
		}
		spec, ok := fileOf(a, p.FormName())
		if !ok {
			return fault.BadField(p.FormName(), "is not a file of this action")
		}
		c, err := action.Spool(p.FileName(), p.Header.Get("Content-Type"), p, spec.Max)
		if err != nil {
			return err
		}
		files[p.FormName()] = c
	}
}

func fileOf(a action.Action, name string) (action.File, bool) {
	for _, f := range a.Files {
		if f.Name == name {
			return f, true
		}
	}
	return action.File{}, false
}

func closeAll(files map[string]*action.Content) {
	for _, c := range files {
		_ = c.Close()
	}
}

// addPathAndQuery puts path values and query parameters in, as the schema's types want them. What has the wrong form stays text, and
// the schema's check names it.
func addPathAndQuery(r *http.Request, a action.Action, fields map[string]json.RawMessage) {
	for name, schema := range a.Input().Properties {
		if v := r.PathValue(name); v != "" {
			fields[name] = typed(schema, []string{v})
		}
	}
	for name, values := range r.URL.Query() {
		if name != "dry_run" || a.Input().Properties[name] != nil {
			fields[name] = typed(a.Input().Properties[name], values)
		}
	}
}

func typed(s *huma.Schema, values []string) json.RawMessage {
	quote := func(v string) json.RawMessage {
		text, _ := json.Marshal(v) // a string always encodes
		return text
	}
	if s == nil {
		return quote(values[0])
	}
	switch s.Type {
	case huma.TypeInteger, huma.TypeNumber, huma.TypeBoolean:
		if json.Valid([]byte(values[0])) {
			return json.RawMessage(values[0])
		}
	case huma.TypeArray:
		var list []string
		for _, v := range values {
			list = append(list, strings.Split(v, ",")...)
		}
		text, _ := json.Marshal(list) // strings always encode
		return text
	}
	return quote(values[0])
}

// WriteFault answers with problem details.
func WriteFault(w http.ResponseWriter, err error) {
	f := fault.As(err)
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds()+0.999)))
	}
	if f.Kind == fault.Unauthenticated {
		w.Header().Set("WWW-Authenticate", `Bearer realm="seneschal"`)
	}
	p := f.Problem()
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // addresses keep their &; the type is JSON, and sniffing is off
	if err := e.Encode(v); err != nil {
		WriteFault(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}
