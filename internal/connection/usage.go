package connection

import (
	"cmp"
	"context"
	"slices"
	"time"

	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/wire"
)

// BudgetUse is what this hub has used of one request budget, and what is left of it.
type BudgetUse struct {
	What         string        `json:"what" doc:"What is counted, in words"`
	Class        string        `json:"class" doc:"Name of the limit"`
	Unit         string        `json:"unit" doc:"requests, resource units or bytes"`
	TenantID     m365.TenantID `json:"tenant_id,omitempty" doc:"Missing where all tenants count together"`
	Tenant       string        `json:"tenant,omitempty"`
	Connections  []string      `json:"connections" doc:"Names of the connections that spend it"`
	Mailbox      string        `json:"mailbox,omitempty"`
	Part         string        `json:"part,omitempty" doc:"The report or conversation, where each has a limit of its own"`
	Limit        BudgetLimit   `json:"limit" doc:"What Microsoft grants"`
	Share        *BudgetShare  `json:"share,omitempty" doc:"This hub's part, where several hubs want one"`
	Used         int           `json:"used" doc:"What counts at Microsoft now"`
	Left         *int          `json:"left" nullable:"true" doc:"What may be used at once; null where nothing bounds it"`
	InFlight     int           `json:"in_flight" doc:"Requests under way"`
	Waiting      int           `json:"waiting" doc:"Requests that wait for their turn"`
	ResetAt      *time.Time    `json:"reset_at" nullable:"true" doc:"When all of it is free again, if nothing else comes; null when nothing is used"`
	BlockedUntil *time.Time    `json:"blocked_until" nullable:"true" doc:"Microsoft told us to wait until then; null when it did not"`
}

// BudgetLimit is a limit in which null does not bound.
type BudgetLimit struct {
	Requests      *int     `json:"requests" nullable:"true" doc:"At most so much of the unit in any window"`
	WindowSeconds *float64 `json:"window_seconds" nullable:"true"`
	Concurrent    *int     `json:"concurrent" nullable:"true" doc:"At most so many requests at the same time"`
}

// BudgetShare is one hub's part of a limit.
type BudgetShare struct {
	Requests   *int `json:"requests" nullable:"true"`
	Concurrent *int `json:"concurrent" nullable:"true"`
	Hubs       int  `json:"hubs" doc:"Hubs that want a part now"`
}

// Usage lists the budgets in use, as this hub counts them: closed ones first, then those with the least left.
func (s *Service) Usage(ctx context.Context) ([]BudgetUse, error) {
	all, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	budgets := slices.DeleteFunc(s.Wire.Governor.Budgets(), func(r wire.Remaining) bool {
		return r.Used == 0 && r.InFlight == 0 && r.Waiting == 0 && r.BlockedUntil.IsZero()
	})
	slices.SortFunc(budgets, func(x, y wire.Remaining) int {
		return cmp.Or(cmp.Compare(scarcity(x), scarcity(y)), cmp.Compare(x.Key.Class, y.Key.Class), cmp.Compare(x.Key.Tenant, y.Key.Tenant), cmp.Compare(x.Key.Part, y.Key.Part))
	})
	uses := make([]BudgetUse, 0, len(budgets))
	for _, r := range budgets {
		uses = append(uses, useOf(r, all))
	}
	return uses, nil
}

// scarcity is what part of a budget is left; below zero where Microsoft closed it, above one where nothing bounds it.
func scarcity(r wire.Remaining) float64 {
	switch {
	case !r.BlockedUntil.IsZero():
		return -1
	case r.Left < 0:
		return 2
	}
	return float64(r.Left) / float64(max(1, r.Slice.Requests))
}

func useOf(r wire.Remaining, all []Connection) BudgetUse {
	what, unit := graph.BudgetWords(r.Key.Class)
	u := BudgetUse{What: what, Class: r.Key.Class, Unit: unit, TenantID: m365.TenantID(r.Key.Tenant), Connections: []string{}, Part: r.Key.Part,
		Limit: BudgetLimit{Requests: bound(r.Limit.Requests), Concurrent: bound(r.Limit.Concurrent)},
		Used:  r.Used, InFlight: r.InFlight, Waiting: r.Waiting, ResetAt: known(r.Reset), BlockedUntil: known(r.BlockedUntil)}
	if graph.IsMailboxBudget(r.Key.Class) {
		u.Mailbox, u.Part = r.Key.Part, ""
	}
	if r.Limit.Requests > 0 {
		seconds := r.Limit.Window.Seconds()
		u.Limit.WindowSeconds = &seconds
	}
	if r.Left >= 0 {
		u.Left = &r.Left
	}
	if r.Sharers > 1 {
		u.Share = &BudgetShare{Hubs: r.Sharers} // a part may be nothing; what is not bounded has no parts
		if r.Limit.Requests > 0 {
			u.Share.Requests = &r.Slice.Requests
		}
		if r.Limit.Concurrent > 0 {
			u.Share.Concurrent = &r.Slice.Concurrent
		}
	}
	for _, c := range all {
		if (r.Key.Tenant == "" || r.Key.Tenant == string(c.TenantID)) && (r.Key.App == "" || r.Key.App == string(c.ClientID)) {
			u.Connections = append(u.Connections, c.Name)
			if r.Key.Tenant != "" {
				u.Tenant = c.TenantName
			}
		}
	}
	return u
}

// bound is nothing where a limit does not bound.
func bound(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

// known is the full second by which something is over; nothing where that is not known.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.Add(time.Second - 1).Truncate(time.Second)
	return &t
}
