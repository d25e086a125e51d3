package console

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/alexedwards/scs/v2"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
)

//go:embed page static
var files embed.FS

// Face serves the console.
type Face struct {
	runner      *action.Runner
	access      *access.Access
	sso         *access.SSO // nil: nobody signs in with Microsoft
	limiter     *access.Limiter
	secure      bool
	connections finisher
	clock       clock.Clock
	log         *slog.Logger
	sessions    *scs.SessionManager
	pages       map[string]*template.Template
	banner      string
	redirect    func() string
	issuer      func() string
	agents      string
}

// resource is what agents' tokens are good for.
func (f *Face) resource() string { return f.issuer() + f.agents }

// finisher ends a sign-in or consent that Microsoft sent the browser back from. It is no action: the browser that comes back carries
// its one-time state and nobody's session.
type finisher interface {
	Finish(ctx context.Context, cb connection.Callback) (connection.Return, error)
}

// Options are what the console needs from outside.
type Options struct {
	Runner      *action.Runner
	Access      *access.Access
	SSO         *access.SSO // nil: nobody signs in with Microsoft
	Connections finisher
	Clock       clock.Clock
	Log         *slog.Logger
	Secure      bool          // the cookie travels over https alone
	Banner      string        // "Simulated tenant: nothing leaves this machine"
	Issuer      func() string // the hub's own address
	Agents      string        // the path of the agents' face
	Redirect    func() string // the exact redirect URI, shown where people need it
}

const (
	sessionKey = "session"
	flashKey   = "flash"
)

// New makes the console.
func New(o Options) (*Face, error) {
	f := &Face{runner: o.Runner, access: o.Access, sso: o.SSO, limiter: &access.Limiter{Clock: o.Clock}, secure: o.Secure, connections: o.Connections, clock: o.Clock, log: o.Log, banner: o.Banner, redirect: o.Redirect, issuer: o.Issuer, agents: o.Agents}
	f.sessions = scs.New()
	f.sessions.Store = access.SessionStore{Access: o.Access}
	f.sessions.HashTokenInStore = true
	f.sessions.Lifetime, f.sessions.IdleTimeout = access.SessionLife, access.SessionIdle
	f.sessions.Cookie.Name = "seneschal"
	if o.Secure {
		f.sessions.Cookie.Name = "__Host-seneschal"
	}
	f.sessions.Cookie.HttpOnly, f.sessions.Cookie.Secure, f.sessions.Cookie.SameSite = true, o.Secure, http.SameSiteLaxMode
	f.sessions.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) { f.fail(w, r, err) }
	return f, f.parse()
}

func (f *Face) parse() error {
	f.pages = map[string]*template.Template{}
	names, err := fs.Glob(files, "page/*.html")
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == "page/layout.html" {
			continue
		}
		t, err := template.New("layout.html").Funcs(f.functions()).ParseFS(files, "page/layout.html", name)
		if err != nil {
			return fmt.Errorf("parsing %s: %w", name, err)
		}
		f.pages[name[len("page/"):len(name)-len(".html")]] = t
	}
	return nil
}

// Mount adds the pages.
func (f *Face) Mount(mux *http.ServeMux) {
	handle := func(pattern string, h http.HandlerFunc) {
		mux.Handle(pattern, f.withSession(guarded(h)))
	}
	static, _ := fs.Sub(files, "static") // the folder is embedded
	mux.Handle("GET /static/", http.StripPrefix("/static/", cached(http.FileServerFS(static))))
	handle("GET /login", f.loginPage)
	handle("POST /login", f.limited("link", f.login))
	handle("POST /logout", f.logout)
	handle("GET "+microsoftPath+"login", f.limited("microsoft", f.microsoftLogin))
	handle("GET "+microsoftPath+"callback", f.limited("callback", f.callback))
	handle("GET "+microsoftPath+"logout", f.limited("logout", f.microsoftLogout))
	handle("GET /account", f.signedIn(f.account))
	handle("POST /account/{do}", f.signedIn(f.accountDo))
	handle("GET /oauth/authorize", f.signedIn(f.authorize))
	handle("POST /oauth/authorize", f.signedIn(f.authorizeDo))
	handle("GET /agents", f.signedIn(f.agentList))
	handle("POST /agents/{do}", f.signedIn(f.agentDo))
	handle("GET /people", f.signedIn(f.peopleList))
	handle("POST /people", f.signedIn(f.personAdd))
	handle("GET /people/{id}", f.signedIn(f.personPage))
	handle("POST /people/{id}/{do}", f.signedIn(f.personDo))
	handle("GET /{$}", f.signedIn(f.overview))
	handle("POST /alarms/{id}/acknowledge", f.signedIn(f.alarmAcknowledge))
	handle("GET /customers", f.signedIn(f.customerList))
	handle("POST /customers", f.signedIn(f.customerAdd))
	handle("GET /customers/{id}", f.signedIn(f.customerPage))
	handle("POST /customers/{id}/open", f.signedIn(f.customerOpen))
	handle("POST /customers/{id}/{do}", f.signedIn(f.customerDo))
	handle("GET /mailboxes", f.signedIn(f.mailboxList))
	handle("POST /technicians/{do}", f.signedIn(f.technicianDo))
	handle("GET /feeds", f.signedIn(f.feedList))
	handle("POST /feeds/sync", f.signedIn(f.feedsSync))
	handle("POST /feeds/{id}/{do}", f.signedIn(f.feedDo))
	handle("GET /dispatch", f.signedIn(f.board))
	handle("GET /dispatch/meets", f.signedIn(f.meets))
	handle("POST /dispatch/{do}", f.signedIn(f.boardDo))
	handle("GET /dispatch/intakes", f.signedIn(f.intakes))
	handle("POST /dispatch/intakes/{do}", f.signedIn(f.intakeDo))
	handle("GET /deliveries", f.signedIn(f.mailList))
	handle("GET /deliveries/{id}", f.signedIn(f.mailPage))
	handle("POST /deliveries/{id}/{do}", f.signedIn(f.mailDo))
	handle("GET /usage", f.signedIn(f.usage))
	handle("GET /webhooks", f.signedIn(f.webhookList))
	handle("POST /webhooks", f.signedIn(f.webhookAdd))
	handle("GET /webhooks/{id}", f.signedIn(f.webhookPage))
	handle("POST /webhooks/{id}/{do}", f.signedIn(f.webhookDo))
	handle("GET /connections", f.signedIn(f.connectionList))
	handle("GET /connections/new", f.signedIn(f.wizard))
	handle("POST /connections/new", f.signedIn(f.wizardSubmit))
	handle("GET /connections/{id}", f.signedIn(f.connectionPage))
	handle("POST /connections/{id}/{do}", f.signedIn(f.connectionDo))
	handle("GET /actions", f.signedIn(f.catalogue))
	handle("GET /actions/{name}", f.signedIn(f.actionForm))
	handle("POST /actions/{name}", f.signedIn(f.actionRun))
	handle("GET /activity", f.signedIn(f.activity))
	handle("GET /runs/{id}", f.signedIn(f.runPage))
	handle("POST /runs/{id}/{do}", f.signedIn(f.runDo))
	handle("GET /audit", f.signedIn(f.auditList))
	handle("GET /access-review", f.signedIn(f.accessReview))
	handle("GET /data", f.signedIn(f.dataShow))
	handle("POST /data/{do}", f.signedIn(f.dataDo))
	handle("GET /docs", f.signedIn(f.catalogue))
}

// liveHeader marks what a page's script reads by itself.
const liveHeader = "Seneschal-Live"

// withSession loads the session and saves it. What a page reads by itself leaves it alone: an open tab nobody looks at must not keep
// somebody signed in, nor take the message that was meant for their next page.
func (f *Face) withSession(next http.Handler) http.Handler {
	saved := f.sessions.LoadAndSave(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.Header.Get(liveHeader) == "" {
			saved.ServeHTTP(w, r)
			return
		}
		ctx, err := f.sessionOf(r)
		if err != nil {
			http.Error(w, "The session could not be read; the hub's log says why.", http.StatusInternalServerError)
			f.log.ErrorContext(r.Context(), "a session could not be read", "error", err)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// guarded sets the headers of every page. Nothing is loaded from elsewhere, and no script runs but the hub's own file.
func guarded(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cache-Control", "no-store")
		next(w, r)
	})
}

func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		next.ServeHTTP(w, r)
	})
}

// Caller gives the person of the request's session, for REST calls of the console's own pages; the zero Caller without a session.
func (f *Face) Caller(r *http.Request) (access.Caller, error) {
	ctx, err := f.sessionOf(r)
	if err != nil {
		return access.Caller{}, err
	}
	return f.personOf(ctx)
}

// sessionOf reads the request's session without touching it.
func (f *Face) sessionOf(r *http.Request) (context.Context, error) {
	token := ""
	if cookie, err := r.Cookie(f.sessions.Cookie.Name); err == nil {
		token = cookie.Value
	}
	return f.sessions.Load(r.Context(), token)
}

// view is what every page gets.
type view struct {
	Title   string
	Section string
	Who     access.Caller
	Flash   string
	Banner  string
	Data    any
	Live    live
}

// live says what keeps a page up to date: its own address, and the events after which it is read again. Without script it stays as it is.
type live struct {
	URL      string
	Types    string // separated by blanks; empty: any event
	Customer string // only events of this customer's
}

func (f *Face) flash(r *http.Request, text string) { f.sessions.Put(r.Context(), flashKey, text) }

// render writes a page whole or not at all.
func (f *Face) render(w http.ResponseWriter, r *http.Request, status int, page string, v view) {
	v.Banner = f.banner
	v.Flash = f.sessions.PopString(r.Context(), flashKey)
	if who, err := f.personOf(r.Context()); err == nil {
		v.Who = who
	}
	var b bytes.Buffer
	if err := f.pages[page].Execute(&b, v); err != nil {
		f.log.ErrorContext(r.Context(), "a page could not be written", "page", page, "error", err)
		http.Error(w, "The page could not be written; the hub's log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}

// fail shows a fault as a page: what, why, fix, who, and the details for a ticket.
func (f *Face) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := fault.As(err)
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	if e.Kind == fault.Internal {
		f.log.ErrorContext(r.Context(), "a page failed", "error", err)
	}
	f.render(w, r, e.Kind.Status(), "fault", view{Title: e.Message, Data: e.Problem()})
}

// ask runs an action for the person and reads its output.
func ask[T any](f *Face, r *http.Request, who access.Caller, name string, in any) (T, error) {
	var out T
	text, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	result, err := f.runner.Do(r.Context(), action.Request{Action: name, Caller: who, Input: text})
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(result.Output, &out)
}
