package graph

import (
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

func placeHandlers() map[string]handler {
	return map[string]handler{
		"GET /places/{place-id}":                                getPlace,
		"PATCH /places/{place-id}":                              patchPlace,
		"GET /places/microsoft.graph.room":                      listPlaces("#microsoft.graph.room", "room"),
		"GET /places/microsoft.graph.roomList":                  listPlaces("#microsoft.graph.roomList", "roomList"),
		"GET /places/{place-id}/microsoft.graph.roomList/rooms": roomsOfList,
	}
}

// placesOf lists a tenant's places of a kind.
func placesOf(c *call, of func(world.Object) bool) func(yield func(world.Object) bool) {
	return func(yield func(world.Object) bool) {
		for o := range c.s.world.All(c.token.Tenant, world.Places) {
			if of(o) && !yield(public(o)) {
				return
			}
		}
	}
}

// placePage has 100 places: place-list.md.
func placePage(of string) listing {
	return listing{context: "places" + of, defaultTop: 100, maxTop: 1000}
}

func listPlaces(kind, name string) handler {
	return func(c *call) (reply, *problem) {
		return c.page(placePage("/microsoft.graph."+name), placesOf(c, func(o world.Object) bool { return world.Text(o, "@odata.type") == kind }), itself)
	}
}

// roomsOfList wants the list by its address: "not by its id", place-list.md.
func roomsOfList(c *call) (reply, *problem) {
	list, found := c.place(func(o world.Object, name string) bool {
		return world.Text(o, "@odata.type") == "#microsoft.graph.roomList" && strings.EqualFold(world.Text(o, "emailAddress"), name)
	})
	if !found {
		return reply{}, itemNotFound()
	}
	rooms := world.Strings(list["~rooms"])
	return c.page(placePage("/microsoft.graph.roomList/rooms"), placesOf(c, func(o world.Object) bool { return slices.Contains(rooms, world.Text(o, "emailAddress")) }), itself)
}

// place is the place of the path.
func (c *call) place(is func(o world.Object, name string) bool) (world.Object, bool) {
	for o := range c.s.world.All(c.token.Tenant, world.Places) {
		if is(o, c.params["place-id"]) {
			return o, true
		}
	}
	return nil, false
}

func byIDOrAddress(o world.Object, name string) bool {
	return world.Text(o, "id") == name || strings.EqualFold(world.Text(o, "emailAddress"), name)
}

func getPlace(c *call) (reply, *problem) {
	o, found := c.place(byIDOrAddress)
	if !found {
		return reply{}, itemNotFound()
	}
	return c.one("places", public(o))
}

// changeable are the properties of place-update.md, of rooms and of lists.
var changeable = map[string][]string{
	"#microsoft.graph.room": {"address", "audioDeviceName", "bookingType", "building", "capacity", "displayDeviceName", "floorLabel", "floorNumber", "geoCoordinates", "isWheelChairAccessible", "label", "nickname",
		"phone", "tags", "videoDeviceName"},
	"#microsoft.graph.roomList": {"address", "geoCoordinates", "phone", "displayName"},
}

// patchPlace wants to be told the kind of place: place-update.md.
func patchPlace(c *call) (reply, *problem) {
	o, found := c.place(byIDOrAddress)
	if !found {
		return reply{}, itemNotFound()
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	kind := world.Text(o, "@odata.type")
	if "#"+strings.TrimPrefix(paramText(in, "@odata.type"), "#") != kind {
		return reply{}, badRequest("The type of the place must be given as @odata.type.")
	}
	n := world.Clone(o)
	for name, v := range in {
		if name == "@odata.type" {
			continue
		}
		if !slices.Contains(changeable[kind], name) {
			return reply{}, fail(http.StatusBadRequest, "ErrorInvalidProperty", "The property '"+name+"' cannot be changed.")
		}
		n[name] = v
	}
	c.s.world.Put(world.Key{Scope: c.token.Tenant, Collection: world.Places, ID: world.Text(o, "id")}, n)
	return c.one("places", public(n))
}
