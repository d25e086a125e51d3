package entra

import (
	"errors"
	"time"

	"seneschal/internal/sim/world"
)

// Revoke ends the sign-in sessions of one person, or of everyone in the tenant: refresh tokens given before are refused from now on (50173).
func (s *Server) Revoke(tenant, user string) error {
	return s.changeUsers(tenant, user, func(u world.Object) { u["signInSessionsValidFromDateTime"] = s.world.Now().Format(time.RFC3339Nano) })
}

// DisableUser blocks a person's sign-in (50057).
func (s *Server) DisableUser(tenant, user string) error {
	if user == "" {
		return errors.New("say which user")
	}
	return s.changeUsers(tenant, user, func(u world.Object) { u["accountEnabled"] = false })
}

func (s *Server) changeUsers(tenant, user string, change func(world.Object)) error {
	for _, t := range s.world.Tenants() {
		if tenant != "" && tenant != t.ID && tenant != t.Domain && tenant != t.Name {
			continue
		}
		if user != "" {
			u, ok := s.world.User(t.ID, user)
			if !ok {
				continue
			}
			s.putUser(t.ID, u, change)
			return nil
		}
		for u := range s.world.All(t.ID, world.Users) {
			s.putUser(t.ID, u, change)
		}
	}
	if user != "" {
		return errors.New("there is no such user: " + user)
	}
	return nil
}

func (s *Server) putUser(tenant string, u world.Object, change func(world.Object)) {
	n := world.Clone(u)
	change(n)
	s.world.Put(world.Key{Scope: tenant, Collection: world.Users, ID: world.Text(u, "id")}, n)
}

// DisableApp blocks an app registration (7000112).
func (s *Server) DisableApp(clientID string) error {
	return s.changeApp(clientID, func(app world.Object) { app["~enabled"] = false })
}

// ExpireSecrets lets all secrets of an app end now (7000222).
func (s *Server) ExpireSecrets(clientID string) error {
	return s.changeApp(clientID, func(app world.Object) {
		secrets := []any{}
		for _, p := range world.Objects(app["passwordCredentials"]) {
			n := world.Clone(p)
			n["endDateTime"] = world.Stamp(s.world.Now().Add(-time.Minute))
			secrets = append(secrets, n)
		}
		app["passwordCredentials"] = secrets
	})
}

func (s *Server) changeApp(clientID string, change func(world.Object)) error {
	home, app, ok := s.world.App(clientID)
	if !ok {
		return errors.New("there is no app " + clientID)
	}
	n := world.Clone(app)
	change(n)
	s.world.Put(world.Key{Scope: home, Collection: world.Applications, ID: world.Text(app, "id")}, n)
	return nil
}

// WithdrawConsent removes everything consented to an app in a tenant. Tokens already given keep what they carry, as the real ones do.
func (s *Server) WithdrawConsent(tenant, clientID string) error {
	t, ok := s.world.Tenant(tenant)
	if !ok {
		home, _, found := s.world.App(clientID)
		if !found {
			return errors.New("say which tenant or app")
		}
		t, _ = s.world.Tenant(home)
	}
	principal, ok := s.world.Principal(t.ID, clientID)
	if !ok {
		return errors.New("there is no app " + clientID + " in the tenant")
	}
	id := world.Text(principal, "id")
	s.drop(t.ID, world.AppRoleGrants, "principalId", id)
	s.drop(t.ID, world.ScopeGrants, "clientId", id)
	return nil
}

func (s *Server) drop(tenant, collection, property, value string) {
	for id, g := range s.world.Scan(tenant, collection) {
		if world.Text(g, property) == value {
			s.world.Delete(world.Key{Scope: tenant, Collection: collection, ID: id})
		}
	}
}
