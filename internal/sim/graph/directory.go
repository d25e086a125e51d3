package graph

import (
	"encoding/base64"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/sim/odata"
	"seneschal/internal/sim/world"
)

func directoryHandlers() map[string]handler {
	return map[string]handler{
		"GET /oidc/userinfo":                         userInfo,
		"GET /organization":                          listOf(world.Organization, "organization"),
		"GET /organization/{organization-id}":        oneOf(world.Organization, "organization", "organization-id"),
		"GET /domains":                               listOf(world.Domains, "domains"),
		"GET /domains/{domain-id}":                   oneOf(world.Domains, "domains", "domain-id"),
		"GET /subscribedSkus":                        listOf(world.SKUs, "subscribedSkus"),
		"GET /subscribedSkus/{subscribedSku-id}":     oneOf(world.SKUs, "subscribedSkus", "subscribedSku-id"),
		"GET /admin/serviceAnnouncement/issues":      listOf(world.ServiceIssues, "admin/serviceAnnouncement/issues"),
		"GET /users":                                 listUsers,
		"GET /users/$count":                          countUsers,
		"GET /users/delta()":                         deltaUsers,
		"GET /users/{user-id}":                       getUser,
		"GET /users/{user-id}/licenseDetails":        licenseDetails,
		"GET /users/{user-id}/memberOf":              memberOf(false),
		"GET /users/{user-id}/transitiveMemberOf":    memberOf(true),
		"GET /users/{user-id}/manager":               noManager,
		"POST /users/{user-id}/revokeSignInSessions": revokeSessions,

		"GET /applications":                                                                         listOf(world.Applications, "applications"),
		"GET /applications/{application-id}":                                                        oneOf(world.Applications, "applications", "application-id"),
		"POST /applications/{application-id}/addPassword":                                           addPassword,
		"POST /applications/{application-id}/removePassword":                                        removePassword,
		"GET /applications/{application-id}/federatedIdentityCredentials":                           listFederated,
		"POST /applications/{application-id}/federatedIdentityCredentials":                          addFederated,
		"GET /servicePrincipals":                                                                    listOf(world.ServicePrincipals, "servicePrincipals"),
		"GET /servicePrincipals/{servicePrincipal-id}":                                              oneOf(world.ServicePrincipals, "servicePrincipals", "servicePrincipal-id"),
		"GET /servicePrincipals/{servicePrincipal-id}/appRoleAssignments":                           related(world.AppRoleGrants, "principalId"),
		"GET /servicePrincipals/{servicePrincipal-id}/appRoleAssignedTo":                            related(world.AppRoleGrants, "resourceId"),
		"GET /servicePrincipals/{servicePrincipal-id}/oauth2PermissionGrants":                       related(world.ScopeGrants, "clientId"),
		"POST /servicePrincipals/{servicePrincipal-id}/appRoleAssignments":                          assignRole,
		"POST /servicePrincipals/{servicePrincipal-id}/appRoleAssignedTo":                           assignRole,
		"DELETE /servicePrincipals/{servicePrincipal-id}/appRoleAssignments/{appRoleAssignment-id}": removeFrom(world.AppRoleGrants, "appRoleAssignment-id"),
		"GET /oauth2PermissionGrants":                                                               listOf(world.ScopeGrants, "oauth2PermissionGrants"),
		"GET /oauth2PermissionGrants/{oAuth2PermissionGrant-id}":                                    oneOf(world.ScopeGrants, "oauth2PermissionGrants", "oAuth2PermissionGrant-id"),
		"DELETE /oauth2PermissionGrants/{oAuth2PermissionGrant-id}":                                 removeFrom(world.ScopeGrants, "oAuth2PermissionGrant-id"),
	}
}

func userInfo(c *call) (reply, *problem) {
	if c.token.AppOnly {
		return reply{}, badRequest("The userinfo endpoint needs a user's token.")
	}
	return ok(c.token.UserInfo), nil
}

// directoryPage is how directory collections page: graph/FACTS §12.
func directoryPage(context string) listing {
	return listing{context: context, defaultTop: 100, maxTop: 999, skipToken: true}
}

// advanced checks what the directory only answers with ConsistencyLevel: eventual and $count=true: graph/FACTS §12.
func (c *call) advanced() *problem {
	eventual := strings.EqualFold(c.r.Header.Get("ConsistencyLevel"), "eventual")
	counted := eventual && c.q.Count
	if !eventual {
		c.q.Count = false // silently ignored
	}
	if c.q.Search != "" && !eventual {
		return unsupported("Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'")
	}
	if len(c.q.OrderBy) > 0 && c.q.Filter != nil && !counted {
		return unsupported("Sorting not supported for current query.")
	}
	var p *problem
	if c.q.Filter != nil && !counted {
		c.q.Filter.Paths(func(path, op string) {
			if op == "ne" || op == "not" || op == "endswith" || op == "contains" {
				p = unsupported("Operator '" + op + "' on '" + path + "' is not supported because the required parameters might be missing. Try adding $count=true query parameter and ConsistencyLevel:eventual header.")
			}
		})
	}
	return p
}

func unsupported(message string) *problem {
	return fail(http.StatusBadRequest, "Request_UnsupportedQuery", message)
}

func listOf(collection, context string) handler {
	return func(c *call) (reply, *problem) {
		if p := c.advanced(); p != nil {
			return reply{}, p
		}
		return c.page(directoryPage(context), c.s.world.All(c.token.Tenant, collection), public)
	}
}

// oneOf finds by id.
func oneOf(collection, context, name string) handler {
	return func(c *call) (reply, *problem) {
		o, found := c.s.world.Get(world.Key{Scope: c.token.Tenant, Collection: collection, ID: c.params[name]})
		if !found {
			return reply{}, resourceNotFound(c.params[name])
		}
		return c.one(context, public(o))
	}
}

var appIDKey = regexp.MustCompile(`(?i)^(applications|servicePrincipals)\((?:appId|appid)='([^']+)'\)(.*)$`)

// byAppID rewrites the other key of applications and service principals, (appId='…'), to the id.
func (s *Server) byAppID(tenant, path string) string {
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return path
	}
	m := appIDKey.FindStringSubmatch(decoded)
	if m == nil {
		return path
	}
	collection := world.Applications
	if strings.EqualFold(m[1], world.ServicePrincipals) {
		collection = world.ServicePrincipals
	}
	for id, o := range s.world.Scan(tenant, collection) {
		if strings.EqualFold(world.Text(o, "appId"), m[2]) {
			return m[1] + "/" + id + m[3]
		}
	}
	return m[1] + "/" + m[2] + m[3]
}

func noManager(*call) (reply, *problem) {
	return reply{}, fail(http.StatusNotFound, "Request_ResourceNotFound", "Resource 'manager' does not exist or one of its queried reference-property objects are not present.")
}

// userDefaults are the properties a user shows without $select.
var userDefaults = []string{"businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation", "preferredLanguage", "surname", "userPrincipalName"}

// basicUser is all that User.ReadBasic.All shows.
var basicUser = []string{"displayName", "givenName", "id", "mail", "photo", "securityIdentifier", "surname", "userPrincipalName"}

func (c *call) renderUser(u world.Object) world.Object {
	out := public(u)
	if len(c.held()) == 1 && strings.EqualFold(c.held()[0], "User.ReadBasic.All") {
		out = odata.Project(out, basicUser)
	}
	return out
}

// selectUser narrows to the default properties, after filters saw all of them.
func (c *call) selectUser() {
	if len(c.q.Select) == 0 {
		c.q.Select = userDefaults
	}
}

func listUsers(c *call) (reply, *problem) {
	if p := c.advanced(); p != nil {
		return reply{}, p
	}
	if len(c.q.Select) == 0 {
		c.selectUser()
	}
	items := c.s.world.All(c.token.Tenant, world.Users)
	if c.q.Search != "" {
		items = searchUsers(items, c.q.Search)
	}
	return c.page(directoryPage("users"), items, c.renderUser)
}

// searchUsers plays "displayName:ada" "mail:x": a property and words that begin with the text.
func searchUsers(items iter.Seq[world.Object], search string) iter.Seq[world.Object] {
	property, text, named := strings.Cut(strings.Trim(search, `"`), ":")
	if !named {
		property, text = "displayName", property
	}
	text = strings.ToLower(strings.TrimSpace(text))
	return func(yield func(world.Object) bool) {
		for u := range items {
			value, _ := odata.Lookup(u, property).(string)
			for _, word := range strings.FieldsFunc(strings.ToLower(value), func(r rune) bool { return r == ' ' || r == '@' || r == '.' || r == '-' }) {
				if strings.HasPrefix(word, text) {
					if !yield(u) {
						return
					}
					break
				}
			}
		}
	}
}

func countUsers(c *call) (reply, *problem) {
	if !strings.EqualFold(c.r.Header.Get("ConsistencyLevel"), "eventual") {
		return reply{}, unsupported("$count is not currently supported.")
	}
	n := 0
	for u := range c.s.world.All(c.token.Tenant, world.Users) {
		if c.q.Filter == nil || c.q.Filter.Match(u) {
			n++
		}
	}
	return plainText(strconv.Itoa(n)), nil
}

func plainText(s string) reply {
	return reply{status: http.StatusOK, raw: &rawReply{contentType: "text/plain", write: func(w http.ResponseWriter) error {
		_, err := w.Write([]byte(s))
		return err
	}}}
}

func getUser(c *call) (reply, *problem) {
	c.selectUser()
	return c.one("users", c.renderUser(c.user))
}

func licenseDetails(c *call) (reply, *problem) {
	var out []world.Object
	for _, l := range world.Objects(c.user["assignedLicenses"]) {
		out = append(out, world.Object{"id": c.s.world.ItemKey("licence", c.userID()), "skuId": l["skuId"], "skuPartNumber": "SPE_E3", "servicePlans": world.ServicePlans()})
	}
	return c.page(directoryPage("users('"+c.userID()+"')/licenseDetails"), slices.Values(out), public)
}

func revokeSessions(c *call) (reply, *problem) {
	if err := c.s.entra.Revoke(c.token.Tenant, c.userID()); err != nil {
		return reply{}, resourceNotFound(c.userID())
	}
	return ok(world.Object{"@odata.context": c.context("Edm.Boolean"), "value": true}), nil
}

// directoryTokenLife is how long a directory delta link is good: graph/FACTS §5.
const directoryTokenLife = 7 * 24 * time.Hour

type userDeltaToken struct {
	Since  uint64    `json:"s"`
	At     time.Time `json:"t"`
	Select string    `json:"q,omitempty"`
	Filter string    `json:"f,omitempty"`
	Skip   int       `json:"n,omitempty"` // first round: where the next page begins
	First  bool      `json:"i,omitempty"`
}

func encodeToken(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodeToken(s string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && json.Unmarshal(b, v) == nil
}

// tokenOf reads $deltatoken or $skiptoken, with or without the dollar.
func (c *call) tokenOf() (string, bool) {
	v := c.r.URL.Query()
	for _, name := range []string{"$deltatoken", "$skiptoken", "deltatoken", "skiptoken"} {
		if v.Has(name) {
			return v.Get(name), true
		}
	}
	return "", false
}

func deltaUsers(c *call) (reply, *problem) {
	if c.q.Top >= 0 || len(c.q.Expand) > 0 || len(c.q.OrderBy) > 0 {
		return reply{}, unsupported("The query parameter is not supported on a delta query.")
	}
	t := userDeltaToken{Since: c.s.world.Point(), At: c.s.world.Now(), First: true, Select: strings.Join(c.q.Select, ","), Filter: c.q.FilterRaw}
	if raw, given := c.tokenOf(); given && raw == "latest" {
		t.First = false
		return ok(world.Object{"@odata.context": c.context("users"), "value": []any{}, "@odata.deltaLink": c.deltaLink(t)}), nil
	} else if given {
		t = userDeltaToken{}
		if !decodeToken(raw, &t) || c.deltaGone() || c.s.world.Now().Sub(t.At) > directoryTokenLife {
			p := fail(http.StatusGone, "syncStateNotFound", "Resync required. Please retry with an empty delta token.")
			p.header = http.Header{"Location": {c.root() + "/users/delta?$deltatoken="}}
			return reply{}, p
		}
	}
	if t.First {
		return c.firstUserRound(t)
	}
	return c.nextUserRound(t)
}

func (c *call) userDelta(t userDeltaToken) (world.Object, []string, *odata.Filter, *problem) {
	sel := userDefaults
	if t.Select != "" {
		sel = strings.Split(t.Select, ",")
	}
	var filter *odata.Filter
	if t.Filter != "" {
		var err error
		if filter, err = odata.ParseFilter(t.Filter); err != nil {
			return nil, nil, nil, badRequest(errorText(err))
		}
	}
	return world.Object{"@odata.context": c.context("users")}, sel, filter, nil
}

const userDeltaPage = 100

func (c *call) firstUserRound(t userDeltaToken) (reply, *problem) {
	body, sel, filter, p := c.userDelta(t)
	if p != nil {
		return reply{}, p
	}
	value, n := []any{}, 0
	for u := range c.s.world.All(c.token.Tenant, world.Users) {
		if n++; n <= t.Skip {
			continue
		}
		if len(value) == userDeltaPage {
			t.Skip += userDeltaPage
			body["value"] = value
			body["@odata.nextLink"] = c.root() + "/users/delta?$skiptoken=" + encodeToken(t)
			return ok(body), nil
		}
		if filter == nil || filter.Match(u) {
			value = append(value, odata.Project(c.renderUser(u), sel))
		}
	}
	t.First, t.Skip = false, 0
	body["value"], body["@odata.deltaLink"] = value, c.deltaLink(t)
	return ok(body), nil
}

func (c *call) nextUserRound(t userDeltaToken) (reply, *problem) {
	body, sel, filter, p := c.userDelta(t)
	if p != nil {
		return reply{}, p
	}
	value := []any{}
	changes, now := c.s.world.Since(c.token.Tenant, world.Users, t.Since)
	for _, d := range changes {
		if d.Object == nil {
			value = append(value, world.Object{"id": d.ID, "@removed": world.Object{"reason": "changed"}})
		} else if filter == nil || filter.Match(d.Object) {
			value = append(value, odata.Project(c.renderUser(d.Object), sel))
		}
	}
	t.Since, t.At = now, c.s.world.Now()
	body["value"], body["@odata.deltaLink"] = value, c.deltaLink(t)
	return ok(body), nil
}

func (c *call) deltaLink(t any) string {
	return "https://" + c.r.Host + c.r.URL.EscapedPath() + "?$deltatoken=" + url.QueryEscape(encodeToken(t))
}

func related(collection, property string) handler {
	return func(c *call) (reply, *problem) {
		id := c.params["servicePrincipal-id"]
		if _, found := c.s.world.Get(world.Key{Scope: c.token.Tenant, Collection: world.ServicePrincipals, ID: id}); !found {
			return reply{}, resourceNotFound(id)
		}
		items := func(yield func(world.Object) bool) {
			for o := range c.s.world.All(c.token.Tenant, collection) {
				if world.Text(o, property) == id && !yield(o) {
					return
				}
			}
		}
		return c.page(directoryPage("servicePrincipals('"+id+"')/"+collection), items, public)
	}
}

func removeFrom(collection, name string) handler {
	return func(c *call) (reply, *problem) {
		k := world.Key{Scope: c.token.Tenant, Collection: collection, ID: c.params[name]}
		if _, found := c.s.world.Get(k); !found {
			return reply{}, resourceNotFound(c.params[name])
		}
		c.s.world.Delete(k)
		return empty(http.StatusNoContent), nil
	}
}

func assignRole(c *call) (reply, *problem) {
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	tenant := c.token.Tenant
	principal, found := c.s.world.Get(world.Key{Scope: tenant, Collection: world.ServicePrincipals, ID: paramText(in, "principalId")})
	resource, known := c.s.world.Get(world.Key{Scope: tenant, Collection: world.ServicePrincipals, ID: paramText(in, "resourceId")})
	if !found || !known {
		return reply{}, resourceNotFound(paramText(in, "principalId"))
	}
	id := c.s.world.ItemKey("assignment", paramText(in, "principalId"), paramText(in, "appRoleId"))
	for g := range c.s.world.All(tenant, world.AppRoleGrants) {
		if g["principalId"] == principal["id"] && g["appRoleId"] == param(in, "appRoleId") && g["resourceId"] == resource["id"] {
			return reply{}, fail(http.StatusBadRequest, "Request_BadRequest", "Permission being assigned already exists on the object")
		}
	}
	o := world.Object{
		"id": id, "appRoleId": param(in, "appRoleId"), "createdDateTime": world.Stamp(c.s.world.Now()), "deletedDateTime": nil, "principalDisplayName": principal["displayName"],
		"principalId": principal["id"], "principalType": "ServicePrincipal", "resourceDisplayName": resource["displayName"], "resourceId": resource["id"],
	}
	c.s.world.Put(world.Key{Scope: tenant, Collection: world.AppRoleGrants, ID: id}, o)
	return created(o), nil
}

func (c *call) application() (world.Key, world.Object, *problem) {
	k := world.Key{Scope: c.token.Tenant, Collection: world.Applications, ID: c.params["application-id"]}
	app, found := c.s.world.Get(k)
	if !found {
		return k, nil, resourceNotFound(k.ID)
	}
	return k, world.Clone(app), nil
}

// addPassword makes a secret; its text is shown once: graph/FACTS §12.
func addPassword(c *call) (reply, *problem) {
	k, app, p := c.application()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	asked, now := paramObject(in, "passwordCredential"), c.s.world.Now()
	end := now.AddDate(2, 0, 0)
	if t := world.Time(asked, "endDateTime"); !t.IsZero() {
		end = t
	}
	text, keyID := "sim8Q~"+c.s.world.NewKey()+c.s.world.NewKey()[:12], c.s.world.NewGUID()
	kept := world.Object{"customKeyIdentifier": nil, "displayName": param(asked, "displayName"), "endDateTime": world.Stamp(end), "hint": text[:3], "keyId": keyID, "secretText": nil, "startDateTime": world.Stamp(now)}
	values, _ := app["~secrets"].(world.Object)
	values = world.Clone(values)
	if values == nil {
		values = world.Object{}
	}
	values[keyID] = text
	app["~secrets"] = values
	app["passwordCredentials"] = appended(app["passwordCredentials"], kept)
	c.s.world.Put(k, app)
	shown := world.Clone(kept)
	shown["secretText"], shown["@odata.context"] = text, c.context("microsoft.graph.passwordCredential")
	return ok(shown), nil
}

func removePassword(c *call) (reply, *problem) {
	k, app, p := c.application()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	kept, removed := []any{}, false
	for _, s := range world.Objects(app["passwordCredentials"]) {
		if strings.EqualFold(world.Text(s, "keyId"), paramText(in, "keyId")) {
			removed = true
			continue
		}
		kept = append(kept, s)
	}
	if !removed {
		return reply{}, fail(http.StatusBadRequest, "Request_BadRequest", "No password credential found with keyId '"+paramText(in, "keyId")+"'.")
	}
	app["passwordCredentials"] = kept
	c.s.world.Put(k, app)
	return empty(http.StatusNoContent), nil
}

func listFederated(c *call) (reply, *problem) {
	k, app, p := c.application()
	if p != nil {
		return reply{}, p
	}
	return c.page(directoryPage("applications('"+k.ID+"')/federatedIdentityCredentials"), slices.Values(world.Objects(app["~federated"])), public)
}

// addFederated keeps the rules of graph/FACTS §1.3: 20 per app, one audience, issuer and subject unique.
func addFederated(c *call) (reply, *problem) {
	k, app, p := c.application()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	have := world.Objects(app["~federated"])
	switch {
	case len(have) >= 20:
		return reply{}, fail(http.StatusBadRequest, "Request_BadRequest", "The maximum of 20 federated identity credentials is reached.")
	case len(world.Strings(param(in, "audiences"))) != 1:
		return reply{}, fail(http.StatusBadRequest, "Request_BadRequest", "Exactly one audience must be given.")
	}
	for _, f := range have {
		if f["name"] == param(in, "name") || f["issuer"] == param(in, "issuer") && f["subject"] == param(in, "subject") {
			return reply{}, fail(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "FederatedIdentityCredential with this name, or issuer and subject, already exists.")
		}
	}
	o := world.Object{"id": c.s.world.NewGUID(), "name": param(in, "name"), "issuer": param(in, "issuer"), "subject": param(in, "subject"), "audiences": param(in, "audiences"), "description": param(in, "description")}
	app["~federated"] = appended(app["~federated"], o)
	c.s.world.Put(k, app)
	return created(o), nil
}

// appended copies a stored list with one more item: stored lists are never changed in place.
func appended(list any, item any) []any {
	out := []any{}
	switch l := list.(type) {
	case []any:
		out = append(out, l...)
	case []world.Object:
		for _, o := range l {
			out = append(out, o)
		}
	}
	return append(out, item)
}
