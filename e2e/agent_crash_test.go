package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
)

// onlyPlan is the one plan there is.
func onlyPlan(ctx context.Context, a *app.App) (action.Plan, error) {
	plans, err := a.Runner.PlansOf(ctx, access.Local("test"), action.PlansQuery{Limit: 10})
	if err != nil || len(plans) != 1 {
		return action.Plan{}, fmt.Errorf("%d plans: %w", len(plans), err)
	}
	return plans[0], nil
}

// A plan whose approval is cut off anywhere waits for another word, or runs by itself when the hub is back: once.
func TestKilledWhileApproving(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, func(g *ground) {
		if out, _ := g.run(g.form(), nil, "connection", "add", "--input", "-"); !strings.Contains(out, "healthy") {
			g.t.Fatal(out)
		}
		a, stop := g.open()
		defer stop()
		input := []byte(`{"user":"` + ada + `","to":["` + ben + `"],"subject":"approved once","body":"x"}`)
		if _, err := a.Runner.Propose(g.t.Context(), action.Request{Action: "mail.message.send", Connection: "contoso", Caller: access.Local("test").ByAgent(), Input: input}); err != nil {
			g.t.Fatal(err)
		}
	}, func(g *ground, extra ...string) bool {
		a, stop := g.open()
		p, err := onlyPlan(g.t.Context(), a)
		stop()
		if err != nil {
			g.t.Fatal(err)
		}
		_, killed := g.run(nil, extra, "plan", "approve", p.ID, p.InputDigest)
		return killed
	}, func(t *testing.T, g *ground) {
		a := g.reopen()
		p, err := onlyPlan(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		if p.State == action.PlanWaiting { // killed before the word counted
			if p, err = a.Runner.Approve(t.Context(), access.Local("test"), p.ID, p.InputDigest); err != nil {
				t.Fatal(err)
			}
		}
		waitFor(t, g, "the plan is done", func() bool {
			p, err = a.Runner.LookupPlan(t.Context(), access.Local("test"), p.ID)
			return err == nil && p.State == action.PlanDone
		})
		waitFor(t, g, "Ben has the mail", func() bool { return received(t, g, "approved once") > 0 })
		if n := received(t, g, "approved once"); n != 1 {
			t.Errorf("Ben has the mail %d times, want once", n)
		}
		verifyAudit(t, a)
	})
}
