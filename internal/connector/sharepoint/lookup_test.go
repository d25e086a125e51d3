package sharepoint_test

import (
	"net/http"
	"testing"
	"time"

	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/sharepoint"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// remembering starts a bench whose hub keeps what it looks up.
func remembering(t *testing.T) *bench.Bench {
	t.Helper()
	b := start(t)
	b.Connections.Lookups = &graph.Lookups{Clock: b.Clock, Keep: 5 * time.Minute}
	b.AddApp(bench.Sites, m365.SharePoint) // a client that is made from now on
	return b
}

// The id behind an address is asked for once in a while, for one connection alone; what a caller reads is as old as it lets it be, and says so.
func TestALookUpIsKeptForAWhile(t *testing.T) {
	b := remembering(t)
	through := bench.Through(bench.Sites)
	asked := func(f func()) int {
		before := b.Sent(http.MethodGet, "/sites/contoso.sharepoint.com:/sites/projects")
		f()
		return b.Sent(http.MethodGet, "/sites/contoso.sharepoint.com:/sites/projects") - before
	}
	lists := func() { bench.Do[sharepoint.Lists](b, "sharepoint.list.list", bench.In{"site": projects}, through) }
	if n := asked(func() { lists(); lists() }); n != 1 {
		t.Errorf("two actions asked %d times for the site's id", n)
	}
	b.Pass(5*time.Minute + time.Second)
	if n := asked(lists); n != 1 {
		t.Errorf("later: %d times", n)
	}
	read := func(age int) sharepoint.SiteRead {
		return bench.Do[sharepoint.SiteRead](b, "sharepoint.site.get", bench.In{"site": projects, "max_age_seconds": age}, through)
	}
	first := read(0)
	b.Pass(2 * time.Minute)
	if kept := read(180); kept.ReadAt != first.ReadAt || kept.Title != first.Title {
		t.Errorf("kept: %+v, read first %+v", kept, first)
	}
	if fresh := read(60); !fresh.ReadAt.After(first.ReadAt) {
		t.Errorf("two minutes are too old for one: %s after %s", fresh.ReadAt, first.ReadAt)
	}
	if again := read(0); b.Clock.Now().Sub(again.ReadAt) > time.Second {
		t.Errorf("nothing was said of an age, and the answer is of %s", again.ReadAt)
	}
}

// What is kept lets nobody past a list that has changed, and is dropped when something of the site is not there.
func TestWhatIsKeptIsNoWayAround(t *testing.T) {
	b := remembering(t)
	through := bench.Through(bench.Sites)
	bench.Do[sharepoint.Lists](b, "sharepoint.list.list", bench.In{"site": projects}, through)
	before := b.Sent(http.MethodGet, "/sites/contoso.sharepoint.com:/sites/projects")
	if f := b.Refused("sharepoint.list.get", bench.In{"site": projects, "list": "no such list"}, through); f.Kind != fault.NotFound {
		t.Fatalf("got %v", f)
	}
	bench.Do[sharepoint.Lists](b, "sharepoint.list.list", bench.In{"site": projects}, through)
	if n := b.Sent(http.MethodGet, "/sites/contoso.sharepoint.com:/sites/projects") - before; n != 1 {
		t.Errorf("after something was not there the id was asked for %d times", n)
	}
	b.Resite(bench.Sites, false, archive)
	if f := b.Refused("sharepoint.list.list", bench.In{"site": projects}, through); f.Code != "site_not_listed" {
		t.Errorf("off the list: got %v", f)
	}
}
