package connection

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"seneschal/internal/entra"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// SiteRoles are what an app may be granted a site with, the narrower first: permissions-selected-overview.md.
var SiteRoles = []string{"read", "write", "owner", "fullcontrol"}

// SiteScript is what grants a connection's app its listed sites. An app with Sites.FullControl.All has to run it: Microsoft lets no
// person and no other app grant sites (site-post-permissions.md).
type SiteScript struct {
	Role       string   `json:"role"`
	Sites      []string `json:"sites"`
	PowerShell string   `json:"powershell" doc:"Microsoft Graph PowerShell"`
	Graph      string   `json:"graph" doc:"The same as plain requests"`
}

// SiteScript writes the script. Without a role it is the least that the connection can work with.
func (s *Service) SiteScript(ctx context.Context, idOrName, role string) (SiteScript, error) {
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return SiteScript{}, err
	}
	if role == "" {
		role = "write"
		if c.ReadOnly {
			role = "read"
		}
	}
	switch {
	case !slices.Contains(SiteRoles, role):
		return SiteScript{}, fault.BadField("role", "must be one of %v", SiteRoles)
	case c.Kind != m365.Application:
		return SiteScript{}, fault.BadField("id", "%s is a person's connection: it reaches what the person may open, and is granted nothing by itself", c.Name)
	case len(c.Sites) == 0 || c.ReachesEverySite():
		return SiteScript{}, fault.BadField("id", "%s lists no single sites that could be granted", c.Name)
	}
	e, err := s.Endpoints(c.Cloud)
	if err != nil {
		return SiteScript{}, err
	}
	grant := map[string]any{"roles": []string{role}, "grantedToIdentities": []any{map[string]any{"application": map[string]string{"id": string(c.ClientID), "displayName": "Seneschal " + c.Name}}}}
	body, err := json.Marshal(grant)
	if err != nil {
		return SiteScript{}, err
	}
	out := SiteScript{Role: role, Sites: c.Sites}
	var power, plain strings.Builder
	fmt.Fprintf(&power, "# Microsoft Graph PowerShell, as an app of the tenant with Sites.FullControl.All: set $admin and $thumbprint to its client id and its certificate\n"+
		"Connect-MgGraph -TenantId '%s' -ClientId $admin -CertificateThumbprint $thumbprint%s\n$grant = %s\n", c.TenantID, environments[c.Cloud], entra.PowerQuote(string(body)))
	for _, site := range c.Sites {
		host, path, _ := graph.SiteAddress(site)
		at := graph.SiteAt(host, path).URL(e.Graph)
		fmt.Fprintf(&power, "$site = Invoke-MgGraphRequest -Method GET -Uri %s\nInvoke-MgGraphRequest -Method POST -Uri \"%s/v1.0/sites/$($site.id)/permissions\" -ContentType 'application/json' -Body $grant\n", entra.PowerQuote(at), e.Graph)
		fmt.Fprintf(&plain, "# %s: the id is that of the first answer\nGET %s?$select=id\nPOST %s/v1.0/sites/{id}/permissions\nContent-Type: application/json\n\n%s\n\n", site, at, e.Graph, body)
	}
	out.PowerShell, out.Graph = power.String(), plain.String()
	return out, nil
}

// environments are the clouds as Connect-MgGraph names them; Microsoft's global one needs no name.
var environments = map[m365.Cloud]string{m365.USGov: " -Environment USGov", m365.USGovDoD: " -Environment USGovDoD", m365.China: " -Environment China"}
