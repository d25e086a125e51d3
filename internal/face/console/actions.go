package console

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/audit"
	"seneschal/internal/event"
	"seneschal/internal/fault"
)

func (f *Face) catalogue(w http.ResponseWriter, r *http.Request, _ access.Caller) {
	var all []action.Action
	q := strings.ToLower(r.FormValue("q"))
	for _, a := range f.runner.Registry().All() {
		if a.Target == action.OnConnection && (q == "" || strings.Contains(strings.ToLower(a.Name+" "+a.Summary), q)) {
			all = append(all, a)
		}
	}
	f.render(w, r, http.StatusOK, "actions", view{Title: "Actions", Section: "actions", Data: map[string]any{"Actions": all, "Query": r.FormValue("q")}})
}

// field is one input of an action's form, made from its schema.
type field struct {
	Name, Doc, Kind, Value string
	Required               bool
	Enum                   []any
	Error                  string
}

type actionData struct {
	A           action.Action
	Fields      []field
	Connections []shown
	Chosen      string
	Key         string
	Result      *action.Result
	Problem     *fault.Problem
}

func (f *Face) actionForm(w http.ResponseWriter, r *http.Request, who access.Caller) {
	d, err := f.actionState(r, who)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.render(w, r, http.StatusOK, "action", view{Title: d.A.Name, Section: "actions", Data: d})
}

func (f *Face) actionState(r *http.Request, who access.Caller) (actionData, error) {
	a, ok := f.runner.Registry().Lookup(r.PathValue("name"))
	if !ok || a.Target != action.OnConnection {
		return actionData{}, action.Missing(r.PathValue("name"))
	}
	all, err := ask[listed](f, r, who, "connection.list", struct{}{})
	d := actionData{A: a, Connections: all.Connections, Chosen: r.FormValue("connection"), Key: r.FormValue("key")}
	if d.Key == "" {
		d.Key = "console-" + rand.Text() // it stays in the form, so that a reloaded answer is not a second effect
	}
	for _, name := range slices.Sorted(maps.Keys(a.Input().Properties)) {
		d.Fields = append(d.Fields, fieldOf(a.Input(), name, r.FormValue("in."+name)))
	}
	slices.SortStableFunc(d.Fields, func(x, y field) int { return b2i(y.Required) - b2i(x.Required) })
	return d, err
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func fieldOf(s *huma.Schema, name, value string) field {
	p := s.Properties[name]
	fl := field{Name: name, Doc: p.Description, Value: value, Required: slices.Contains(s.Required, name), Enum: p.Enum, Kind: "text"}
	switch {
	case p.Type == huma.TypeBoolean:
		fl.Kind = "bool"
	case len(p.Enum) > 0:
		fl.Kind = "enum"
	case p.Type == huma.TypeInteger || p.Type == huma.TypeNumber:
		fl.Kind = "number"
	case p.Type != huma.TypeString:
		fl.Kind = "json"
	case strings.Contains(name, "body") || strings.Contains(name, "comment"):
		fl.Kind = "long"
	}
	return fl
}

// formInput turns the form into the action's JSON. What does not fit is left for the schema's check, which names the field.
func formInput(r *http.Request, a action.Action) map[string]any {
	in := map[string]any{}
	for name, p := range a.Input().Properties {
		v := strings.TrimSpace(r.FormValue("in." + name))
		if v == "" {
			continue
		}
		in[name] = v
		switch p.Type {
		case huma.TypeBoolean:
			in[name] = v == "true"
		case huma.TypeInteger, huma.TypeNumber:
			if n, err := strconv.ParseFloat(v, 64); err == nil {
				in[name] = n
			}
		case huma.TypeArray, huma.TypeObject:
			var parsed any
			if json.Unmarshal([]byte(v), &parsed) == nil {
				in[name] = parsed
			} else if p.Type == huma.TypeArray {
				in[name] = strings.FieldsFunc(v, func(c rune) bool { return c == ',' || c == '\n' || c == '\r' || c == ' ' })
			}
		}
	}
	return in
}

const maxUpload = 200 << 20

func (f *Face) actionRun(w http.ResponseWriter, r *http.Request, who access.Caller) {
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	if err := r.ParseMultipartForm(1 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		f.fail(w, r, fault.BadField("(form)", "could not be read: %v", err))
		return
	}
	d, err := f.actionState(r, who)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	text, err := json.Marshal(formInput(r, d.A))
	if err != nil {
		f.fail(w, r, err)
		return
	}
	contents, err := formFiles(r, d.A)
	defer func() {
		for _, c := range contents {
			_ = c.Close()
		}
	}()
	dry := r.FormValue("do") == "dry"
	if err == nil && !dry {
		err = sure(r, d.A)
	}
	var result action.Result
	bytes := &download{ResponseWriter: w, name: d.A.Name}
	if err == nil {
		result, err = f.runner.Do(r.Context(), action.Request{Action: d.A.Name, Connection: d.Chosen, Caller: who, Input: text, Files: contents, Key: d.Key, DryRun: dry, Out: bytes.begin})
	}
	if bytes.begun {
		if err != nil {
			panic(http.ErrAbortHandler) // the browser has the status already: a connection that breaks is the only way left to say that it is not whole
		}
		return
	}
	status := http.StatusOK
	if err != nil {
		p := fault.As(err).Problem()
		d.Problem, status = &p, p.Status
		for i := range d.Fields {
			for _, e := range p.Errors {
				if e.Name == d.Fields[i].Name || strings.HasPrefix(e.Name, d.Fields[i].Name+".") || strings.HasPrefix(e.Name, d.Fields[i].Name+"[") {
					d.Fields[i].Error = e.Message
				}
			}
		}
	} else {
		d.Result = &result
	}
	f.render(w, r, status, "action", view{Title: d.A.Name, Section: "actions", Data: d})
}

// download is an answer of bytes, which the browser keeps as a file: under its name, or the action's where it has none.
type download struct {
	http.ResponseWriter
	name  string
	begun bool
}

func (d *download) begin(what action.Bytes) io.Writer {
	d.begun = true
	d.Header().Set("Content-Type", what.Media)
	d.Header().Set("Content-Disposition", what.Disposition(d.name))
	d.Header().Set("X-Content-Type-Options", "nosniff")
	d.Header().Set("Cache-Control", "no-store")
	d.WriteHeader(http.StatusOK)
	return d.ResponseWriter
}

func formFiles(r *http.Request, a action.Action) (map[string]*action.Content, error) {
	out := map[string]*action.Content{}
	for _, spec := range a.Files {
		file, header, err := r.FormFile("file." + spec.Name)
		if err != nil {
			continue // the corridor names a required file that is missing
		}
		c, err := action.Spool(header.Filename, header.Header.Get("Content-Type"), file, spec.Max)
		_ = file.Close()
		if err != nil {
			return out, err
		}
		out[spec.Name] = c
	}
	return out, nil
}

type activityData struct {
	Runs    []action.Run
	Events  []event.Event
	Entries []audit.Entry
}

func (f *Face) activity(w http.ResponseWriter, r *http.Request, who access.Caller) {
	var d activityData
	runs, err := ask[struct{ Runs []action.Run }](f, r, who, "run.list", struct{}{})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	events, err := ask[struct{ Events []event.Event }](f, r, who, "event.list", struct{}{})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d.Runs, d.Events = runs.Runs, events.Events
	if who.Role == access.Admin { // the audit record is an admin's to read
		entries, err := ask[struct{ Entries []audit.Entry }](f, r, who, "audit.list", struct{}{})
		if err != nil {
			f.fail(w, r, err)
			return
		}
		d.Entries = entries.Entries
	}
	f.render(w, r, http.StatusOK, "activity", view{Title: "Activity", Section: "activity", Data: d})
}
