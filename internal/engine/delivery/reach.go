package delivery

import (
	"context"
	"strings"

	"seneschal/internal/access"
	"seneschal/internal/fault"
)

// may says whether a caller has a scope on a connection: a key may be narrowed to some of them.
func may(by access.Caller, s access.Scope, connection string) bool {
	return access.Allow(by, access.Want{Scope: s, Connection: connection}) == nil
}

// reaches refuses a delivery that goes through a connection that is not the caller's to use, as if there were none.
func (e *Engine) reaches(ctx context.Context, by access.Caller, s access.Scope, id string) error {
	d, err := e.lookup(ctx, e.Store.Reader(), id)
	if err == nil && !may(by, s, d.Connection) {
		return fault.Missing("delivery", id)
	}
	return err
}

// within are the connections whose deliveries a caller sees, as SQL compares them: ids between commas; "" for all.
func within(by access.Caller) string {
	ids, all := by.Within(access.ActionRead)
	if all {
		return ""
	}
	return "," + strings.Join(ids, ",") + ","
}
