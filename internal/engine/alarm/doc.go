// Package alarm tells people what needs somebody: a connection that waits for a sign-in or an administrator, a credential that ends, feeds
// that fell behind. An alarm is raised when its condition is found, and resolves itself when it is gone; people acknowledge it meanwhile.
// Owns: tables alarm_entry and alarm_mail (the ledger of its mails), jobs alarm.survey and alarm.mail, actions alarm.*.
// Imports: the hall. Mail goes through action.Do, or through the operator's own mail server.
//
// Conditions are looked at as they stand now, not as events told them: a survey that was missed, doubled or killed half-way changes nothing.
// Each mail is in the ledger before it leaves. One whose fate is not known is asked about where somebody can answer, and never sent again
// blindly. Who was told of an alarm is told of its end, once it has been gone for a while.
package alarm
