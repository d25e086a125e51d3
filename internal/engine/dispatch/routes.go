package dispatch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// routes find the connection that reaches a technician's calendar.
type routes struct {
	byMailbox map[string][]connection.Connection
	byName    map[string]connection.Connection
	ids       map[string]bool // of all connections there are
}

func (e *Engine) routes(ctx context.Context) (routes, error) {
	all, err := e.Connections.List(ctx)
	t := routes{map[string][]connection.Connection{}, map[string]connection.Connection{}, map[string]bool{}}
	for _, c := range all {
		t.ids[c.ID] = true
		if c.Kind != m365.Application || !c.Serves(m365.Dispatch) {
			continue
		}
		t.byName[c.ID], t.byName[c.Name] = c, c
		for _, m := range c.For(connection.ForDispatch) {
			t.byMailbox[strings.ToLower(m.Address)] = append(t.byMailbox[strings.ToLower(m.Address)], c)
		}
	}
	return t, err
}

// find says why a slot cannot be placed anywhere, before it is taken.
func (t routes) find(in SlotIn) (connection.Connection, []fault.Field) {
	mailbox := strings.ToLower(in.Technician)
	have := t.byMailbox[mailbox]
	no := func(field, format string, args ...any) (connection.Connection, []fault.Field) {
		return connection.Connection{}, []fault.Field{{Name: field, Message: fmt.Sprintf(format, args...)}}
	}
	if in.Connection != "" {
		c, ok := t.byName[in.Connection]
		switch {
		case !ok:
			return no("connection", "%s is no app-only connection with the capability dispatch", in.Connection)
		case !t.lists(c.ID, in.Technician) && len(have) > 0:
			return no("technician", "%s is not listed on %s for dispatch but on %s: leave the connection out", in.Technician, c.Name, called(have))
		case !t.lists(c.ID, in.Technician):
			return no("technician", "%s is not listed on %s for dispatch: seneschal mailbox add %s %s --purpose dispatch", in.Technician, c.Name, c.Name, in.Technician)
		}
		return c, nil
	}
	switch len(have) {
	case 0:
		return no("technician", "%s is not known: no connection lists the mailbox for dispatch; add it: seneschal mailbox add CONNECTION %s --purpose dispatch", in.Technician, in.Technician)
	case 1:
		return have[0], nil
	}
	return no("connection", "is needed: %s list the mailbox for dispatch", called(have))
}

func called(all []connection.Connection) string {
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.Name
	}
	return strings.Join(names, " and ")
}

// lists says that a connection, by id, reaches a technician's calendar.
func (t routes) lists(connectionID, technician string) bool {
	return slices.ContainsFunc(t.byMailbox[strings.ToLower(technician)], func(c connection.Connection) bool { return c.ID == connectionID })
}

// rehome has a slot whose connection was removed go on through the one that lists its mailbox now.
func (t routes) rehome(r *row) {
	if have := t.byMailbox[r.mailbox]; !t.ids[r.connection] && len(have) == 1 {
		r.through(have[0].ID)
	}
}

// through begins anew by way of another connection: what calendars hold of the slot is found there.
func (r *row) through(connection string) {
	stood := cmp.Or(r.at.mailbox, r.away.Stood)
	r.connection, r.at, r.url, r.old, r.oldProblem, r.placed, r.placedDigest, r.op, r.operations, r.look, r.away = connection, link{}, "", link{}, "", nil, "", nil, 0, false, away{Stood: stood}
}

// check names every wrong field of every slot.
func (t routes) check(b batch) error {
	var wrong []fault.Field
	seen := map[string]int{}
	for i, in := range b.slots {
		fields := in.wrong()
		if _, no := t.find(in); len(fields) == 0 {
			fields = no
		}
		if first, twice := seen[in.ExternalID]; twice {
			fields = append(fields, fault.Field{Name: "external_id", Message: fmt.Sprintf("%s is there twice: also as number %d", in.ExternalID, first+1)})
		}
		seen[in.ExternalID] = i
		wrong = append(wrong, b.named(i, fields)...)
		if len(wrong) >= mostWrong {
			break
		}
	}
	return fault.OfFields(wrong)
}

const mostWrong = 100

// Technicians are the mailboxes that are listed for dispatch, with the connections that reach them.
func (e *Engine) Technicians(ctx context.Context) ([]string, error) {
	t, err := e.routes(ctx)
	return slices.Sorted(maps.Keys(t.byMailbox)), err
}
