package graph

// Calendar is one calendar of a mailbox.
type Calendar struct {
	ID                string       `json:"id"`
	Name              string       `json:"name"`
	Owner             EmailAddress `json:"owner"`
	CanEdit           bool         `json:"canEdit"`
	CanShare          bool         `json:"canShare"`
	CanViewPrivate    bool         `json:"canViewPrivateItems"`
	IsDefaultCalendar bool         `json:"isDefaultCalendar"`
	Color             string       `json:"color"`
	HexColor          string       `json:"hexColor"`
}

// CalendarChange is a calendar as written: a new one, or what is to change.
type CalendarChange struct {
	Name               *string            `json:"name,omitempty"`
	Color              *string            `json:"color,omitempty"`
	ExtendedProperties []ExtendedProperty `json:"singleValueExtendedProperties,omitempty"`
}

// CalendarGroup is a group of calendars.
type CalendarGroup struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	ClassID string `json:"classId"`
}

// CalendarGroupChange is a group as written.
type CalendarGroupChange struct {
	Name string `json:"name"`
}

// CalendarPermission is what somebody may do with a calendar.
type CalendarPermission struct {
	ID                   string       `json:"id"`
	EmailAddress         EmailAddress `json:"emailAddress"` // "My Organization" has no address
	Role                 string       `json:"role"`
	AllowedRoles         []string     `json:"allowedRoles"`
	IsInsideOrganization bool         `json:"isInsideOrganization"`
	IsRemovable          bool         `json:"isRemovable"`
}

// CalendarPermissionChange is a permission as written; only the role of an existing one can change.
type CalendarPermissionChange struct {
	EmailAddress *EmailAddress `json:"emailAddress,omitempty"`
	Role         string        `json:"role"`
}
