package entra

import (
	"encoding/json"
	"fmt"
	"strings"

	"seneschal/internal/m365"
)

// Setup is all an administrator needs to prepare an app registration, from one manifest (m365).
type Setup struct {
	Permissions []m365.Required `json:"permissions"`
	Optional    []m365.Required `json:"optional"` // not in the forms below: whoever wants it adds it
	Manifest    json.RawMessage `json:"manifest"` // requiredResourceAccess, for the app registration's manifest page
	AzureCLI    string          `json:"azure_cli"`
	PowerShell  string          `json:"powershell"`
	Graph       string          `json:"graph"` // one request for Graph Explorer
}

type resourceAccess struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

type requiredResource struct {
	ResourceAppID  m365.ClientID    `json:"resourceAppId"`
	ResourceAccess []resourceAccess `json:"resourceAccess"`
}

// NewSetup writes the permission list of the capabilities in every form an administrator may want.
func NewSetup(asking m365.Asking, appName, redirect string) (Setup, error) {
	mode, required := asking.Mode, asking.Manifest()
	access := requiredResource{ResourceAppID: m365.GraphAppID, ResourceAccess: []resourceAccess{}}
	names := make([]string, 0, len(required))
	for _, r := range required {
		ids, ok := m365.LookupPermission(r.Permission)
		if !ok {
			return Setup{}, fmt.Errorf("the permission %s has no id", r.Permission)
		}
		a := resourceAccess{ID: ids.AppRole, Type: "Role"}
		if mode == m365.Delegated {
			a = resourceAccess{ID: ids.Scope, Type: "Scope"}
		}
		access.ResourceAccess = append(access.ResourceAccess, a)
		names = append(names, r.Permission)
	}
	manifest, err := json.MarshalIndent(map[string]any{"requiredResourceAccess": []requiredResource{access}}, "", "  ")
	if err != nil {
		return Setup{}, err
	}
	return Setup{Permissions: required, Optional: asking.Optional(), Manifest: manifest,
		AzureCLI: azureCLI(mode, access, names, appName, redirect), PowerShell: powerShell(mode, access, names, appName, redirect), Graph: graphRequest(manifest, appName, redirect, mode)}, nil
}

func azureCLI(mode m365.Mode, access requiredResource, names []string, appName, redirect string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Azure CLI, signed in as an administrator of the tenant (az login --tenant TENANT)\n# %s\n", strings.Join(names, ", "))
	extra := ""
	if mode == m365.Delegated {
		extra = " --web-redirect-uris " + shellQuote(redirect)
	}
	fmt.Fprintf(&b, "APP_ID=$(az ad app create --display-name %s --sign-in-audience AzureADMyOrg%s --query appId --output tsv)\n", shellQuote(appName), extra)
	for _, a := range access.ResourceAccess {
		fmt.Fprintf(&b, "az ad app permission add --id \"$APP_ID\" --api %s --api-permissions %s=%s\n", access.ResourceAppID, a.ID, a.Type)
	}
	b.WriteString("az ad sp create --id \"$APP_ID\"\naz ad app permission admin-consent --id \"$APP_ID\"\n")
	b.WriteString("echo \"client id: $APP_ID\"; az account show --query tenantId --output tsv\n")
	return b.String()
}

func powerShell(mode m365.Mode, access requiredResource, names []string, appName, redirect string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Microsoft Graph PowerShell, as an administrator of the tenant\n# %s\nConnect-MgGraph -Scopes 'Application.ReadWrite.All','AppRoleAssignment.ReadWrite.All'\n", strings.Join(names, ", "))
	b.WriteString("$access = @{ ResourceAppId = '" + string(access.ResourceAppID) + "'; ResourceAccess = @(\n")
	for _, a := range access.ResourceAccess {
		fmt.Fprintf(&b, "  @{ Id = '%s'; Type = '%s' }\n", a.ID, a.Type)
	}
	web := ""
	if mode == m365.Delegated {
		web = " -Web @{ RedirectUris = @(" + PowerQuote(redirect) + ") }"
	}
	fmt.Fprintf(&b, ") }\n$app = New-MgApplication -DisplayName %s -SignInAudience AzureADMyOrg -RequiredResourceAccess $access%s\n", PowerQuote(appName), web)
	b.WriteString("$sp = New-MgServicePrincipal -AppId $app.AppId\n")
	if mode == m365.Application {
		b.WriteString("$graph = Get-MgServicePrincipal -Filter \"appId eq '" + string(access.ResourceAppID) + "'\"\n")
		b.WriteString("foreach ($a in $access.ResourceAccess) { New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $sp.Id -PrincipalId $sp.Id -ResourceId $graph.Id -AppRoleId $a.Id }\n")
	}
	b.WriteString("\"client id: $($app.AppId)\"; (Get-MgContext).TenantId\n")
	return b.String()
}

func graphRequest(manifest json.RawMessage, appName, redirect string, mode m365.Mode) string {
	body := map[string]any{}
	_ = json.Unmarshal(manifest, &body) // our own text
	body["displayName"], body["signInAudience"] = appName, "AzureADMyOrg"
	if mode == m365.Delegated {
		body["web"] = map[string]any{"redirectUris": []string{redirect}}
	}
	text, _ := json.MarshalIndent(body, "", "  ") // maps and strings always encode
	return "POST https://graph.microsoft.com/v1.0/applications\nContent-Type: application/json\n\n" + string(text) + "\n"
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// PowerQuote writes a text as PowerShell reads it back, letter by letter.
//
// PowerShell ends a text at any of five marks, the typographic ones among them (about_Quoting_Rules; the language's specification, §2.3.5.2).
func PowerQuote(s string) string { return "'" + powerMarks.Replace(s) + "'" }

var powerMarks = strings.NewReplacer("'", "''", "\u2018", "\u2018\u2018", "\u2019", "\u2019\u2019", "\u201a", "\u201a\u201a", "\u201b", "\u201b\u201b")
