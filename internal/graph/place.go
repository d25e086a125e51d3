package graph

// The kinds of places.
const (
	Room     = "#microsoft.graph.room"
	RoomList = "#microsoft.graph.roomList"
)

// Rooms are all rooms of the organization.
func Rooms() Path { return At("places", "microsoft.graph.room") }

// RoomLists are all lists of rooms.
func RoomLists() Path { return At("places", "microsoft.graph.roomList") }

// RoomsOf are the rooms of a list, which is named by its address, "not by its id" (place-list.md).
func RoomsOf(address string) Path { return PlaceAt(address).Sub("microsoft.graph.roomList", "rooms") }

// PlaceAt is one room or list of rooms, by id or address.
func PlaceAt(name string) Path { return At("places").Item("place-id", name) }

// Place is a room or a list of rooms, which has the first five of these.
type Place struct {
	Type              string          `json:"@odata.type"` // not in lists
	ID                string          `json:"id"`
	DisplayName       string          `json:"displayName"`
	EmailAddress      string          `json:"emailAddress"`
	Phone             string          `json:"phone"`
	Address           PhysicalAddress `json:"address"`
	Nickname          string          `json:"nickname"`
	Label             string          `json:"label"`
	Building          string          `json:"building"`
	FloorNumber       *int            `json:"floorNumber"`
	FloorLabel        string          `json:"floorLabel"`
	Capacity          *int            `json:"capacity"`
	BookingType       string          `json:"bookingType"` // standard, reserved, unknown
	Accessible        *bool           `json:"isWheelChairAccessible"`
	AudioDeviceName   string          `json:"audioDeviceName"`
	VideoDeviceName   string          `json:"videoDeviceName"`
	DisplayDeviceName string          `json:"displayDeviceName"`
	Tags              []string        `json:"tags"`
}

// PlaceChange is what is to change of a place; its type must be said.
type PlaceChange struct {
	Type              string   `json:"@odata.type"`
	DisplayName       *string  `json:"displayName,omitempty"` // of lists
	Phone             *string  `json:"phone,omitempty"`
	Nickname          *string  `json:"nickname,omitempty"`
	Label             *string  `json:"label,omitempty"`
	Building          *string  `json:"building,omitempty"`
	FloorNumber       *int     `json:"floorNumber,omitempty"`
	FloorLabel        *string  `json:"floorLabel,omitempty"`
	Capacity          *int     `json:"capacity,omitempty"`
	BookingType       *string  `json:"bookingType,omitempty"`
	Accessible        *bool    `json:"isWheelChairAccessible,omitempty"`
	AudioDeviceName   *string  `json:"audioDeviceName,omitempty"`
	VideoDeviceName   *string  `json:"videoDeviceName,omitempty"`
	DisplayDeviceName *string  `json:"displayDeviceName,omitempty"`
	Tags              []string `json:"tags,omitzero"`
}
