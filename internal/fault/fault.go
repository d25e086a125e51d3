package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind is what a program branches on. The list is closed; Code says more.
type Kind string

// The kinds, each with the HTTP status it has at the REST face.
const (
	Invalid         Kind = "invalid"          // 400: the caller's input; Fields names where
	Unauthenticated Kind = "unauthenticated"  // 401: the hub does not know who asks
	Forbidden       Kind = "forbidden"        // 403: known, but not allowed by the hub (role, allow-list, read-only)
	NotFound        Kind = "not_found"        // 404
	Conflict        Kind = "conflict"         // 409: another state, another input under a key, an outdated ETag
	Gone            Kind = "gone"             // 410: expired link, forgotten delta, retired interface
	TooLarge        Kind = "too_large"        // 413
	Throttled       Kind = "throttled"        // 429: RetryAfter is set
	NeedsReauth     Kind = "needs_reauth"     // 409: a person must sign in to Microsoft again
	NeedsAdmin      Kind = "needs_admin"      // 409: an administrator of the tenant must act (consent, permission, policy, credential)
	NotSupported    Kind = "not_supported"    // 422: Microsoft has no such combination (mode, licence, account type, retired)
	Unclear         Kind = "unclear"          // 409: the outcome of an outgoing effect is not known yet; never repeat it blindly
	Unavailable     Kind = "unavailable"      // 503: Microsoft or the network did not answer usefully
	Misconfigured   Kind = "misconfigured"    // 500: the hub's own settings or keys
	Internal        Kind = "internal"         // 500: a defect of the hub
	UpstreamRefused Kind = "upstream_refused" // 502: Microsoft answered with an error that fits none of the others
)

var statuses = map[Kind]int{
	Invalid: http.StatusBadRequest, Unauthenticated: http.StatusUnauthorized, Forbidden: http.StatusForbidden,
	NotFound: http.StatusNotFound, Conflict: http.StatusConflict, Gone: http.StatusGone, TooLarge: http.StatusRequestEntityTooLarge,
	Throttled: http.StatusTooManyRequests, NeedsReauth: http.StatusConflict, NeedsAdmin: http.StatusConflict,
	NotSupported: http.StatusUnprocessableEntity, Unclear: http.StatusConflict, Unavailable: http.StatusServiceUnavailable,
	Misconfigured: http.StatusInternalServerError, Internal: http.StatusInternalServerError, UpstreamRefused: http.StatusBadGateway,
}

// Status is the HTTP status of the kind.
func (k Kind) Status() int {
	if s, ok := statuses[k]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Error is what one package tells another, and the hub its callers, when something did not work.
// It carries no secret and no body text: whoever builds one leaves them out.
type Error struct {
	Kind         Kind
	Code         string // stable word or Microsoft's code: mode_not_supported, AADSTS7000215, ErrorItemNotFound
	Message      string // what happened, one sentence
	Operation    string // the hub's action or step, or "GET /users/{user-id}/messages"
	Mode         string // application or delegated, where it matters
	Cause        string // the likely cause
	Fix          string // the exact next step
	Who          string // who can make it: "you", "an administrator of contoso.example", "the operator of this hub"
	Alternatives []string
	WrongFixes   []string // what people try and what does not help
	Fields       []Field  // for Invalid: every field that is wrong; for the fence: every field it refuses
	RetryAfter   time.Duration
	MayBeDone    bool // an attempt of the effect had left without an answer: what refused a later one says nothing of it
	Upstream     *Upstream
	Err          error
}

// Field is one wrong input field.
type Field struct {
	Name    string `json:"name"` // JSON path from the root of the input: mailboxes[2].upn
	Message string `json:"message"`
}

// Upstream is what Microsoft, or another server, answered.
type Upstream struct {
	Status    int       `json:"status,omitempty"`
	Code      string    `json:"code,omitempty"`
	RequestID string    `json:"request_id,omitempty"`
	At        time.Time `json:"at,omitzero"`
}

// Error gives the message with its code, and the wrapped error where there is one.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for i, f := range e.Fields {
		sep := "; "
		if i == 0 && e.Message != "" {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s: %s", sep, f.Name, f.Message)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, " (%s)", e.Code)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap gives the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// As finds the fault in an error chain. Any other error becomes an Internal fault that wraps it; nil stays nil.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Code: "internal", Message: "The hub failed at a step it should not fail at",
		Fix: "Look for this time in the hub's log and report it with the request id", Who: "the operator of this hub", Err: err}
}

// KindOf is the kind of the fault in the chain, Internal for any other error, "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	return As(err).Kind
}

// CodeOf is the code of the fault in the chain, "" where there is none.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// MayBeDone says that the effect may have come although err, or what it wraps, says that it was refused.
func MayBeDone(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		switch e := err.(type) { //nolint:errorlint // each link of the chain is looked at
		case certain:
			return false
		case *Error:
			if e.MayBeDone || e.Kind == Unclear {
				return true
			}
		}
	}
	return false
}

// Certain is err of a step before the effect: whatever became of that step, the effect did not come.
func Certain(err error) error {
	if err == nil {
		return nil
	}
	return certain{err}
}

type certain struct{ error }

func (c certain) Unwrap() error { return c.error }

// BadField is an Invalid fault about one field.
func BadField(name, format string, args ...any) *Error {
	return BadFields(Field{Name: name, Message: fmt.Sprintf(format, args...)})
}

// BadFields is an Invalid fault about several fields; without any it is nil.
func BadFields(fields ...Field) *Error {
	if len(fields) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Code: "invalid_input", Message: "The input is not accepted", Fields: fields,
		Fix: "Correct the named fields and send it again", Who: "you"}
}

// OfFields is BadFields where a field is wrong, and no error where none is.
func OfFields(wrong []Field) error {
	if len(wrong) == 0 {
		return nil
	}
	return BadFields(wrong...)
}

// Missing is a NotFound fault: what there is none of, and the id that was asked for.
func Missing(what, id string) *Error {
	return &Error{Kind: NotFound, Code: "not_found", Message: fmt.Sprintf("There is no %s %q", what, id),
		Fix: fmt.Sprintf("Check the id, or list what there is (%s list)", what), Who: "you"}
}

// Problem is the form at the faces: problem details of RFC 9457 with our members.
type Problem struct {
	Type         string    `json:"type"`
	Title        string    `json:"title"`
	Status       int       `json:"status"`
	Detail       string    `json:"detail,omitempty"`
	Instance     string    `json:"instance,omitempty"`
	Kind         Kind      `json:"kind"`
	Code         string    `json:"code"`
	Operation    string    `json:"operation,omitempty"`
	Mode         string    `json:"mode,omitempty"`
	Cause        string    `json:"cause,omitempty"`
	Fix          string    `json:"fix,omitempty"`
	Who          string    `json:"who,omitempty"`
	Alternatives []string  `json:"alternatives,omitempty"`
	WrongFixes   []string  `json:"wrong_fixes,omitempty"`
	Errors       []Field   `json:"errors,omitempty"`
	RetryAfter   float64   `json:"retry_after,omitempty"` // seconds
	Upstream     *Upstream `json:"upstream,omitempty"`
}

// Problem converts the fault for a face. The wrapped error stays inside: it may hold what a caller must not see.
func (e *Error) Problem() Problem {
	code := e.Code
	if code == "" {
		code = string(e.Kind)
	}
	return Problem{
		Type: "about:blank", Title: e.Message, Status: e.Kind.Status(), Detail: e.Cause, Kind: e.Kind, Code: code,
		Operation: e.Operation, Mode: e.Mode, Cause: e.Cause, Fix: e.Fix, Who: e.Who,
		Alternatives: e.Alternatives, WrongFixes: e.WrongFixes, Errors: e.Fields,
		RetryAfter: e.RetryAfter.Seconds(), Upstream: e.Upstream,
	}
}

// MarshalJSON gives the problem form, so that a stored or printed fault looks like an answered one.
func (e *Error) MarshalJSON() ([]byte, error) { return json.Marshal(e.Problem()) }

// FromProblem is the way back, for a client of the REST face and for stored faults.
func FromProblem(p Problem) *Error {
	return &Error{Kind: p.Kind, Code: p.Code, Message: p.Title, Operation: p.Operation, Mode: p.Mode, Cause: p.Cause, Fix: p.Fix, Who: p.Who,
		Alternatives: p.Alternatives, WrongFixes: p.WrongFixes, Fields: p.Errors,
		RetryAfter: time.Duration(p.RetryAfter * float64(time.Second)), Upstream: p.Upstream}
}
