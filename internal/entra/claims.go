package entra

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// Claims are what an access token says of itself (graph/FACTS §1.4). They serve diagnosis; nothing is decided on them that Microsoft decides.
type Claims struct {
	Tenant   m365.TenantID
	Client   m365.ClientID // appid in v1 tokens, azp in v2
	ObjectID string
	UPN      string
	AppName  string
	Roles    []string // app-only
	Scopes   []string // delegated
	Audience string
	Expires  time.Time
}

// Granted gives the permissions of the mode the token is for.
func (c Claims) Granted(m m365.Mode) []string {
	if m == m365.Application {
		return c.Roles
	}
	return c.Scopes
}

// ReadClaims decodes a token's payload without checking its signature: that is the resource's business.
func ReadClaims(token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Claims{}, unreadable()
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return Claims{}, unreadable()
	}
	var raw struct {
		Tid, Appid, Azp, Oid, Upn, Scp string
		UniqueName                     string `json:"unique_name"`
		PreferredUsername              string `json:"preferred_username"`
		AppDisplayname                 string `json:"app_displayname"`
		Aud                            string
		Roles                          []string
		Exp                            int64
	}
	if err := json.Unmarshal(payload, &raw); err != nil {
		return Claims{}, unreadable()
	}
	c := Claims{Tenant: m365.TenantID(raw.Tid), Client: m365.ClientID(first(raw.Appid, raw.Azp)), ObjectID: raw.Oid, UPN: first(raw.Upn, raw.UniqueName, raw.PreferredUsername),
		AppName: raw.AppDisplayname, Roles: raw.Roles, Scopes: strings.Fields(raw.Scp), Audience: raw.Aud}
	if raw.Exp > 0 {
		c.Expires = time.Unix(raw.Exp, 0).UTC()
	}
	return c, nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// unreadable is no failure of the connection: a personal account's token is not even a JWT.
func unreadable() error {
	return &fault.Error{Kind: fault.NotSupported, Code: "token_opaque", Message: "Microsoft's token does not show its permissions",
		Cause: "Tokens of personal accounts are opaque", Fix: "The doctor proves what works by asking Microsoft instead"}
}
