package sharepoint

import (
	"context"
	"iter"

	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// walkPage is how many changes a step of a walk asks for.
const walkPage = 200

// LibrariesOf gives the libraries of a site with the ids of their lists, by which Microsoft tells of changes in them.
func LibrariesOf(ctx context.Context, g *graph.Client, site string, opts ...graph.Option) (out []graph.Drive, err error) {
	for d, err := range graph.List[graph.Drive](ctx, g, graph.SiteWithID(site).Sub("drives"), append(opts, graph.Select("id", "name", "sharePointIds"))...) {
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// ListsOf gives the lists of a site that people work in: no libraries, and none of SharePoint's own or hidden ones.
func ListsOf(ctx context.Context, g *graph.Client, site string, opts ...graph.Option) (out []graph.SiteList, err error) {
	for l, err := range graph.List[graph.SiteList](ctx, g, graph.SiteWithID(site).Lists(), append(opts, listFields)...) {
		switch {
		case err != nil:
			return nil, err
		case l.System == nil && !l.List.Hidden && l.List.Template != "documentLibrary":
			out = append(out, l)
		}
	}
	return out, nil
}

// Walk follows the items of a list from a link on, without what is in them; from "" it reads all there are. Options may add a Prove.
func Walk(ctx context.Context, g *graph.Client, site, list string, from m365.DeltaLink, opts ...graph.Option) iter.Seq2[graph.Page[graph.ListItem], error] {
	return graph.Delta[graph.ListItem](ctx, g, graph.SiteWithID(site).Items(list), from, append(opts, graph.Select("id", "eTag", "createdDateTime", "deleted"), graph.Top(walkPage))...)
}
