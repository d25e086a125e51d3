package onedrive

import (
	"cmp"
	"context"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// CheckInIn names a file whose changes others shall see.
type CheckInIn struct {
	ItemIn
	Comment string `json:"comment,omitempty" maxLength:"1023" doc:"What was changed; it stays with the version"`
}

func checkOutActions() []action.Action {
	operations := func(change m365.OperationKey) []m365.OperationKey {
		return []m365.OperationKey{readAt, readItem, change}
	}
	return []action.Action{
		action.Define(action.Spec{Name: "drive.item.check_out", Summary: "Keep a file to oneself while it is changed: others can neither change it nor see the changes until it is checked in.", Effect: action.Writes,
			Operations: operations(checkOutFile), Capability: m365.OneDrive}, checkOut, action.WithReconcile(nowIs(ItemIn.onIt, checkOut, ours))),
		action.Define(action.Spec{Name: "drive.item.check_in", Summary: "End a check-out: others see what was changed.", Effect: action.Writes,
			Operations: operations(checkInFile), Capability: m365.OneDrive}, checkIn, action.WithReconcile(nowIs(CheckInIn.onIt, checkIn, free))),
		action.Define(action.Spec{Name: "drive.item.check_out.discard", Summary: "End a check-out, and take back what was changed since.", Effect: action.Deletes,
			Operations: operations(discardCheckOut), Capability: m365.OneDrive}, discard, action.WithReconcile(nowIs(ItemIn.onIt, discard, free))),
	}
}

func (in ItemIn) onIt() ItemIn { return in }

// isOut says that a file is checked out.
func isOut(d graph.DriveItem) bool { return strings.EqualFold(d.Publication.Level, "checkout") }

// holder is who has checked a file out.
func holder(d graph.DriveItem) string {
	return cmp.Or(nameOf(d.Publication.CheckedOutBy), "somebody whom Microsoft does not name")
}

// ours says that a file is checked out by whom the connection acts for.
func ours(c action.Call, d graph.DriveItem) bool {
	by := d.Publication.CheckedOutBy
	if c.Connection.Kind == m365.Application {
		return isOut(d) && by.Application != nil && strings.EqualFold(by.Application.ID, string(c.Connection.ClientID))
	}
	return isOut(d) && by.User != nil && by.User.ID != "" && strings.EqualFold(by.User.ID, c.Connection.AccountObject())
}

func free(_ action.Call, d graph.DriveItem) bool { return !isOut(d) }

// file reads a file with its publication; by its id where a run has found that before.
func (in ItemIn) file(ctx context.Context, c action.Call) (drive, graph.DriveItem, error) {
	box, err := in.in(ctx, c)
	if err != nil {
		return box, graph.DriveItem{}, err
	}
	d, err := graph.Get[graph.DriveItem](ctx, box.Graph, in.path(box), soleFields)
	if err == nil && d.File == nil {
		err = fault.BadField("item", "is not a file")
	}
	return box, d, err
}

// checkOut may find that the file is ours already.
func checkOut(ctx context.Context, c action.Call, in ItemIn) (Item, error) {
	box, d, err := in.file(ctx, c)
	switch {
	case err != nil:
		return Item{}, err
	case ours(c, d):
		return itemOf(d), nil
	case isOut(d):
		return Item{}, outBy(d, nil)
	}
	return box.turn(ctx, c, d.ID, box.DriveItem(d.ID).Sub("checkout"), nil)
}

func checkIn(ctx context.Context, c action.Call, in CheckInIn) (Item, error) {
	box, d, err := in.held(ctx, c)
	if err != nil {
		return Item{}, err
	}
	return box.turn(ctx, c, d.ID, box.DriveItem(d.ID).Sub("checkin"), graph.CheckIn{Comment: in.Comment})
}

func discard(ctx context.Context, c action.Call, in ItemIn) (Item, error) {
	box, d, err := in.held(ctx, c)
	if err != nil {
		return Item{}, err
	}
	return box.turn(ctx, c, d.ID, box.DriveItem(d.ID).Sub("discardCheckout"), nil)
}

// held is a file that is checked out, by whomever: Microsoft says who may end it.
func (in ItemIn) held(ctx context.Context, c action.Call) (drive, graph.DriveItem, error) {
	box, d, err := in.file(ctx, c)
	if err == nil && !isOut(d) {
		err = &fault.Error{Kind: fault.Conflict, Code: "not_checked_out", Message: "The file is not checked out", Fix: "Nothing needs to be ended; check the file out first if it is to be changed in private", Who: "you"}
	}
	return box, d, err
}

// turn makes the step, and reads the file as it is then.
func (d drive) turn(ctx context.Context, c action.Call, id string, step graph.Path, body any) (Item, error) {
	if err := c.Checkpoint(ctx, pin{Item: id}); err != nil {
		return Item{}, err
	}
	if err := graph.Call(ctx, d.Graph, step, body); err != nil {
		return Item{}, d.explained(ctx, id, err)
	}
	now, err := graph.Get[graph.DriveItem](ctx, d.Graph, d.DriveItem(id), soleFields)
	if err != nil {
		return Item{ID: id}, nil //nolint:nilerr // it is done: what cannot be read is not told
	}
	return itemOf(now), nil
}

// nowIs answers an unclear step by how the file is, or takes it again.
func nowIs[In any](item func(In) ItemIn, run func(context.Context, action.Call, In) (Item, error), wanted func(action.Call, graph.DriveItem) bool) func(context.Context, action.Call, In) (Item, action.Answer, error) {
	return func(ctx context.Context, c action.Call, in In) (Item, action.Answer, error) {
		var p pin
		known, err := c.Recall(ctx, &p)
		if err != nil || !known {
			return Item{}, action.NotStarted, err // nothing leaves before the checkpoint
		}
		of := item(in)
		of.Item, of.Path = p.Item, ""
		_, d, err := of.file(ctx, c)
		switch {
		case err != nil:
			return once.Again(Item{}, err)
		case wanted(c, d):
			return itemOf(d), action.Happened, nil
		}
		return once.Again(run(ctx, c, in))
	}
}

// explained names who has checked a file out, where Microsoft says no more than that it is locked.
func (d drive) explained(ctx context.Context, id string, err error) error {
	if fault.CodeOf(err) != "locked" || id == "" {
		return err
	}
	item, e := graph.Get[graph.DriveItem](ctx, d.Graph, d.DriveItem(id), graph.Select("id", "publication"))
	if e != nil || !isOut(item) {
		return err
	}
	return outBy(item, fault.As(err))
}

func outBy(d graph.DriveItem, refusal *fault.Error) error {
	who, f := holder(d), fault.Error{}
	if refusal != nil {
		f = *refusal
	}
	f.Kind, f.Code, f.Message, f.Cause = fault.Conflict, "checked_out", "The file is checked out by "+who, "Until it is checked in, only "+who+" can change it"
	f.Fix, f.Who = "Have "+who+" check it in, or discard the check-out with drive.item.check_out.discard through an app's connection", who
	return &f
}
