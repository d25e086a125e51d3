package graph

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"seneschal/internal/sim/odata"
	"seneschal/internal/sim/world"
	"seneschal/internal/sim/zone"
)

// mailSettingsHandlers are what belongs to a mailbox beside its mail.
func mailSettingsHandlers() map[string]handler {
	const (
		user     = "/users/{user-id}"
		rules    = user + "/mailFolders/{mailFolder-id}/messageRules"
		rule     = rules + "/{messageRule-id}"
		tags     = user + "/outlook/masterCategories"
		tag      = tags + "/{outlookCategory-id}"
		focus    = user + "/inferenceClassification/overrides"
		override = focus + "/{inferenceClassificationOverride-id}"
	)
	return map[string]handler{
		"GET " + user + "/mailboxSettings": getSettings, "PATCH " + user + "/mailboxSettings": patchSettings,
		"GET " + rules: listRules, "POST " + rules: createRule, "GET " + rule: getRule, "PATCH " + rule: patchRule, "DELETE " + rule: deleteRule,
		"GET " + tags: listCategories, "POST " + tags: createCategory, "GET " + tag: getCategory, "PATCH " + tag: patchCategory, "DELETE " + tag: deleteCategory,
		"GET " + focus: listOverrides, "POST " + focus: setOverride, "PATCH " + override: patchOverride, "DELETE " + override: deleteOverride,
	}
}

func (c *call) settingsKey() world.Key {
	return world.Key{Scope: c.box, Collection: world.Settings, ID: "settings"}
}

// showSettings answers with settings: all, or those that changed.
func (c *call) showSettings(o world.Object) (reply, *problem) {
	out := world.Clone(odata.Project(public(o), c.q.Select))
	out["@odata.context"] = c.context("users('" + c.userID() + "')/mailboxSettings")
	return ok(out), nil
}

func getSettings(c *call) (reply, *problem) {
	o, found := c.s.world.Get(c.settingsKey())
	if !found {
		return reply{}, itemNotFound()
	}
	return c.showSettings(o)
}

// settingsForm is what can be changed: user-update-mailboxsettings.md. userPurpose and archiveFolder are not on its list.
var settingsForm = form{
	"automaticRepliesSetting": anObject, "dateFormat": aText, "delegateMeetingMessageDeliveryOptions": wordOf("sendToDelegateAndInformationToPrincipal", "sendToDelegateAndPrincipal", "sendToDelegateOnly"),
	"language": anObject, "timeFormat": aText, "timeZone": aText, "workingHours": anObject,
}

// settingParts are the settings with parts of their own. Those that are left out keep their values (the page's second example).
var settingParts = map[string]form{
	"automaticRepliesSetting": {"status": aText, "externalAudience": wordOf("none", "contactsOnly", "all"), "internalReplyMessage": aText, "externalReplyMessage": aText,
		"scheduledStartDateTime": anObject, "scheduledEndDateTime": anObject},
	"language":     {"locale": aText, "displayName": aText},
	"workingHours": {"daysOfWeek": texts(7), "startTime": aText, "endTime": aText, "timeZone": anObject},
}

// patchSettings answers with what changed alone, as the page's examples do.
func patchSettings(c *call) (reply, *problem) {
	o, found := c.s.world.Get(c.settingsKey())
	if !found {
		return reply{}, itemNotFound()
	}
	in, p := c.json()
	if p == nil {
		p = settingsForm.check(in)
	}
	if p != nil {
		return reply{}, p
	}
	n, changed := world.Clone(o), world.Object{}
	for name, v := range in {
		if parts, has := settingParts[name]; has {
			given, _ := v.(world.Object)
			if p := parts.check(given); p != nil {
				return reply{}, p
			}
			whole := world.Clone(paramObject(o, name))
			for k, x := range given {
				whole[k] = x
			}
			v = whole
		}
		n[name], changed[name] = v, v
	}
	if p := c.soundSettings(n, changed); p != nil {
		return reply{}, p
	}
	if changed["automaticRepliesSetting"] != nil {
		delete(n, "~answered") // each sender is answered again: whoever switches replies on begins anew
	}
	c.s.world.Put(c.settingsKey(), n)
	return c.showSettings(changed)
}

// soundSettings keeps the page's rules, with its codes.
func (c *call) soundSettings(n, changed world.Object) *problem {
	if _, known := zone.Load(world.Text(n, "timeZone")); !known {
		return fail(http.StatusBadRequest, "InvalidTimeZone", "Time Zone settings provided are invalid.")
	}
	if changed["workingHours"] != nil {
		return soundHours(paramObject(n, "workingHours"))
	}
	if changed["automaticRepliesSetting"] != nil {
		return c.soundReplies(paramObject(n, "automaticRepliesSetting"))
	}
	return nil
}

func soundHours(h world.Object) *problem {
	var at [2]time.Time
	for i, name := range []string{"startTime", "endTime"} {
		t, err := time.Parse("15:04:05", world.Text(h, name)) // fractions are accepted by Parse
		if err != nil {
			return fail(http.StatusBadRequest, "RequestBodyRead", "Cannot convert the literal '"+world.Text(h, name)+"' to the expected type 'Edm.TimeOfDay'.")
		}
		at[i] = t
	}
	if !at[0].Before(at[1]) {
		return fail(http.StatusBadRequest, "ErrorInvalidTimeSettings", "Start Time should occur before End Time.")
	}
	days := []any{}
	for _, d := range world.Strings(h["daysOfWeek"]) {
		d = strings.ToLower(d)
		if !slices.Contains([]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}, d) {
			return fail(http.StatusBadRequest, "InvalidArguments", "Requested value '"+d+"' was not found.")
		}
		days = append(days, d)
	}
	h["daysOfWeek"], h["startTime"], h["endTime"] = days, at[0].Format("15:04:05.0000000"), at[1].Format("15:04:05.0000000")
	zoned := paramObject(h, "timeZone")
	if _, known := zone.Load(world.Text(zoned, "name")); !known && world.Text(zoned, "@odata.type") == "" { // a custom zone has a name of its own
		return fail(http.StatusBadRequest, "InvalidTimeZone", "Time Zone settings provided are invalid.")
	}
	return nil
}

// soundReplies wants a time that is not over: "for only a future date range". The code is not on the page.
func (c *call) soundReplies(r world.Object) *problem {
	for _, word := range []string{"disabled", "alwaysEnabled", "scheduled"} {
		if strings.EqualFold(world.Text(r, "status"), word) {
			r["status"] = word // the page's example writes Scheduled, and is answered scheduled
		}
	}
	var at [2]time.Time
	for i, name := range []string{"scheduledStartDateTime", "scheduledEndDateTime"} {
		given := paramObject(r, name)
		loc, known := zone.Load(world.Text(given, "timeZone"))
		if !known {
			return fail(http.StatusBadRequest, "InvalidTimeZone", "Time Zone settings provided are invalid.")
		}
		t, err := time.ParseInLocation("2006-01-02T15:04:05", world.Text(given, "dateTime"), loc) // fractions are accepted by Parse
		if err != nil {
			return fail(http.StatusBadRequest, "RequestBodyRead", "Cannot convert the literal to the expected type 'Edm.DateTime'.")
		}
		at[i], r[name] = t, world.UTC(t)
	}
	switch status := world.Text(r, "status"); {
	case !slices.Contains([]string{"disabled", "alwaysEnabled", "scheduled"}, status):
		return fail(http.StatusBadRequest, "RequestBodyRead", "Requested value '"+status+"' was not found.")
	case status == "scheduled" && (!at[0].Before(at[1]) || !at[1].After(c.s.world.Now())):
		return fail(http.StatusBadRequest, "ErrorInvalidTimeSettings", "Automatic replies can be scheduled for a future date range only.")
	}
	return nil
}
