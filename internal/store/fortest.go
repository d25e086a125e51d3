package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"seneschal/internal/clock"
)

// ForTest runs f once on each database, on an empty schema with the owners' migrations.
// PostgreSQL is SENESCHAL_TEST_DATABASE_URL, or a throwaway server that this process starts.
// Where there is neither, the test fails in CI and says what to install elsewhere.
func ForTest(t *testing.T, owners []fs.FS, f func(t *testing.T, s *Store)) {
	t.Helper()
	ForTestHooked(t, owners, nil, f)
}

// ForTestHooked is ForTest with a hook at the crash points.
func ForTestHooked(t *testing.T, owners []fs.FS, hook clock.Hook, f func(t *testing.T, s *Store)) {
	t.Helper()
	for _, engine := range []Engine{SQLite, Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			s := openForTest(t, TestURL(t, engine), hook)
			if len(owners) > 0 {
				if err := s.Migrate(t.Context(), owners...); err != nil {
					t.Fatal(err)
				}
			}
			f(t, s)
		})
	}
}

func openForTest(t *testing.T, databaseURL string, hook clock.Hook) *Store {
	t.Helper()
	s, err := Open(t.Context(), databaseURL, hook)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestURL makes an empty database of the engine and gives its URL.
func TestURL(t testing.TB, engine Engine) string {
	t.Helper()
	if engine == SQLite {
		return "file:" + filepath.Join(t.TempDir(), "test.db")
	}
	server := os.Getenv("SENESCHAL_TEST_DATABASE_URL")
	if server == "" {
		var err error
		if server, err = throwaway(); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("no PostgreSQL to test on: %v", err)
			}
			t.Skipf("not tested on PostgreSQL: %v (apt-get install postgresql)", err)
		}
	}
	admin, err := openPostgres(context.Background(), server+"/postgres", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	name := fmt.Sprintf("t_%x", randomBytes(8))
	if _, err := admin.write.ExecContext(context.Background(), "create database "+name); err != nil {
		t.Fatal(err)
	}
	return server + "/" + name
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}
