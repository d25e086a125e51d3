package action

import (
	"context"
	"time"

	"seneschal/internal/custody"
	"seneschal/internal/store"
)

// Classes say what the ledger keeps.
func (r *Runner) Classes() []custody.Class {
	return []custody.Class{
		{Name: "runs", Title: "Runs", What: "Who had what done through which connection, with the outcome; input and output sealed, the input for a day after the outcome is known, in which it may be run again", Whose: "the people and keys that act; outside contacts in what is sealed",
			Tables: []string{"action_run"}, Seen: "each person their own, admins all; nobody the sealed parts", Setting: "RETENTION_RUNS", Ends: "with that age, which is also how long an idempotency key is remembered; one whose outcome is not known stays",
			Export: custody.InExport, Erase: "the name goes, and with it what is sealed of runs that are over", Prune: r.prune},
		{Name: "run_inputs", Title: "Inputs of runs", What: "Part of the runs: what was asked, sealed", Whose: "outside contacts in what is sealed", Seen: "nobody: it is run again without being shown", Ends: "a day after the outcome is known; at once where files came with it",
			Export: custody.NotIn, Erase: "goes with the name of whoever asked", Prune: r.pruneInputs},
		{Name: "plans", Title: "Plans of agents", What: "What an agent proposed, in whose name, who decided, and the rules that decide; what it would do is sealed, and erased when it is decided or a day later", Whose: "the people and keys that act and decide; outside contacts in what is sealed",
			Tables: []string{"action_plan", "action_rule"}, Seen: "whoever may decide; the agent its own", Ends: "a week after they are over; rules when removed",
			Export: custody.InExport, Erase: "the names go, and with them what waits in the person's name", Prune: r.prunePlans},
	}
}

// prune forgets runs past their keys' time. Those that are under way or unclear stay: nobody has answered them.
func (r *Runner) prune(ctx context.Context, tx *store.Tx, before time.Time, limit int) (int64, error) {
	return store.Affected(ctx, tx, "delete from action_run where id in (select id from action_run where started_at < $1 and state in ($2, $3) order by started_at limit $4)",
		store.Millis(before), string(Done), string(Refused), limit)
}

const keepInputs = 24 * time.Hour

// pruneInputs erases what runs were asked, a day after they ended.
func (r *Runner) pruneInputs(ctx context.Context, tx *store.Tx, now time.Time, limit int) (int64, error) {
	return store.Affected(ctx, tx, `update action_run set input_sealed = null where id in (select id from action_run where input_sealed is not null and ended_at > 0 and ended_at < $1 and state in ($2, $3)
		order by ended_at limit $4)`, store.Millis(now.Add(-keepInputs)), string(Done), string(Refused), limit)
}

const keepPlans = 7 * 24 * time.Hour

// prunePlans forgets plans that are over for a while; who decided what stands in the audit record.
func (r *Runner) prunePlans(ctx context.Context, tx *store.Tx, now time.Time, limit int) (int64, error) {
	return store.Affected(ctx, tx, "delete from action_plan where id in (select id from action_plan where ended_at > 0 and ended_at < $1 order by ended_at limit $2)", store.Millis(now.Add(-keepPlans)), limit)
}

// kept is a person's part of the ledger.
type kept struct {
	Runs  []Run  `json:"runs"`
	Plans []Plan `json:"plans"`
}

// Export gives what a person started, had proposed, and decided.
func (r *Runner) Export(ctx context.Context, person string) (any, error) {
	runs, err := store.Select(ctx, r.ledger.store.Reader(), scanRun, "select "+runColumns+" from action_run where caller = $1 order by started_at", person)
	if err != nil {
		return nil, err
	}
	plans, err := store.Select(ctx, r.ledger.store.Reader(), r.scanPlan, "select "+planColumns+" from action_plan where caller = $1 or decided_by = $2 order by created_at", person, person)
	if len(runs)+len(plans) == 0 {
		return nil, err
	}
	return kept{runs, plans}, err
}

// Erase forgets who started and decided things, and what they gave back; that they happened stays. What a run still needs to find out how it
// ended goes with its outcome; what waits in the person's name never happens.
func (r *Runner) Erase(ctx context.Context, tx *store.Tx, person string) (sum int64, err error) {
	if _, err := tx.ExecContext(ctx, "update action_run set output_sealed = null, input_sealed = null, checkpoint = null where caller = $1 and state in ($2, $3)", person, string(Done), string(Refused)); err != nil {
		return 0, err
	}
	for _, one := range []struct{ query, arg string }{
		{"update action_run set caller = 'erased' where caller = $1", person},
		{"delete from action_plan where caller = $1 and state = 'waiting'", person},
		{"update action_plan set caller = 'erased' where caller = $1", person},
		{"update action_plan set decided_by = 'erased' where decided_by = $1", person},
		{"update action_rule set created_by = 'erased' where created_by = $1", person},
	} {
		n, err := store.Affected(ctx, tx, one.query, one.arg)
		if err != nil {
			return sum, err
		}
		sum += n
	}
	return sum, nil
}
