package dispatch

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/fault"
)

// Named names one slot.
type Named struct {
	ExternalID string `json:"external_id" minLength:"1" doc:"The planning system's own id of the slot"`
}

type listIn struct {
	From       time.Time `json:"from,omitzero" doc:"Slots that end after this"`
	To         time.Time `json:"to,omitzero" doc:"Slots that begin before this"`
	Technician string    `json:"technician,omitempty" doc:"Only of this technician, by mailbox address"`
	State      string    `json:"state,omitempty" enum:"planned,placing,placed,drifted,held,failed,withdrawn" doc:"Only those that stand so"`
	PageIn
}

// PageIn asks for the next part of a list.
type PageIn struct {
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"1000" doc:"At most so many; 100 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of the page before"`
}

type driftIn struct {
	From time.Time `json:"from,omitzero" doc:"Slots that end after this"`
	PageIn
}

type listOut struct {
	Slots []Slot `json:"slots"`
	Next  string `json:"next_cursor,omitempty"`
}

type bulkIn struct {
	Slots  []SlotIn `json:"slots" minItems:"1" maxItems:"10000" doc:"The slots; others stay as they are"`
	DryRun bool     `json:"dry_run,omitempty" doc:"Say what would change, and change nothing"`
}

type approveIn struct {
	ID     string `json:"id" doc:"Id of the import"`
	Reject bool   `json:"reject,omitempty" doc:"Forget it instead"`
}

type techniciansOut struct {
	Technicians []string `json:"technicians" doc:"Addresses of their mailboxes"`
}

type importsOut struct {
	Imports []Waiting `json:"imports"`
}

type resolveIn struct {
	Named
	Keep Rule `json:"keep" enum:"slot,calendar" doc:"Who is right: the slot is written anew, or takes over what the calendar says"`
}

type ruleIn struct {
	Connection string `json:"connection" doc:"Id or name of the connection"`
	Rule       Rule   `json:"rule" enum:"slot,calendar,ask" doc:"What becomes of an event that somebody changed by hand: slot reports it and overwrites it with the slot's next change; calendar has the slot take it over; ask writes nothing until somebody says who is right"`
}

type ruleOut struct {
	Connection string `json:"connection"`
	Rule       Rule   `json:"rule"`
}

type conflictIn struct {
	Technician string `json:"technician" doc:"Address of the technician's mailbox"`
	Connection string `json:"connection,omitempty" doc:"As of a slot"`
	Start      string `json:"start" doc:"As of a slot"`
	End        string `json:"end" doc:"As of a slot"`
	TimeZone   string `json:"time_zone,omitempty" doc:"As of a slot"`
	AllDay     bool   `json:"all_day,omitempty" doc:"As of a slot"`
	ExternalID string `json:"external_id,omitempty" doc:"A slot that does not count, as it is the one to be moved"`
}

// Actions are the engine's ways in for every face.
func (e *Engine) Actions() []action.Action {
	return slices.Concat(e.slotActions(), e.planActions(), e.intakeActions())
}

func spec(name, summary string, effect action.Effect, scope access.Scope, route string, args ...string) action.Spec {
	return action.Spec{Name: name, Summary: summary, Effect: effect, Target: action.OnHub, Scope: scope, Route: route, Args: args}
}

func (e *Engine) slotActions() []action.Action {
	file := spec("dispatch.slot.import", "Take the slots of a CSV or JSON file; what is absent stays, unless the file is complete.", action.Writes, access.Dispatch, "POST /dispatch/slots/import")
	file.Files = []action.File{{Name: "file", Doc: "CSV with a header of field names, or JSON", Required: true, Max: 64 << 20}}
	return []action.Action{
		action.Define(spec("dispatch.slot.put", "Say how one slot is: it is created, changed, re-assigned or cancelled by the difference.", action.Writes, access.Dispatch, "PUT /dispatch/slots/{external_id}", "external_id"),
			func(ctx context.Context, c action.Call, in SlotIn) (Slot, error) { return e.Put(ctx, c.Caller, in) }),
		action.Define(spec("dispatch.slot.put_all", "Say how many slots are, all or none.", action.Writes, access.Dispatch, "PUT /dispatch/slots"),
			func(ctx context.Context, c action.Call, in bulkIn) (Outcome, error) {
				return e.PutAll(ctx, c.Caller, in.Slots, in.DryRun)
			}),
		action.Define(file, func(ctx context.Context, c action.Call, in ImportIn) (Outcome, error) {
			content, err := io.ReadAll(c.Files["file"].Reader())
			if err != nil {
				return Outcome{}, err
			}
			slots, err := Read("file", content)
			if err != nil {
				return Outcome{}, err
			}
			return e.Import(ctx, c.Caller, in, slots)
		}),
		action.Define(spec("dispatch.slot.show", "Read one slot, and what became of it.", action.Reads, access.Dispatch, "GET /dispatch/slots/{external_id}", "external_id"),
			func(ctx context.Context, _ action.Call, in Named) (Slot, error) { return e.Lookup(ctx, in.ExternalID) }),
		action.Define(spec("dispatch.slot.list", "List slots, with what became of them.", action.Reads, access.Dispatch, "GET /dispatch/slots"), e.list),
		action.Define(spec("dispatch.slot.remove", "Take one slot out of the plan and out of the calendar.", action.Deletes, access.Dispatch, "DELETE /dispatch/slots/{external_id}", "external_id"),
			func(ctx context.Context, c action.Call, in Named) (Slot, error) {
				return e.Remove(ctx, c.Caller, in.ExternalID)
			}),
		action.Define(spec("dispatch.slot.move", "Give a slot to another technician, or another day at the same time.", action.Writes, access.Dispatch, "POST /dispatch/slots/{external_id}/move", "external_id"),
			func(ctx context.Context, c action.Call, in MoveIn) (Slot, error) { return e.Move(ctx, c.Caller, in) }),
		action.Define(spec("dispatch.slot.release", "Let the one change go out that would mail people whom somebody invited by hand.", action.Writes, access.Dispatch, "POST /dispatch/slots/{external_id}/release", "external_id"),
			func(ctx context.Context, c action.Call, in Named) (Slot, error) {
				return e.Release(ctx, c.Caller, in.ExternalID)
			}),
	}
}

func (e *Engine) planActions() []action.Action {
	return []action.Action{
		action.Define(spec("dispatch.technician.list", "List the technicians whose calendars slots can go to.", action.Reads, access.Dispatch, "GET /dispatch/technicians"),
			func(ctx context.Context, _ action.Call, _ struct{}) (techniciansOut, error) {
				all, err := e.Technicians(ctx)
				return techniciansOut{append([]string{}, all...)}, err
			}),
		action.Define(spec("dispatch.drift.list", "List the slots whose events somebody changed by hand.", action.Reads, access.Dispatch, "GET /dispatch/drift"),
			func(ctx context.Context, _ action.Call, in driftIn) (listOut, error) {
				return e.page(ctx, Query{From: in.From, States: []State{Drifted, Held}}, in.PageIn)
			}),
		action.Define(spec("dispatch.drift.resolve", "Say who is right where slot and calendar differ.", action.Writes, access.Dispatch, "POST /dispatch/slots/{external_id}/resolve", "external_id"),
			func(ctx context.Context, c action.Call, in resolveIn) (Slot, error) {
				return e.Resolve(ctx, c.Caller, in.ExternalID, in.Keep)
			}),
		action.Define(spec("dispatch.rule.set", "Say what becomes of events that somebody changes by hand.", action.Writes, access.HubWrite, "PUT /dispatch/rules/{connection}", "connection"),
			func(ctx context.Context, c action.Call, in ruleIn) (ruleOut, error) {
				found, err := e.Connections.Lookup(ctx, in.Connection)
				if err != nil {
					return ruleOut{}, err
				}
				return ruleOut{found.ID, in.Rule}, e.SetRule(ctx, c.Caller, found.ID, in.Rule)
			}),
		action.Define(spec("dispatch.import.list", "List imports that wait for approval.", action.Reads, access.Dispatch, "GET /dispatch/imports"),
			func(ctx context.Context, _ action.Call, _ struct{}) (importsOut, error) {
				all, err := e.Imports(ctx)
				return importsOut{append([]Waiting{}, all...)}, err
			}),
		action.Define(spec("dispatch.import.approve", "Have a waiting import done, or forget it.", action.Deletes, access.Dispatch, "POST /dispatch/imports/{id}/approve", "id"),
			func(ctx context.Context, c action.Call, in approveIn) (Outcome, error) {
				return e.Approve(ctx, c.Caller, in.ID, in.Reject)
			}),
		action.Define(spec("dispatch.conflict.list", "Tell what else the technician has at that time, before a slot is put there.", action.Reads, access.Dispatch, "POST /dispatch/conflicts"), e.conflicts),
		action.Define(spec("dispatch.link.make", "Make the secret address under which a technician's slots are read as a calendar; an older one ends.", action.Writes, access.Dispatch, "POST /dispatch/links", "technician"), e.makeLink),
		action.Define(spec("dispatch.link.remove", "End the secret address of a technician's slots.", action.Deletes, access.Dispatch, "DELETE /dispatch/links/{technician}", "technician"), e.endLink),
	}
}

func (e *Engine) list(ctx context.Context, _ action.Call, in listIn) (listOut, error) {
	q := Query{From: in.From, To: in.To, Technician: in.Technician}
	if in.State != "" {
		q.States = []State{State(in.State)}
	}
	return e.page(ctx, q, in.PageIn)
}

func (e *Engine) page(ctx context.Context, q Query, in PageIn) (listOut, error) {
	limit := cmp.Or(in.Limit, 100)
	q.After, q.Limit = in.Cursor, limit+1
	all, err := e.List(ctx, q)
	out := listOut{Slots: all}
	if len(all) > limit {
		out.Slots, out.Next = all[:limit], all[limit-1].ExternalID
	}
	return out, err
}

// Busy is a stretch of time in which the technician has something else.
type Busy struct {
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Status string    `json:"status" doc:"busy, tentative, oof (out of office) or workingElsewhere"`
}

// Conflicts are what stands against a slot there.
type Conflicts struct {
	Slots   []Slot `json:"slots" doc:"Other slots of the plan"`
	Busy    []Busy `json:"busy" doc:"What the calendar has besides"`
	Unknown string `json:"unknown,omitempty" doc:"Why nothing is known of the calendar"`
}

func (e *Engine) conflicts(ctx context.Context, _ action.Call, in conflictIn) (Conflicts, error) {
	out := Conflicts{Slots: []Slot{}, Busy: []Busy{}}
	slot := SlotIn{ExternalID: "-", Connection: in.Connection, Technician: in.Technician, Start: in.Start, End: in.End, TimeZone: in.TimeZone, AllDay: in.AllDay, Subject: "-"}
	if err := slot.Check(); err != nil {
		return out, err
	}
	t, err := e.routes(ctx)
	if err != nil {
		return out, err
	}
	c, no := t.find(slot)
	if len(no) > 0 {
		return out, fault.OfFields(no)
	}
	w := slot.want()
	planned, err := e.List(ctx, Query{From: w.Start, To: w.End, Technician: in.Technician, Limit: 100})
	if err != nil {
		return out, err
	}
	for _, s := range planned {
		if s.ExternalID != in.ExternalID && s.Status != "cancelled" {
			out.Slots = append(out.Slots, s)
		}
	}
	out.Busy, err = e.busy(ctx, c.ID, in, w, planned)
	if err != nil { // what the plan says is worth telling all the same
		out.Unknown = fault.As(err).Message
	}
	return out, nil
}

// busy asks the calendar, and leaves out what is there for slots of ours.
func (e *Engine) busy(ctx context.Context, connection string, in conflictIn, w Content, planned []Slot) ([]Busy, error) {
	out := []Busy{}
	answer, err := ask[struct {
		Schedules []struct {
			Busy    []Busy `json:"busy"`
			Unknown string `json:"unknown"`
		} `json:"schedules"`
	}](ctx, e, connection, "calendar.schedule.get", map[string]any{"user": in.Technician, "people": []string{in.Technician}, "start": w.Start, "end": w.End})
	if err != nil {
		return out, err
	}
	for _, s := range answer.Schedules {
		if s.Unknown != "" {
			return out, fmt.Errorf("%s", s.Unknown)
		}
		out = append(out, besides(s.Busy, planned)...)
	}
	return out, nil
}

// besides are the stretches that are there for no slot. Each slot has one, which shows as the slot does, or as somebody had it show by hand; what
// else lies at the same time is no slot's.
func besides(busy []Busy, planned []Slot) []Busy {
	left := slices.DeleteFunc(slices.Clone(planned), func(s Slot) bool { return s.Event == "" })
	busy = without(busy, &left, func(b Busy, s Slot) bool { return s.showAs() == b.Status })
	return without(busy, &left, func(Busy, Slot) bool { return true })
}

// without takes those away that have the times of a slot and are like it, and the slots with them.
func without(busy []Busy, slots *[]Slot, like func(Busy, Slot) bool) (out []Busy) {
	for _, b := range busy {
		i := slices.IndexFunc(*slots, func(s Slot) bool { return s.Start.Equal(b.Start) && s.End.Equal(b.End) && like(b, s) })
		if i < 0 {
			out = append(out, b)
			continue
		}
		*slots = slices.Delete(*slots, i, i+1)
	}
	return out
}
