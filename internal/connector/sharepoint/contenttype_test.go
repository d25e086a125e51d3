package sharepoint_test

import (
	"slices"
	"testing"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/sharepoint"
	"seneschal/internal/fault"
)

// A list's content types are listed, and an item of one is read back as such, in both modes.
func TestContentTypesAreReadBackInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		all := bench.Do[sharepoint.ContentTypes](b, "sharepoint.content_type.list", in(nil), bench.Through(through)).ContentTypes
		if len(all) != 2 || all[0].Name != "Item" || !all[0].Default || all[1].Name != "Inspection" || all[1].Default || all[1].ID == all[0].ID {
			t.Fatalf("%s: got %+v", through, all)
		}
		for _, tt := range []struct{ named, want string }{{"", "Item"}, {"inspection", "Inspection"}, {all[1].ID, "Inspection"}} {
			made := bench.Do[sharepoint.Item](b, "sharepoint.list_item.create", in(bench.In{"content_type": tt.named, "fields": bench.In{"Title": "x"}}), bench.Through(through))
			got := bench.Do[sharepoint.Item](b, "sharepoint.list_item.get", in(bench.In{"item": made.ID}), bench.Through(through))
			if made.Type != tt.want || got.Type != tt.want || got.Fields["ContentType"] != tt.want {
				t.Errorf("%s: %q: made %+v, read %+v", through, tt.named, made, got)
			}
		}
		list := bench.Do[sharepoint.Items](b, "sharepoint.list_item.list", in(nil), bench.Through(through)).Items
		if !slices.ContainsFunc(list, func(i sharepoint.Item) bool { return i.Type == "Inspection" }) {
			t.Errorf("%s: none in the list", through)
		}
	}
	library := bench.Do[sharepoint.ContentTypes](b, "sharepoint.content_type.list", bench.In{"site": projects, "list": "Documents"}).ContentTypes
	if len(library) != 1 || library[0].Name != "Document" {
		t.Errorf("a library: got %+v", library)
	}
}

// One that the list does not have is named with those it has, and nothing is made.
func TestAContentTypeThatIsNone(t *testing.T) {
	b := start(t)
	f := b.Refused("sharepoint.list_item.create", in(bench.In{"content_type": "Invoice", "fields": bench.In{"Title": "x"}}))
	if f.Kind != fault.Invalid || f.Fields[0].Name != "content_type" || f.Fields[0].Message != "is none of the list's; there are Item, Inspection" || b.Sent("POST", "/items") != 0 {
		t.Errorf("got %+v", f)
	}
}

// An item of a content type is told from one with the same values of another.
func TestAnItemOfATypeIsMadeOnce(t *testing.T) {
	for _, tt := range []struct {
		kind   string
		atOnce action.State
		atLast action.State
	}{{"timeout_after_accept", action.Done, action.Done}, {"reset", action.Unclear, action.Refused}} {
		b := start(t)
		b.Fault(bench.FaultAt(tt.kind, "POST", "/items"))
		run := b.Unclear("sharepoint.list_item.create", in(bench.In{"content_type": "Inspection", "fields": bench.In{"Title": "Once"}}))
		bench.Do[sharepoint.Item](b, "sharepoint.list_item.create", in(bench.In{"fields": bench.In{"Title": "Once"}}))
		b.Becomes(run, tt.atOnce, tt.atLast)
	}
}
