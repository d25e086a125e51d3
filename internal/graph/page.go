package graph

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

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

// PageToken is where a further page of a collection begins: what Microsoft wrote as $skiptoken or $skip into its link to that page.
// It is opaque, and good only for the very same path and options ("do not use it in a different request", concepts/paging.md). List
// follows the whole link; a token is for a place that a caller keeps meanwhile, who with a link could choose another mailbox.
type PageToken string

// ListPage reads one page of a collection, from its beginning or from a token. Without a next token it was the last one; before that a
// page may also be empty.
func ListPage[T any](ctx context.Context, c *Client, p Path, from PageToken, opts ...Option) (items []T, next PageToken, err error) {
	if from != "" {
		opts = append(slices.Clip(opts), from.option())
	}
	r, k, err := c.request(http.MethodGet, p, opts)
	if err != nil {
		return nil, "", err
	}
	var pg page[T]
	if err := fetch(ctx, c, r, k, &pg); err != nil {
		return nil, "", err
	}
	if pg.Next == "" {
		return pg.Value, "", nil
	}
	next, err = tokenOf(pg.Next)
	if err == nil && next == from {
		err = endless(r.Operation)
	}
	return pg.Value, next, err
}

// The ways in which Graph's services write where a next page begins, and where a later delta round does (concepts/paging.md,
// concepts/delta-query-overview.md); token is the drives' own (driveitem-delta.md).
var tokenNames = []parameterName{"$skiptoken", "$skip", "$deltatoken", "token"}

func tokenOf(link string) (PageToken, error) {
	_, query, _ := strings.Cut(link, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", malformed("the link to the next page", err)
	}
	for _, name := range tokenNames {
		if v := values.Get(string(name)); v != "" {
			return PageToken(string(name) + "=" + v), nil
		}
	}
	if _, inPath, found := strings.Cut(link, "(token="); found { // as a parameter of the function: driveitem-delta.md shows both
		value, _, _ := strings.Cut(inPath, ")")
		if v, err := url.PathUnescape(strings.Trim(value, "'")); err == nil && v != "" {
			return PageToken("token=" + v), nil
		}
	}
	return "", malformed("the link to the next page names no place", nil)
}

// option writes the token as a parameter, and nothing else that somebody may have put into it.
func (t PageToken) option() Option {
	written, value, _ := strings.Cut(string(t), "=")
	if i := slices.Index(tokenNames, parameterName(written)); i >= 0 {
		return Query(tokenNames[i], value)
	}
	return Query(tokenNames[0], value)
}

// fetch reads one page into pg.
func fetch[T any](ctx context.Context, c *Client, r wire.Request, k *call, pg *page[T]) error {
	r.Decode = func(body []byte) error {
		pg.reset()
		return json.Unmarshal(body, pg)
	}
	answer, err := c.do(ctx, r)
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
