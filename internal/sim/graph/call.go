package graph

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"seneschal/internal/sim/entra"
	"seneschal/internal/sim/odata"
	"seneschal/internal/sim/trouble"
	"seneschal/internal/sim/world"
	"seneschal/internal/sim/zone"
)

// call is one request on its way through an operation.
type call struct {
	s                 *Server
	r                 *http.Request
	note              *trouble.Request
	token             entra.Token
	op                operation
	params            map[string]string
	version           string
	q                 odata.Query
	user              world.Object // whose path it is; nil outside /users/{id} and /me
	box               string       // scope of the user's mailbox
	immutable         bool
	named             string // of an item of a drive: its path below the item whose id the address names
	siteAt            string // of a site: its path below the host that the address names
	chosen            bool   // what the app was granted on the site decides: Sites.Selected
	preferenceApplied []string
}

// prepare reads the query, finds the user and checks the permission: everything before the operation itself.
func (c *call) prepare() *problem {
	if c.op.me && c.token.AppOnly {
		return badRequest("/me request is only valid with delegated authentication flow.")
	}
	if p := c.permit(); p != nil {
		return p
	}
	var err error
	if c.q, err = odata.Parse(c.r.URL.Query()); err != nil {
		if c.outlook() {
			return fail(http.StatusBadRequest, "RequestBroker--ParseUri", errorText(err))
		}
		return fail(http.StatusBadRequest, "Request_BadRequest", errorText(err))
	}
	c.immutable = strings.Contains(strings.ToLower(c.prefer("IdType")), "immutableid")
	if c.immutable {
		c.preferenceApplied = append(c.preferenceApplied, `IdType="ImmutableId"`)
	}
	return c.findUser()
}

// held is what the token carries for its mode.
func (c *call) held() []string {
	if c.token.AppOnly {
		return c.token.Roles
	}
	return c.token.Scopes
}

func (c *call) mode() accepted {
	if c.token.AppOnly {
		return c.op.application
	}
	return c.op.delegated
}

// permit checks the table's permissions. Two rules the table does not hold: without a directory-wide scope a user sees only themselves, and mailboxes only their own.
func (c *call) permit() *problem {
	if c.op.canonical == "GET /oidc/userinfo" {
		return nil
	}
	if c.subscriptionPath() || c.op.canonical == "POST /$batch" {
		return nil // checked per resource, per part
	}
	if !c.mode().allows(c.held()) && !c.inScope() {
		if c.chosen = c.bySelected(); !c.chosen {
			return c.denied()
		}
	}
	if c.token.AppOnly || c.op.me || c.params["user-id"] == "" {
		return nil
	}
	u, ok := c.s.world.User(c.token.Tenant, c.params["user-id"])
	if ok && world.Text(u, "id") == c.token.ObjectID {
		return nil
	}
	if c.sharedMail(u) {
		return nil
	}
	if c.outlook() || c.onDrive() || c.ofOnePerson() {
		return c.denied() // nobody shared anything but mail in these worlds
	}
	if c.op.canonical == notifying {
		return nil // whoever may notify may notify others: userteamwork-sendactivitynotification.md
	}
	for _, h := range c.held() {
		if strings.HasSuffix(h, ".All") {
			return nil
		}
	}
	return c.denied()
}

// sharedMail tells whether the person was let into the mailbox and the app may follow: Mail.*.Shared, outlook-share-messages-folders.md.
func (c *call) sharedMail(mailbox world.Object) bool {
	if !c.outlook() || c.op.segments[2] != "messages" && c.op.segments[2] != "mailfolders" { // behind users and whose
		return false
	}
	var shared []string
	for _, h := range c.held() {
		if own, is := strings.CutSuffix(h, ".Shared"); is {
			shared = append(shared, own)
		}
	}
	return c.delegate(mailbox) && c.mode().allows(shared)
}

// delegate tells whether the signed-in person has Full Access to a mailbox, and Send As.
func (c *call) delegate(mailbox world.Object) bool {
	for _, d := range world.Strings(mailbox["~delegates"]) {
		if u, ok := c.s.world.User(c.token.Tenant, d); ok && world.Text(u, "id") == c.token.ObjectID {
			return true
		}
	}
	return false
}

func (c *call) denied() *problem {
	if c.outlook() {
		return fail(http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	}
	if c.onDrive() || c.onSite() {
		return accessDenied()
	}
	if c.onTeams() {
		return c.missingOnTeams()
	}
	return fail(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

func (c *call) subscriptionPath() bool { return c.op.segments[0] == "subscriptions" }

// outlook tells whether the path belongs to Exchange.
func (c *call) outlook() bool {
	if len(c.op.segments) < 2 || c.op.segments[0] != "users" && !c.op.me {
		return false
	}
	i := 2
	if c.op.me {
		i = 1
	}
	if i >= len(c.op.segments) {
		return false
	}
	switch c.op.segments[i] {
	case "messages", "mailfolders", "sendmail", "events", "calendar", "calendars", "calendarview", "calendargroups", "mailboxsettings", "findmeetingtimes", "outlook", "translateexchangeids",
		"contacts", "contactfolders", "inferenceclassification", "getmailtips", "todo":
		return true
	}
	return strings.HasPrefix(c.op.segments[i], "reminderview")
}

func (c *call) findUser() *problem {
	name := c.params["user-id"]
	if c.op.me {
		name = c.token.ObjectID
	}
	if name == "" || c.op.segments[0] != "users" && !c.op.me {
		return nil
	}
	u, ok := c.s.world.User(c.token.Tenant, name)
	if !ok {
		if c.outlook() {
			return fail(http.StatusNotFound, "ErrorInvalidUser", "The requested user '"+name+"' is invalid.")
		}
		return resourceNotFound(name)
	}
	c.user, c.box = u, world.Mailbox(world.Text(u, "id"))
	if c.outlook() {
		c.note.Mailbox = world.Text(u, "userPrincipalName")
	}
	return nil
}

// openMailbox refuses mailbox paths of a user without one.
func (c *call) openMailbox() *problem {
	if c.user == nil || !c.outlook() || world.HasMailbox(c.user) {
		return nil
	}
	return fail(http.StatusNotFound, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise.")
}

func (c *call) userID() string { return world.Text(c.user, "id") }

// prefer finds one preference of the Prefer headers.
func (c *call) prefer(name string) string {
	for _, h := range c.r.Header.Values("Prefer") {
		for part := range strings.SplitSeq(h, ",") {
			k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
			if strings.EqualFold(strings.TrimSpace(k), name) {
				return strings.Trim(strings.TrimSpace(v), `"`)
			}
		}
	}
	return ""
}

// timeZone is the zone of the answer's times: graph/FACTS §8.
func (c *call) timeZone() (string, *time.Location, *problem) {
	name := c.prefer("outlook.timezone")
	if name == "" {
		return "UTC", time.UTC, nil
	}
	loc, ok := zone.Load(name)
	if !ok {
		return "", nil, fail(http.StatusBadRequest, "TimeZoneNotSupportedException", "A valid TimeZone value must be specified. The following TimeZone value is not supported: '"+name+"'.")
	}
	return name, loc, nil
}

const maxBody = 4 << 20 // graph/FACTS §2: 413 above 4 MB (recall)

// content is the request's body. Microsoft's own SDKs compress it (kiota's compression handler, on by default).
func (c *call) content() (io.Reader, error) {
	if c.r.Header.Get("Content-Encoding") != "gzip" {
		return c.r.Body, nil
	}
	return gzip.NewReader(c.r.Body)
}

// bytes reads the request's body.
func (c *call) bytes() ([]byte, *problem) {
	content, err := c.content()
	if err != nil {
		return nil, badRequest("The request body could not be read.")
	}
	b, err := io.ReadAll(io.LimitReader(content, maxBody+1))
	if err != nil {
		return nil, badRequest("The request body could not be read.")
	}
	if len(b) > maxBody {
		return nil, fail(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The maximum request length supported is 4MB.")
	}
	return b, nil
}

// json reads the body as a JSON object. An empty body is an empty object.
func (c *call) json() (world.Object, *problem) {
	b, p := c.bytes()
	if p != nil {
		return nil, p
	}
	if len(strings.TrimSpace(string(b))) == 0 {
		return world.Object{}, nil
	}
	return readObject(b)
}

func readObject(b []byte) (world.Object, *problem) {
	var o world.Object
	if err := json.Unmarshal(b, &o); err != nil || o == nil {
		return nil, badRequest("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	return o, nil
}

// param reads a property of an action's body in either case: Comment and comment.
func param(o world.Object, name string) any {
	if v, ok := o[name]; ok {
		return v
	}
	for k, v := range o {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

func paramText(o world.Object, name string) string { s, _ := param(o, name).(string); return s }

func paramObject(o world.Object, name string) world.Object {
	v, _ := param(o, name).(world.Object)
	return v
}

// paramBool reads a boolean; the string forms of some documentation examples are accepted: graph/FACTS §14.
func paramBool(o world.Object, name string, absent bool) bool {
	switch v := param(o, name).(type) {
	case bool:
		return v
	case string:
		return strings.EqualFold(v, "true")
	}
	return absent
}

// root is the address of this version as the client sees it.
func (c *call) root() string {
	return "https://" + c.r.Host + "/" + c.version
}

// context is @odata.context.
func (c *call) context(of string) string { return c.root() + "/$metadata#" + of }

// link is the address of this collection with other query options: nextLink, deltaLink.
func (c *call) link(change func(url.Values)) string {
	v := c.r.URL.Query()
	change(v)
	return "https://" + c.r.Host + c.r.URL.EscapedPath() + "?" + strings.ReplaceAll(v.Encode(), "%24", "$")
}
