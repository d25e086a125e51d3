package connection

import (
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"seneschal/internal/entra"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// checkLimit finds what does not go with an app that Exchange lets into the listed mailboxes alone.
func (f *Form) checkLimit(bad func(string, string, ...any)) {
	limited := m365.Asking{Mode: f.Kind, Capabilities: f.Capabilities, LimitedMailboxes: f.MailboxesLimited}
	switch {
	case !f.MailboxesLimited:
	case f.Kind != m365.Application:
		bad("mailboxes_limited", "is for the app itself: a person's connection reaches what the person may open")
	case len(limited.FromExchange()) == 0:
		bad("mailboxes_limited", "has nothing to limit: none of the capabilities needs a permission that Exchange can give for some mailboxes")
	case len(f.Mailboxes) == 0:
		bad("mailboxes_limited", "needs the mailboxes by their addresses")
	}
	if f.MailboxOutside == "" {
		return
	}
	a, err := mail.ParseAddress(f.MailboxOutside)
	switch {
	case !f.MailboxesLimited:
		bad("mailbox_outside", "goes with mailboxes_limited alone")
	case err != nil || a.Address != f.MailboxOutside:
		bad("mailbox_outside", "%q is not an address", f.MailboxOutside)
	case slices.ContainsFunc(f.Mailboxes, func(m MailboxEntry) bool { return m.Address == f.MailboxOutside }):
		bad("mailbox_outside", "is on the list: name one that the app must not reach")
	}
}

// readsMail says whether Exchange gives the app mail, by which a mailbox is looked for.
func (c Connection) readsMail() bool {
	return slices.ContainsFunc(c.asks().FromExchange(), func(r m365.Required) bool {
		return strings.HasPrefix(r.Permission, "Mail.") && r.Permission != "Mail.Send"
	})
}

// MailboxScript is what has Exchange let a connection's app into its listed mailboxes, and into no other.
type MailboxScript struct {
	Roles      []string `json:"roles" doc:"Of Exchange Online, by Role Based Access Control for Applications"`
	Mailboxes  []string `json:"mailboxes"`
	Everywhere []string `json:"everywhere,omitempty" doc:"What the app needs besides and Exchange has no role for: it stays granted in Entra, for everybody"`
	PowerShell string   `json:"powershell" doc:"Exchange Online PowerShell and Microsoft Graph PowerShell"`
}

// MailboxScript writes the script. It may be run before the connection says that its mailboxes are limited, and again whenever the list changes.
func (s *Service) MailboxScript(ctx context.Context, idOrName string) (MailboxScript, error) {
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return MailboxScript{}, err
	}
	asked := c.asks()
	asked.LimitedMailboxes = true
	limited := asked.FromExchange()
	switch {
	case c.Kind != m365.Application:
		return MailboxScript{}, fault.BadField("id", "%s is a person's connection: it reaches what the person may open, and is granted nothing by itself", c.Name)
	case len(limited) == 0:
		return MailboxScript{}, fault.BadField("id", "%s needs no permission that Exchange could give for some mailboxes", c.Name)
	case len(c.Mailboxes) == 0:
		return MailboxScript{}, fault.BadField("id", "%s lists no mailboxes", c.Name)
	}
	out := MailboxScript{Mailboxes: make([]string, len(c.Mailboxes))}
	for i, m := range c.Mailboxes {
		out.Mailboxes[i] = m.Address
	}
	for _, r := range limited {
		if role := m365.ExchangeRole(r.Permission); !slices.Contains(out.Roles, role) {
			out.Roles = append(out.Roles, role)
		}
	}
	for _, r := range asked.Manifest() {
		out.Everywhere = append(out.Everywhere, r.Permission)
	}
	out.PowerShell = c.limitScript(out)
	return out, nil
}

// limitScript follows "Role Based Access Control for Applications in Exchange Online" (Microsoft Learn). The scope is a mail-enabled security
// group: a filter by group has one length however many mailboxes there are, and a changed list changes the members alone. Names of role
// assignments have at most 64 characters (New-ManagementRoleAssignment), so the connection's own name stands in the group's display name only.
func (c Connection) limitScript(m MailboxScript) string {
	names := func(list []string) string {
		quoted := make([]string, len(list))
		for i, s := range list {
			quoted[i] = entra.PowerQuote(s)
		}
		return "@(" + strings.Join(quoted, ", ") + ")"
	}
	prefixes := make([]string, len(m365.MailboxPermissions))
	for i, p := range m365.MailboxPermissions {
		prefixes[i] = p + "*"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# Exchange Online PowerShell and Microsoft Graph PowerShell, as an administrator who is in the role group Organization Management of Exchange
# and may change what apps are granted in Entra. Run it again whenever the list of mailboxes changes.
$app = %s
$name = %s
$mailboxes = %s
$roles = %s
Connect-MgGraph -TenantId %s -Scopes 'Application.ReadWrite.All','AppRoleAssignment.ReadWrite.All'%s
Connect-ExchangeOnline%s
`, entra.PowerQuote(string(c.ClientID)), entra.PowerQuote("Seneschal "+c.ID[max(0, len(c.ID)-12):]), names(m.Mailboxes), names(m.Roles),
		entra.PowerQuote(string(c.TenantID)), environments[c.Cloud], exchangeEnvironments[c.Cloud])
	fmt.Fprintf(&b, `$sp = Get-MgServicePrincipal -Filter "appId eq '$app'"
if (-not $sp) { throw 'The tenant has no service principal of this app: open the admin consent link first' }

# The app in Exchange, the group of its mailboxes, and the scope that is this group. Members of groups within the group are not in the scope.
if (-not (Get-ServicePrincipal -Identity $sp.Id -ErrorAction SilentlyContinue)) { New-ServicePrincipal -AppId $app -ObjectId $sp.Id -DisplayName $name }
if (-not (Get-DistributionGroup -Identity $name -ErrorAction SilentlyContinue)) { New-DistributionGroup -Name $name -DisplayName %s -Type Security -MemberJoinRestriction Closed -MemberDepartRestriction Closed }
Update-DistributionGroupMember -Identity $name -Members $mailboxes -BypassSecurityGroupManagerCheck -Confirm:$false
$group = (Get-DistributionGroup -Identity $name).DistinguishedName.Replace("'", "''")
if (-not (Get-ManagementScope -Identity $name -ErrorAction SilentlyContinue)) { New-ManagementScope -Name $name -RecipientRestrictionFilter "MemberOfGroup -eq '$group'" }

# What the app may do there. Roles of an earlier run that are no longer needed go.
$have = @(Get-ManagementRoleAssignment | Where-Object { $_.Name -like "$name *" })
foreach ($role in $roles) { if ($have.Name -notcontains "$name $role") { New-ManagementRoleAssignment -Name "$name $role" -App $sp.Id -Role $role -CustomResourceScope $name } }
foreach ($old in $have) { if ($roles -notcontains $old.Name.Substring($name.Length + 1)) { Remove-ManagementRoleAssignment -Identity $old.Name -Confirm:$false } }

# Grants in Entra are for every mailbox of the tenant, and what Exchange gives is added to them: with one of them left, the scope is void.
# Take them off under API permissions of the app registration too, or the next admin consent grants them anew.
$graph = Get-MgServicePrincipal -Filter "appId eq '%s'"
foreach ($granted in Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $sp.Id -All) {
  $permission = ($graph.AppRoles | Where-Object { $_.Id -eq $granted.AppRoleId }).Value
  if ($granted.ResourceId -eq $graph.Id -and (%s | Where-Object { $permission -like $_ })) {
    Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $sp.Id -AppRoleAssignmentId $granted.Id
  }
}

# InScope must be True for each mailbox here. Exchange itself takes 30 minutes to 2 hours to follow; this test does not wait for it.
foreach ($mailbox in $mailboxes) { $mailbox; Test-ServicePrincipalAuthorization -Identity $sp.Id -Resource $mailbox | Format-Table }
`, entra.PowerQuote("Mailboxes of Seneschal "+c.Name), m365.GraphAppID, names(prefixes))
	if c.MailboxOutside != "" {
		fmt.Fprintf(&b, "# And False here.\nTest-ServicePrincipalAuthorization -Identity $sp.Id -Resource %s | Format-Table\n", entra.PowerQuote(c.MailboxOutside))
	}
	return b.String()
}

// exchangeEnvironments are the clouds as Connect-ExchangeOnline names them; Microsoft's global one needs no name.
var exchangeEnvironments = map[m365.Cloud]string{m365.USGov: " -ExchangeEnvironmentName O365USGovGCCHigh", m365.USGovDoD: " -ExchangeEnvironmentName O365USGovDoD", m365.China: " -ExchangeEnvironmentName O365China"}
