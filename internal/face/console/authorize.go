package console

import (
	"net/http"
	"net/url"
	"strings"

	"seneschal/internal/access"
)

// authorizeData is the page that asks a person what a program may do.
type authorizeData struct {
	Client access.Client
	To     string // who gets the answer, as a person reads it
	Form   url.Values
	Writes bool // the program asks for it
}

// authorizeFields are what a program asks with, and what the form brings back.
var authorizeFields = []string{"response_type", "client_id", "redirect_uri", "code_challenge", "code_challenge_method", "resource", "scope", "state"}

// authorize asks the person. A program that is not known, or that wants the answer elsewhere, gets none: the person hears of it.
func (f *Face) authorize(w http.ResponseWriter, r *http.Request, _ access.Caller) {
	q, c, to, ok := f.asked(w, r)
	if !ok {
		return
	}
	d := authorizeData{Client: c, To: to.Host, Form: url.Values{}, Writes: strings.Contains(" "+r.FormValue("scope")+" ", " "+access.WriteScope+" ")}
	if d.To == "" {
		d.To = to.Scheme + ":"
	}
	for _, name := range authorizeFields {
		if v := r.FormValue(name); v != "" {
			d.Form.Set(name, v)
		}
	}
	d.Form.Set("redirect_uri", q.Redirect)
	// The button leads to the program: browsers hold a form's redirects to form-action, too.
	csp := w.Header().Get("Content-Security-Policy")
	w.Header().Set("Content-Security-Policy", strings.Replace(csp, "form-action 'self'", "form-action 'self' "+source(to), 1))
	f.render(w, r, http.StatusOK, "authorize", view{Title: "Allow " + c.Name + "?", Data: d})
}

// source is an address as the policy names it. It has no name for an IPv6 address.
func source(u *url.URL) string {
	if u.Host == "" || strings.Contains(u.Host, "[") {
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

// asked reads what a program asks for. What is wrong with it the program hears itself, once it is certain that the answer goes to it.
func (f *Face) asked(w http.ResponseWriter, r *http.Request) (access.Ask, access.Client, *url.URL, bool) {
	q := access.Ask{Client: r.FormValue("client_id"), Redirect: r.FormValue("redirect_uri"), Challenge: r.FormValue("code_challenge"), Resource: f.resource()}
	c, err := f.access.CheckAsk(r.Context(), q)
	if err != nil {
		f.fail(w, r, err)
		return q, c, nil, false
	}
	to, err := url.Parse(q.Redirect)
	if err != nil {
		f.fail(w, r, err)
		return q, c, nil, false
	}
	switch res := r.FormValue("resource"); {
	case r.FormValue("response_type") != "code":
		f.answerProgram(w, r, to, url.Values{"error": {"unsupported_response_type"}})
	case r.FormValue("code_challenge_method") != "S256" || len(q.Challenge) != 43:
		f.answerProgram(w, r, to, url.Values{"error": {"invalid_request"}, "error_description": {"a code_challenge by S256 is needed"}})
	case res != "" && res != q.Resource:
		f.answerProgram(w, r, to, url.Values{"error": {"invalid_target"}})
	default:
		return q, c, to, true
	}
	return q, c, to, false
}

// answerProgram sends the browser back to the program, which learns from iss whose answer it is (RFC 9207).
func (f *Face) answerProgram(w http.ResponseWriter, r *http.Request, to *url.URL, answer url.Values) {
	u := *to
	q := u.Query()
	for name, v := range answer {
		q[name] = v
	}
	if state := r.FormValue("state"); state != "" {
		q.Set("state", state)
	}
	q.Set("iss", f.issuer())
	u.RawQuery = q.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

// authorizeDo is the person's word.
func (f *Face) authorizeDo(w http.ResponseWriter, r *http.Request, who access.Caller) {
	q, _, to, ok := f.asked(w, r)
	if !ok {
		return
	}
	word := r.FormValue("allow")
	if word != access.ReadScope && word != access.WriteScope {
		f.answerProgram(w, r, to, url.Values{"error": {"access_denied"}})
		return
	}
	code, err := f.access.Grant(r.Context(), who, q, word == access.WriteScope)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.answerProgram(w, r, to, url.Values{"code": {code.Reveal()}})
}
