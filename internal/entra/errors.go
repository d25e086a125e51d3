package entra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// answer is Entra's error body (graph/FACTS §1.2). We branch on its codes, never on its text.
type answer struct {
	Name        string `json:"error"`
	Description string `json:"error_description"`
	Codes       []int  `json:"error_codes"`
	TraceID     string `json:"trace_id"`
	Claims      string `json:"claims"`
	SubError    string `json:"suberror"`
}

var (
	leadingCode = regexp.MustCompile(`^AADSTS(\d+)`)
	jsonBody    = regexp.MustCompile(`(?s)\{.*\}`)
	blockedIP   = regexp.MustCompile(`\b\d{1,3}(\.\d{1,3}){3}\b`)
)

// asFault turns whatever MSAL returned into what a person can act on. MSAL's own error is not kept: it can hold the whole request.
func asFault(err error, app App) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	if errors.Is(err, errNoAccount) {
		return &fault.Error{Kind: fault.NeedsReauth, Code: "not_signed_in", Mode: string(app.Mode), Message: "Nobody is signed in on this connection",
			Fix: "Open the connection's sign-in link", Who: theUser}
	}
	a, status, ok := body(err)
	var network net.Error
	var transport *url.Error
	switch {
	case !ok && (errors.As(err, &network) || errors.As(err, &transport) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)):
		return unreachable(err, app)
	case !ok && app.Mode == m365.Delegated:
		return &fault.Error{Kind: fault.NeedsReauth, Code: "sign_in_lost", Mode: string(app.Mode), Message: "The kept sign-in cannot be used any more",
			Cause: "It belongs to another login address or set of permissions, or was damaged", Fix: "Open the connection's sign-in link", Who: theUser}
	case !ok:
		return &fault.Error{Kind: fault.Unavailable, Code: "sign_in_failed", Operation: "sign-in", Mode: string(app.Mode), Message: "The sign-in service " + app.Endpoints.Login + " answered in a way we do not understand",
			Cause: "It is not an Entra login address, or something in between answered", Fix: "Check the connection's cloud, SENESCHAL_LOGIN_URL and proxies", Who: hubOperator}
	}
	code := codeOf(a)
	f = &fault.Error{Kind: kindOfName(a.Name), Code: code, Operation: "sign-in", Mode: string(app.Mode),
		Message: firstLine(a.Description), Cause: "Microsoft's own words are all there is about this code",
		Fix: "Look the code up at https://login.microsoftonline.com/error and give Microsoft's support the trace id", Who: tenantAdmin,
		Upstream: &fault.Upstream{Status: status, Code: a.Name, RequestID: a.TraceID, At: time.Time{}}}
	if e, known := Explain(code); known {
		f.Kind, f.Message, f.Cause, f.Fix, f.Who = e.Kind, e.Means, e.Cause, e.Fix, e.Who
	}
	refine(f, a, app)
	return f
}

// refine adds what only this app and answer can tell.
func refine(f *fault.Error, a answer, app App) {
	if s, ok := app.Credential.(Secret); ok && f.Code == "AADSTS7000215" && m365.IsGUID(s.Value.Reveal()) {
		f.Cause = "What was entered has the form of a secret's ID. The Value, shown once beside it, is what Microsoft wants"
	}
	if app.Mode == m365.Application && (a.Claims != "" || isPolicy(f.Code)) {
		f.Kind, f.Who = fault.NeedsAdmin, policyAdmin
		f.Cause = fmt.Sprintf("A Conditional Access policy for workload identities blocks the application %s%s", app.Client, blockedAddress(a.Description))
		f.Fix = "Find the policy in Entra's sign-in log (service principal sign-ins), then exclude this application or add the hub's address to a named location that the policy allows"
		f.WrongFixes = []string{"signing in again: an app has nobody who could", "a new secret: the credential was accepted"}
	}
	if app.Mode == m365.Delegated && (f.Code == "AADSTS65001" || f.Code == "AADSTS90094") {
		f.Alternatives = append(f.Alternatives, "Send an administrator the consent link; afterwards sign in again")
	}
}

func isPolicy(code string) bool {
	return strings.HasPrefix(code, "AADSTS5300")
}

func blockedAddress(description string) string {
	if ip := blockedIP.FindString(description); ip != "" {
		return " from the address " + ip
	}
	return ""
}

// body finds Entra's answer in MSAL's error: in the response it kept, or in the text where the body was read already.
func body(err error) (answer, int, bool) {
	var call msal.CallErr
	if !errors.As(err, &call) {
		return parse([]byte(jsonBody.FindString(err.Error())), 0)
	}
	status := 0
	if call.Resp != nil {
		status = call.Resp.StatusCode
		if text, e := io.ReadAll(io.LimitReader(call.Resp.Body, 1<<20)); e == nil && len(text) > 0 {
			if a, s, ok := parse(text, status); ok {
				return a, s, ok
			}
		}
	}
	return parse([]byte(jsonBody.FindString(call.Error())), status)
}

func parse(text []byte, status int) (answer, int, bool) {
	var a answer
	ok := json.Unmarshal(text, &a) == nil && a.Name != ""
	return a, status, ok
}

func codeOf(a answer) string {
	if m := leadingCode.FindStringSubmatch(a.Description); m != nil {
		return "AADSTS" + m[1]
	}
	if len(a.Codes) > 0 {
		return fmt.Sprintf("AADSTS%d", a.Codes[0])
	}
	return a.Name
}

// kindOfName is what an OAuth error name alone says (graph/FACTS §1.6, last line).
func kindOfName(name string) fault.Kind {
	switch name {
	case "interaction_required", "invalid_grant", "login_required", "consent_required", "access_denied", "authorization_declined", "expired_token":
		return fault.NeedsReauth
	case "temporarily_unavailable", "authorization_pending", "slow_down":
		return fault.Unavailable
	default:
		return fault.NeedsAdmin
	}
}

func firstLine(s string) string {
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		s = s[:i]
	}
	if s == "" {
		return "Microsoft refused the sign-in without a word"
	}
	return s
}

func unreachable(err error, app App) error {
	host := app.Endpoints.Login
	if u, e := url.Parse(host); e == nil {
		host = u.Host
	}
	cause := "The network, a proxy or a firewall is in the way, or the cloud's address is wrong"
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		cause = "No answer came in time"
	case strings.Contains(err.Error(), "certificate"):
		cause = "The server's certificate is not trusted: a proxy that inspects TLS, or a missing CA_FILE"
	}
	// MSAL's text may quote the request; only the kind of failure is kept.
	return &fault.Error{Kind: fault.Unavailable, Code: "login_unreachable", Operation: "sign-in", Mode: string(app.Mode), Message: "The sign-in service " + host + " did not answer usefully",
		Cause: cause, Fix: "Check from this machine that https://" + host + " answers; check HTTPS_PROXY and SENESCHAL_CA_FILE", Who: hubOperator}
}

// transient reports whether the same question may be answered in a moment.
func transient(err error) bool {
	a, status, ok := body(err)
	if !ok {
		return false
	}
	e, known := Explain(codeOf(a))
	if known {
		return e.Kind == fault.Unavailable && e.Who == nobody
	}
	return status >= 500 || a.Name == "temporarily_unavailable"
}
