package entra

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

// refusal is one AADSTS error. What programs see of it is (error, error_codes); the text is for people: graph/FACTS §1.2, §1.6.
type refusal struct {
	code     int
	oauth    string
	status   int
	text     string
	suberror string
	claims   string // a Conditional Access challenge
}

func (r *refusal) Error() string { return fmt.Sprintf("AADSTS%d: %s", r.code, r.text) }

// known gives each code its OAuth error, status and text. %s takes the argument of refuse.
var known = map[int]refusal{
	7000215: {oauth: "invalid_client", status: 401, text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'."},
	7000222: {oauth: "invalid_client", status: 401, text: "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app, or consider using certificate credentials for added security."},
	700027:  {oauth: "invalid_client", status: 401, text: "Client assertion failed signature validation or its certificate is not registered on the application. %s"},
	50012:   {oauth: "invalid_client", status: 401, text: "Authentication failed: the client assertion is not acceptable. %s"},
	7000218: {oauth: "invalid_client", status: 401, text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
	700025:  {oauth: "invalid_client", status: 401, text: "Client is public so neither 'client_assertion' nor 'client_secret' should be presented."},
	700016:  {oauth: "unauthorized_client", status: 400, text: "Application with identifier '%s' was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."},
	90002:   {oauth: "invalid_request", status: 400, text: "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."},
	50059:   {oauth: "invalid_request", status: 400, text: "No tenant-identifying information found in either the request or implied by any provided credentials."},
	50194:   {oauth: "invalid_request", status: 400, text: "Application '%s' is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps. Use a tenant-specific endpoint or configure the application to be multi-tenant."},
	9001023: {oauth: "invalid_request", status: 400, text: "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint."},
	70011:   {oauth: "invalid_scope", status: 400, text: "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid."},
	700022:  {oauth: "invalid_request", status: 400, text: "The provided value for the input parameter scope is not valid: it contains scopes of more than one resource (%s)."},
	500011:  {oauth: "invalid_resource", status: 400, text: "The resource principal named %s was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."},
	65001:   {oauth: "invalid_grant", status: 400, suberror: "consent_required", text: "The user or administrator has not consented to use the application with ID '%s'. Send an interactive authorization request for this user and resource."},
	65004:   {oauth: "access_denied", status: 400, text: "User declined to consent to access the app."},
	90094:   {oauth: "access_denied", status: 400, text: "Admin consent is required for the permissions requested by this application. %s"},
	50105:   {oauth: "access_denied", status: 400, text: "Your administrator has configured the application %s to block users unless they are specifically granted ('assigned') access to the application."},
	50011:   {oauth: "invalid_request", status: 400, text: "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application. Make sure the redirect URI sent in the request matches one added to your application."},
	900971:  {oauth: "invalid_request", status: 400, text: "No reply address provided."},
	50020:   {oauth: "invalid_grant", status: 400, text: "User account '%s' from another identity provider does not exist in the tenant and cannot access the application in it. The account needs to be added as an external user in the tenant first."},
	50034:   {oauth: "invalid_grant", status: 400, text: "The user account %s does not exist in the directory. To sign into this application, the account must be added to the directory."},
	50126:   {oauth: "invalid_grant", status: 400, text: "Error validating credentials due to invalid username or password."},
	50057:   {oauth: "invalid_grant", status: 400, text: "The user account is disabled."},
	50058:   {oauth: "login_required", status: 400, text: "A silent sign-in request was sent but no user is signed in."},
	50076:   {oauth: "interaction_required", status: 400, suberror: "basic_action", text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '%s'."},
	53003:   {oauth: "interaction_required", status: 400, suberror: "message_only", text: "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."},
	50173:   {oauth: "invalid_grant", status: 400, suberror: "bad_token", text: "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password."},
	70000:   {oauth: "invalid_grant", status: 400, text: "Provided grant is invalid or malformed."},
	70008:   {oauth: "invalid_grant", status: 400, text: "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource."},
	700082:  {oauth: "invalid_grant", status: 400, suberror: "bad_token", text: "The refresh token has expired due to inactivity. The token was inactive for 90.00:00:00."},
	54005:   {oauth: "invalid_grant", status: 400, text: "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."},
	700005:  {oauth: "invalid_grant", status: 400, text: "The provided authorization code is intended to be used against another tenant."},
	501481:  {oauth: "invalid_grant", status: 400, text: "The Code_Verifier does not match the code_challenge supplied in the authorization request."},
	50147:   {oauth: "invalid_request", status: 400, text: "Invalid size of Code_Challenge parameter."},
	70016:   {oauth: "authorization_pending", status: 400, text: "OAuth 2.0 device flow error. Authorization is pending. Continue polling."},
	70018:   {oauth: "bad_verification_code", status: 400, text: "Invalid verification code due to the user typing in a wrong user code for the device code flow."},
	70019:   {oauth: "expired_token", status: 400, text: "Verification code expired. Have the user retry the sign-in."},
	7000112: {oauth: "unauthorized_client", status: 400, text: "Application '%s' is disabled."},
	901002:  {oauth: "invalid_request", status: 400, text: "The 'resource' request parameter is not supported."},
	900144:  {oauth: "invalid_request", status: 400, text: "The request body must contain the following parameter: '%s'."},
	70003:   {oauth: "unsupported_grant_type", status: 400, text: "The app requested an unsupported grant type '%s'."},
	90014:   {oauth: "invalid_request", status: 400, text: "The required field '%s' is missing from the credential."},
	90055:   {oauth: "temporarily_unavailable", status: 503, text: "Too many requests. Please try again."},
	50053:   {oauth: "invalid_grant", status: 400, text: "The account is locked because the user tried to sign in too many times with an incorrect user ID or password, or the sign-in came from a malicious address."},
}

func refuse(code int, arg string) *refusal {
	r := known[code]
	r.code = code
	if strings.Contains(r.text, "%s") {
		r.text = fmt.Sprintf(r.text, arg)
	}
	return &r
}

// writeRefusal answers a program in the shape of graph/FACTS §1.2.
func (s *Server) writeRefusal(w http.ResponseWriter, r *http.Request, ref *refusal) {
	now, trace, correlation := s.world.Now(), s.world.NewGUID(), correlationID(r)
	if correlation == "" {
		correlation = s.world.NewGUID()
	}
	stamp := now.Format("2006-01-02 15:04:05Z")
	body := map[string]any{
		"error": ref.oauth, "error_codes": []int{ref.code}, "timestamp": stamp, "trace_id": trace, "correlation_id": correlation,
		"error_description": fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s", ref.Error(), trace, correlation, stamp),
		"error_uri":         fmt.Sprintf("https://%s/error?code=%d", r.Host, ref.code),
	}
	if ref.suberror != "" {
		body["suberror"] = ref.suberror
	}
	if ref.claims != "" {
		body["claims"] = ref.claims
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("x-ms-request-id", trace)
	if ref.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_client"`)
	}
	w.WriteHeader(ref.status)
	_ = json.NewEncoder(w).Encode(body) // the client went away
}

func correlationID(r *http.Request) string {
	if id := r.Header.Get("client-request-id"); id != "" {
		return id
	}
	return r.FormValue("client-request-id")
}

var errorPage = template.Must(template.New("error").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in to your account</title>
<body><main><h1>{{.Title}}</h1><p id="error">{{.Text}}</p><p>Request Id: {{.Trace}}</p><p>Timestamp: {{.Stamp}}</p>
{{if .Back}}<p><a id="back" href="{{.Back}}">{{.BackText}}</a></p>{{end}}</main></body></html>`))

type errorView struct {
	Title, Text, Trace, Stamp, Back, BackText string
}

// page shows a refusal to a person, with a way back to the application where there is a safe one.
func (s *Server) page(w http.ResponseWriter, ref *refusal, back string) {
	v := errorView{Title: "Sorry, but we’re having trouble signing you in.", Text: ref.Error(), Trace: s.world.NewGUID(), Stamp: s.world.Now().Format("2006-01-02T15:04:05Z"), Back: back, BackText: "Return to the application"}
	status := http.StatusBadRequest
	if ref.code == 90094 {
		v.Title, v.BackText, status = "Need admin approval", "Return to the application without granting consent", http.StatusOK
	}
	s.render(w, status, errorPage, v)
}

func (s *Server) render(w http.ResponseWriter, status int, t *template.Template, v any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.WriteHeader(status)
	if err := t.Execute(w, v); err != nil {
		s.world.Log.Debug("a sign-in page was not read to its end", "error", err)
	}
}

// WriteStatus answers with a status in this service's shape: how faults speak.
func (s *Server) WriteStatus(w http.ResponseWriter, r *http.Request, status int, message string) {
	ref := refuse(90055, "")
	ref.status = status
	if status < http.StatusTooManyRequests {
		ref.oauth = "invalid_request"
	}
	if message != "" {
		ref.text = message
	}
	s.writeRefusal(w, r, ref)
}
