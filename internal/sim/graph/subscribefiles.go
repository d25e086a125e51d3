package graph

import (
	"net/http"
	"regexp"

	"seneschal/internal/sim/world"
)

// The resources that tell of files and list items: the supported paths of resources/webhooks.md, "Microsoft Graph API change notifications".
var (
	drivePattern   = regexp.MustCompile(`(?i)^/?(?:users(?:/|\(')([^/')]+)(?:'\))?/drive|(me)/drive|drives/([^/]+))/root$`)
	sitePattern    = regexp.MustCompile(`(?i)^/?sites/([^/]+)/lists/([^/]+)$`)
	noSubscription = "The resource of the subscription was not found."
)

// filesOf reads a resource that is a drive's topmost folder, or a list, which a library is too.
func (c *call) filesOf(path string) (w watched, p *problem, files bool) {
	if m := drivePattern.FindStringSubmatch(path); m != nil {
		sub := &call{s: c.s, r: c.r, token: c.token, params: map[string]string{"user-id": m[1], "drive-id": m[3]}}
		if m[2] != "" {
			sub.params["user-id"] = c.token.ObjectID
		}
		if u, found := c.s.world.User(c.token.Tenant, sub.params["user-id"]); found {
			sub.user = u
		} else if m[3] == "" {
			return w, fail(http.StatusNotFound, "ResourceNotFound", noSubscription), true
		}
		d, p := sub.drive()
		return watched{kind: "driveitem", scope: d.scope, collection: world.DriveItems, user: d.owner}, p, true
	}
	m := sitePattern.FindStringSubmatch(path)
	if m == nil {
		return w, nil, false
	}
	sub := &call{s: c.s, r: c.r, token: c.token, params: map[string]string{"site-id": m[1], "list-id": m[2]}}
	l, p := sub.list()
	switch {
	case p != nil:
		return w, p, true
	case l.isLibrary():
		return watched{kind: "list", scope: world.Drive(l.id), collection: world.DriveItems}, nil, true
	}
	return watched{kind: "list", scope: l.items(), collection: world.ListItems}, nil, true
}

// ofFiles tells whether a subscription is to files or list items.
func ofFiles(sub world.Object) bool {
	c := world.Text(sub, "~collection")
	return c == world.DriveItems || c == world.ListItems
}
