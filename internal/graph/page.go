package graph

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"

	"seneschal/internal/fault"
	"seneschal/internal/wire"
)

// page is one answer of a collection.
type page[T any] struct {
	Value []T    `json:"value"`
	Next  string `json:"@odata.nextLink"`
	Delta string `json:"@odata.deltaLink"`
}

// List yields every entry of a collection, page by page as it is read. It ends with the first error.
func List[T any](ctx context.Context, c *Client, p Path, opts ...Option) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		r, k, err := c.request(http.MethodGet, p, opts)
		if err != nil {
			yield(zero, err)
			return
		}
		var pg page[T] // one for all pages: entries are handed out by value, so the slice serves again
		for {
			if err := fetch(ctx, c, r, k, &pg); err != nil {
				yield(zero, err)
				return
			}
			for _, v := range pg.Value {
				if !yield(v, nil) {
					return
				}
			}
			if pg.Next == "" {
				return
			}
			if pg.Next == r.URL {
				yield(zero, endless(r.Operation))
				return
			}
			r.URL = pg.Next // opaque; wire keeps the token from foreign hosts, the fence judges by the first page's target
		}
	}
}

// fetch reads one page into pg.
func fetch[T any](ctx context.Context, c *Client, r wire.Request, k *call, pg *page[T]) error {
	r.Decode = func(body []byte) error {
		pg.reset()
		return json.Unmarshal(body, pg)
	}
	answer, err := c.wire.Do(ctx, r)
	if err != nil {
		return err
	}
	k.prove(answer)
	answer.Release()
	return nil
}

// reset clears what an earlier page left: encoding/json decodes into the old elements of a slice and keeps what it does not find.
func (pg *page[T]) reset() {
	clear(pg.Value[:cap(pg.Value)])
	*pg = page[T]{Value: pg.Value[:0]}
}

func endless(operation string) *fault.Error {
	return &fault.Error{Kind: fault.UpstreamRefused, Code: "endless_paging", Operation: operation,
		Message: "Microsoft's next page is the same page again", Fix: "Try again later; if it stays, report this", Who: "you"}
}
