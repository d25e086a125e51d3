package directory

import (
	"context"
	"iter"
	"strings"

	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// filtered is how many people a delta of the directory can be narrowed to (graph/FACTS §5); above it everybody's changes come.
const filtered = 50

// Walk follows the directory's entries of people, by object id; of all people when there are too many to name.
func Walk(ctx context.Context, g *graph.Client, people []string, from m365.DeltaLink, opts ...graph.Option) iter.Seq2[graph.Page[graph.User], error] {
	opts = append(opts, graph.Select("id", "userPrincipalName", "mail", "accountEnabled", "assignedLicenses"))
	if len(people) > 0 && len(people) <= filtered {
		var terms []string
		for _, id := range people {
			terms = append(terms, "id eq "+graph.Quote(id))
		}
		opts = append(opts, graph.Filter(strings.Join(terms, " or ")))
	}
	return graph.Delta[graph.User](ctx, g, graph.At("users"), from, opts...)
}
