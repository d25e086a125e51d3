package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"seneschal/internal/app"
	"seneschal/internal/face/cli"
	"seneschal/internal/sim"
	"seneschal/internal/sim/person"
	"seneschal/internal/store"
)

func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){"seneschal": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		if os.Getenv(steeredBy) != "" {
			if err := steer(ctx); err != nil {
				panic(err)
			}
			os.Exit(0)
		}
		if os.Getenv(scaledLimits) != "" {
			if err := serveScaled(ctx); err != nil {
				panic(err)
			}
			os.Exit(0)
		}
		code := app.Main(ctx, os.Args[1:], os.Environ(), cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
		stop()
		os.Exit(code)
	}})
}

// tidy are all tests; they take the program away that they built.
type tidy struct{ all *testing.M }

// Run gives the exit code.
func (m tidy) Run() int {
	code := m.all.Run()
	if err := os.RemoveAll(programDir); err != nil {
		fmt.Fprintln(os.Stderr, "the built program is left behind:", err)
	}
	return code
}

func TestScripts(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: os.Getenv("UPDATE") != "",
				Setup: func(e *testscript.Env) error { return setup(t, e, engine) },
				Cmds:  commands(), Condition: func(c string) (bool, error) { return c == string(engine), nil },
			})
		})
	}
}

type cloudKey struct{}

// setup starts a simulated cloud for the script and points the settings at it.
func setup(t *testing.T, e *testscript.Env, engine store.Engine) error {
	cloud, err := sim.Start(context.Background(), sim.Config{World: "contoso", Dir: filepath.Join(e.WorkDir, ".cloud"), Seed: 1})
	if err != nil {
		return err
	}
	e.Defer(func() { _ = cloud.Close() })
	e.Values[cloudKey{}] = cloud
	r := cloud.Ready()
	database := "file:" + filepath.Join(e.WorkDir, "hub.db")
	if engine == store.Postgres {
		database = store.TestURL(t, store.Postgres)
	}
	e.Vars = append(e.Vars, "SENESCHAL_DATABASE_URL="+database, "SENESCHAL_CLOUD=custom", "SENESCHAL_LOGIN_URL="+r.LoginURL, "SENESCHAL_GRAPH_URL="+r.GraphURL,
		"SENESCHAL_CA_FILE="+r.CAFile, "SENESCHAL_KEY_FILE="+filepath.Join(e.WorkDir, "master.key"), "SENESCHAL_LOG_LEVEL=error", "TENANT="+r.Tenants[0].TenantID, "ADMIN="+r.AdminURL)
	address := freeAddress(t)
	e.Vars = append(e.Vars, "SENESCHAL_LISTEN="+address, "HUB=http://"+address)
	for _, a := range r.Tenants[0].Apps {
		name := "APP_" + strings.ToUpper(strings.ReplaceAll(a.Name, " ", "_"))
		name = strings.ReplaceAll(name, "-", "_")
		e.Vars = append(e.Vars, name+"_ID="+a.ClientID, name+"_SECRET="+a.ClientSecret)
	}
	return nil
}

func commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"form": form, "ready": ready, "http": request, "field": field, "signin": signIn, "cloudfault": cloudFault, "count": count, "typecode": typeCode, "healthy": healthy,
	}
}

// form NAME APP [KEY=VALUE…] writes NAME.json: a connection's form for an app of the world.
func form(ts *testscript.TestScript, _ bool, args []string) {
	prefix := "APP_" + strings.ToUpper(strings.ReplaceAll(strings.ReplaceAll(args[1], " ", "_"), "-", "_"))
	in := map[string]any{"name": args[0], "kind": "application", "tenant_id": ts.Getenv("TENANT"), "client_id": ts.Getenv(prefix + "_ID"),
		"credential": map[string]any{"type": "secret", "secret": ts.Getenv(prefix + "_SECRET")}, "capabilities": []string{"directory", "mail", "calendar"},
		"mailboxes": "ada@contoso.example; ben@contoso.example"}
	for _, kv := range args[2:] {
		k, v, _ := strings.Cut(kv, "=")
		var parsed any = v
		_ = json.Unmarshal([]byte(v), &parsed)
		if v == "" {
			delete(in, k)
			continue
		}
		in[k] = parsed
	}
	text, err := json.Marshal(in)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".json"), text, 0o600))
}

// ready waits until the hub answers.
func ready(ts *testscript.TestScript, _ bool, _ []string) {
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		resp, err := http.Get(ts.Getenv("HUB") + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("the hub did not become ready")
}

// http STATUS METHOD PATH [BODY-FILE|-] [HEADER: VALUE…] sends a request to the hub with the key in $KEY; the answer is stdout.
func request(ts *testscript.TestScript, _ bool, args []string) {
	var body io.Reader
	if len(args) > 3 && args[3] != "-" {
		body = strings.NewReader(ts.ReadFile(args[3]))
	}
	req, err := http.NewRequest(args[1], ts.Getenv("HUB")+args[2], body)
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	if key := ts.Getenv("KEY"); key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	for _, h := range args[min(4, len(args)):] {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	ts.Check(err)
	_, err = ts.Stdout().Write(text)
	ts.Check(err)
	if got := fmt.Sprint(resp.StatusCode); got != args[0] {
		ts.Fatalf("%s %s: got %s, want %s: %s", args[1], args[2], got, args[0], text)
	}
}

// field VAR REGEXP FILE takes the first group of the match in a file (stdout) into a variable.
func field(ts *testscript.TestScript, _ bool, args []string) {
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile(args[2]))
	if m == nil {
		ts.Fatalf("%s is not in %s: %s", args[1], args[2], ts.ReadFile(args[2]))
	}
	ts.Setenv(args[0], m[1])
}

// signin LINK ACCOUNT PASSWORD [PATH] walks Microsoft's pages as a person would, to the hub's callback, or through it to a page of the hub.
func signIn(ts *testscript.TestScript, neg bool, args []string) {
	cloud := ts.Value(cloudKey{}).(*sim.Sim)
	path := "/auth/microsoft/callback"
	if len(args) > 3 {
		path = args[3]
	}
	page, err := person.New(cloud.HTTPClient().Transport).SignIn(context.Background(), args[0], args[1], args[2], path)
	if !neg || page.Status < http.StatusBadRequest { // a refusal ends on a page without a form to go on with
		ts.Check(err)
	}
	_, err = io.WriteString(ts.Stdout(), page.Text)
	ts.Check(err)
	if (page.Status >= 400) != neg {
		ts.Fatalf("the hub answered %d: %s", page.Status, page.Text)
	}
}

// cloudfault JSON has the cloud misbehave; "off" ends it.
func cloudFault(ts *testscript.TestScript, _ bool, args []string) {
	cloud := ts.Value(cloudKey{}).(*sim.Sim)
	if args[0] == "off" {
		cloud.ClearFaults()
		return
	}
	var f sim.Fault
	d := json.NewDecoder(bytes.NewReader([]byte(args[0])))
	d.DisallowUnknownFields()
	ts.Check(d.Decode(&f))
	ts.Check(cloud.Fault(f))
}

// count N METHOD PATTERN checks how many requests the cloud saw.
func count(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[2])
	n := 0
	for _, r := range ts.Value(cloudKey{}).(*sim.Sim).Requests() {
		if r.Method == args[1] && pattern.MatchString(r.Path) {
			n++
		}
	}
	if fmt.Sprint(n) != args[0] {
		ts.Fatalf("%s %s: the cloud saw %d, want %s", args[1], args[2], n, args[0])
	}
}

// typecode PAGE CODE ACCOUNT PASSWORD types a device code in at Microsoft's page.
func typeCode(ts *testscript.TestScript, _ bool, args []string) {
	cloud := ts.Value(cloudKey{}).(*sim.Sim)
	// The last page has no form and is no callback: the browser stops there.
	page, _ := person.New(cloud.HTTPClient().Transport).SignIn(context.Background(), args[0]+"?code="+args[1], args[2], args[3], "/nowhere")
	if page.Status != http.StatusOK {
		ts.Fatalf("the device page answered %d: %s", page.Status, page.Text)
	}
}

// healthy CONNECTION waits until the hub has proven the connection.
func healthy(ts *testscript.TestScript, _ bool, args []string) {
	for range 200 {
		if ts.Exec("seneschal", "connection", "show", args[0]) == nil && strings.Contains(ts.ReadFile("stdout"), "state: healthy") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s did not become healthy", args[0])
}
