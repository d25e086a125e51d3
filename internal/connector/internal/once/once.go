package once

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// Property carries the mark on things in mailboxes that we write: a name in a namespace of our own, which no other program uses
// (graph/FACTS §7, marker). It must never change: older things would not be found any more.
const Property = "String {5b0d6c7e-1f43-4f0a-9a62-3c1d2e8f7a90} Name SeneschalKey"

// Reference carries what callers call a thing themselves. As Property, it must never change.
const Reference = "String {5b0d6c7e-1f43-4f0a-9a62-3c1d2e8f7a90} Name SeneschalReference"

// Refer writes a caller's own name for a new thing.
func Refer(reference string) graph.ExtendedProperty {
	return graph.ExtendedProperty{ID: Reference, Value: reference}
}

// Referred asks for the things with a caller's own name only, each with the name; "" is all that have one
// (learn.microsoft.com/office/dev/add-ins/outlook/metadata-for-an-outlook-add-in, "Access custom properties with Graph").
func Referred(reference string) []graph.Option {
	filter := withProperty(Reference, reference)
	if reference == "" {
		filter = graph.Filter("singleValueExtendedProperties/any(ep: ep/id eq " + graph.Quote(Reference) + " and ep/value ne null)")
	}
	return []graph.Option{filter, graph.Query("$expand", "singleValueExtendedProperties($filter=id eq "+graph.Quote(Reference)+")")}
}

// ReferenceOf is the name among a thing's properties; "" for none.
func ReferenceOf(properties []graph.ExtendedProperty) string {
	for _, p := range properties {
		if strings.EqualFold(p.ID, Reference) { // nothing says how Exchange writes the namespace back
			return p.Value
		}
	}
	return ""
}

// Mark is one for each idempotency key of a connection. It does not tell the key to who reads the mailbox.
func Mark(c action.Call) string {
	sum := sha256.Sum256([]byte(c.Connection.ID + "\n" + c.Key))
	return hex.EncodeToString(sum[:16])
}

// Marking writes a mark on a new thing. Messages, folders, events, calendars, contacts and contact folders take it with their creation
// (singlevaluelegacyextendedproperty-post-singlevalueextendedproperties.md).
func Marking(mark string) []graph.ExtendedProperty {
	return []graph.ExtendedProperty{{ID: Property, Value: mark}}
}

// Marked asks for the things with a mark only (singlevaluelegacyextendedproperty-get.md).
func Marked(mark string) graph.Option {
	return withProperty(Property, mark)
}

func withProperty(id, value string) graph.Option {
	return graph.Filter("singleValueExtendedProperties/any(ep: ep/id eq " + graph.Quote(id) + " and ep/value eq " + graph.Quote(value) + ")")
}

// Settled is how long after its last sign a request may still be under way. The pipeline gives one attempt 100 s and a person's request at
// most four, each waiting at most 30 s before it: what has not happened nine minutes after the checkpoint is not coming any more.
const Settled = 15 * time.Minute

// Creation is how one thing is found by its mark, and made with it.
type Creation[T any] struct {
	Find func(ctx context.Context, proof graph.Option) (made T, found bool, err error)
	Make func(ctx context.Context) (T, error)
	// Touch, where finding is dear, is a cheap read of what the thing is made in. It takes the place of looking before: a key is then good
	// for as long as the ledger knows it, and not for ever.
	Touch func(ctx context.Context, proof graph.Option) error
}

// begun is what the ledger keeps: when there was no such thing yet.
type begun struct {
	At time.Time `json:"at"`
}

// Run makes the thing, or finds it made: without Touch a second run, even one long after the ledger forgot the key, gives the first one's.
func (k Creation[T]) Run(ctx context.Context, c action.Call) (T, error) {
	var p graph.Proof
	made, found, err := k.look(ctx, graph.Prove(&p))
	if err != nil || found {
		return made, err
	}
	if err := c.Checkpoint(ctx, begun{p.At}); err != nil {
		return made, err
	}
	return k.Make(ctx)
}

func (k Creation[T]) look(ctx context.Context, proof graph.Option) (made T, found bool, err error) {
	if k.Touch != nil {
		return made, false, k.Touch(ctx, proof)
	}
	return k.Find(ctx, proof)
}

// Became answers an unclear run: the mark is there, or it is not and nothing can be under way any more.
func (k Creation[T]) Became(ctx context.Context, c action.Call) (T, action.Answer, error) {
	var none T
	var b begun
	known, err := c.Recall(ctx, &b)
	if err != nil || !known {
		return none, action.NotStarted, err // nothing leaves before the checkpoint
	}
	var p graph.Proof
	made, found, err := k.Find(ctx, graph.Prove(&p))
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return none, action.NotStarted, nil // what it was to be made in is gone
	case err != nil:
		return none, action.StillOpen, err
	case found:
		return made, action.Happened, nil
	case p.At.Sub(b.At) < Settled:
		return none, action.StillOpen, nil
	}
	return none, action.NotStarted, nil
}

// First is the first entry of a collection. It reads on where a page is empty: an empty page need not be the last (concepts/paging.md).
func First[T any](ctx context.Context, g *graph.Client, p graph.Path, opts ...graph.Option) (entry T, found bool, err error) {
	for entry, err := range graph.List[T](ctx, g, p, opts...) {
		return entry, err == nil, err
	}
	return entry, false, nil
}
