package graph

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"seneschal/internal/m365/table"
	"seneschal/internal/sim/odata"
	"seneschal/internal/sim/world"
)

func subscriptionHandlers() map[string]handler {
	return map[string]handler{
		"GET /subscriptions":                                listSubscriptions,
		"POST /subscriptions":                               createSubscription,
		"GET /subscriptions/{subscription-id}":              getSubscription,
		"PATCH /subscriptions/{subscription-id}":            renewSubscription,
		"DELETE /subscriptions/{subscription-id}":           deleteSubscription,
		"POST /subscriptions/{subscription-id}/reauthorize": reauthorize,
		"POST /$batch":                                      batch,
	}
}

// Lifetimes and quota: graph/FACTS §6.2.
const (
	outlookLife     = 10080 * time.Minute
	richLife        = 1440 * time.Minute
	directoryLife   = 41760 * time.Minute
	filesLife       = 42300 * time.Minute
	leastLife       = 45 * time.Minute
	perMailbox      = 1000
	clientStateSize = 128
)

// watched is what a subscription's resource means.
type watched struct {
	kind       string // message, event, contact, driveitem, list, user: as the permission data call it
	scope      string // where the items are
	collection string
	folder     string // of a message subscription, "" for the whole mailbox
	user       world.Object
	filter     *odata.Filter
	sel        []string
}

var resourcePattern = regexp.MustCompile(`(?i)^/?(?:(users)(?:/|\(')([^/')]+)(?:'\))?|(me))(?:/(mailFolders|contactFolders)(?:/|\(')([^/']+)(?:'\))?)?/(messages|events|contacts)$`)

// resource reads "users/{id}/mailFolders('inbox')/messages?$filter=…" in its spellings.
func (c *call) resource(text string) (watched, *problem) {
	path, query, _ := strings.Cut(text, "?")
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	options, err := url.ParseQuery(query)
	if err != nil {
		return watched{}, badRequest("The query of the resource cannot be read.")
	}
	q, err := odata.Parse(options)
	if err != nil {
		return watched{}, badRequest(errorText(err))
	}
	if strings.EqualFold(strings.Trim(path, "/"), "users") {
		return watched{kind: "user", scope: c.token.Tenant, collection: world.Users, filter: q.Filter, sel: q.Select}, nil
	}
	if w, p, files := c.filesOf(path); files || p != nil {
		return w, p
	}
	m := resourcePattern.FindStringSubmatch(path)
	if m == nil || m[5] != "" && (m[6] == "contacts") != (m[4] == "contactFolders") {
		return watched{}, fail(http.StatusNotImplemented, "NotImplemented", "The simulator does not play subscriptions to '"+path+"'.")
	}
	name := m[2]
	if m[3] != "" {
		if c.token.AppOnly {
			return watched{}, badRequest("/me needs a user's token.")
		}
		name = c.token.ObjectID
	}
	u, found := c.s.world.User(c.token.Tenant, name)
	if !found || !world.HasMailbox(u) {
		return watched{}, fail(http.StatusNotFound, "ResourceNotFound", "The mailbox of the resource was not found.")
	}
	out := watched{kind: strings.TrimSuffix(strings.ToLower(m[6]), "s"), scope: world.Mailbox(world.Text(u, "id")), collection: strings.ToLower(m[6]), user: u, filter: q.Filter, sel: q.Select}
	if m[5] == "" {
		return out, nil
	}
	sub := &call{s: c.s, user: u, box: out.scope, params: map[string]string{"contactFolder-id": m[5]}}
	var p *problem
	if out.kind == "contact" {
		out.folder, _, p = sub.contactFolder()
	} else {
		out.folder, _, p = sub.folder(m[5])
	}
	return out, p
}

// maySubscribe looks the permission up in Microsoft's table: reading the resource is what it takes.
func (c *call) maySubscribe(w watched) bool {
	if !c.token.AppOnly && w.user != nil && world.Text(w.user, "id") != c.token.ObjectID {
		return false
	}
	for line := range strings.SplitSeq(table.Subscriptions, "\n") {
		f := strings.Split(line, "\t")
		if len(f) < 4 || f[0] != w.kind {
			continue
		}
		list := f[2]
		if c.token.AppOnly {
			list = f[3]
		}
		if slices.ContainsFunc(strings.Fields(list), func(p string) bool { return covers(c.held(), p) || covers(c.scopedRoles(w.user), p) }) {
			return true
		}
	}
	return false
}

func (c *call) subscriptionKey(id string) world.Key {
	return world.Key{Scope: c.token.Tenant, Collection: world.Subscriptions, ID: id}
}

func createSubscription(c *call) (reply, *problem) {
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	w, p := c.resource(paramText(in, "resource"))
	if p != nil {
		return reply{}, p
	}
	if !c.maySubscribe(w) {
		return reply{}, fail(http.StatusForbidden, "ExtensionError", "Operation: Create; Exception: [Status Code: Forbidden; Reason: Access is denied. Check credentials and try again.]")
	}
	expires, p := c.lifetime(in, w)
	if p != nil {
		return reply{}, p
	}
	if p := c.checkSubscription(in, w); p != nil {
		return reply{}, p
	}
	for _, name := range []string{"notificationUrl", "lifecycleNotificationUrl"} {
		if address := paramText(in, name); address != "" {
			if p := c.s.notifier.handshake(c.r.Context(), address); p != nil {
				return reply{}, p
			}
		}
	}
	id := c.s.world.NewGUID()
	o := world.Object{
		"id": id, "resource": paramText(in, "resource"), "applicationId": c.token.AppID, "changeType": paramText(in, "changeType"), "clientState": param(in, "clientState"),
		"notificationUrl": paramText(in, "notificationUrl"), "lifecycleNotificationUrl": param(in, "lifecycleNotificationUrl"), "expirationDateTime": world.Stamp(expires), "creatorId": c.token.ObjectID,
		"includeResourceData": paramBool(in, "includeResourceData", false), "latestSupportedTlsVersion": "v1_2", "encryptionCertificate": param(in, "encryptionCertificate"),
		"encryptionCertificateId": param(in, "encryptionCertificateId"), "notificationUrlAppId": nil, "notificationQueryOptions": nil, "~immutable": c.immutable, "~tenant": c.token.Tenant,
		"~scope": w.scope, "~collection": w.collection, "~folder": w.folder, "~user": world.Text(w.user, "id"),
	}
	c.s.world.Put(c.subscriptionKey(id), o)
	return created(c.renderSubscription(o)), nil
}

func (c *call) renderSubscription(o world.Object) world.Object {
	out := public(o)
	out["@odata.context"] = c.context("subscriptions/$entity")
	return out
}

func (c *call) lifetime(in world.Object, w watched) (time.Time, *problem) {
	asked, err := time.Parse(time.RFC3339, paramText(in, "expirationDateTime"))
	if err != nil {
		return asked, fail(http.StatusBadRequest, "ValidationError", "expirationDateTime is required.")
	}
	most := outlookLife
	switch {
	case w.kind == "user":
		most = directoryLife
	case w.kind == "driveitem", w.kind == "list":
		most = filesLife
	case paramBool(in, "includeResourceData", false):
		most = richLife
	}
	now := c.s.world.Now()
	if asked.After(now.Add(most + time.Minute)) {
		return asked, fail(http.StatusBadRequest, "ValidationError", fmt.Sprintf("Subscription expiration can only be %d minutes in the future.", int(most.Minutes())))
	}
	if !asked.After(now) {
		return asked, fail(http.StatusBadRequest, "ValidationError", "Subscription expiration date must be in the future.")
	}
	if least := now.Add(leastLife); asked.Before(least) {
		asked = least
	}
	return asked, nil
}

func (c *call) checkSubscription(in world.Object, w watched) *problem {
	invalid := func(text string) *problem { return fail(http.StatusBadRequest, "ValidationError", text) }
	for t := range strings.SplitSeq(paramText(in, "changeType"), ",") {
		if !slices.Contains([]string{"created", "updated", "deleted"}, strings.TrimSpace(strings.ToLower(t))) {
			return invalid("changeType must list created, updated or deleted.")
		}
		if (w.kind == "driveitem" || w.kind == "list") && !strings.EqualFold(strings.TrimSpace(t), "updated") {
			return invalid("The changeType of this resource can only be updated.") // graph/FACTS §6.2; the words are recall
		}
	}
	if len(paramText(in, "clientState")) > clientStateSize {
		return invalid("clientState may have at most 128 characters.")
	}
	if paramBool(in, "includeResourceData", false) {
		if len(w.sel) == 0 {
			return invalid("A subscription with resource data needs $select in its resource.") // graph/FACTS §6.5
		}
		if der, err := base64.StdEncoding.DecodeString(paramText(in, "encryptionCertificate")); err != nil || !usable(der) || paramText(in, "encryptionCertificateId") == "" {
			return invalid("encryptionCertificate and encryptionCertificateId are required with resource data.")
		}
	}
	n := 0
	for o := range c.s.world.All(c.token.Tenant, world.Subscriptions) {
		if world.Text(o, "~scope") != w.scope {
			continue
		}
		n++
		if o["applicationId"] == c.token.AppID && o["resource"] == param(in, "resource") && o["changeType"] == param(in, "changeType") {
			return fail(http.StatusConflict, "Conflict", "A subscription of this application to the resource and change type exists already.")
		}
	}
	if n >= perMailbox && w.user != nil {
		return fail(http.StatusForbidden, "ExtensionError", "The number of subscriptions of this mailbox has reached its limit.")
	}
	return nil
}

// allowedURL takes https, and http on this machine only.
func allowedURL(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// mine finds a subscription of the calling app.
func (c *call) mine() (world.Object, *problem) {
	o, found := c.s.world.Get(c.subscriptionKey(c.params["subscription-id"]))
	if !found || world.Text(o, "applicationId") != c.token.AppID {
		return nil, fail(http.StatusNotFound, "ResourceNotFound", "The object was not found.")
	}
	return o, nil
}

func listSubscriptions(c *call) (reply, *problem) {
	items := func(yield func(world.Object) bool) {
		for o := range c.s.world.All(c.token.Tenant, world.Subscriptions) {
			mine := o["applicationId"] == c.token.AppID && (c.token.AppOnly || o["creatorId"] == c.token.ObjectID) // a user's token shows that user's: subscription-list.md
			if mine && !yield(o) {
				return
			}
		}
	}
	return c.page(directoryPage("subscriptions"), items, public)
}

func getSubscription(c *call) (reply, *problem) {
	o, p := c.mine()
	if p != nil {
		return reply{}, p
	}
	return ok(c.renderSubscription(o)), nil
}

func renewSubscription(c *call) (reply, *problem) {
	o, p := c.mine()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if param(in, "lifecycleNotificationUrl") != nil {
		return reply{}, fail(http.StatusBadRequest, "ValidationError", "lifecycleNotificationUrl cannot be changed.") // graph/FACTS §6.1
	}
	n := world.Clone(o)
	if param(in, "expirationDateTime") != nil {
		w := watched{kind: "message"}
		switch world.Text(o, "~collection") {
		case world.Users:
			w.kind = "user"
		case world.DriveItems, world.ListItems:
			w.kind = "list"
		}
		until, p := c.lifetime(world.Object{"expirationDateTime": param(in, "expirationDateTime"), "includeResourceData": o["includeResourceData"]}, w)
		if p != nil {
			return reply{}, p
		}
		n["expirationDateTime"] = world.Stamp(until)
	}
	for _, name := range []string{"encryptionCertificate", "encryptionCertificateId", "notificationUrl"} {
		if v := param(in, name); v != nil {
			n[name] = v
		}
	}
	n["~paused"], n["~warned"] = false, false
	c.s.world.Put(c.subscriptionKey(world.Text(o, "id")), n)
	return ok(c.renderSubscription(n)), nil
}

func reauthorize(c *call) (reply, *problem) {
	o, p := c.mine()
	if p != nil {
		return reply{}, p
	}
	n := world.Clone(o)
	n["~paused"], n["~warned"] = false, true
	c.s.world.Put(c.subscriptionKey(world.Text(o, "id")), n)
	return empty(http.StatusNoContent), nil
}

func deleteSubscription(c *call) (reply, *problem) {
	o, p := c.mine()
	if p != nil {
		return reply{}, p
	}
	c.s.world.Delete(c.subscriptionKey(world.Text(o, "id")))
	return empty(http.StatusNoContent), nil
}
