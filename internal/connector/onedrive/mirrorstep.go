package onedrive

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

const (
	copiesAtOnce = 4  // Microsoft copies by itself; this is how many are watched together
	namedAtMost  = 20 // of what failed
)

// mirrorLog counts what was done, for workers.
type mirrorLog struct {
	mu     sync.Mutex
	out    Mirrored
	done   int
	failed []fault.Field
	errs   []error
}

// carryOut removes first, as names must be free, and then copies. What fails does not keep the rest from being done.
func (m *mirroring) carryOut(ctx context.Context, c action.Call) (Mirrored, error) {
	log := &mirrorLog{out: m.out}
	for _, removing := range []bool{true, false} {
		var workers errgroup.Group
		workers.SetLimit(copiesAtOnce)
		for _, s := range m.steps {
			if s.removes == removing {
				workers.Go(func() error {
					log.add(ctx, c, len(m.steps), s, m.do(ctx, s))
					return nil
				})
			}
		}
		_ = workers.Wait() // each error is in the log
	}
	return log.out, log.err(len(m.steps))
}

// do takes one step. It is safe to repeat: what is gone is gone, and a copy replaces its like.
func (m *mirroring) do(ctx context.Context, s mirrorStep) error {
	if s.removes {
		err := graph.Delete(ctx, m.to.Graph, m.to.DriveItem(s.item.ID), graph.Idempotent())
		if fault.KindOf(err) == fault.NotFound {
			return nil
		}
		return err
	}
	var opts []graph.Option
	if s.item.Folder == nil {
		opts = append(opts, graph.OnConflict("replace"))
	}
	monitor, err := m.from.Graph.CopyItem(ctx, m.from.DriveItem(s.item.ID), m.to.DriveItem(s.folder), graph.ItemCopy{ParentReference: graph.ItemReference{DriveID: s.drive, ID: s.folder}, Name: s.item.Name}, opts...)
	if err != nil {
		return err
	}
	if monitor == "" {
		return unknown(nil)
	}
	job, err := m.from.Graph.FollowCopy(ctx, m.from.DriveItem(s.item.ID), monitor, func(float64) {})
	switch {
	case err != nil:
		return unknown(err)
	case job.Status != "completed":
		return failed(job)
	}
	return nil
}

func (l *mirrorLog) add(ctx context.Context, c action.Call, steps int, s mirrorStep, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done++
	c.Progress(ctx, int64(l.done), int64(steps), "entries made alike")
	switch {
	case err != nil:
		l.errs = append(l.errs, err)
		if len(l.failed) < namedAtMost {
			l.failed = append(l.failed, fault.Field{Name: s.path, Message: fault.As(err).Message})
		}
	case s.removes:
		l.out.Removed++
	case s.replaces:
		l.out.Replaced++
		l.out.Bytes += s.item.Size
	default:
		l.out.Copied++
		l.out.Bytes += s.item.Size
	}
}

// err tells what is not alike yet. Something that is not known keeps the run unclear: the hub compares again by itself.
func (l *mirrorLog) err(steps int) error {
	if len(l.errs) == 0 {
		return nil
	}
	for _, err := range l.errs {
		if k := fault.KindOf(err); k == fault.Unclear || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	first := fault.As(l.errs[0])
	return &fault.Error{Kind: first.Kind, Code: "mirror_incomplete", Message: fmt.Sprintf("%d of %d entries could not be made alike", len(l.errs), steps), Cause: first.Message, Fix: first.Fix + "; then mirror again: what is alike is left alone",
		Who: first.Who, Fields: l.failed, Upstream: first.Upstream, Err: l.errs[0]}
}
