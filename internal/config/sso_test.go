package config

import (
	"maps"
	"os"
	"strings"
	"testing"

	"seneschal/internal/fault"
)

const (
	tenantA = "6f1c2b7e-3a54-4d0e-9b7a-1c5e8f2d4a10"
	tenantB = "9d2e4f60-58b1-4a7c-8c3d-7e6a1b0f5c22"
)

func ssoSettings() map[string]string {
	return map[string]string{"SSO_ISSUER": "https://login.microsoftonline.com/{tenantid}/v2.0", "SSO_CLIENT_ID": tenantB, "SSO_CLIENT_SECRET_FILE": os.Args[0], "SSO_TENANTS": tenantA}
}

func TestSSOSettingsThatCannotWork(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  map[string]string
		setting string
		says    string
	}{
		{"an issuer without https", map[string]string{"SSO_ISSUER": "http://login.microsoftonline.com/x/v2.0"}, "SSO_ISSUER", "not an https address"},
		{"another word in braces", map[string]string{"SSO_ISSUER": "https://login.microsoftonline.com/{tenant}/v2.0"}, "SSO_ISSUER", "only {tenantid}"},
		{"no cloud's sign-in address", map[string]string{"SSO_ISSUER": "https://login.example.com/{tenantid}/v2.0"}, "SSO_ISSUER", "not at the sign-in address of a cloud"},
		{"one tenant's issuer for several", map[string]string{"SSO_ISSUER": "https://login.microsoftonline.com/" + tenantA + "/v2.0", "SSO_TENANTS": tenantA + "," + tenantB}, "SSO_ISSUER", "names several"},
		{"settings without an issuer", map[string]string{"SSO_ISSUER": ""}, "SSO_ISSUER", "is missing"},
		{"no tenants", map[string]string{"SSO_TENANTS": ""}, "SSO_TENANTS", "is missing"},
		{"a domain as tenant", map[string]string{"SSO_TENANTS": "contoso.com"}, "SSO_TENANTS", "no tenant id"},
		{"everybody with a personal account", map[string]string{"SSO_TENANTS": "9188040D-6C67-4C5B-B112-36A304B66DAD"}, "SSO_TENANTS", "personal Microsoft accounts"},
		{"no client", map[string]string{"SSO_CLIENT_ID": ""}, "SSO_CLIENT_ID", "is missing"},
		{"a client that is none", map[string]string{"SSO_CLIENT_ID": "Seneschal"}, "SSO_CLIENT_ID", "no application id"},
		{"no secret", map[string]string{"SSO_CLIENT_SECRET_FILE": ""}, "SSO_CLIENT_SECRET_FILE", "is missing"},
		{"another claim", map[string]string{"SSO_ROLE_CLAIM": "email"}, "SSO_ROLE_CLAIM", "allowed are roles, groups"},
		{"groups that are not named", map[string]string{"SSO_ROLE_CLAIM": "groups"}, "SSO_ADMIN", "name the groups"},
		{"groups by name", map[string]string{"SSO_ROLE_CLAIM": "groups", "SSO_MEMBER": "Technicians"}, "SSO_ADMIN", "object ids"},
	} {
		values := ssoSettings()
		maps.Copy(values, tt.change)
		_, err := Load(t.TempDir(), nil, values)
		if fault.CodeOf(err) != "bad_setting" || !strings.Contains(err.Error(), Prefix+tt.setting) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want %s with %q", tt.name, err, Prefix+tt.setting, tt.says)
		}
	}
}

func TestSSOSettings(t *testing.T) {
	values := ssoSettings()
	values["SSO_TENANTS"] = strings.ToUpper(tenantA) + ", " + tenantB
	c, err := Load(t.TempDir(), nil, values)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.SSO.Tenants) != 2 || string(c.SSO.Tenants[0]) != tenantA || c.SSO.Admin[0] != "Seneschal.Admin" || c.SSO.RoleClaim != "roles" {
		t.Errorf("got %+v", c.SSO)
	}
	for issuer, graph := range map[string]string{"https://login.microsoftonline.com/x/v2.0": "https://graph.microsoft.com", "https://login.microsoftonline.us/x/v2.0": "https://graph.microsoft.us", "https://login.chinacloudapi.cn/x/v2.0": "https://microsoftgraph.chinacloudapi.cn"} {
		values := ssoSettings()
		values["SSO_ISSUER"] = issuer
		c, err := Load(t.TempDir(), nil, values)
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := c.SSOEndpoints(); !ok || e.Graph != graph {
			t.Errorf("%s: Graph at %s", issuer, e.Graph)
		}
	}
	values = ssoSettings()
	values["SSO_ISSUER"], values["CLOUD"] = "https://login.microsoftonline.us/{tenantid}/v2.0", "usgov-dod"
	if c, err = Load(t.TempDir(), nil, values); err != nil {
		t.Fatal(err)
	}
	if e, _ := c.SSOEndpoints(); e.Graph != "https://dod-graph.microsoft.us" { // two clouds share the sign-in host: the hub's own is meant
		t.Errorf("Graph at %s", e.Graph)
	}
}
