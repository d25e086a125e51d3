package contacts

import (
	"context"
	"iter"

	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// walkPage is how many changes a step of a walk asks for.
const walkPage = 200

// FoldersOf gives all contact folders of a mailbox: the default one first, without a name, as soon as there is anything to know it by.
func FoldersOf(ctx context.Context, g *graph.Client, mailbox m365.UserID, opts ...graph.Option) ([]Folder, error) {
	owner, err := g.Owner(mailbox)
	if err != nil {
		return nil, err
	}
	box := place.Place{Owner: owner, Graph: g}
	var out []Folder
	first, err := defaultFolder(ctx, box)
	switch {
	case err == nil:
		out = append(out, Folder{ID: first})
	case fault.CodeOf(err) != unknownDefault:
		return nil, err
	}
	below, err := tree(ctx, box, box.ContactFolders(), opts...)
	return append(out, below...), err
}

// Walk follows the contacts of one folder from a link on, and reads of each that it is another one than before; from "" it reads all there are.
// Options may add a Prove.
func Walk(ctx context.Context, g *graph.Client, mailbox m365.UserID, folder string, from m365.DeltaLink, opts ...graph.Option) iter.Seq2[graph.Page[graph.Contact], error] {
	owner, err := g.Owner(mailbox)
	if err != nil {
		return func(yield func(graph.Page[graph.Contact], error) bool) { yield(graph.Page[graph.Contact]{}, err) }
	}
	return graph.Delta[graph.Contact](ctx, g, owner.ContactsIn(folder), from, append(opts, graph.Select("id", "createdDateTime", "lastModifiedDateTime"), graph.PageSize(walkPage))...)
}
