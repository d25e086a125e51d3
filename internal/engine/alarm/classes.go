package alarm

import "seneschal/internal/custody"

// Classes say what alarms keep.
func (e *Engine) Classes() []custody.Class {
	return []custody.Class{{Name: "alarms", Title: "Alarms", What: "What needed somebody, since when, who acknowledged it; which address was mailed of it, when, and how that went", Whose: "the people who are told",
		Tables: []string{"alarm_entry", "alarm_mail"}, Seen: "everybody who may see the hub; whom the mails went to admins alone", Ends: "30 days after the alarm's end was told", Export: custody.InExport,
		Erase: "mails to the person go, one on its way no longer leaves; who acknowledged is forgotten"}}
}
