package entra

import (
	"errors"
	"strings"

	"seneschal/internal/sim/world"
)

// RemoveMailbox takes a person's licence away. Exchange keeps the mailbox for thirty days, closed: graph/FACTS §2.
func (s *Server) RemoveMailbox(tenant, user string) error {
	return s.changeMailbox(tenant, user, func(u world.Object) {
		u["~licences"], u["assignedLicenses"], u["~mailbox"] = u["assignedLicenses"], []any{}, false
	})
}

// ReturnMailbox gives it back as it was.
func (s *Server) ReturnMailbox(tenant, user string) error {
	return s.changeMailbox(tenant, user, func(u world.Object) { u["assignedLicenses"], u["~mailbox"] = u["~licences"], true })
}

// MakeGuest has a person be a guest of the tenant.
func (s *Server) MakeGuest(tenant, user string) error {
	t, u, err := s.lookUp(tenant, user, world.Users)
	if err != nil {
		return err
	}
	s.putUser(t.ID, u, func(u world.Object) { u["userType"] = "Guest" })
	return nil
}

func (s *Server) changeMailbox(tenant, user string, change func(world.Object)) error {
	t, u, err := s.lookUp(tenant, user, world.Users)
	if err != nil {
		return err
	}
	s.putUser(t.ID, u, change)
	s.endSubscriptions(t.ID, u)
	return nil
}

// DeleteUser moves an account to the deleted users. Nobody finds it any more; its mailbox waits with it.
func (s *Server) DeleteUser(tenant, user string) error {
	t, u, err := s.lookUp(tenant, user, world.Users)
	if err != nil {
		return err
	}
	id := world.Text(u, "id")
	s.world.Update(func(tx *world.Tx) {
		tx.Put(world.Key{Scope: t.ID, Collection: world.DeletedUsers, ID: id}, u)
		tx.Delete(world.Key{Scope: t.ID, Collection: world.Users, ID: id})
	})
	s.endSubscriptions(t.ID, u)
	return nil
}

// RestoreUser gives an account back with its id and mailbox.
func (s *Server) RestoreUser(tenant, user string) error {
	t, u, err := s.lookUp(tenant, user, world.DeletedUsers)
	if err != nil {
		return err
	}
	id := world.Text(u, "id")
	s.world.Update(func(tx *world.Tx) {
		tx.Delete(world.Key{Scope: t.ID, Collection: world.DeletedUsers, ID: id})
		tx.Put(world.Key{Scope: t.ID, Collection: world.Users, ID: id}, u)
	})
	return nil
}

// MakeUserAnew makes another account with the names of a deleted one.
func (s *Server) MakeUserAnew(tenant, user string) error {
	t, u, err := s.lookUp(tenant, user, world.DeletedUsers)
	if err != nil {
		return err
	}
	s.world.Anew(t, u)
	return nil
}

// lookUp finds a person among the users or the deleted ones.
func (s *Server) lookUp(tenant, user, collection string) (world.Tenant, world.Object, error) {
	for _, t := range s.world.Tenants() {
		if tenant != "" && !strings.EqualFold(tenant, t.ID) && !strings.EqualFold(tenant, t.Domain) && !strings.EqualFold(tenant, t.Name) {
			continue
		}
		for u := range s.world.All(t.ID, collection) {
			if strings.EqualFold(user, world.Text(u, "userPrincipalName")) || strings.EqualFold(user, world.Text(u, "id")) {
				return t, u, nil
			}
		}
	}
	return world.Tenant{}, nil, errors.New("there is no such user: " + user)
}

// endSubscriptions forgets what was subscribed to in a mailbox that is gone. Nobody is told: docs/fidelity.md.
func (s *Server) endSubscriptions(tenant string, u world.Object) {
	s.drop(tenant, world.Subscriptions, "~user", world.Text(u, "id"))
}

// GiveConsent is an administrator's, to everything that the app's registration asks of Microsoft Graph.
func (s *Server) GiveConsent(tenant, clientID string) error {
	home, app, ok := s.world.App(clientID)
	if !ok {
		return errors.New("there is no app " + clientID)
	}
	if tenant == "" {
		tenant = home
	}
	t, ok := s.world.Tenant(tenant)
	if !ok {
		return errors.New("there is no tenant " + tenant)
	}
	res, ref := s.resource(t, graphAudience)
	if ref != nil {
		return errors.New("the tenant has no Microsoft Graph")
	}
	principal, ok := s.world.Principal(t.ID, clientID)
	if !ok {
		principal = s.world.AddPrincipal(t.ID, home, app)
	}
	roles, scopes := required(app, res)
	s.world.GrantRoles(t.ID, principal, res, roles)
	if len(scopes) > 0 {
		s.world.GrantScopes(t.ID, principal, res, "", scopes)
	}
	return nil
}
