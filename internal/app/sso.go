package app

import (
	"context"
	"fmt"
	"os"
	"strings"

	"seneschal/internal/access"
	"seneschal/internal/customer"
	"seneschal/internal/entra"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/vault"
	"seneschal/internal/wire"
)

// joinSSO makes the sign-in with Microsoft, where it is set up. It shares the hub's transport, and nothing else with connections.
func (a *App) joinSSO() {
	c := a.Config.SSO
	if c.Issuer == "" {
		return
	}
	e, _ := a.Config.SSOEndpoints() // the settings were refused without
	tenants := make([]string, len(c.Tenants))
	for i, t := range c.Tenants {
		tenants[i] = string(t)
	}
	w := a.Connections.Wire
	w.Fence = graph.MailboxFence{ReadOnly: true, Mailboxes: []string{wire.Me}}.Fence()
	a.SSO = &access.SSO{
		Access: a.Access, Log: a.Log, HTTP: a.Connections.HTTP, Issuer: c.Issuer, ClientID: string(c.ClientID), Tenants: tenants, Scope: e.GraphAudience + "/User.Read", Redirect: a.redirect,
		Rule: access.RoleRule{Claim: c.RoleClaim, Values: map[access.Role][]string{access.Admin: c.Admin, access.Member: c.Member, access.Viewer: c.Viewer}},
		Secret: func() (vault.Secret, error) {
			text, err := os.ReadFile(c.SecretFile)
			if err == nil && strings.TrimSpace(string(text)) == "" {
				err = fmt.Errorf("%s is empty", c.SecretFile)
			}
			return vault.NewSecret(strings.TrimSpace(string(text))), err
		},
		Directory: ownEntry{graph.Config{Wire: w, URL: e.Graph, App: c.ClientID}},
		Explain: func(code string) *fault.Error {
			known, ok := entra.Explain(code)
			if !ok {
				return nil
			}
			return &fault.Error{Kind: known.Kind, Code: known.Code, Message: known.Means, Cause: known.Cause, Fix: known.Fix, Who: known.Who}
		},
	}
}

// ownEntry reads what a person who signs in may read of themselves.
type ownEntry struct{ config graph.Config }

func (o ownEntry) client(g access.Grant) *graph.Client {
	c := o.config
	c.Tenant, c.Wire.Tokens = m365.TenantID(g.Tenant), oneToken{g.Token}
	return graph.NewDelegated(c).Client
}

// Entry gives the person's addresses in domains that their tenant has proven to own. Others stand in directories, too: an administrator
// can write anybody's address into an entry's mail, and with it would read what is somebody else's.
func (o ownEntry) Entry(ctx context.Context, g access.Grant) (access.Entry, error) {
	ctx = wire.WithPriority(ctx, wire.Interactive)
	c := o.client(g)
	me, err := c.Owner("")
	if err != nil {
		return access.Entry{}, err
	}
	u, err := graph.Get[graph.User](ctx, c, me.Path, graph.Select("id", "userPrincipalName", "mail", "proxyAddresses"))
	if err != nil {
		return access.Entry{}, err
	}
	list, err := graph.Get[struct{ Value []graph.Organization }](ctx, c, graph.At("organization"), graph.Select("id", "verifiedDomains"))
	if err != nil {
		return access.Entry{}, err
	}
	proven := map[string]bool{}
	for _, organization := range list.Value {
		for _, d := range organization.VerifiedDomains {
			proven[strings.ToLower(d.Name)] = true
		}
	}
	out := access.Entry{ObjectID: u.ID}
	for _, written := range addressesIn(u) {
		address, ok := customer.Address(written)
		if _, domain, _ := strings.Cut(address, "@"); ok && proven[domain] {
			out.Addresses = append(out.Addresses, address)
		}
	}
	return out, nil
}

func addressesIn(u graph.User) []string {
	out := []string{u.UserPrincipalName, u.Mail}
	for _, a := range u.ProxyAddresses {
		if kind, address, ok := strings.Cut(a, ":"); ok && strings.EqualFold(kind, "smtp") {
			out = append(out, address)
		}
	}
	return out
}

// Groups lists the person's groups. Their ids are there even where names are not theirs to read: user-list-transitivememberof.md.
func (o ownEntry) Groups(ctx context.Context, g access.Grant) ([]string, error) {
	ctx = wire.WithPriority(ctx, wire.Interactive)
	c := o.client(g)
	me, err := c.Owner("")
	if err != nil {
		return nil, err
	}
	var out []string
	for group, err := range graph.List[struct{ ID string }](ctx, c, me.Sub("transitiveMemberOf"), graph.Select("id"), graph.Top(999)) {
		if err != nil {
			return nil, err
		}
		out = append(out, group.ID)
	}
	return out, nil
}

// oneToken is the token of a sign-in: there is no other where Microsoft refuses it.
type oneToken struct{ token vault.Secret }

// Token gives it.
func (t oneToken) Token(_ context.Context, why wire.Refresh) (wire.Token, error) {
	if why.Force {
		return wire.Token{}, &fault.Error{Kind: fault.NeedsReauth, Code: "token_refused", Message: "Microsoft refused the sign-in's own token", Fix: "Sign in again", Who: "you"}
	}
	return wire.Token{Value: t.token.Reveal()}, nil
}
