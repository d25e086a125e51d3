package graph

import (
	"encoding/base64"
	"net/http"
	"slices"

	"seneschal/internal/sim/world"
)

func calendarShareHandlers() map[string]handler {
	out := map[string]handler{}
	for _, in := range []string{"/users/{user-id}/calendar", "/users/{user-id}/calendars/{calendar-id}"} {
		p := in + "/calendarPermissions"
		out["GET "+p] = listShares
		out["POST "+p] = createShare
		out["GET "+p+"/{calendarPermission-id}"] = getShare
		out["PATCH "+p+"/{calendarPermission-id}"] = patchShare
		out["DELETE "+p+"/{calendarPermission-id}"] = deleteShare
	}
	return out
}

// Roles that a calendar can be shared with: people outside may read, delegates manage the primary calendar
// (concepts/outlook-share-or-delegate-calendar.md; the lists of the pages' examples).
var (
	rolesOutside  = []string{"freeBusyRead", "limitedRead", "read"}
	rolesInside   = []string{"freeBusyRead", "limitedRead", "read", "write"}
	rolesDelegate = []string{"freeBusyRead", "limitedRead", "read", "write", "delegateWithoutPrivateEventAccess", "delegateWithPrivateEventAccess"}
)

// share is one permission of the calendar of the path.
func (c *call) share() (world.Key, world.Object, *problem) {
	calendar, _, p := c.calendar()
	if p != nil {
		return world.Key{}, nil, p
	}
	k := c.shareKey(calendar, c.params["calendarPermission-id"])
	o, found := c.s.world.Get(k)
	if !found {
		return k, nil, itemNotFound()
	}
	return k, o, nil
}

func (c *call) shareKey(calendar, id string) world.Key {
	return world.Key{Scope: c.box, Collection: world.CalendarShares, ID: c.s.world.ItemKey("calendarPermission", calendar, id)}
}

func listShares(c *call) (reply, *problem) {
	calendar, _, p := c.calendar()
	if p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		for o := range c.s.world.All(c.box, world.CalendarShares) {
			if world.Text(o, "~calendar") == calendar && !yield(public(o)) {
				return
			}
		}
	}
	return c.page(c.mailPage("calendar/calendarPermissions"), items, itself)
}

func getShare(c *call) (reply, *problem) {
	_, o, p := c.share()
	if p != nil {
		return reply{}, p
	}
	return c.one("users('"+c.userID()+"')/calendar/calendarPermissions", public(o))
}

// createShare shares a calendar with somebody, or delegates it. It answers 200: calendar-post-calendarpermissions.md.
func createShare(c *call) (reply, *problem) {
	calendar, k, p := c.calendar()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	name, address := world.Address(in)
	if address == "" {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "An e-mail address is needed.")
	}
	user, inside := c.s.world.User(c.token.Tenant, address)
	id, roles := "ExchangePublishedUser."+address, rolesOutside
	if inside {
		id, roles, name = "/o=ExchangeLabs/cn=Recipients/cn="+world.Text(user, "id"), rolesInside, world.Text(user, "displayName")
		if world.Flag(k, "isDefaultCalendar") {
			roles = rolesDelegate
		}
	}
	role := paramText(in, "role")
	if !slices.Contains(roles, role) {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "The role '"+role+"' is not allowed for this user.")
	}
	allowed := []any{}
	for _, r := range roles {
		allowed = append(allowed, r)
	}
	o := world.Object{"id": base64.StdEncoding.EncodeToString([]byte(id)), "emailAddress": world.Object{"name": name, "address": address}, "isRemovable": true, "isInsideOrganization": inside,
		"role": role, "allowedRoles": allowed, "~calendar": calendar}
	c.s.world.Put(c.shareKey(calendar, world.Text(o, "id")), o)
	return ok(public(o)), nil
}

// patchShare changes the role, and nothing else: resources/calendarpermission.md.
func patchShare(c *call) (reply, *problem) {
	k, o, p := c.share()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	role := paramText(in, "role")
	if len(in) != 1 || !slices.Contains(world.Strings(o["allowedRoles"]), role) {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "Only the role can be changed, to one of the allowed roles.")
	}
	n := world.Clone(o)
	n["role"] = role
	c.s.world.Put(k, n)
	return ok(public(n)), nil
}

func deleteShare(c *call) (reply, *problem) {
	k, o, p := c.share()
	if p != nil {
		return reply{}, p
	}
	if !world.Flag(o, "isRemovable") {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "My Organization cannot be removed from a calendar.")
	}
	c.s.world.Delete(k)
	return empty(http.StatusNoContent), nil
}
