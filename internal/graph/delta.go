package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// Page is one step of a walk. A caller stores what it learned together with Link, in one transaction, and may stop or crash after
// any page: the next walk starts from the stored link.
type Page[T any] struct {
	Items   []T
	Removed []Removed
	Broken  []Broken       // entries that are not of the documented shape; the rest of the page is as good as ever
	Link    m365.DeltaLink // where the next walk starts
	Last    bool           // the round is complete; Link is the "since here" for later
	Reset   bool           // Microsoft forgot the old link: what follows is everything there is, so what does not come is gone
}

// Removed is an entry that left the collection.
type Removed struct {
	ID     string
	Reason string // "changed": restorable, or moved out of sight; "deleted": gone for good
}

// Broken is an entry that could not be read.
type Broken struct {
	ID  string // "" where not even that could be read
	Err error
}

// Delta walks what changed in a collection since from; without from, everything. An entry can come several times in one round: the
// last one counts. A changed directory entry carries only its changed fields: walk with a T that tells absent from empty, and merge
// (graph/FACTS §5). When Microsoft has forgotten the link, the walk starts over and says so with Reset.
func Delta[T any](ctx context.Context, c *Client, p Path, from m365.DeltaLink, opts ...Option) iter.Seq2[Page[T], error] {
	p = p.Func("delta")
	return func(yield func(Page[T], error) bool) {
		r, k, err := c.request(http.MethodGet, p, opts)
		if err != nil {
			yield(Page[T]{}, err)
			return
		}
		first := r.URL
		if from != "" {
			r.URL = string(from)
		}
		for reset, over := false, false; ; {
			var raw page[json.RawMessage] // fresh for each page: the caller keeps what it gets
			err := fetch(ctx, c, r, k, &raw)
			if forgotten(err) && r.URL != first && !over {
				r.URL, reset, over = first, true, true
				continue
			}
			pg, err := sortOut[T](raw, err)
			if err == nil && string(pg.Link) == r.URL && !pg.Last {
				err = endless(r.Operation)
			}
			if err != nil {
				yield(Page[T]{}, err)
				return
			}
			pg.Reset, reset = reset, false
			if !yield(pg, nil) || pg.Last {
				return
			}
			r.URL = string(pg.Link)
		}
	}
}

// DeltaPage reads one page of changes, from the beginning or from a token that a caller kept; Link is not for callers and stays empty. After
// the last page the token is where the next round begins. A forgotten token starts over, as with Delta. Options count at the beginning
// alone: tokens carry them (contact-delta.md, "you only need to specify any desired query parameters once upfront").
func DeltaPage[T any](ctx context.Context, c *Client, p Path, from PageToken, always []Option, first ...Option) (Page[T], PageToken, error) {
	first = append(slices.Clip(first), always...)
	opts := first
	if from != "" {
		opts = append(slices.Clip(always), from.option())
	}
	raw, err := deltaOnce(ctx, c, p, opts)
	reset := from != "" && forgotten(err)
	if reset {
		raw, err = deltaOnce(ctx, c, p, first)
	}
	pg, err := sortOut[T](raw, err)
	if err != nil {
		return Page[T]{}, "", err
	}
	next, err := tokenOf(string(pg.Link))
	if err == nil && next == from && !pg.Last {
		err = endless(string(p.Func("delta").Operation(http.MethodGet)))
	}
	pg.Link, pg.Reset = "", reset
	return pg, next, err
}

func deltaOnce(ctx context.Context, c *Client, p Path, opts []Option) (raw page[json.RawMessage], err error) {
	r, k, err := c.request(http.MethodGet, p.Func("delta"), opts)
	if err != nil {
		return raw, err
	}
	return raw, fetch(ctx, c, r, k, &raw)
}

// sortOut tells removed entries from present ones.
func sortOut[T any](raw page[json.RawMessage], err error) (Page[T], error) {
	if err != nil {
		return Page[T]{}, err
	}
	pg := Page[T]{Link: m365.DeltaLink(raw.Next), Items: make([]T, 0, len(raw.Value))}
	if raw.Next == "" {
		pg.Link, pg.Last = m365.DeltaLink(raw.Delta), true
	}
	if pg.Link == "" {
		return pg, malformed("a delta page has neither a next nor a delta link", nil)
	}
	for _, entry := range raw.Value {
		gone, err := removed(entry)
		var item T
		switch {
		case err != nil:
		case gone != nil:
			pg.Removed = append(pg.Removed, *gone)
			continue
		default:
			err = json.Unmarshal(entry, &item)
		}
		if err != nil {
			pg.Broken = append(pg.Broken, Broken{ID: idOf(entry), Err: malformed("an entry of a delta page is not of the documented shape", err)})
			continue
		}
		pg.Items = append(pg.Items, item)
	}
	return pg, nil
}

// idOf reads as much of a broken entry as tells which one it is.
func idOf(entry []byte) string {
	var fields map[string]json.RawMessage
	var id string
	if json.Unmarshal(entry, &fields) == nil {
		_ = json.Unmarshal(fields["id"], &id) // an id that is no text is none
	}
	return id
}

// removed reads an @removed entry, or one of a drive's with its facet deleted (driveitem-delta.md). The search only spares decoding twice; a
// text that contains the word does no harm.
func removed(entry []byte) (*Removed, error) {
	if !bytes.Contains(entry, []byte(`"@removed"`)) && !bytes.Contains(entry, []byte(`"deleted"`)) {
		return nil, nil
	}
	var e struct {
		ID      string `json:"id"`
		Removed *struct {
			Reason string `json:"reason"`
		} `json:"@removed"`
		Deleted *struct{} `json:"deleted"`
	}
	if err := json.Unmarshal(entry, &e); err != nil {
		return nil, malformed("an @removed entry is not of the documented shape", err)
	}
	switch {
	case e.Removed != nil:
		return &Removed{ID: e.ID, Reason: e.Removed.Reason}, nil
	case e.Deleted != nil:
		return &Removed{ID: e.ID, Reason: "deleted"}, nil
	}
	return nil, nil
}

// forgotten says that a link is of no use any more: 410, or the codes that directory and Outlook answer with 40x (graph/FACTS §2 and §5).
func forgotten(err error) bool {
	f := fault.As(err)
	if f == nil || f.Upstream == nil {
		return false
	}
	return f.Upstream.Status == http.StatusGone || slices.Contains(resyncCodes, strings.ToLower(f.Upstream.Code))
}

var resyncCodes = []string{"syncstatenotfound", "syncstateinvalid", "resyncrequired", "resyncchangesapplydifferences", "resyncchangesuploaddifferences"}

func malformed(what string, err error) *fault.Error {
	return &fault.Error{Kind: fault.Unavailable, Code: "malformed_answer", Message: "Microsoft's answer is damaged: " + what,
		Fix: "Try again; if it stays, report this with the request id", Who: "you", Err: err}
}
