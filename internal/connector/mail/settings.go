package mail

import (
	"context"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Settings are a mailbox's own.
type Settings struct {
	Kind            string `json:"kind,omitempty" doc:"user, linked, shared, room, equipment or others"`
	TimeZone        string `json:"time_zone"`
	Language        string `json:"language" doc:"Language and region, like de-DE"`
	DateFormat      string `json:"date_format"`
	TimeFormat      string `json:"time_format"`
	WorkingHours    Hours  `json:"working_hours"`
	MeetingMessages string `json:"delegate_meeting_messages,omitempty" doc:"Who gets the meeting messages where somebody stands in for the owner"`
	ArchiveFolderID string `json:"archive_folder_id,omitempty"`
}

// Hours are when the owner of a mailbox works.
type Hours struct {
	Days     []string `json:"days,omitempty" minItems:"1" maxItems:"7" enum:"monday,tuesday,wednesday,thursday,friday,saturday,sunday" doc:"Days of the week, the whole list"`
	Start    string   `json:"start,omitempty" doc:"From when, like 08:00"`
	End      string   `json:"end,omitempty" doc:"Until when, like 17:00"`
	TimeZone string   `json:"time_zone,omitempty" doc:"Zone of these times: IANA or Windows name"`
}

// SettingsUpdateIn changes settings. What is left out stays: user-update-mailboxsettings.md.
type SettingsUpdateIn struct {
	place.Mailbox
	TimeZone        *string `json:"time_zone,omitempty" minLength:"1" doc:"Zone of the mailbox: IANA or Windows name"`
	Language        *string `json:"language,omitempty" minLength:"2" maxLength:"35" doc:"Language and region, like de-DE"`
	DateFormat      *string `json:"date_format,omitempty" minLength:"1" maxLength:"80" doc:"Short date as .NET writes formats, like dd.MM.yyyy"`
	TimeFormat      *string `json:"time_format,omitempty" minLength:"1" maxLength:"80" doc:"Short time as .NET writes formats, like HH:mm"`
	WorkingHours    *Hours  `json:"working_hours,omitempty" doc:"When the owner works; what is left out stays"`
	MeetingMessages *string `json:"delegate_meeting_messages,omitempty" enum:"sendToDelegateAndInformationToPrincipal,sendToDelegateAndPrincipal,sendToDelegateOnly" doc:"Who gets the meeting messages where somebody stands in for the owner"`
}

// Check wants something to change, and names every field that cannot be.
func (in SettingsUpdateIn) Check() error {
	var wrong []fault.Field
	h := in.WorkingHours
	if in.TimeZone == nil && in.Language == nil && in.DateFormat == nil && in.TimeFormat == nil && h == nil && in.MeetingMessages == nil {
		wrong = append(wrong, fault.Field{Name: "time_zone", Message: "nothing is to be changed: give at least one setting"})
	}
	if h != nil {
		wrong = append(wrong, h.wrong()...)
	}
	return fault.OfFields(wrong)
}

func (h Hours) wrong() []fault.Field {
	var wrong []fault.Field
	for _, t := range []struct{ name, text string }{{"start", h.Start}, {"end", h.End}} {
		if _, ok := clockOf(t.text); !ok && t.text != "" {
			wrong = append(wrong, fault.Field{Name: "working_hours." + t.name, Message: "is not a time of day like 08:00"})
		}
	}
	if len(wrong) == 0 && h.Start != "" && h.End != "" && h.Start >= h.End { // of one form, so they compare as texts
		wrong = append(wrong, fault.Field{Name: "working_hours.end", Message: "must lie after start"})
	}
	if len(h.Days) == 0 && h.Start+h.End+h.TimeZone == "" {
		wrong = append(wrong, fault.Field{Name: "working_hours", Message: "says nothing: give days, start, end or time_zone"})
	}
	return wrong
}

// clockOf writes a time of day as Microsoft does; ok is false for what is none.
func clockOf(text string) (string, bool) {
	t, err := time.Parse("15:04", text)
	return t.Format("15:04:05.0000000"), err == nil && len(text) == 5
}

func settingsActions() []action.Action {
	return append(replyActions(),
		action.Define(action.Spec{Name: "mail.settings.get", Summary: "Read a mailbox's time zone, language, formats, working hours and kind.", Effect: action.Reads,
			Operations: []m365.OperationKey{readSettings}, Capability: m365.MailSettings},
			func(ctx context.Context, c action.Call, in place.Mailbox) (Settings, error) {
				box, err := in.In(c)
				if err != nil {
					return Settings{}, err
				}
				s, err := settingsIn(ctx, box)
				return settingsOf(s), err
			}),
		action.Define(action.Spec{Name: "mail.settings.update", Summary: "Change a mailbox's time zone, language, formats or working hours.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{changeSettings, readSettings}, Capability: m365.MailSettings}, updateSettings),
	)
}

func settingsIn(ctx context.Context, box place.Place) (graph.MailboxSettings, error) {
	return graph.Get[graph.MailboxSettings](ctx, box.Graph, box.MailboxSettings())
}

func settingsOf(s graph.MailboxSettings) Settings {
	short := func(clock string) string { return clock[:min(5, len(clock))] }
	return Settings{Kind: s.UserPurpose, TimeZone: s.TimeZone, Language: s.Language.Locale, DateFormat: s.DateFormat, TimeFormat: s.TimeFormat, MeetingMessages: s.MeetingMessages, ArchiveFolderID: s.ArchiveFolder,
		WorkingHours: Hours{s.WorkingHours.DaysOfWeek, short(s.WorkingHours.StartTime), short(s.WorkingHours.EndTime), s.WorkingHours.TimeZone.Name}}
}

// updateSettings reads the settings anew: the answer to a change has the changed ones alone (user-update-mailboxsettings.md, its examples).
func updateSettings(ctx context.Context, c action.Call, in SettingsUpdateIn) (Settings, error) {
	box, err := in.In(c)
	if err != nil {
		return Settings{}, err
	}
	change := graph.MailboxSettingsChange{TimeZone: in.TimeZone, DateFormat: in.DateFormat, TimeFormat: in.TimeFormat, MeetingMessages: in.MeetingMessages}
	if in.Language != nil {
		change.Language = &graph.Locale{Locale: *in.Language}
	}
	if h := in.WorkingHours; h != nil {
		change.WorkingHours = h.change()
	}
	if _, err := graph.Patch[graph.MailboxSettings](ctx, box.Graph, box.MailboxSettings(), change, graph.Idempotent()); err != nil {
		return Settings{}, in.inOurFields(err)
	}
	s, err := settingsIn(ctx, box)
	return settingsOf(s), err
}

func (h Hours) change() *graph.MailboxHoursChange {
	out := &graph.MailboxHoursChange{DaysOfWeek: h.Days}
	if h.Start != "" {
		out.StartTime, _ = clockOf(h.Start)
	}
	if h.End != "" {
		out.EndTime, _ = clockOf(h.End)
	}
	if h.TimeZone != "" {
		out.TimeZone = &graph.ZoneName{Name: h.TimeZone}
	}
	return out
}

// inOurFields says which field Microsoft means by its codes for settings that cannot be: user-update-mailboxsettings.md, "Errors".
func (in SettingsUpdateIn) inOurFields(err error) error {
	f := fault.As(err)
	if f.Upstream == nil {
		return err
	}
	wrong := fault.Field{Name: "working_hours.end", Message: "must lie after start, also after the one that stays"}
	switch strings.ToLower(f.Upstream.Code) {
	case "errorinvalidtimesettings":
	case "invalidtimezone":
		wrong = fault.Field{Name: "time_zone", Message: "is no time zone that Microsoft knows; use an IANA name like Europe/Berlin or a Windows name like W. Europe Standard Time"}
		if in.TimeZone == nil {
			wrong.Name = "working_hours.time_zone"
		}
	default:
		return err
	}
	out := *f
	out.Fields = []fault.Field{wrong}
	return &out
}
