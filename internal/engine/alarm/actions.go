package alarm

import (
	"context"
	"slices"

	"seneschal/internal/access"
	"seneschal/internal/action"
)

// Overview is what needs somebody, and whether people hear of it.
type Overview struct {
	Alarms []Alarm `json:"alarms"`
	Silent string  `json:"nobody_is_told,omitempty" doc:"Why nobody is told by mail"`
	Fix    string  `json:"fix,omitempty" doc:"What to do that somebody is"`
}

type acknowledgeIn struct {
	ID string `json:"id" doc:"Id of the alarm"`
}

// Actions are the engine's ways in for every face.
func (e *Engine) Actions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "alarm.list", Summary: "List what needs somebody, and who was told.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead, Route: "GET /alarms"},
			func(ctx context.Context, c action.Call, _ struct{}) (Overview, error) {
				return e.overview(ctx, c.Caller)
			}),
		action.Define(action.Spec{Name: "alarm.acknowledge", Summary: "Note that somebody has taken an alarm on.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "POST /alarms/{id}/acknowledge", Args: []string{"id"}}, func(ctx context.Context, c action.Call, in acknowledgeIn) (Alarm, error) {
			return e.Acknowledge(ctx, c.Caller, in.ID)
		}),
	}
}

// overview leaves out whom the mails went to for those who may not configure: addresses of colleagues are not theirs to collect.
func (e *Engine) overview(ctx context.Context, by access.Caller) (Overview, error) {
	all, err := e.List(ctx)
	if err != nil {
		return Overview{}, err
	}
	if access.Allow(by, access.Want{Scope: access.HubWrite}) != nil {
		for i := range all {
			all[i].Mails = nil
		}
	}
	o := Overview{Alarms: append([]Alarm{}, all...)}
	o.Silent, o.Fix, err = e.silent(ctx)
	return o, err
}

// silent tells why nobody would be told by mail now; "" when somebody would.
func (e *Engine) silent(ctx context.Context) (why, fix string, err error) {
	if !e.Routes.Any() {
		return "no mailbox is set to send from", "Set SENESCHAL_ALARM_FROM to a mailbox that a connection lists for actions, or to the sender's address together with SENESCHAL_ALARM_SMTP", nil
	}
	people, err := e.Access.People(ctx)
	if err != nil {
		return "", "", err
	}
	reached := len(e.Routes.To) > 0
	for _, p := range people {
		if p.Role != access.Admin || p.Disabled || reached {
			continue
		}
		addresses, err := e.Addresses(ctx, p.ID)
		if err != nil {
			return "", "", err
		}
		reached = len(addresses) > 0
	}
	if !reached {
		return "no admin has an address", "Give one: seneschal technician add PERSON ADDRESS; or set SENESCHAL_ALARM_TO", nil
	}
	via, _, err := e.way(ctx, "")
	if err != nil || via != "" {
		return "", "", err
	}
	return "no healthy app-only connection lists " + slices.Concat(e.Routes.From)[0] + " for actions, with the capability mail", "List the mailbox on a connection, or set SENESCHAL_ALARM_SMTP", nil
}
