package calendar

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Room is a room that can be booked, or a list of rooms, which has the first six of these.
type Room struct {
	ID          string   `json:"id"`
	Kind        string   `json:"kind" doc:"room or room_list"`
	Name        string   `json:"name"`
	Address     string   `json:"address" doc:"Invite it by this address, as a resource; a room list is named by it"`
	Phone       string   `json:"phone,omitempty"`
	City        string   `json:"city,omitempty"`
	Building    string   `json:"building,omitempty"`
	Floor       *int     `json:"floor,omitempty"`
	FloorLabel  string   `json:"floor_label,omitempty"`
	Label       string   `json:"label,omitempty"`
	Nickname    string   `json:"nickname,omitempty"`
	Capacity    *int     `json:"capacity,omitempty" doc:"How many it holds, where that is known"`
	BookingType string   `json:"booking_type,omitempty" doc:"standard, reserved or unknown"`
	Accessible  *bool    `json:"accessible,omitempty" doc:"For wheelchairs, where that is known"`
	Audio       string   `json:"audio_device,omitempty"`
	Video       string   `json:"video_device,omitempty"`
	Display     string   `json:"display_device,omitempty"`
	Tags        []string `json:"tags,omitempty"`
}

func roomOf(p graph.Place) Room {
	kind := "room"
	if p.Type == graph.RoomList {
		kind = "room_list"
	}
	return Room{ID: p.ID, Kind: kind, Name: p.DisplayName, Address: p.EmailAddress, Phone: p.Phone, City: p.Address.City, Building: p.Building, Floor: p.FloorNumber, FloorLabel: p.FloorLabel, Label: p.Label,
		Nickname: p.Nickname, Capacity: p.Capacity, BookingType: p.BookingType, Accessible: p.Accessible, Audio: p.AudioDeviceName, Video: p.VideoDeviceName, Display: p.DisplayDeviceName, Tags: p.Tags}
}

// RoomsIn asks for rooms.
type RoomsIn struct {
	List  string `json:"list,omitempty" doc:"Those of one room list, by its address; all of the organization without"`
	Limit int    `json:"limit,omitempty" minimum:"1" maximum:"1000" doc:"At most so many; 100 without"`
}

// RoomListsIn asks for lists of rooms.
type RoomListsIn struct {
	Limit int `json:"limit,omitempty" minimum:"1" maximum:"1000" doc:"At most so many; 100 without"`
}

// Check finds a list that is named by something else than its address.
func (in RoomsIn) Check() error {
	if in.List == "" {
		return nil
	}
	return fault.OfFields(wrongAddress("list", in.List))
}

// Rooms are rooms, or lists of them.
type Rooms struct {
	Places    []Room `json:"places"`
	Truncated bool   `json:"truncated,omitempty" doc:"There are more: raise limit, or ask list by list"`
}

// PlaceIn names a room or a list of rooms.
type PlaceIn struct {
	Place string `json:"place" minLength:"1" doc:"Room or room list by address or id"`
}

// PlaceUpdateIn changes what is known of a room. What is left out stays; an empty text takes it away.
type PlaceUpdateIn struct {
	PlaceIn
	Phone       *string  `json:"phone,omitempty" maxLength:"100" doc:"Phone number; of room lists too"`
	Name        *string  `json:"name,omitempty" minLength:"1" maxLength:"255" doc:"Name of a room list; a room's is its mailbox's"`
	Nickname    *string  `json:"nickname,omitempty" maxLength:"255" doc:"What people call the room"`
	Label       *string  `json:"label,omitempty" maxLength:"255" doc:"Its number or name on the door"`
	Building    *string  `json:"building,omitempty" maxLength:"255" doc:"Building it is in"`
	Floor       *int     `json:"floor,omitempty" doc:"Floor by number"`
	FloorLabel  *string  `json:"floor_label,omitempty" maxLength:"100" doc:"Floor by letter"`
	Capacity    *int     `json:"capacity,omitempty" minimum:"0" doc:"How many it holds"`
	BookingType *string  `json:"booking_type,omitempty" enum:"standard,reserved" doc:"Type of room"`
	Accessible  *bool    `json:"accessible,omitempty" doc:"For wheelchairs"`
	Audio       *string  `json:"audio_device,omitempty" maxLength:"255" doc:"Name of the audio device"`
	Video       *string  `json:"video_device,omitempty" maxLength:"255" doc:"Name of the video device"`
	Display     *string  `json:"display_device,omitempty" maxLength:"255" doc:"Name of the display"`
	Tags        []string `json:"tags,omitempty" maxItems:"50" doc:"What else it has, the whole list"`
}

func placeActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "calendar.room.list", Summary: "List the rooms of the organization, or of one building.", Effect: action.Reads,
			Operations: []m365.OperationKey{listRooms, listRoomsOf}, Capability: m365.Calendar},
			func(ctx context.Context, c action.Call, in RoomsIn) (Rooms, error) {
				path := graph.Rooms()
				if in.List != "" {
					path = graph.RoomsOf(in.List)
				}
				return placesAt(ctx, c, path, in.Limit, graph.Room)
			}),
		action.Define(action.Spec{Name: "calendar.room_list.list", Summary: "List the organization's lists of rooms, such as buildings.", Effect: action.Reads,
			Operations: []m365.OperationKey{listRoomLists}, Capability: m365.Calendar},
			func(ctx context.Context, c action.Call, in RoomListsIn) (Rooms, error) {
				return placesAt(ctx, c, graph.RoomLists(), in.Limit, graph.RoomList)
			}),
		action.Define(action.Spec{Name: "calendar.place.get", Summary: "Read what is known of a room or a room list.", Effect: action.Reads,
			Operations: []m365.OperationKey{readPlace}, Capability: m365.Calendar, Args: []string{"place"}},
			func(ctx context.Context, c action.Call, in PlaceIn) (Room, error) {
				p, err := graph.Get[graph.Place](ctx, c.Bound.Graph, graph.PlaceAt(in.Place))
				return roomOf(p), err
			}),
		action.Define(action.Spec{Name: "calendar.place.update", Summary: "Change what is known of a room, such as how many it holds.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{readPlace, changePlace}, Capability: m365.Calendar, Args: []string{"place"}}, updatePlace),
	}
}

// placesAt lists places. Their own answer need not say which kind they are: the path does.
func placesAt(ctx context.Context, c action.Call, path graph.Path, limit int, kind string) (Rooms, error) {
	out := Rooms{Places: []Room{}}
	if limit == 0 {
		limit = 100
	}
	for p, err := range graph.List[graph.Place](ctx, c.Bound.Graph, path, graph.Top(min(limit+1, 100))) {
		if err != nil {
			return Rooms{}, err
		}
		if len(out.Places) == limit {
			out.Truncated = true
			break
		}
		p.Type = kind
		out.Places = append(out.Places, roomOf(p))
	}
	return out, nil
}

// updatePlace asks first which kind it is: the change must say so (place-update.md). It says how it shall be, so it may be sent twice.
func updatePlace(ctx context.Context, c action.Call, in PlaceUpdateIn) (Room, error) {
	there, err := graph.Get[graph.Place](ctx, c.Bound.Graph, graph.PlaceAt(in.Place))
	if err == nil {
		err = in.fits(there.Type)
	}
	if err != nil {
		return Room{}, err
	}
	change := graph.PlaceChange{Type: there.Type, DisplayName: in.Name, Phone: in.Phone, Nickname: in.Nickname, Label: in.Label, Building: in.Building, FloorNumber: in.Floor, FloorLabel: in.FloorLabel,
		Capacity: in.Capacity, BookingType: in.BookingType, Accessible: in.Accessible, AudioDeviceName: in.Audio, VideoDeviceName: in.Video, DisplayDeviceName: in.Display, Tags: in.Tags}
	p, err := graph.Patch[graph.Place](ctx, c.Bound.Graph, graph.PlaceAt(in.Place), change, graph.Idempotent())
	return roomOf(p), err
}

// fits names what a place of the kind does not have.
func (in PlaceUpdateIn) fits(kind string) error {
	var wrong []fault.Field
	if kind == graph.Room {
		if in.Name != nil {
			wrong = append(wrong, fault.Field{Name: "name", Message: "of a room is its mailbox's; nickname is what can be changed here"})
		}
		return fault.OfFields(wrong)
	}
	for _, f := range []struct {
		name  string
		given bool
	}{{"nickname", in.Nickname != nil}, {"label", in.Label != nil}, {"building", in.Building != nil}, {"floor", in.Floor != nil}, {"floor_label", in.FloorLabel != nil}, {"capacity", in.Capacity != nil},
		{"booking_type", in.BookingType != nil}, {"accessible", in.Accessible != nil}, {"audio_device", in.Audio != nil}, {"video_device", in.Video != nil}, {"display_device", in.Display != nil}, {"tags", in.Tags != nil}} {
		if f.given {
			wrong = append(wrong, fault.Field{Name: f.name, Message: "is not of a room list, which has phone and name"})
		}
	}
	return fault.OfFields(wrong)
}
