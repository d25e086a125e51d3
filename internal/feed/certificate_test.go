package feed

import (
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// A certificate is shared by all hubs of a database, lives a month, opens a while longer, and then never again.
func TestTheLifeOfACertificate(t *testing.T) {
	store.ForTest(t, []fs.FS{vault.Migrations, audit.Migrations, Migrations}, func(t *testing.T, db *store.Store) {
		at := clock.NewAdjustable()
		keyFile := filepath.Join(t.TempDir(), "key")
		hub := func() *Service {
			v, _, err := vault.Open(t.Context(), db, at, vault.MasterKey{File: keyFile})
			if err != nil {
				t.Fatal(err)
			}
			return &Service{Store: db, Clock: at, Vault: v, Audit: &audit.Log{Store: db, Clock: at, Key: vault.NewSecret("test")}}
		}
		one, two := hub(), hub()
		named := func(s *Service) string {
			t.Helper()
			c, err := s.certificate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return c.id
		}
		opens := func(s *Service, id, code string) {
			t.Helper()
			if _, err := s.privateKey(t.Context(), id); fault.CodeOf(err) != code && (code != "" || err != nil) {
				t.Errorf("after %v: %v, want %q", at.Now(), err, code)
			}
		}
		pass := func(d time.Duration) {
			t.Helper()
			at.Advance(d)
			if err := one.tidy(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		first := named(one)
		if named(two) != first {
			t.Error("two hubs on one database have two certificates")
		}
		opens(one, first, "")
		opens(two, first, "")
		opens(two, "of somebody else", CertificateUnknown)
		pass(certificateLife - time.Hour)
		if named(two) != first {
			t.Error("replaced before its time")
		}
		pass(2 * time.Hour)
		second := named(two)
		if second == first || named(one) != second {
			t.Error("not replaced in time, or by two")
		}
		if _, err := db.Writer().ExecContext(t.Context(), "insert into feed_subscription (id, feed, connection, state_hash, expires_at, made_at, renewed_at, heard_at, certificate) values ('s', 'f', 'c', '', $1, 0, 0, 0, $2)",
			store.Millis(at.Now().Add(richLife+5*time.Hour)), first); err != nil {
			t.Fatal(err)
		}
		pass(certificateOverlap + time.Minute)
		opens(one, first, "") // a subscription still names it
		pass(2 * time.Hour)
		opens(one, first, CertificateRetired)
		opens(two, first, CertificateRetired)
		opens(two, second, "")
		if _, err := one.Vault.Get(t.Context(), db.Reader(), keyRef(first)); fault.KindOf(err) != fault.NotFound {
			t.Errorf("the private key is still there: %v", err)
		}
	})
}
