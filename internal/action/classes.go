package action

import (
	"context"
	"time"

	"seneschal/internal/custody"
	"seneschal/internal/store"
)

// Classes say what the ledger keeps.
func (r *Runner) Classes() []custody.Class {
	return []custody.Class{{Name: "runs", Title: "Runs", What: "Who had what done through which connection, with the outcome; input and output sealed, the input only until the outcome is known", Whose: "the people and keys that act; outside contacts in what is sealed",
		Tables: []string{"action_run"}, Seen: "each person their own, admins all; nobody the sealed parts", Setting: "RETENTION_RUNS", Ends: "with that age, which is also how long an idempotency key is remembered; one whose outcome is not known stays",
		Export: custody.InExport, Erase: "the name goes, and with it what is sealed of runs that are over", Prune: r.prune}}
}

// prune forgets runs past their keys' time. Those that are under way or unclear stay: nobody has answered them.
func (r *Runner) prune(ctx context.Context, tx *store.Tx, before time.Time, limit int) (int64, error) {
	return store.Affected(ctx, tx, "delete from action_run where id in (select id from action_run where started_at < $1 and state in ($2, $3) order by started_at limit $4)",
		store.Millis(before), string(Done), string(Refused), limit)
}
