package sim

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"seneschal/internal/sim/graph"
	"seneschal/internal/sim/trouble"
)

// Handler serves login and Graph: what the HTTPS listener serves.
func (s *Sim) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serve(s.core.Load(), w, r, false)
	})
}

// batchPart serves one part of a batch: recorded and faulted like a request, without the network's misbehaviour.
func (s *Sim) batchPart(c *core) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(c, w, r, true) })
}

func (s *Sim) serve(c *core, w http.ResponseWriter, r *http.Request, inBatch bool) {
	note := &trouble.Request{At: c.world.Now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, InBatch: inBatch, Tenant: c.tenantOf(r)}
	rec := &recorder{ResponseWriter: w}
	r = r.WithContext(trouble.With(r.Context(), note))
	defer func() {
		note.Status = rec.status
		c.record.Add(*note)
	}()
	c.misbehave(s, rec, r, note)
}

// route finds the service by path; login and Graph share one listener as a custom cloud's endpoints may.
func (c *core) route(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/outlook-upload/"):
		c.graph.ServeUpload(w, r)
		return
	case strings.HasPrefix(r.URL.Path, "/drive-upload/"):
		c.graph.ServeDriveUpload(w, r)
		return
	case strings.HasPrefix(r.URL.Path, "/drive-download/"):
		c.graph.ServeDownload(w, r)
		return
	case strings.HasPrefix(r.URL.Path, "/drive-monitor/"):
		c.graph.ServeMonitor(w, r)
		return
	case strings.HasPrefix(r.URL.Path, "/drive-thumbnail/"):
		c.graph.ServeThumbnail(w, r)
		return
	case strings.HasPrefix(r.URL.Path, graph.WorkflowAddress):
		c.graph.ServeWorkflow(w, r)
		return
	case isGraph(r.URL.Path):
		c.graph.ServeHTTP(w, r)
		return
	}
	if d := c.graph.Latency(); d > 0 && c.world.Clock.Sleep(r.Context(), d) != nil {
		return
	}
	c.entra.ServeHTTP(w, r)
}

func isGraph(p string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(p, "/"), "/")
	return first == "v1.0" || first == "beta" || first == "oidc" || first == "outlook-upload" || strings.HasPrefix(first, "drive-")
}

// tenantOf guesses a request's tenant for the faults' match: the path's, or the token's before it is checked.
func (c *core) tenantOf(r *http.Request) string {
	if !isGraph(r.URL.Path) {
		first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if t, ok := c.world.Tenant(first); ok {
			return t.ID
		}
		return ""
	}
	parts := strings.Split(r.Header.Get("Authorization"), ".")
	if len(parts) != 3 {
		return ""
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ Tid string }
	if err != nil || json.Unmarshal(b, &claims) != nil {
		return ""
	}
	return claims.Tid
}

// recorder remembers the status.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader keeps the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write counts as 200 when nothing else was said.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// misbehave plays the fault that is due for the request, or lets it through.
func (c *core) misbehave(s *Sim, w *recorder, r *http.Request, note *trouble.Request) {
	kinds := []string{trouble.Status, trouble.Throttle}
	if note.InBatch {
		kinds = append(kinds, trouble.BatchInner)
	} else {
		kinds = append(kinds, trouble.Reset, trouble.Truncate, trouble.Delay, trouble.HTML, trouble.Huge, trouble.TimeoutAfterAccept)
	}
	f, found := c.faults.Take(*note, kinds...)
	if !found {
		c.route(w, r)
		return
	}
	note.Fault = f.Kind
	switch f.Kind {
	case trouble.Status:
		c.refuse(w, r, f, max(f.Status, http.StatusBadRequest))
	case trouble.Throttle, trouble.BatchInner:
		c.refuse(w, r, f, http.StatusTooManyRequests)
	case trouble.Reset:
		panic(http.ErrAbortHandler)
	case trouble.Truncate:
		c.truncate(w, r)
	case trouble.Delay:
		d, err := time.ParseDuration(f.Delay)
		if err != nil {
			d = time.Second
		}
		if s.cfg.Clock.Sleep(r.Context(), d) == nil {
			c.route(w, r)
		}
	case trouble.HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><html><head><title>Sign in to the network</title></head><body><h1>Welcome to the guest network</h1></body></html>") // the client went away
	case trouble.Huge:
		huge(w)
	case trouble.TimeoutAfterAccept:
		c.route(&recorder{ResponseWriter: &buffered{header: http.Header{}}}, r)
		_ = s.cfg.Clock.Sleep(r.Context(), 10*time.Minute) // the answer never comes; the client gives up first
		panic(http.ErrAbortHandler)
	}
}

func (c *core) refuse(w http.ResponseWriter, r *http.Request, f trouble.Fault, status int) {
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if isGraph(r.URL.Path) {
		c.graph.WriteStatus(w, r, status, f.Code, f.Message)
		return
	}
	c.entra.WriteStatus(w, r, status, f.Message)
}

// buffered keeps an answer instead of sending it.
type buffered struct {
	header http.Header
	body   bytes.Buffer
	status int
}

// Header gives the kept headers.
func (b *buffered) Header() http.Header { return b.header }

// WriteHeader keeps the status.
func (b *buffered) WriteHeader(status int) { b.status = status }

// Write keeps the body.
func (b *buffered) Write(p []byte) (int, error) { return b.body.Write(p) }

// truncate sends half of the answer under its full length, then cuts.
func (c *core) truncate(w *recorder, r *http.Request) {
	b := &buffered{header: http.Header{}, status: http.StatusOK}
	c.route(b, r)
	for k, v := range b.header {
		w.Header()[k] = v
	}
	w.WriteHeader(b.status)
	_, _ = w.Write(b.body.Bytes()[:b.body.Len()/2]) // cut next anyway
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// hugeBody is how much an endless answer sends before it ends after all.
const hugeBody = 200 << 20

func huge(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	item := []byte(`{"id":"` + strings.Repeat("x", 4000) + `","subject":"again and again"},`)
	if _, err := io.WriteString(w, `{"value":[`); err != nil {
		return
	}
	for sent := 0; sent < hugeBody; sent += len(item) {
		if _, err := w.Write(item); err != nil {
			return
		}
	}
	_, _ = io.WriteString(w, `{"id":"last"}]}`) // the client went away
}
