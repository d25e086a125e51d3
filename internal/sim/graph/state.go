package graph

import (
	"fmt"
	"strings"

	"seneschal/internal/sim/world"
)

// State shows a collection as checks need it: the directory's, or that of every mailbox with the mailbox's address and the folder's name beside each item.
func (s *Server) State(tenant, collection string) []map[string]any {
	out := []map[string]any{}
	for _, i := range scan(s.world, tenant, collection) {
		out = append(out, public(i.object))
	}
	for u := range s.world.All(tenant, world.Users) {
		box := world.Mailbox(world.Text(u, "id"))
		for _, i := range scan(s.world, box, collection) {
			item := public(i.object)
			item["mailbox"] = u["userPrincipalName"]
			item["key"] = i.id
			if f, ok := s.world.Get(world.Key{Scope: box, Collection: world.MailFolders, ID: world.Text(i.object, world.Partition)}); ok {
				item["folder"] = f["displayName"]
			}
			out = append(out, item)
		}
	}
	return out
}

type kept struct {
	id     string
	object world.Object
}

// scan gives what is kept; of a large world's generated items only the first ones.
func scan(w *world.World, scope, collection string) []kept {
	var out []kept
	for id, o := range w.Scan(scope, collection) {
		if len(out) == 10000 {
			break
		}
		out = append(out, kept{id, o})
	}
	return out
}

// mailboxOf finds a mailbox in any tenant by address.
func (s *Server) mailboxOf(address string) (tenant string, user world.Object, err error) {
	for _, t := range s.world.Tenants() {
		if u, ok := s.world.User(t.ID, strings.TrimSpace(address)); ok && world.HasMailbox(u) {
			return t.ID, u, nil
		}
	}
	return "", nil, fmt.Errorf("there is no mailbox %q", address)
}
