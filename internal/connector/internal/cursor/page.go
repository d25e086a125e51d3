package cursor

import (
	"context"

	"seneschal/internal/graph"
)

// Start is where a list is read: by which client, at which path, from which text on. Question is all that the list depends on.
type Start struct {
	Graph    *graph.Client
	Path     graph.Path
	Text     string
	Question []any
}

// Check finds a text that cannot be, or is of another question.
func Check(text string, question ...any) error {
	_, err := Read(text, question...)
	return err
}

// Page reads one page of a list and shows it; next is empty behind the last one.
func Page[T, S any](ctx context.Context, from Start, show func(T) S, opts ...graph.Option) (shown []S, next string, err error) {
	at, err := Read(from.Text, from.Question...)
	if err != nil {
		return nil, "", err
	}
	list, behind, err := Filled[T](ctx, from.Graph, from.Path, at, opts...)
	return each(list, show), Write(behind, from.Question...), err
}

// Filled reads a page that has entries, unless it is the last: one that is empty need not be that (concepts/paging.md).
func Filled[T any](ctx context.Context, g *graph.Client, p graph.Path, from graph.PageToken, opts ...graph.Option) (list []T, next graph.PageToken, err error) {
	for next = from; len(list) == 0; {
		list, next, err = graph.ListPage[T](ctx, g, p, next, opts...)
		if err != nil || next == "" {
			return list, next, err
		}
	}
	return list, next, nil
}

func each[T, S any](list []T, show func(T) S) []S {
	out := make([]S, len(list))
	for i, item := range list {
		out[i] = show(item)
	}
	return out
}

// Progress is where a walk through changes stands.
type Progress struct {
	NextCursor string `json:"next_cursor" doc:"Where to go on, now or any time later"`
	Complete   bool   `json:"complete" doc:"That is all for now"`
	Reset      bool   `json:"reset,omitempty" doc:"Microsoft had forgotten the cursor: this begins anew with everything there is, so what does not come is gone"`
}

// Changed is one page of what changed: what is new or another, as it is now, and the ids of what is gone.
type Changed[S any] struct {
	Items   []S
	Removed []string
	Progress
}

// Changes reads one page of changes and shows it. always is sent with every page, first with the first one of a walk.
func Changes[T, S any](ctx context.Context, from Start, show func(T) S, always []graph.Option, first ...graph.Option) (Changed[S], error) {
	out := Changed[S]{Items: []S{}, Removed: []string{}}
	at, err := Read(from.Text, from.Question...)
	if err != nil {
		return out, err
	}
	page, next, err := graph.DeltaPage[T](ctx, from.Graph, from.Path, at, always, first...)
	if err == nil && len(page.Broken) > 0 {
		err = page.Broken[0].Err
	}
	if err != nil {
		return out, err
	}
	out.Items = each(page.Items, show)
	for _, gone := range page.Removed {
		out.Removed = append(out.Removed, gone.ID)
	}
	out.Progress = Progress{Write(next, from.Question...), page.Last, page.Reset}
	return out, nil
}
