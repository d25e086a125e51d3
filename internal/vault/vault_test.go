package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

var owners = []fs.FS{Migrations}

func open(t *testing.T, s *store.Store, file string) *Vault {
	t.Helper()
	v, _, err := Open(t.Context(), s, clock.Real{}, MasterKey{File: file})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func put(t *testing.T, s *store.Store, v *Vault, ref, value string) {
	t.Helper()
	err := s.InTx(t.Context(), "put", func(tx *store.Tx) error { return v.Put(t.Context(), tx, ref, NewSecret(value)) })
	if err != nil {
		t.Fatal(err)
	}
}

func TestSecretsAreBoundToTheirRow(t *testing.T) {
	store.ForTest(t, owners, func(t *testing.T, s *store.Store) {
		ctx, file := t.Context(), filepath.Join(t.TempDir(), "key")
		v := open(t, s, file)
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("key file: %v %v, want mode 0600", info, err)
		}
		put(t, s, v, "connection/1/credential", "s3cret")
		got, err := open(t, s, file).Get(ctx, s.Reader(), "connection/1/credential")
		if err != nil || got.Reveal() != "s3cret" {
			t.Fatalf("got %q %v", got.Reveal(), err)
		}
		err = s.InTx(ctx, "copy", func(tx *store.Tx) error {
			_, err := tx.ExecContext(ctx, "insert into vault_secret (ref, sealed, key_id, updated_at) select 'connection/2/credential', sealed, key_id, 0 from vault_secret")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Get(ctx, s.Reader(), "connection/2/credential"); fault.CodeOf(err) != "vault_sealed_elsewhere" {
			t.Errorf("a copied row: got %v, want vault_sealed_elsewhere", err)
		}
		err = s.InTx(ctx, "delete", func(tx *store.Tx) error { return v.Delete(ctx, tx, "connection/1") })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Get(ctx, s.Reader(), "connection/1/credential"); fault.KindOf(err) != fault.NotFound {
			t.Errorf("after delete: got %v, want not_found", err)
		}
	})
}

func TestLostAndWrongKeysNameThemselvesAndChangeNothing(t *testing.T) {
	store.ForTest(t, owners, func(t *testing.T, s *store.Store) {
		ctx, dir := t.Context(), t.TempDir()
		file := filepath.Join(dir, "key")
		put(t, s, open(t, s, file), "a", "1")
		other, _, err := MasterKey{File: filepath.Join(dir, "other")}.load(true)
		if err != nil || other == nil {
			t.Fatal(err)
		}
		malformed := filepath.Join(dir, "malformed")
		if err := os.WriteFile(malformed, []byte("not a key"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct{ name, file, code string }{
			{"lost", filepath.Join(dir, "missing"), "vault_key_lost"},
			{"another database's", filepath.Join(dir, "other"), "vault_key_wrong"},
			{"cut", malformed, "vault_key_malformed"},
		} {
			if _, _, err := Open(ctx, s, clock.Real{}, MasterKey{File: tt.file}); fault.CodeOf(err) != tt.code {
				t.Errorf("%s: got %v, want %s", tt.name, err, tt.code)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "missing")); err == nil {
			t.Error("a new key was made beside an existing keyset")
		}
		if got, err := open(t, s, file).Get(ctx, s.Reader(), "a"); err != nil || got.Reveal() != "1" {
			t.Errorf("with the right key again: got %q %v", got.Reveal(), err)
		}
	})
}

func TestRotateWhileAnotherInstanceRuns(t *testing.T) {
	store.ForTest(t, owners, func(t *testing.T, s *store.Store) {
		ctx, file := t.Context(), filepath.Join(t.TempDir(), "key")
		first, second := open(t, s, file), open(t, s, file)
		for i := range rotateBatch + 5 {
			put(t, s, first, fmt.Sprintf("secret/%d", i), fmt.Sprint(i))
		}
		sealed, err := first.Seal("elsewhere", []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		last := 0
		if err := first.Rotate(ctx, func(done, total int) { last = done }); err != nil || last != rotateBatch+5 {
			t.Fatalf("rotated %d: %v", last, err)
		}
		for i := range rotateBatch + 5 {
			if got, err := second.Get(ctx, s.Reader(), fmt.Sprintf("secret/%d", i)); err != nil || got.Reveal() != fmt.Sprint(i) {
				t.Fatalf("the other instance reads %q %v", got.Reveal(), err)
			}
		}
		if plain, err := second.Open(ctx, "elsewhere", sealed); err != nil || string(plain) != "x" {
			t.Errorf("sealed before the rotation: got %q %v", plain, err)
		}
		st, err := first.Status(ctx)
		if err != nil || st.Keys != 2 || st.Secrets != rotateBatch+5 {
			t.Errorf("status: %+v %v", st, err)
		}
	})
}

func TestSecretsCannotBePrinted(t *testing.T) {
	s := NewSecret("hunter2")
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).InfoContext(context.Background(), "x", "s", s, "in", struct{ S Secret }{s})
	text, err := json.Marshal(map[string]any{"s": s, "p": &s})
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s), fmt.Sprintf("%+v", struct{ S Secret }{s}), string(text), log.String()} {
		if strings.Contains(out, "hunter2") {
			t.Errorf("printed: %s", out)
		}
	}
	var in struct{ S Secret }
	if err := json.Unmarshal([]byte(`{"S":"in"}`), &in); err != nil || in.S.Reveal() != "in" {
		t.Errorf("input: %q %v", in.S.Reveal(), err)
	}
}
