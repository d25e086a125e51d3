package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seneschal/internal/app"
	"seneschal/internal/fidelity"
	"seneschal/internal/m365"
)

// plantings are differences between a second simulated cloud and the first, each with what the report must say of it.
var plantings = []struct {
	name   string
	path   string // how the request's path ends
	change func(*http.Response, map[string]any)
	want   fidelity.Difference
}{
	{"another status", "/mailFolders", func(r *http.Response, _ map[string]any) { r.StatusCode = http.StatusNonAuthoritativeInfo },
		fidelity.Difference{Probe: "mail folders", Place: "status", Tenant: "203", Simulator: "200"}},
	{"another error code", "/users/00000000-0000-0000-0000-000000000000", func(_ *http.Response, b map[string]any) { b["error"].(map[string]any)["code"] = "ResourceNotFound" },
		fidelity.Difference{Probe: "a person who is not there", Place: "error code", Tenant: "ResourceNotFound", Simulator: "Request_ResourceNotFound"}},
	{"a header less", "/organization", func(r *http.Response, _ map[string]any) { r.Header.Del("Request-Id") },
		fidelity.Difference{Probe: "the organisation", Place: "header Request-Id", Tenant: "not there", Simulator: "there"}},
	{"a header more", "/calendars", func(r *http.Response, _ map[string]any) { r.Header.Set("Etag", `W/"1"`) },
		fidelity.Difference{Probe: "calendars", Place: "header Etag", Tenant: "there", Simulator: "not there"}},
	{"another media type", "/contactFolders", func(r *http.Response, _ map[string]any) { r.Header.Set("Content-Type", "text/json; charset=utf-8") },
		fidelity.Difference{Probe: "contact folders", Place: "media type", Tenant: "text/json", Simulator: "application/json"}},
	{"a property less", "/contacts", ofEach(func(o map[string]any) { delete(o, "displayName") }),
		fidelity.Difference{Probe: "contacts", Place: "property value[].displayName", Tenant: "not there", Simulator: "there"}},
	{"a property more", "/todo/lists", ofEach(func(o map[string]any) { o["sortOrder"] = 1 }),
		fidelity.Difference{Probe: "task lists", Place: "property value[].sortOrder", Tenant: "there", Simulator: "not there"}},
	{"a number as text", "/drive", func(_ *http.Response, b map[string]any) { b["quota"].(map[string]any)["total"] = "1099511627776" },
		fidelity.Difference{Probe: "a person's drive", Place: "property quota.total", Tenant: "text", Simulator: "number"}},
	{"a time without zone", "/drive/root/children", ofEach(func(o map[string]any) { o["lastModifiedDateTime"] = "2031-01-02T03:04:05" }),
		fidelity.Difference{Probe: "files at the top", Place: "property value[].lastModifiedDateTime", Tenant: "time without zone", Simulator: "time in UTC"}},
	{"a link that is not whole", "/users", func(r *http.Response, b map[string]any) {
		if link, ok := b["@odata.nextLink"].(string); ok && !r.Request.URL.Query().Has("$filter") { // of the first page
			_, b["@odata.nextLink"], _ = strings.Cut(link, "/v1.0/")
		}
	}, fidelity.Difference{Probe: "people", Place: "property @odata.nextLink", Tenant: "text", Simulator: "link with $skiptoken"}},
}

// ofEach changes every object of a list.
func ofEach(f func(map[string]any)) func(*http.Response, map[string]any) {
	return func(_ *http.Response, body map[string]any) {
		for _, o := range body["value"].([]any) {
			f(o.(map[string]any))
		}
	}
}

// A second simulated cloud with ten differences stands for a tenant: the comparison finds each, and nothing else.
func TestFidelityFindsEachDifference(t *testing.T) {
	t.Parallel()
	plain, record := observed(t, nil)
	same, _ := observed(t, nil)
	if found := (fidelity.Report{Compared: fidelity.Compare(plain, same)}).Differences(); len(found) > 0 {
		t.Errorf("two that are alike differ: %+v", found)
	}
	for _, s := range plain {
		if s.NotAsked != "" {
			t.Errorf("%s: %s", s.Probe, s.NotAsked)
		}
	}
	for _, r := range record {
		if r != http.MethodGet {
			t.Errorf("a check sends %s", r)
		}
	}
	changed, _ := observed(t, planting)
	report := fidelity.Report{Version: "test", Mode: "application", Compared: fidelity.Compare(changed, plain)}
	found := map[string]fidelity.Difference{}
	for _, d := range report.Differences() {
		d.Operation = ""
		found[d.Probe+", "+d.Place] = d
	}
	for _, p := range plantings {
		at := p.want.Probe + ", " + p.want.Place
		if diff := cmp.Diff(p.want, found[at]); diff != "" {
			t.Errorf("%s: %s", p.name, diff)
		}
		delete(found, at)
	}
	if len(found) > 0 {
		t.Errorf("found besides: %+v", slices.Collect(maps.Values(found)))
	}
	for _, word := range []string{"ada", "contoso", "Contoso", "Okafor", "sharepoint.com"} {
		if strings.Contains(report.Markdown(), word) {
			t.Errorf("the report shows %q:\n%s", word, report.Markdown())
		}
	}
}

// observed is what a hub sees of a simulated cloud whose answers are changed, and the methods it used.
func observed(t *testing.T, change func(*http.Response) error) ([]fidelity.Seen, []string) {
	t.Helper()
	record := &fidelity.Recorder{}
	h := app.StartForTest(t, app.TestOptions{Recorder: record, Change: func(settings map[string]string) {
		if change != nil {
			between(t, settings, change)
		}
	}})
	f := h.Form("tenant", "Seneschal", m365.Directory, m365.Mail, m365.Calendar, m365.Contacts, m365.Todo, m365.OneDrive, m365.SharePoint, m365.Teams, m365.Presence)
	h.Connect(f)
	before := len(h.Cloud.Requests())
	seen, err := h.Observe(t.Context(), record, "tenant", fidelity.Begin{Site: "https://contoso.sharepoint.com/sites/projects"})
	if err != nil {
		t.Fatal(err)
	}
	var methods []string
	for _, r := range h.Cloud.Requests()[before:] {
		if strings.HasPrefix(r.Path, "/v1.0/") {
			methods = append(methods, r.Method)
		}
	}
	return seen, methods
}

// between puts a server between a hub and its cloud that changes answers.
func between(t *testing.T, settings map[string]string, change func(*http.Response) error) {
	t.Helper()
	cloud, err := url.Parse(settings["GRAPH_URL"])
	if err != nil {
		t.Fatal(err)
	}
	roots, err := os.ReadFile(settings["CA_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{ModifyResponse: change, Transport: trusting(t, roots), Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(cloud) }}
	s := httptest.NewTLSServer(proxy)
	t.Cleanup(s.Close)
	roots = append(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})...)
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, roots, 0o600); err != nil {
		t.Fatal(err)
	}
	settings["GRAPH_URL"], settings["CA_FILE"] = s.URL, file
}

// planting changes what the table says.
func planting(r *http.Response) error {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	_ = r.Body.Close()
	for _, p := range plantings {
		var body map[string]any
		if !strings.HasSuffix(r.Request.URL.Path, p.path) || json.Unmarshal(text, &body) != nil || (r.StatusCode != http.StatusOK && body["error"] == nil) {
			continue
		}
		p.change(r, body)
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	r.Header.Del("Content-Length")
	return nil
}

// trusting is a transport that trusts the cloud's own roots alone.
func trusting(t *testing.T, roots []byte) http.RoundTripper {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(roots) {
		t.Fatal("the cloud's roots cannot be read")
	}
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
}
