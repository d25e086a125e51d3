package sharepoint

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// arrival is how one item is made in a list that may be long. Before it is made, Microsoft is asked where the list's changes stand; what came
// since with the same values is it. Two programs that put the same values into the same list at the same moment are not told apart.
type arrival struct {
	place.SitePlace
	in   ItemCreateIn
	call action.Call
}

// expected is what the ledger keeps: from where on the item would be among the changes.
type expected struct {
	From graph.PageToken `json:"from"`
	At   time.Time       `json:"at"`
}

func (in ItemCreateIn) arrival(ctx context.Context, c action.Call) (arrival, error) {
	s, err := in.site().In(ctx, c)
	return arrival{s, in, c}, err
}

// Run notes where the list's changes stand, and makes the item.
func (k arrival) Run(ctx context.Context, c action.Call) (Item, error) {
	made := graph.ListItemCreation{Fields: k.in.Fields}
	if k.in.Type != "" {
		t, err := typeNamed(ctx, k.SitePlace, k.in.List, k.in.Type)
		if err != nil {
			return Item{}, place.NotGranted(ctx, c, err)
		}
		made.ContentType = &graph.ContentTypeInfo{ID: t.ID}
	}
	var p graph.Proof
	_, from, err := graph.DeltaPage[graph.ListItem](ctx, k.Graph, k.Items(k.in.List), "", []graph.Option{graph.Prove(&p)}, graph.Query("token", "latest"))
	if err != nil {
		return Item{}, place.NotGranted(ctx, c, err)
	}
	if err := c.Checkpoint(ctx, expected{from, p.At}); err != nil {
		return Item{}, err
	}
	i, err := graph.Post[graph.ListItem](ctx, k.Graph, k.Items(k.in.List), made)
	if err != nil {
		return Item{}, place.NotGranted(ctx, c, refusedFields(ctx, k.SitePlace, k.in.List, k.in.Fields, err))
	}
	return itemOf(i), nil
}

// Became answers an unclear run: it is among what came since, or it is not and nothing can be under way any more.
func (k arrival) Became(ctx context.Context, c action.Call) (Item, action.Answer, error) {
	var e expected
	known, err := c.Recall(ctx, &e)
	if err != nil || !known {
		return Item{}, action.NotStarted, err // nothing leaves before the checkpoint
	}
	var p graph.Proof
	i, came, err := k.since(ctx, e, graph.Prove(&p))
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return Item{}, action.NotStarted, nil // the list is gone
	case err != nil:
		return Item{}, action.StillOpen, err
	case came:
		return i, action.Happened, nil
	case p.At.Sub(e.At) < once.Settled:
		return Item{}, action.StillOpen, nil
	}
	return Item{}, action.NotStarted, nil
}

// since looks through what came after the checkpoint. Where Microsoft has forgotten the place, everything there is comes instead: then what is
// older than the checkpoint is not it.
func (k arrival) since(ctx context.Context, e expected, proof graph.Option) (Item, bool, error) {
	always := []graph.Option{graph.ExpandFields(), proof}
	for from, anew := e.From, false; ; {
		page, next, err := graph.DeltaPage[graph.ListItem](ctx, k.Graph, k.Items(k.in.List), from, always)
		if err != nil {
			return Item{}, false, err
		}
		anew = anew || page.Reset
		for _, i := range page.Items {
			if (!anew || !i.CreatedDateTime.Before(e.At.Truncate(time.Second))) && k.is(i) {
				return itemOf(i), true, nil
			}
		}
		if page.Last {
			return Item{}, false, nil
		}
		from = next
	}
}

// is says whether an item is as the one that was to be made.
func (k arrival) is(i graph.ListItem) bool {
	typed := k.in.Type == "" || strings.EqualFold(k.in.Type, i.ContentType.Name) || strings.EqualFold(k.in.Type, i.ContentType.ID)
	return typed && holds(plain(i.Fields), k.in.Fields)
}

// holds reports whether an item has the values that were given for it. SharePoint writes times in its own way, and numbers of entries as text.
func holds(has, given action.Open) bool {
	for name, want := range given {
		if !same(has[name], want) {
			return false
		}
	}
	return true
}

func same(has, want any) bool {
	if has == nil || want == nil {
		return has == nil && (want == nil || want == "") || want == nil && has == ""
	}
	if reflect.DeepEqual(has, want) || fmt.Sprint(has) == fmt.Sprint(want) {
		return true
	}
	a, isTime := moment(has)
	b, isToo := moment(want)
	return isTime && isToo && a.Equal(b)
}

func moment(v any) (time.Time, bool) {
	text, _ := v.(string)
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
