package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// tenantMark stands for the tenant in an issuer that many tenants share: graph/FACTS §1.1.
const tenantMark = "{tenantid}"

func setIssuer(c *Config, v string) error {
	u, err := url.Parse(strings.ReplaceAll(v, tenantMark, "tenant"))
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q is not an https address without a query", v)
	}
	if strings.Count(v, tenantMark) > 1 || strings.ContainsAny(strings.Replace(v, tenantMark, "", 1), "{}") {
		return fmt.Errorf("only %s may stand in braces, once", tenantMark)
	}
	c.SSO.Issuer = strings.TrimSuffix(v, "/")
	return nil
}

func setSSOClient(c *Config, v string) error {
	if !m365.IsGUID(v) {
		return fmt.Errorf("%q is no application id", v)
	}
	c.SSO.ClientID = m365.ClientID(strings.ToLower(v))
	return nil
}

func setSSOTenants(c *Config, v string) error {
	for _, one := range words(v) {
		switch {
		case !m365.IsGUID(one):
			return fmt.Errorf("%q is no tenant id; a domain can change hands, the id cannot", one)
		case m365.TenantID(strings.ToLower(one)) == m365.ConsumerTenant:
			return errors.New("holds the tenant of all personal Microsoft accounts: nobody gives roles in it")
		}
		c.SSO.Tenants = append(c.SSO.Tenants, m365.TenantID(strings.ToLower(one)))
	}
	return nil
}

func words(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
}

func list(field func(*Config) *[]string) func(*Config, string) error {
	return func(c *Config, v string) error { *field(c) = words(v); return nil }
}

// ssoContradictions finds what only shows when the settings of single sign-on are seen together.
func (c *Config) ssoContradictions() []fault.Field {
	s := c.SSO
	values := append(append(append([]string{}, s.Admin...), s.Member...), s.Viewer...)
	if s.Issuer == "" {
		if s.ClientID != "" || s.SecretFile != "" || len(s.Tenants) > 0 || len(values) > 0 {
			return []fault.Field{{Name: Prefix + "SSO_ISSUER", Message: "is missing, and other SSO settings are given. Example: https://login.microsoftonline.com/{tenantid}/v2.0"}}
		}
		return nil
	}
	var wrong []fault.Field
	need := func(ok bool, name, message string) {
		if !ok {
			wrong = append(wrong, fault.Field{Name: Prefix + name, Message: message})
		}
	}
	need(s.ClientID != "", "SSO_CLIENT_ID", "is missing: SSO_ISSUER needs it")
	need(s.SecretFile != "", "SSO_CLIENT_SECRET_FILE", "is missing: SSO_ISSUER needs it")
	need(len(s.Tenants) > 0, "SSO_TENANTS", "is missing: name the tenants whose people may sign in")
	need(strings.Contains(s.Issuer, tenantMark) || len(s.Tenants) < 2, "SSO_ISSUER", "is that of one tenant, and SSO_TENANTS names several: write {tenantid} in the tenant's place")
	_, ok := c.SSOEndpoints()
	need(ok, "SSO_ISSUER", "is not at the sign-in address of a cloud; for a custom one set CLOUD, LOGIN_URL and GRAPH_URL")
	if s.RoleClaim == "groups" {
		need(len(values) > 0, "SSO_ADMIN", "is missing, as are SSO_MEMBER and SSO_VIEWER: with SSO_ROLE_CLAIM=groups name the groups")
		for _, v := range values {
			need(m365.IsGUID(v), "SSO_ADMIN", fmt.Sprintf("or its neighbours hold %q: groups are named by their object ids, as names can be taken by others", v))
		}
	}
	return wrong
}

// SSOEndpoints gives the addresses of the cloud whose sign-in host the issuer is at.
func (c *Config) SSOEndpoints() (m365.Endpoints, bool) {
	u, err := url.Parse(strings.ReplaceAll(c.SSO.Issuer, tenantMark, "tenant"))
	if err != nil {
		return m365.Endpoints{}, false
	}
	host := u.Host
	if host == "login.chinacloudapi.cn" { // an alias of the same service: ERRATA
		host = "login.partner.microsoftonline.cn"
	}
	for _, cloud := range append([]m365.Cloud{c.Cloud}, m365.Clouds()...) { // the hub's own first: two clouds share a sign-in host
		e, err := c.Endpoints(cloud)
		if at, bad := url.Parse(e.Login); err == nil && bad == nil && at.Host == host {
			return e, true
		}
	}
	return m365.Endpoints{}, false
}
