package entra

import (
	"fmt"
	"strings"

	"seneschal/internal/m365"
)

// Granted is a permission that may go.
type Granted struct {
	Mode       m365.Mode
	Tenant     m365.TenantID
	Client     m365.ClientID
	Permission string
	Endpoints  m365.Endpoints
	Connection string            // as the hub names it
	NeededFor  []m365.Capability // chosen for the connection
}

// Removal is how an administrator takes a granted permission away: any one of the three ways does it.
type Removal struct {
	Portal     []string `json:"portal"`
	PowerShell string   `json:"powershell"`
	Graph      string   `json:"graph"`
	Who        string   `json:"who"`
}

// NewRemoval writes the steps. A consent is an appRoleAssignment of the app's service principal, or a scope of its oauth2PermissionGrants:
// serviceprincipal-delete-approleassignments.md, oauth2permissiongrant-update.md; the registration's list is apart from both.
func NewRemoval(g Granted) Removal {
	r := Removal{Who: "a Privileged Role Administrator of the tenant", Portal: []string{
		fmt.Sprintf("%s: App registrations, All applications, the one with the client ID %s, API permissions: at %s choose …, Remove permission", g.Endpoints.Portal, g.Client, g.Permission),
		fmt.Sprintf("Enterprise applications, the same application, Permissions: at %s choose …, Revoke permission", g.Permission),
		"seneschal doctor " + g.Connection + " tells when it is gone"}}
	if len(g.NeededFor) > 0 {
		first := fmt.Sprintf("First take %s off the connection %s here: it asks for the permission, and nobody uses it", joinCapabilities(g.NeededFor), g.Connection)
		r.Portal = append([]string{first}, r.Portal...)
	}
	ids, _ := m365.LookupPermission(g.Permission)
	sp := fmt.Sprintf("$sp = Get-MgServicePrincipal -Filter \"appId eq '%s'\"\n", g.Client)
	base := strings.TrimSuffix(g.Endpoints.Graph, "/") + "/v1.0"
	if g.Mode == m365.Application {
		r.PowerShell = fmt.Sprintf("Connect-MgGraph -TenantId '%s' -Scopes 'Application.Read.All','AppRoleAssignment.ReadWrite.All'\n%s$graph = Get-MgServicePrincipal -Filter \"appId eq '%s'\"\n"+
			"Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $sp.Id -All | Where-Object { $_.ResourceId -eq $graph.Id -and $_.AppRoleId -eq '%s' } | ForEach-Object { Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $sp.Id -AppRoleAssignmentId $_.Id }\n",
			g.Tenant, sp, m365.GraphAppID, ids.AppRole)
		r.Graph = fmt.Sprintf("GET %s/servicePrincipals(appId='%s')/appRoleAssignments\n# the one whose appRoleId is %s:\nDELETE %s/servicePrincipals(appId='%s')/appRoleAssignments/{id}\n", base, g.Client, ids.AppRole, base, g.Client)
		return r
	}
	r.PowerShell = fmt.Sprintf("Connect-MgGraph -TenantId '%s' -Scopes 'Application.Read.All','DelegatedPermissionGrant.ReadWrite.All'\n%s"+
		"Get-MgOauth2PermissionGrant -Filter \"clientId eq '$($sp.Id)'\" -All | ForEach-Object { Update-MgOauth2PermissionGrant -OAuth2PermissionGrantId $_.Id -Scope (($_.Scope -split ' ' | Where-Object { $_ -and $_ -ne '%s' }) -join ' ') }\n",
		g.Tenant, sp, g.Permission)
	r.Graph = fmt.Sprintf("GET %s/servicePrincipals(appId='%s')/oauth2PermissionGrants\n# each whose scope holds %s, with the scope without it:\nPATCH %s/oauth2PermissionGrants/{id}\nContent-Type: application/json\n\n{\"scope\": \"…\"}\n", base, g.Client, g.Permission, base)
	return r
}

func joinCapabilities(all []m365.Capability) string {
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = string(c)
	}
	return strings.Join(names, " and ")
}
