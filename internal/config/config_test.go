package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seneschal/internal/fault"
)

func TestSourcesInTheirOrder(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "hub.conf"), "SENESCHAL_LISTEN=127.0.0.1:1\nSENESCHAL_LOG_FORMAT=json\nSENESCHAL_INSTANCE=file\n")
	write(t, filepath.Join(dir, ".env"), "# ours\nexport SENESCHAL_LISTEN=\"127.0.0.1:2\"\nSENESCHAL_INSTANCE=dotenv\nOTHER=1\n")
	c, err := Load(dir, []string{"SENESCHAL_LISTEN=127.0.0.1:3", "SENESCHAL_CONFIG_FILE=" + filepath.Join(dir, "hub.conf"), "HOME=/"}, map[string]string{"LISTEN": "127.0.0.1:4"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:4" || c.Instance != "dotenv" || c.LogFormat != "json" {
		t.Errorf("got listen %s, instance %s, format %s", c.Listen, c.Instance, c.LogFormat)
	}
}

func TestBadValuesNameSettingFaultAndExample(t *testing.T) {
	for _, tt := range []struct{ name, setting, value, says string }{
		{"no port", "LISTEN", "8080", "is not address:port"},
		{"public URL in the clear", "PUBLIC_URL", "http://hub.example.com", "use https"},
		{"public URL with a path", "PUBLIC_URL", "https://hub.example.com/x", "only scheme, host and port"},
		{"unknown cloud", "CLOUD", "mars", "allowed are"},
		{"custom without addresses", "CLOUD", "custom", "SENESCHAL_LOGIN_URL"},
		{"half of TLS", "TLS_CERT_FILE", os.Args[0], "belong together"},
		{"a missing file", "CA_FILE", "/nowhere/ca.pem", "cannot be read"},
		{"a proxy that is none", "TRUSTED_PROXIES", "10.0.0.0/8,proxy", `"proxy" is neither`},
		{"a level that is none", "LOG_LEVEL", "loud", "allowed are debug"},
		{"a misspelt setting", "LISTN", "x", "config describe"},
	} {
		_, err := Load(t.TempDir(), []string{Prefix + tt.setting + "=" + tt.value}, nil)
		if fault.CodeOf(err) != "bad_setting" || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), Prefix+tt.setting) {
			t.Errorf("%s: got %v, want %s with %q", tt.name, err, Prefix+tt.setting, tt.says)
		}
	}
	if _, err := Load(t.TempDir(), []string{"SENESCHAL_PUBLIC_URL=http://localhost:8365", "SENESCHAL_CRASH_AT=x"}, nil); err != nil {
		t.Errorf("http on localhost is fine: %v", err)
	}
}

func TestEverySettingIsDocumented(t *testing.T) {
	for _, s := range Settings() {
		if s.Doc == "" || s.Example == "" {
			t.Errorf("%s has no documentation or example", s.Name)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
