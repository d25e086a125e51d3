package console

import (
	"net/http"
	"slices"

	"seneschal/internal/access"
	"seneschal/internal/connection"
)

// usageData is what was asked of Microsoft, how it went, and what may still be asked.
type usageData struct {
	Budgets  []connection.BudgetUse
	Traffic  []connection.Traffic
	Troubles []connection.Trouble

	Requests, Throttled, Failed int64
}

func (f *Face) usage(w http.ResponseWriter, r *http.Request, who access.Caller) {
	d, err := ask[usageData](f, r, who, "usage.list", struct{}{})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	for _, t := range d.Traffic {
		d.Requests, d.Throttled, d.Failed = d.Requests+t.Requests, d.Throttled+t.Throttled, d.Failed+t.Failed
	}
	d.Budgets = slices.DeleteFunc(d.Budgets, func(b connection.BudgetUse) bool { return b.Left == nil })
	f.render(w, r, http.StatusOK, "usage", view{Title: "Usage", Section: "usage", Data: d})
}
