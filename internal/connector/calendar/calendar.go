package calendar

import (
	"context"
	"slices"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// The operations of Microsoft Graph that the actions call.
const (
	listCalendars    m365.OperationKey = "GET /users/{user-id}/calendars"
	listInGroup      m365.OperationKey = "GET /users/{user-id}/calendarGroups/{calendarGroup-id}/calendars"
	createCalendar   m365.OperationKey = "POST /users/{user-id}/calendars"
	createInGroup    m365.OperationKey = "POST /users/{user-id}/calendarGroups/{calendarGroup-id}/calendars"
	readCalendar     m365.OperationKey = "GET /users/{user-id}/calendars/{calendar-id}"
	changeCalendar   m365.OperationKey = "PATCH /users/{user-id}/calendars/{calendar-id}"
	changeDefault    m365.OperationKey = "PATCH /users/{user-id}/calendar"
	deleteCalendar   m365.OperationKey = "DELETE /users/{user-id}/calendars/{calendar-id}"
	listGroups       m365.OperationKey = "GET /users/{user-id}/calendarGroups"
	createGroup      m365.OperationKey = "POST /users/{user-id}/calendarGroups"
	readGroup        m365.OperationKey = "GET /users/{user-id}/calendarGroups/{calendarGroup-id}"
	changeGroup      m365.OperationKey = "PATCH /users/{user-id}/calendarGroups/{calendarGroup-id}"
	deleteGroup      m365.OperationKey = "DELETE /users/{user-id}/calendarGroups/{calendarGroup-id}"
	listShares       m365.OperationKey = "GET /users/{user-id}/calendar/calendarPermissions"
	createShare      m365.OperationKey = "POST /users/{user-id}/calendar/calendarPermissions"
	readShare        m365.OperationKey = "GET /users/{user-id}/calendar/calendarPermissions/{calendarPermission-id}"
	changeShare      m365.OperationKey = "PATCH /users/{user-id}/calendar/calendarPermissions/{calendarPermission-id}"
	deleteShare      m365.OperationKey = "DELETE /users/{user-id}/calendar/calendarPermissions/{calendarPermission-id}"
	listSharesIn     m365.OperationKey = "GET /users/{user-id}/calendars/{calendar-id}/calendarPermissions"
	createShareIn    m365.OperationKey = "POST /users/{user-id}/calendars/{calendar-id}/calendarPermissions"
	readShareIn      m365.OperationKey = "GET /users/{user-id}/calendars/{calendar-id}/calendarPermissions/{calendarPermission-id}"
	changeShareIn    m365.OperationKey = "PATCH /users/{user-id}/calendars/{calendar-id}/calendarPermissions/{calendarPermission-id}"
	deleteShareIn    m365.OperationKey = "DELETE /users/{user-id}/calendars/{calendar-id}/calendarPermissions/{calendarPermission-id}"
	listRooms        m365.OperationKey = "GET /places/microsoft.graph.room"
	listRoomLists    m365.OperationKey = "GET /places/microsoft.graph.roomList"
	listRoomsOf      m365.OperationKey = "GET /places/{place-id}/microsoft.graph.roomList/rooms"
	readPlace        m365.OperationKey = "GET /places/{place-id}"
	changePlace      m365.OperationKey = "PATCH /places/{place-id}"
	view             m365.OperationKey = "GET /users/{user-id}/calendarView"
	viewOf           m365.OperationKey = "GET /users/{user-id}/calendars/{calendar-id}/calendarView"
	listEvents       m365.OperationKey = "GET /users/{user-id}/events"
	createEvent      m365.OperationKey = "POST /users/{user-id}/events"
	createIn         m365.OperationKey = "POST /users/{user-id}/calendars/{calendar-id}/events"
	listIn           m365.OperationKey = "GET /users/{user-id}/calendars/{calendar-id}/events"
	readEvent        m365.OperationKey = "GET /users/{user-id}/events/{event-id}"
	changeEvent      m365.OperationKey = "PATCH /users/{user-id}/events/{event-id}"
	deleteEvent      m365.OperationKey = "DELETE /users/{user-id}/events/{event-id}"
	cancelEvent      m365.OperationKey = "POST /users/{user-id}/events/{event-id}/cancel"
	acceptEvent      m365.OperationKey = "POST /users/{user-id}/events/{event-id}/accept"
	declineEvent     m365.OperationKey = "POST /users/{user-id}/events/{event-id}/decline"
	tentative        m365.OperationKey = "POST /users/{user-id}/events/{event-id}/tentativelyAccept"
	forwardEvent     m365.OperationKey = "POST /users/{user-id}/events/{event-id}/forward"
	listInstances    m365.OperationKey = "GET /users/{user-id}/events/{event-id}/instances"
	listAttachments  m365.OperationKey = "GET /users/{user-id}/events/{event-id}/attachments"
	addAttachment    m365.OperationKey = "POST /users/{user-id}/events/{event-id}/attachments"
	uploadSession    m365.OperationKey = "POST /users/{user-id}/events/{event-id}/attachments/createUploadSession"
	readAttachment   m365.OperationKey = "GET /users/{user-id}/events/{event-id}/attachments/{attachment-id}"
	readContent      m365.OperationKey = "GET /users/{user-id}/events/{event-id}/attachments/{attachment-id}/$value"
	deleteAttachment m365.OperationKey = "DELETE /users/{user-id}/events/{event-id}/attachments/{attachment-id}"
	getSchedule      m365.OperationKey = "POST /users/{user-id}/calendar/getSchedule"

	findMeetingTimes m365.OperationKey = "POST /me/findMeetingTimes" // has no application permission
)

// Actions are what the hub can do with calendars.
func Actions() []action.Action {
	return slices.Concat(calendarActions(), groupActions(), readActions(), seriesActions(), writeActions(), meetingActions(), forwardActions(), attachmentActions(), scheduleActions(), shareActions(), placeActions())
}

// probeDay is a day long past: the probe wants an answer, not an event, and nothing below app looks at the clock.
var probeDay = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// Probe reads one day of the default calendar. It proves every capability that works on calendars.
func Probe(ctx context.Context, g *graph.Client, mailbox m365.UserID) (graph.Proof, error) {
	return place.Probe(ctx, g, mailbox, graph.Owner.CalendarView, graph.Window(probeDay, probeDay.AddDate(0, 0, 1)), graph.Top(1), graph.Select("id"))
}
