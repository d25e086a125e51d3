package world

// Places is a tenant's collection of rooms and lists of rooms.
const Places = "places"

// seedPlaces gives every room mailbox its place, and makes the lists of rooms.
func (w *World) seedPlaces(t TenantSpec) {
	for _, u := range t.Users {
		if u.Purpose != "room" {
			continue
		}
		o := w.place(t, "#microsoft.graph.room", u.UPN, u.Name)
		for name, v := range map[string]any{"building": orNil(u.Room.Building), "nickname": u.Name, "bookingType": "standard", "floorLabel": nil, "audioDeviceName": nil, "videoDeviceName": nil,
			"displayDeviceName": nil, "capacity": nil, "floorNumber": nil, "isWheelChairAccessible": false, "label": nil, "tags": anyOf(u.Room.Tags)} {
			o[name] = v
		}
		if u.Room.Capacity > 0 {
			o["capacity"], o["floorNumber"] = u.Room.Capacity, u.Room.Floor
		}
		w.Put(Key{t.ID, Places, o["id"].(string)}, o)
	}
	for _, l := range t.RoomLists {
		o := w.place(t, "#microsoft.graph.roomList", l.Address, l.Name)
		o["~rooms"] = anyOf(l.Rooms)
		w.Put(Key{t.ID, Places, o["id"].(string)}, o)
	}
}

// place is what rooms and lists of rooms have alike.
func (w *World) place(t TenantSpec, kind, address, name string) Object {
	return Object{"@odata.type": kind, "id": w.GUID("place", t.ID, address), "emailAddress": address, "displayName": name, "phone": nil, "geoCoordinates": nil,
		"address": Object{"street": nil, "city": "Berlin", "state": nil, "postalCode": "10115", "countryOrRegion": "DE"}}
}
