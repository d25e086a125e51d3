package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/vault"
)

// Remote is a running hub, spoken to over REST.
type Remote struct {
	Registry *action.Registry
	HTTP     *http.Client
	URL      string       // of the hub, without /api/v1
	Key      vault.Secret // empty over the local socket, where the host's own user is known
}

// Do sends the request to the hub.
func (r *Remote) Do(ctx context.Context, q action.Request) (action.Result, error) {
	a, ok := r.Registry.Lookup(q.Action)
	if !ok {
		return action.Result{}, action.Missing(q.Action)
	}
	req, err := r.request(ctx, a, q)
	if err != nil {
		return action.Result{}, err
	}
	if q.Agent {
		req.Header.Set("Seneschal-Agent", "yes")
	}
	if !r.Key.IsZero() {
		req.Header.Set("Authorization", "Bearer "+r.Key.Reveal())
	}
	resp, err := r.HTTP.Do(req)
	if err != nil {
		return action.Result{}, &fault.Error{Kind: fault.Unavailable, Code: "hub_unreachable", Message: "The hub at " + r.URL + " did not answer",
			Fix: "Check SENESCHAL_URL and that the hub runs", Who: "you", Err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	if len(a.Streams) > 0 && resp.StatusCode < 400 && q.Out != nil && !q.DryRun {
		_, err := io.Copy(q.Out(action.Bytes{Media: resp.Header.Get("Content-Type")}), resp.Body)
		return action.Result{State: action.Done}, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return action.Result{}, err
	}
	if resp.StatusCode >= 400 {
		return action.Result{Run: resp.Header.Get("Seneschal-Run")}, problem(resp.StatusCode, text)
	}
	if a.Target == action.OnHub {
		return action.Result{State: action.Done, Output: text}, nil
	}
	var result action.Result
	return result, json.Unmarshal(text, &result)
}

func problem(status int, text []byte) error {
	var p fault.Problem
	if json.Unmarshal(text, &p) != nil || p.Kind == "" {
		return &fault.Error{Kind: fault.Unavailable, Code: "not_a_hub", Message: fmt.Sprintf("The answer (%d) is not a hub's", status), Fix: "Check SENESCHAL_URL", Who: "you"}
	}
	return fault.FromProblem(p)
}

func (r *Remote) request(ctx context.Context, a action.Action, q action.Request) (*http.Request, error) {
	base := r.URL + "/api/v1"
	if a.Target == action.OnConnection {
		u := base + "/connections/" + url.PathEscape(q.Connection) + "/actions/" + a.Name
		if q.DryRun {
			u += "?dry_run=true"
		}
		body, contentType := r.body(q)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, body)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Idempotency-Key", q.Key)
		return req, nil
	}
	method, path, _ := strings.Cut(a.Route, " ")
	fields := map[string]any{}
	if err := json.Unmarshal(q.Input, &fields); err != nil {
		return nil, err
	}
	path, err := fillPath(path, fields)
	if err != nil {
		return nil, err
	}
	if method == http.MethodGet || method == http.MethodDelete {
		return http.NewRequestWithContext(ctx, method, base+path+query(fields), nil)
	}
	if q.Input, err = json.Marshal(fields); err != nil {
		return nil, err
	}
	body, contentType := r.body(q)
	req, err := http.NewRequestWithContext(ctx, method, base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	if q.Key != "" {
		req.Header.Set("Idempotency-Key", q.Key)
	}
	return req, nil
}

// fillPath moves the fields that stand in the path out of the body.
func fillPath(path string, fields map[string]any) (string, error) {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		name, ok := strings.CutPrefix(p, "{")
		if !ok {
			continue
		}
		name = strings.TrimSuffix(name, "}")
		v, _ := fields[name].(string)
		if v == "" {
			return "", fault.BadField(name, "is missing")
		}
		parts[i] = url.PathEscape(v)
		delete(fields, name)
	}
	return strings.Join(parts, "/"), nil
}

func query(fields map[string]any) string {
	if len(fields) == 0 {
		return ""
	}
	v := url.Values{}
	for name, value := range fields {
		v.Set(name, printable(value))
	}
	return "?" + v.Encode()
}

// body is the input alone, or with its files as a stream.
func (r *Remote) body(q action.Request) (io.Reader, string) {
	if len(q.Files) == 0 {
		return bytes.NewReader(q.Input), "application/json"
	}
	out, in := io.Pipe()
	parts := multipart.NewWriter(in)
	go func() {
		in.CloseWithError(writeParts(parts, q))
	}()
	return out, parts.FormDataContentType()
}

func writeParts(parts *multipart.Writer, q action.Request) error {
	if err := parts.WriteField("input", string(q.Input)); err != nil {
		return err
	}
	for name, c := range q.Files {
		w, err := parts.CreateFormFile(name, c.Name)
		if err != nil {
			return err
		}
		if _, err := io.Copy(w, c.Reader()); err != nil {
			return err
		}
	}
	return parts.Close()
}
