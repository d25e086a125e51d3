package sharepoint_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/sharepoint"
	"seneschal/internal/fault"
)

func titles(b *bench.Bench, more bench.In, opts ...bench.Option) []string {
	b.Helper()
	out := []string{}
	for _, i := range bench.Do[sharepoint.Items](b, "sharepoint.list_item.list", in(more), opts...).Items {
		out = append(out, i.Fields["Title"].(string))
	}
	return out
}

// An item is made, changed, deleted and read back with its versions, in both modes.
func TestAnItemIsReadBackInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			made := bench.Do[sharepoint.Item](b, "sharepoint.list_item.create", in(bench.In{"fields": bench.In{"Title": "100 % of #1: it's U\u0308 and \u00dc", "Hours": 1.5, "State": "open", "Due": "2031-03-04T09:00:00Z", "Billable": true}}), bench.Through(through))
			ref := in(bench.In{"item": made.ID})
			got := bench.Do[sharepoint.Item](b, "sharepoint.list_item.get", ref, bench.Through(through))
			if got.ETag != made.ETag || got.Fields["Title"] != "100 % of #1: it's U\u0308 and \u00dc" || got.Fields["Hours"] != 1.5 || got.Fields["Billable"] != true || got.CreatedBy == "" {
				t.Errorf("made %+v, read %+v", made, got)
			}
			written := bench.Do[sharepoint.Written](b, "sharepoint.list_item.update", in(bench.In{"item": made.ID, "fields": bench.In{"Hours": 3, "State": nil}, "if_match": got.ETag}), bench.Through(through))
			again := bench.Do[sharepoint.Item](b, "sharepoint.list_item.get", ref, bench.Through(through))
			if _, there := again.Fields["State"]; there || again.Fields["Hours"] != 3.0 || again.Fields["Billable"] != true || again.ETag == got.ETag || written.ETag != again.ETag {
				t.Errorf("written %+v, read %+v", written, again)
			}
			versions := bench.Do[sharepoint.Versions](b, "sharepoint.list_item.version.list", ref, bench.Through(through)).Versions
			if len(versions) != 2 || versions[0].Fields["Hours"] != 3.0 || versions[1].Fields["Hours"] != 1.5 || versions[1].Fields["State"] != "open" {
				t.Errorf("versions %+v", versions)
			}
			bench.Do[sharepoint.Deleted](b, "sharepoint.list_item.delete", in(bench.In{"item": made.ID, "if_match": again.ETag}), bench.Through(through))
			if f := b.Refused("sharepoint.list_item.get", ref, bench.Through(through)); f.Kind != fault.NotFound {
				t.Errorf("deleted: %v", f)
			}
		})
	}
}

func TestItemsByConditionsAndPage(t *testing.T) {
	b := start(t)
	for _, tt := range []struct {
		name string
		in   bench.In
		want []string
	}{
		{"all", nil, []string{"Replace the router", "Move the printers", "Check the backup"}},
		{"by an index", bench.In{"where": []bench.In{{"field": "Site", "value": "Harbour"}}}, []string{"Replace the router", "Check the backup"}},
		{"by beginning", bench.In{"where": []bench.In{{"field": "Site", "is": "startswith", "value": "Town"}}}, []string{"Move the printers"}},
		{"without an index", bench.In{"unindexed": true, "where": []bench.In{{"field": "Hours", "is": "ge", "value": 2}, {"field": "Billable", "value": true}}}, []string{"Replace the router"}},
		{"by a text with a quote", bench.In{"where": []bench.In{{"field": "Site", "value": "it's"}}}, []string{}},
		{"some columns", bench.In{"columns": []string{"Title"}, "limit": 1}, []string{"Replace the router"}},
	} {
		if diff := cmp.Diff(tt.want, titles(b, tt.in)); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
	}
	got, ask := []string{}, bench.In{"limit": 2}
	for {
		page := bench.Do[sharepoint.Items](b, "sharepoint.list_item.list", in(ask))
		for _, i := range page.Items {
			got = append(got, i.ID)
		}
		if ask["cursor"] = page.NextCursor; page.NextCursor == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"1", "2", "3"}, got); diff != "" {
		t.Error(diff)
	}
}

// What changed is told page by page; a forgotten cursor begins anew and says so.
func TestChanges(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			walk := func(cursor string) (sharepoint.Changes, []string) {
				t.Helper()
				var last sharepoint.Changes
				ids := []string{}
				for ask := in(bench.In{"limit": 2}); ; ask["cursor"] = last.NextCursor {
					if cursor != "" {
						ask["cursor"], cursor = cursor, ""
					}
					page := bench.Do[sharepoint.Changes](b, "sharepoint.list_item.change.list", ask, bench.Through(through))
					page.Reset, page.Removed = page.Reset || last.Reset, append(last.Removed, page.Removed...)
					for _, i := range page.Items {
						ids = append(ids, i.ID)
					}
					if last = page; page.Complete {
						return last, ids
					}
				}
			}
			first, all := walk("")
			made := bench.Do[sharepoint.Item](b, "sharepoint.list_item.create", in(bench.In{"fields": bench.In{"Title": "New"}}), bench.Through(through))
			next, news := walk(first.NextCursor)
			if !cmp.Equal(news, []string{made.ID}) || next.Reset {
				t.Errorf("made: got %v", news)
			}
			bench.Do[sharepoint.Deleted](b, "sharepoint.list_item.delete", in(bench.In{"item": made.ID}), bench.Through(through))
			last, news := walk(next.NextCursor)
			if len(news) != 0 || !cmp.Equal(last.Removed, []string{made.ID}) {
				t.Errorf("deleted: got %v %v", news, last.Removed)
			}
			b.Fault(bench.FaultAt("delta_gone", "GET", "/delta"))
			if anew, ids := walk(last.NextCursor); !anew.Reset || !cmp.Equal(ids, all) {
				t.Errorf("forgotten: got %v %v, want everything: %v", anew.Reset, ids, all)
			}
		})
	}
}

// What is made is made once, whatever is lost: an item is told from what came to its list, others from what there was before.
func TestMadeOnce(t *testing.T) {
	for _, tt := range []struct {
		name, action, path string
		in                 bench.In
		count              func(b *bench.Bench) int
	}{
		{"an item", "sharepoint.list_item.create", "/items", in(bench.In{"fields": bench.In{"Title": "Check the backup", "Hours": 1, "Due": "2031-03-04"}}),
			func(b *bench.Bench) int { return len(titles(b, nil)) - 3 }},
		{"a list", "sharepoint.list.create", "/lists", bench.In{"site": projects, "title": "Once", "columns": []bench.In{{"name": "A", "type": "text"}}},
			func(b *bench.Bench) int {
				return len(bench.Do[sharepoint.Lists](b, "sharepoint.list.list", bench.In{"site": projects}).Lists) - 2
			}},
		{"a column", "sharepoint.column.create", "/columns", in(bench.In{"name": "Once", "type": "text"}),
			func(b *bench.Bench) int {
				return len(bench.Do[sharepoint.Columns](b, "sharepoint.column.list", in(nil)).Columns) - 6
			}},
		{"a page", "sharepoint.page.create", "/pages", bench.In{"site": projects, "name": "once", "title": "Once"},
			func(b *bench.Bench) int {
				return len(bench.Do[sharepoint.Pages](b, "sharepoint.page.list", bench.In{"site": projects}).Pages)
			}},
	} {
		for _, lost := range bench.Losses(tt.path) {
			t.Run(tt.name+", "+lost.Name, func(t *testing.T) {
				b := start(t)
				b.MadeOnce(tt.action, tt.in, lost, func() int { return tt.count(b) })
			})
		}
	}
}

// Where Microsoft has forgotten where the list stood, an item is told from older ones of the same values by when it was made.
func TestAnItemIsToldFromOlderOnes(t *testing.T) {
	b := start(t)
	again := in(bench.In{"fields": bench.In{"Title": "Check the backup"}})
	b.Fault(bench.FaultAt("reset", "POST", "/items"))
	run := b.Unclear("sharepoint.list_item.create", again)
	b.Fault(bench.FaultAt("delta_gone", "GET", "/delta"))
	if got := b.Look(run); got != action.Unclear {
		t.Errorf("an older item of the same title: got %s", got)
	}
	b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/items"))
	run = b.Unclear("sharepoint.list_item.create", again)
	b.Fault(bench.FaultAt("delta_gone", "GET", "/delta"))
	if got := b.Look(run); got != action.Done {
		t.Errorf("the item itself: got %s", got)
	}
}

// A lost change tied to a version is looked for before it is repeated.
func TestALostChangeIsAskedFor(t *testing.T) {
	b := start(t)
	was := bench.Do[sharepoint.Item](b, "sharepoint.list_item.get", in(bench.In{"item": "1"}))
	for range 4 {
		b.Fault(bench.FaultAt("timeout_after_accept", "PATCH", "/fields"))
	}
	run := b.Unclear("sharepoint.list_item.update", in(bench.In{"item": "1", "fields": bench.In{"Hours": 7}, "if_match": was.ETag}))
	if s := b.Look(run); s != action.Done {
		t.Errorf("got %s", s)
	}
	if now := bench.Do[sharepoint.Item](b, "sharepoint.list_item.get", in(bench.In{"item": "1"})); now.Fields["Hours"] != 7.0 {
		t.Errorf("got %+v", now)
	}
}
