package contacts

import (
	"cmp"
	"context"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/graph"
)

// searchPage is the largest page there is: a search looks at every contact.
const searchPage = 1000

// search looks at the contacts itself: Microsoft's filter on contacts is documented for whole addresses alone (user-list-contacts.md).
func search(ctx context.Context, c action.Call, in SearchIn) (Found, error) {
	out := Found{Contacts: []Summary{}}
	box, err := in.In(c)
	if err != nil {
		return out, err
	}
	folders := []string{in.Folder}
	if in.Folder == "" {
		below, err := tree(ctx, box, box.ContactFolders())
		if err != nil {
			return out, err
		}
		for _, f := range below {
			folders = append(folders, f.ID)
		}
	}
	words, limit := strings.Fields(strings.ToLower(in.Text)), cmp.Or(in.Limit, 50)
	for _, folder := range folders {
		for k, err := range graph.List[graph.Contact](ctx, box.Graph, box.ContactsIn(folder), graph.Select(summaryFields...), graph.Top(searchPage)) {
			if err != nil {
				return out, err
			}
			out.Looked++
			s := summaryOf(k)
			if !s.says(words) {
				continue
			}
			if len(out.Contacts) == limit {
				out.Truncated = true
				return out, nil
			}
			out.Contacts = append(out.Contacts, s)
		}
	}
	return out, nil
}

// tree lists all folders at and below a list of folders.
func tree(ctx context.Context, box place.Place, at graph.Path, opts ...graph.Option) ([]Folder, error) {
	var out []Folder
	for f, err := range graph.List[graph.ContactFolder](ctx, box.Graph, at, append(opts, folderFields, graph.Top(100))...) {
		if err != nil {
			return nil, err
		}
		below, err := tree(ctx, box, below(box, f.ID), opts...)
		if err != nil {
			return nil, err
		}
		out = append(append(out, folderOf(f)), below...)
	}
	return out, nil
}

// says reports whether every word stands somewhere in the contact.
func (s Summary) says(words []string) bool {
	parts := []string{s.DisplayName, s.GivenName, s.Surname, s.Company, s.JobTitle, s.MobilePhone}
	for _, e := range s.Emails {
		parts = append(parts, e.Address, e.Name)
	}
	for _, more := range [][]string{s.BusinessPhones, s.HomePhones, s.Categories} {
		parts = append(parts, more...)
	}
	text := strings.ToLower(strings.Join(parts, "\n"))
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
