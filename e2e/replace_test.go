package e2e

import (
	"strings"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// Of an app that was replaced nothing secret stays behind, and of one that was refused neither.
func TestAReplacedAppsCredentialIsErased(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := app.StartForTest(t, app.TestOptions{Engine: engine})
			c := h.Connect(h.Form("contoso", "Seneschal"))
			replace := func(name string) error {
				next := h.ReadyApp(name)
				_, err := h.Connections.ReplaceApp(t.Context(), access.Local("test"), c.ID, m365.ClientID(next.ClientID), connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(next.ClientSecret)})
				return err
			}
			held := func(name string) bool {
				return strings.Contains(strings.Join(secrets(t, h), "\n"), h.ReadyApp(name).ClientSecret)
			}
			if err := replace("Seneschal expired"); fault.CodeOf(err) != "AADSTS7000222" {
				t.Errorf("an expired secret: %v", err)
			}
			if !held("Seneschal") || held("Seneschal expired") {
				t.Error("after a refusal the old credential must be kept, and the refused one not")
			}
			if err := replace("Seneschal expiring"); err != nil {
				t.Fatal(err)
			}
			if held("Seneschal") || !held("Seneschal expiring") {
				t.Error("after the replacement the new credential must be kept, and the old one not")
			}
			after, err := h.Connections.Lookup(t.Context(), c.ID)
			if err != nil || after.ID != c.ID || after.State != connection.Healthy || len(after.Mailboxes) != 2 {
				t.Errorf("got %+v %v", after, err)
			}
		})
	}
}

// secrets opens everything that the vault keeps.
func secrets(t *testing.T, h *app.Hub) []string {
	t.Helper()
	refs, err := store.Select(t.Context(), h.Store.Reader(), func(r store.Scanner) (ref string, err error) { return ref, r.Scan(&ref) }, "select ref from vault_secret")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, ref := range refs {
		secret, err := h.Vault.Get(t.Context(), h.Store.Reader(), ref)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, secret.Reveal())
	}
	return out
}
