package console

import (
	"context"
	"net/http"
	"net/url"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
)

const microsoftPath = "/auth/microsoft/"

func (f *Face) personOf(ctx context.Context) (access.Caller, error) {
	id := f.sessions.GetString(ctx, sessionKey)
	if id == "" {
		return access.Caller{}, nil
	}
	p, err := f.access.SessionPerson(ctx, id)
	if fault.KindOf(err) == fault.Unauthenticated {
		return access.Caller{}, nil
	}
	return p.Caller(), err
}

type personHandler func(w http.ResponseWriter, r *http.Request, who access.Caller)

// signedIn lets people through and sends everybody else to the sign-in page, and from there back to where they wanted to be.
func (f *Face) signedIn(h personHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := f.personOf(r.Context())
		if err != nil {
			f.fail(w, r, err)
			return
		}
		if who.Kind == "" {
			to := "/login"
			if r.Method == http.MethodGet && r.URL.Path != "/" {
				to += "?" + url.Values{"return": {r.URL.RequestURI()}}.Encode()
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
			return
		}
		h(w, r, who)
	}
}

// limited slows down whoever asks too often from one network.
func (f *Face) limited(kind string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := f.limiter.Allow(kind, r.RemoteAddr); err != nil {
			f.fail(w, r, err)
			return
		}
		h(w, r)
	}
}

// loginData is the sign-in page.
type loginData struct {
	Token     string // of a one-time link
	Microsoft string // where the button leads; "" where nobody signs in with Microsoft
	ReturnTo  string
	SignedOut bool
	StillIn   string // who is signed in here all the same: signing out at Microsoft alone does not end it
	Away      string // where the browser's session at Microsoft ends
}

func (f *Face) loginPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	// The token is redeemed by the button, not by opening the link: mail scanners and previews open links.
	d := loginData{Token: q.Get("token"), ReturnTo: access.LocalPath(q.Get("return")), SignedOut: q.Has("signed_out")}
	if f.sso != nil {
		d.Microsoft = microsoftPath + "login?" + url.Values{"return": {d.ReturnTo}}.Encode()
	}
	who, err := f.personOf(r.Context())
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d.StillIn = who.Name
	if f.sso != nil && who.Kind == "" && q.Get("signed_out") == string(access.ByMicrosoft) {
		away, err := f.sso.SignOutURL(r.Context())
		if err != nil { // it is an offer only: the person is signed out here
			f.log.WarnContext(r.Context(), "the sign-out at Microsoft could not be offered", "error", err)
		}
		d.Away = away
	}
	f.render(w, r, http.StatusOK, "login", view{Title: "Sign in", Data: d})
}

func (f *Face) login(w http.ResponseWriter, r *http.Request) {
	s, err := f.access.RedeemLogin(r.Context(), r.FormValue("token"), r.UserAgent())
	if err == nil {
		err = f.enter(r, s)
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	http.Redirect(w, r, access.LocalPath(r.FormValue("return")), http.StatusSeeOther)
}

// enter makes a new session the browser's, under a new cookie: one that was known before signing in must not become a signed-in one.
// The browser's session before, if it had one, ends.
func (f *Face) enter(r *http.Request, s access.Session) error {
	ctx := r.Context()
	if before := f.sessions.GetString(ctx, sessionKey); before != "" {
		if err := f.access.SignOut(ctx, before); err != nil {
			return err
		}
	}
	if err := f.sessions.RenewToken(ctx); err != nil {
		return err
	}
	f.sessions.Put(ctx, sessionKey, s.ID)
	return nil
}

func (f *Face) logout(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	how := string(access.ByLink)
	if id := f.sessions.GetString(ctx, sessionKey); id != "" {
		if s, err := f.access.Session(ctx, id); err == nil {
			how = string(s.Method)
		}
		if err := f.access.SignOut(ctx, id); err != nil {
			f.fail(w, r, err)
			return
		}
	}
	if err := f.sessions.Destroy(ctx); err != nil {
		f.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/login?"+url.Values{"signed_out": {how}}.Encode(), http.StatusSeeOther)
}

var errNoSSO = &fault.Error{Kind: fault.NotFound, Code: "sso_off", Message: "Nobody signs in to this hub with Microsoft", Cause: "It is not set up", Fix: "Set SENESCHAL_SSO_ISSUER and its neighbours (docs/operations.md), or sign in with a link", Who: "the operator of this hub"}

// microsoftLogin sends the browser to Microsoft. It carries no state of a person's, so opening it from elsewhere does no more than that.
func (f *Face) microsoftLogin(w http.ResponseWriter, r *http.Request) {
	if f.sso == nil {
		f.fail(w, r, errNoSSO)
		return
	}
	to, err := f.sso.Begin(r.Context(), access.Attempt{Browser: f.browser(w, r), ReturnTo: r.URL.Query().Get("return")})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (f *Face) browserCookie() string {
	if f.secure {
		return "__Host-seneschal-signin"
	}
	return "seneschal-signin"
}

// browser gives the secret of this browser, for as long as a sign-in may take. Lax and not Strict: the browser must bring it along when
// Microsoft sends it back.
func (f *Face) browser(w http.ResponseWriter, r *http.Request) string {
	secret := access.NewBrowser()
	if c, err := r.Cookie(f.browserCookie()); err == nil && access.IsBrowser(c.Value) {
		secret = c.Value // a second tab must not end what the first one began
	}
	http.SetCookie(w, &http.Cookie{Name: f.browserCookie(), Value: secret, Path: "/", MaxAge: int(access.AttemptLife.Seconds()), HttpOnly: true, Secure: f.secure, SameSite: http.SameSiteLaxMode})
	return secret
}

// callback is where Microsoft sends the browser after a sign-in, a consent, or a sign-out. A person's sign-in ends in the browser that
// began it; a connection's whoever holds its state finishes: an administrator who was mailed a link has no session here.
func (f *Face) callback(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch state := q.Get("state"); {
	case f.sso != nil && access.IsSignIn(state):
		f.arrived(w, r)
	case f.sso != nil && state == "" && q.Get("error") == "" && q.Get("admin_consent") == "":
		http.Redirect(w, r, "/login?signed_out=everywhere", http.StatusSeeOther)
	default:
		f.connected(w, r)
	}
}

func (f *Face) arrived(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	secret := ""
	if c, err := r.Cookie(f.browserCookie()); err == nil {
		secret = c.Value
	}
	who, err := f.personOf(r.Context())
	if err != nil {
		f.fail(w, r, err)
		return
	}
	back, err := f.sso.Finish(r.Context(), access.Answer{State: q.Get("state"), Code: q.Get("code"), Error: q.Get("error"), Description: q.Get("error_description"),
		Browser: secret, Agent: r.UserAgent(), Person: who.ID})
	if err == nil {
		err = f.enter(r, back.Session)
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	switch {
	case back.Notice != "":
		f.flash(r, back.Notice)
	case back.Added:
		f.flash(r, "From now on you sign in with Microsoft.")
	}
	http.Redirect(w, r, back.ReturnTo, http.StatusSeeOther)
}

func (f *Face) connected(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := f.connections.Finish(r.Context(), connection.Callback{State: q.Get("state"), Code: q.Get("code"), Error: q.Get("error"),
		ErrorDescription: q.Get("error_description"), AdminConsent: q.Get("admin_consent"), Tenant: q.Get("tenant")})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	who, _ := f.personOf(r.Context())
	if who.Kind != "" && back.Connection.ID != "" {
		f.flash(r, back.Test.Message)
		http.Redirect(w, r, "/connections/"+back.Connection.ID, http.StatusSeeOther)
		return
	}
	f.render(w, r, http.StatusOK, "done", view{Title: "Thank you", Data: back})
}

// microsoftLogout is Microsoft's notice that a session there is over (front-channel sign-out): an image in a page of Microsoft's, without
// our cookies, that names the session. Whoever does not know the name ends nothing.
func (f *Face) microsoftLogout(w http.ResponseWriter, r *http.Request) {
	if err := f.access.EndMicrosoftSession(r.Context(), r.URL.Query().Get("sid")); err != nil {
		f.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}
