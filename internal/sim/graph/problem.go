package graph

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// problem is an error answer: graph/FACTS §2.
type problem struct {
	status  int
	code    string
	message string
	inner   string // innerError.code
	header  http.Header
}

func fail(status int, code, message string) *problem {
	return &problem{status: status, code: code, message: message}
}

func badRequest(message string) *problem { return fail(http.StatusBadRequest, "BadRequest", message) }

func notImplemented(what string) *problem {
	return fail(http.StatusNotImplemented, "NotImplemented", "The simulator does not play "+what+".")
}

func itemNotFound() *problem {
	return fail(http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
}

func resourceNotFound(id string) *problem {
	return fail(http.StatusNotFound, "Request_ResourceNotFound", "Resource '"+id+"' does not exist or one of its queried reference-property objects are not present.")
}

// bodyOf is the JSON shape of an error.
func bodyOf(p *problem, requestID, clientID string, now time.Time) map[string]any {
	inner := map[string]any{"date": now.UTC().Format("2006-01-02T15:04:05"), "request-id": requestID, "client-request-id": clientID}
	if p.inner != "" {
		inner["code"] = p.inner
	}
	return map[string]any{"error": map[string]any{"code": p.code, "message": p.message, "innerError": inner}}
}

// codes of faults by status, where POST /faults names none.
var statusCodes = map[int]string{
	400: "BadRequest", 401: "InvalidAuthenticationToken", 403: "Forbidden", 404: "ResourceNotFound", 409: "Conflict", 410: "resyncRequired", 412: "resourceModified", 413: "RequestEntityTooLarge",
	423: "resourceLocked", 429: "TooManyRequests", 500: "InternalServerError", 502: "UnknownError", 503: "serviceNotAvailable", 504: "UnknownError", 507: "quotaLimitReached", 509: "activityLimitReached",
}

// WriteStatus answers with a status in Graph's shape: how faults speak.
func (s *Server) WriteStatus(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	if code == "" {
		code = statusCodes[status]
	}
	if code == "" {
		code = "UnknownError"
	}
	if message == "" {
		message = "This answer was asked for by POST /faults."
	}
	id := s.identify(w, r)
	s.writeProblem(w, id, fail(status, code, message))
}

func (s *Server) writeProblem(w http.ResponseWriter, id ids, p *problem) {
	for k, v := range p.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(bodyOf(p, id.request, id.client, s.world.Now())) // the client went away
}

// ids are the two request ids of every answer.
type ids struct{ request, client string }

// identify makes the request's ids and writes the headers that every answer carries.
func (s *Server) identify(w http.ResponseWriter, r *http.Request) ids {
	id := ids{request: s.world.NewGUID(), client: r.Header.Get("client-request-id")}
	if id.client == "" {
		id.client = id.request
	}
	h := w.Header()
	h.Set("request-id", id.request)
	h.Set("client-request-id", id.client)
	h.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"Simulated","Slice":"E","Ring":"1","ScaleUnit":"000","RoleInstance":"SIM"}}`)
	h.Set("Date", s.world.Now().UTC().Format(http.TimeFormat))
	return id
}

// errorText makes a sentence of an error of ours.
func errorText(err error) string {
	t := err.Error()
	if t == "" {
		return t
	}
	return strings.ToUpper(t[:1]) + t[1:]
}
