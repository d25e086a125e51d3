package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"seneschal/internal/action"
)

const (
	progressEvery = time.Second
	clearLine     = "\r\x1b[K"
)

// watch shows on one line how far a run is, until stop. The line leaves no trace, and there is none where nobody looks: on no terminal, with
// --quiet, and for work without files, which is short.
func (f *Face) watch(ctx context.Context, hub Doer, q action.Request) (stop func()) {
	if f.quiet || len(q.Files) == 0 || !isTerminal(f.IO.Err) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		for f.Wait(ctx, progressEvery) == nil {
			if line := progressOf(ctx, hub, q); line != "" && ctx.Err() == nil {
				_, _ = io.WriteString(f.IO.Err, clearLine+line)
			}
		}
		_, _ = io.WriteString(f.IO.Err, clearLine)
	})
	return func() { cancel(); done.Wait() }
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// progressOf finds the run by its key, as its id comes with its end. Who may run an action and not look at runs sees no progress.
func progressOf(ctx context.Context, hub Doer, q action.Request) string {
	result, err := hub.Do(ctx, action.Request{Action: "run.list", Input: json.RawMessage(`{"limit":50}`)})
	if err != nil {
		return ""
	}
	var list struct{ Runs []action.Run }
	if json.Unmarshal(result.Output, &list) != nil {
		return ""
	}
	i := slices.IndexFunc(list.Runs, func(r action.Run) bool { return r.Key == q.Key && r.Action == q.Action })
	if i < 0 || list.Runs[i].Total == 0 {
		return ""
	}
	r := list.Runs[i]
	return fmt.Sprintf("%3d %%: %d of %d %s", 100*r.Done/r.Total, r.Done, r.Total, r.Note)
}
