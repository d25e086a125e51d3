package calendar_test

import (
	"slices"
	"strings"
	"testing"

	"seneschal/internal/connector/calendar"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

func calendars(b *bench.Bench, through string, in bench.In) []calendar.Calendar {
	b.Helper()
	return bench.Do[calendar.List](b, "calendar.calendar.list", bench.Named(through, in), bench.Through(through)).Calendars
}

func groups(b *bench.Bench, through string) []calendar.Group {
	b.Helper()
	return bench.Do[calendar.GroupList](b, "calendar.group.list", bench.Named(through, bench.In{}), bench.Through(through)).Groups
}

func TestCalendarsAndGroupsAreReadBackInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			via := bench.Through(through)
			named := func(in bench.In) bench.In { return bench.Named(through, in) }
			group := bench.Do[calendar.Group](b, "calendar.group.create", named(bench.In{"name": "Customers"}), via)
			if got := groups(b, through); group.IsDefault || len(got) != 4 || !slices.Contains(got, group) {
				t.Errorf("groups: %+v", got)
			}
			made := bench.Do[calendar.Calendar](b, "calendar.calendar.create", named(bench.In{"name": "Fabrikam", "color": "lightRed", "group": group.ID}), via)
			if got := calendars(b, through, bench.In{"group": group.ID}); len(got) != 1 || got[0] != made || made.Color != "lightRed" || made.IsDefault {
				t.Errorf("in the group: %+v", got)
			}
			plain := bench.Do[calendar.Calendar](b, "calendar.calendar.create", named(bench.In{"name": "Plain"}), via)
			if got := calendars(b, through, bench.In{}); len(got) != 3 || !slices.Contains(got, plain) {
				t.Errorf("all: %+v", got)
			}
			visited := visit(bench.In{"calendar": made.ID})
			delete(visited, "user")
			bench.Do[calendar.Event](b, "calendar.event.create", named(visited), via)
			changed := bench.Do[calendar.Calendar](b, "calendar.calendar.update", named(bench.In{"calendar": made.ID, "name": "Fabrikam Inc.", "color": "lightTeal"}), via)
			if got := calendars(b, through, bench.In{"group": group.ID}); len(got) != 1 || got[0] != changed || changed.Name != "Fabrikam Inc." || changed.Color != "lightTeal" {
				t.Errorf("changed: %+v", got)
			}
			renamed := bench.Do[calendar.Group](b, "calendar.group.rename", named(bench.In{"group": group.ID, "name": "Clients"}), via)
			if got := groups(b, through); renamed.Name != "Clients" || !slices.Contains(got, renamed) {
				t.Errorf("renamed: %+v", got)
			}
			if f := b.Refused("calendar.group.delete", named(bench.In{"group": group.ID}), via); f.Code != "calendar_group_not_empty" {
				t.Errorf("a group with calendars: got %v", f)
			}
			for _, k := range []calendar.Calendar{made, plain} {
				bench.Do[calendar.Deleted](b, "calendar.calendar.delete", named(bench.In{"calendar": k.ID}), via)
			}
			bench.Do[calendar.Deleted](b, "calendar.group.delete", named(bench.In{"group": group.ID}), via)
			if k, g := calendars(b, through, bench.In{}), groups(b, through); len(k) != 1 || len(g) != 3 {
				t.Errorf("left: %+v %+v", k, g)
			}
		})
	}
}

func TestWhatStays(t *testing.T) {
	b := start(t)
	home := calendars(b, bench.App, bench.In{})[0]
	if f := b.Refused("calendar.calendar.delete", bench.In{"user": ada, "calendar": home.ID}); f.Code != "default_calendar" || !home.IsDefault {
		t.Errorf("the default calendar: got %v", f)
	}
	if f := b.Refused("calendar.group.delete", bench.In{"user": ada, "group": groups(b, bench.App)[0].ID}); f.Code != "default_calendar_group" {
		t.Errorf("a default group: got %v", f)
	}
	if n := b.Sent("DELETE", "/calendar"); n != 0 {
		t.Errorf("%d deletions were asked for", n)
	}
	b.Silent(func() {
		b.Wrong("calendar.calendar.update", bench.In{"user": ada}, "name", "name, color or both")
		b.Wrong("calendar.calendar.create", bench.In{"user": ada, "name": "x", "color": "pink"}, "color", "lightPink")
		b.Fenced("calendar.calendar.create", bench.In{"name": "x"})
		b.Fenced("calendar.group.delete", bench.In{"group": "x"})
		b.Fenced("calendar.permission.create", bench.In{"address": ben, "role": "read"})
	})
}

func permissions(b *bench.Bench, through string, in bench.In) []calendar.Permission {
	b.Helper()
	return bench.Do[calendar.PermissionList](b, "calendar.permission.list", bench.Named(through, in), bench.Through(through)).Permissions
}

func TestSharingIsReadBackInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			via := bench.Through(through)
			named := func(in bench.In) bench.In { return bench.Named(through, in) }
			everybody := permissions(b, through, bench.In{})
			if len(everybody) != 1 || everybody[0].Person.Name != "My Organization" || everybody[0].Role != "freeBusyRead" || everybody[0].Removable {
				t.Fatalf("at first: %+v", everybody)
			}
			given := bench.Do[calendar.Permission](b, "calendar.permission.create", named(bench.In{"address": ben, "role": "read"}), via)
			if f := b.Refused("calendar.permission.create", named(bench.In{"address": strings.ToUpper(ben), "role": "write"}), via); f.Code != "already_shared" || !strings.Contains(f.Fix, given.ID) {
				t.Errorf("again: got %v", f)
			}
			delegate := bench.Do[calendar.Permission](b, "calendar.permission.update", named(bench.In{"permission": given.ID, "role": "delegateWithPrivateEventAccess"}), via)
			if got := permissions(b, through, bench.In{}); len(got) != 2 || delegate.Role != "delegateWithPrivateEventAccess" || !slices.ContainsFunc(got, func(p calendar.Permission) bool { return p.ID == given.ID && p.Role == delegate.Role }) {
				t.Errorf("as delegate: %+v", got)
			}
			outside := bench.Do[calendar.Permission](b, "calendar.permission.create", named(bench.In{"address": "nora@northwind.example", "name": "Nora", "role": "limitedRead"}), via)
			if outside.InsideOrganization || slices.Contains(outside.AllowedRoles, "write") {
				t.Errorf("somebody outside: %+v", outside)
			}
			if f := b.Refused("calendar.permission.update", named(bench.In{"permission": outside.ID, "role": "write"}), via); f.Kind != fault.Invalid || !strings.Contains(f.Fields[0].Message, "freeBusyRead, limitedRead, read") {
				t.Errorf("a role that is not theirs: got %v %+v", f, f.Fields)
			}
			if f := b.Refused("calendar.permission.delete", named(bench.In{"permission": everybody[0].ID}), via); f.Code != "permission_not_removable" {
				t.Errorf("everybody: got %v", f)
			}
			bench.Do[calendar.Permission](b, "calendar.permission.update", named(bench.In{"permission": everybody[0].ID, "role": "limitedRead"}), via)
			if got := permissions(b, through, bench.In{}); !slices.ContainsFunc(got, func(p calendar.Permission) bool { return p.ID == everybody[0].ID && p.Role == "limitedRead" }) {
				t.Errorf("everybody: %+v", got)
			}
			bench.Do[calendar.Permission](b, "calendar.permission.update", named(bench.In{"permission": everybody[0].ID, "role": "freeBusyRead"}), via)
			for _, p := range []calendar.Permission{given, outside} {
				bench.Do[calendar.Deleted](b, "calendar.permission.delete", named(bench.In{"permission": p.ID}), via)
			}
			if left := permissions(b, through, bench.In{}); len(left) != 1 {
				t.Errorf("left: %+v", left)
			}
		})
	}
}

func TestSharingAnotherCalendar(t *testing.T) {
	b := start(t)
	second := bench.Do[calendar.Calendar](b, "calendar.calendar.create", bench.In{"user": ada, "name": "Second"})
	given := bench.Do[calendar.Permission](b, "calendar.permission.create", bench.In{"user": ada, "calendar": second.ID, "address": ben, "role": "write"})
	if got := permissions(b, bench.App, bench.In{"calendar": second.ID}); len(got) != 1 || got[0].ID != given.ID || slices.Contains(got[0].AllowedRoles, "delegateWithPrivateEventAccess") {
		t.Errorf("got %+v", got)
	}
	if got := permissions(b, bench.App, bench.In{}); len(got) != 1 {
		t.Errorf("of the default calendar: %+v", got)
	}
	changed := bench.Do[calendar.Permission](b, "calendar.permission.update", bench.In{"user": ada, "calendar": second.ID, "permission": given.ID, "role": "read"})
	bench.Do[calendar.Deleted](b, "calendar.permission.delete", bench.In{"user": ada, "calendar": second.ID, "permission": given.ID})
	if left := permissions(b, bench.App, bench.In{"calendar": second.ID}); changed.Role != "read" || len(left) != 0 {
		t.Errorf("changed %+v, left %+v", changed, left)
	}
	b.Silent(func() {
		b.Wrong("calendar.permission.create", bench.In{"user": ada, "calendar": second.ID, "address": ben, "role": "delegateWithPrivateEventAccess"}, "role", "default calendar alone")
		b.Wrong("calendar.permission.create", bench.In{"user": ada, "address": "ben", "role": "read"}, "address", "is not an address")
		b.Wrong("calendar.permission.create", bench.In{"user": ada, "address": ben, "role": "owner"}, "role", "freeBusyRead")
	})
}

// A calendar, a group and a permission are made once, whatever is lost: the first by its mark, the others by what there was before.
func TestMadeOnce(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		in         bench.In
		count      func(b *bench.Bench) int
	}{
		{"calendar.calendar.create", "/calendars", bench.In{"user": ada, "name": "Fabrikam"}, func(b *bench.Bench) int {
			return len(slices.DeleteFunc(calendars(b, bench.App, bench.In{}), func(k calendar.Calendar) bool { return k.Name != "Fabrikam" }))
		}},
		{"calendar.group.create", "/calendarGroups", bench.In{"user": ada, "name": "Customers"}, func(b *bench.Bench) int {
			return len(slices.DeleteFunc(groups(b, bench.App), func(g calendar.Group) bool { return g.Name != "Customers" }))
		}},
		{"calendar.permission.create", "/calendarPermissions", bench.In{"user": ada, "address": ben, "role": "read"}, func(b *bench.Bench) int {
			return len(slices.DeleteFunc(permissions(b, bench.App, bench.In{}), func(p calendar.Permission) bool { return p.Person.Address != ben }))
		}},
	} {
		for _, lost := range bench.Losses(tt.path) {
			t.Run(tt.name+", "+lost.Name, func(t *testing.T) {
				b := start(t)
				b.T = t
				b.MadeOnce(tt.name, tt.in, lost, func() int { return tt.count(b) })
			})
		}
	}
}

func TestRoomsAreReadBackInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			via := bench.Through(through)
			lists := bench.Do[calendar.Rooms](b, "calendar.room_list.list", bench.In{}, via).Places
			if len(lists) != 1 || lists[0].Kind != "room_list" || lists[0].Address != "building1@contoso.example" {
				t.Fatalf("lists: %+v", lists)
			}
			rooms := bench.Do[calendar.Rooms](b, "calendar.room.list", bench.In{"list": lists[0].Address}, via).Places
			if len(rooms) != 1 || rooms[0].Address != room || rooms[0].Capacity == nil || *rooms[0].Capacity != 12 || rooms[0].Building != "1" || rooms[0].Kind != "room" {
				t.Fatalf("rooms: %+v", rooms)
			}
			if all := bench.Do[calendar.Rooms](b, "calendar.room.list", bench.In{}, via); len(all.Places) != 1 || all.Truncated {
				t.Errorf("all rooms: %+v", all)
			}
			if through == bench.App {
				if f := b.Refused("calendar.place.update", bench.In{"place": room, "capacity": 20}); f.Code != "mode_not_supported" || len(f.Alternatives) == 0 || !strings.Contains(f.Cause, "Place.ReadWrite.All") {
					t.Errorf("a change by an app: got %+v", f)
				}
				return
			}
			for _, capacity := range []int{20, 12} {
				bench.Do[calendar.Room](b, "calendar.place.update", bench.In{"place": room, "capacity": capacity, "tags": []string{"window", "projector"}, "accessible": true}, via)
				if got := bench.Do[calendar.Room](b, "calendar.place.get", bench.In{"place": rooms[0].ID}, via); *got.Capacity != capacity || len(got.Tags) != 2 || got.Accessible == nil || !*got.Accessible {
					t.Errorf("got %+v", got)
				}
			}
			bench.Do[calendar.Room](b, "calendar.place.update", bench.In{"place": lists[0].Address, "phone": "+49 30 1"}, via)
			if got := bench.Do[calendar.Room](b, "calendar.place.get", bench.In{"place": lists[0].Address}, via); got.Phone != "+49 30 1" || got.Kind != "room_list" {
				t.Errorf("the list: %+v", got)
			}
			for field, in := range map[string]bench.In{"capacity": {"place": lists[0].Address, "capacity": 3}, "name": {"place": room, "name": "Other"}} {
				if f := b.Refused("calendar.place.update", in, via); f.Kind != fault.Invalid || f.Fields[0].Name != field {
					t.Errorf("%s: got %v", field, f)
				}
			}
		})
	}
	b.Silent(func() {
		b.Wrong("calendar.room.list", bench.In{"list": "Building 1"}, "list", "is not an address")
	})
	if f := b.Refused("calendar.place.get", bench.In{"place": "nowhere@contoso.example"}); f.Kind != fault.NotFound {
		t.Errorf("got %v", f)
	}
}

func TestAPersonalAccountHasNoRooms(t *testing.T) {
	b := start(t)
	b.AddPrivate(m365.Calendar)
	b.Silent(func() {
		for _, name := range []string{"calendar.room.list", "calendar.room_list.list"} {
			if f := b.Refused(name, bench.In{}, bench.Through(bench.Private)); f.Code != "account_type_not_supported" {
				t.Errorf("%s: got %v", name, f)
			}
		}
	})
	if got := bench.Do[calendar.GroupList](b, "calendar.group.list", bench.In{}, bench.Through(bench.Private)).Groups; len(got) == 0 {
		t.Error("a personal account has calendar groups")
	}
}
