package onedrive

import (
	"context"
	"iter"
	"slices"

	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// walkPage is how many changes a step of a walk asks for.
const walkPage = 200

// walkFields are what walks read: where a file lies, what tells one content from another, and nothing of what is in it. The facet that marks
// what is gone is asked for by name: no page says that it comes with what was selected without it.
var walkFields = graph.Select("id", "name", "eTag", "cTag", "createdDateTime", "parentReference", "folder", "root", "deleted")

// Walk follows the files of a person's OneDrive from a link on; from "" it reads all there are. Options may add a Prove.
func Walk(ctx context.Context, g *graph.Client, user m365.UserID, from m365.DeltaLink, opts ...graph.Option) iter.Seq2[graph.Page[graph.DriveItem], error] {
	owner, err := g.Owner(user)
	if err != nil {
		return func(yield func(graph.Page[graph.DriveItem], error) bool) { yield(graph.Page[graph.DriveItem]{}, err) }
	}
	return walk(ctx, g, owner.Drive(), from, opts)
}

// WalkLibrary follows the files of a site's library, by the id of its drive.
func WalkLibrary(ctx context.Context, g *graph.Client, site, drive string, from m365.DeltaLink, opts ...graph.Option) iter.Seq2[graph.Page[graph.DriveItem], error] {
	return walk(ctx, g, graph.SiteWithID(site).LibraryWithID(drive), from, opts)
}

// walk leaves out the topmost folder, which comes with every round and is no news, and the folders that come for what lies in them alone.
func walk(ctx context.Context, g *graph.Client, d graph.DrivePlace, from m365.DeltaLink, opts []graph.Option) iter.Seq2[graph.Page[graph.DriveItem], error] {
	return func(yield func(graph.Page[graph.DriveItem], error) bool) {
		for p, err := range graph.Delta[graph.DriveItem](ctx, g, d.Root(), from, append(opts, walkFields, graph.Top(walkPage), graph.WithoutParents())...) {
			p.Items = slices.DeleteFunc(p.Items, func(i graph.DriveItem) bool { return i.Root != nil })
			if !yield(p, err) {
				return
			}
		}
	}
}
