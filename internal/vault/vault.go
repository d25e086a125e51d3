package vault

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"sync"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Migrations are the vault's tables.
//
//go:embed migrations
var Migrations embed.FS

const keysetID = 1 // the table has one row

// Vault seals and opens. It is safe for concurrent use.
type Vault struct {
	store  *store.Store
	clock  clock.Clock
	master tink.AEAD
	print  string

	mu     sync.RWMutex
	handle *keyset.Handle
	aead   tink.AEAD
}

// Open opens the keyset with the master key. On an empty database it makes both, and tells so: the key file must be backed up.
func Open(ctx context.Context, s *store.Store, c clock.Clock, m MasterKey) (v *Vault, made bool, err error) {
	row, err := readKeyset(ctx, s.Reader())
	if err != nil {
		return nil, false, err
	}
	key, made, err := m.load(row == nil)
	if err != nil {
		return nil, false, err
	}
	w, err := wrapper(key)
	if err != nil {
		return nil, false, err
	}
	v = &Vault{store: s, clock: c, master: w, print: fingerprint(key)}
	if row == nil {
		if err := v.makeKeyset(ctx); err != nil {
			return nil, false, err
		}
	}
	return v, made, v.reload(ctx)
}

type keysetRow struct {
	wrapped     []byte
	fingerprint string
}

func readKeyset(ctx context.Context, q store.Querier) (*keysetRow, error) {
	var r keysetRow
	err := q.QueryRowContext(ctx, "select wrapped, fingerprint from vault_keyset where id = $1", keysetID).Scan(&r.wrapped, &r.fingerprint)
	if store.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the keyset: %w", err)
	}
	return &r, nil
}

// makeKeyset writes a first keyset unless another instance was faster.
func (v *Vault) makeKeyset(ctx context.Context) error {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return err
	}
	wrapped, err := v.wrap(h)
	if err != nil {
		return err
	}
	return v.store.InTx(ctx, "vault.keyset", func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "insert into vault_keyset (id, wrapped, fingerprint, updated_at) values ($1, $2, $3, $4) on conflict (id) do nothing",
			keysetID, wrapped, v.print, store.Millis(v.clock.Now()))
		return err
	})
}

func (v *Vault) wrap(h *keyset.Handle) ([]byte, error) {
	var b bytes.Buffer
	err := h.WriteWithAssociatedData(keyset.NewBinaryWriter(&b), v.master, []byte("vault_keyset"))
	return b.Bytes(), err
}

func (v *Vault) unwrap(r *keysetRow) (*keyset.Handle, error) {
	h, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(r.wrapped)), v.master, []byte("vault_keyset"))
	if err != nil {
		return nil, keyFault("vault_key_wrong", "The master key does not open this database's keyset",
			fmt.Sprintf("The key has fingerprint %s, the database was sealed with %s", v.print, r.fingerprint),
			"Use the key file that belongs to this database. Nothing was changed", nil)
	}
	return h, nil
}

func (v *Vault) reload(ctx context.Context) error {
	row, err := readKeyset(ctx, v.store.Reader())
	if err != nil {
		return err
	}
	if row == nil {
		return fmt.Errorf("the keyset is gone from the database")
	}
	h, err := v.unwrap(row)
	if err != nil {
		return err
	}
	return v.use(h)
}

func (v *Vault) use(h *keyset.Handle) error {
	a, err := aead.New(h)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.handle, v.aead = h, a
	return nil
}

func (v *Vault) current() (tink.AEAD, int64) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.aead, int64(v.handle.KeysetInfo().GetPrimaryKeyId())
}

// Seal encrypts a value bound to the reference.
func (v *Vault) Seal(ref string, plain []byte) ([]byte, error) {
	a, _ := v.current()
	return a.Encrypt(plain, []byte(ref))
}

// Open decrypts what Seal made for the same reference. A keyset rotated by another instance is read again first.
func (v *Vault) Open(ctx context.Context, ref string, sealed []byte) ([]byte, error) {
	a, _ := v.current()
	if plain, err := a.Decrypt(sealed, []byte(ref)); err == nil {
		return plain, nil
	}
	if err := v.reload(ctx); err != nil {
		return nil, err
	}
	a, _ = v.current()
	plain, err := a.Decrypt(sealed, []byte(ref))
	if err != nil {
		return nil, keyFault("vault_sealed_elsewhere", "The secret "+ref+" does not open", "Its row was changed, or copied from another row or database", "Enter the secret again", nil)
	}
	return plain, nil
}

// Put stores a secret under its reference, in the caller's transaction.
func (v *Vault) Put(ctx context.Context, tx *store.Tx, ref string, s Secret) error {
	a, keyID := v.current()
	sealed, err := a.Encrypt([]byte(s.Reveal()), []byte(ref))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into vault_secret (ref, sealed, key_id, updated_at) values ($1, $2, $3, $4)
		on conflict (ref) do update set sealed = excluded.sealed, key_id = excluded.key_id, updated_at = excluded.updated_at`,
		ref, sealed, keyID, store.Millis(v.clock.Now()))
	return err
}

// Once stores a secret unless its reference has one, and gives what is stored: a key that is made at its first use.
func (v *Vault) Once(ctx context.Context, tx *store.Tx, ref string, s Secret) (stored Secret, made bool, err error) {
	a, keyID := v.current()
	sealed, err := a.Encrypt([]byte(s.Reveal()), []byte(ref))
	if err != nil {
		return Secret{}, false, err
	}
	n, err := store.Affected(ctx, tx, "insert into vault_secret (ref, sealed, key_id, updated_at) values ($1, $2, $3, $4) on conflict (ref) do nothing", ref, sealed, keyID, store.Millis(v.clock.Now()))
	if err != nil {
		return Secret{}, false, err
	}
	stored, err = v.Get(ctx, tx, ref)
	return stored, n == 1, err
}

// Get gives a stored secret; NotFound where there is none.
func (v *Vault) Get(ctx context.Context, q store.Querier, ref string) (Secret, error) {
	var sealed []byte
	err := q.QueryRowContext(ctx, "select sealed from vault_secret where ref = $1", ref).Scan(&sealed)
	if store.IsNoRows(err) {
		return Secret{}, fault.Missing("secret", ref)
	}
	if err != nil {
		return Secret{}, err
	}
	plain, err := v.Open(ctx, ref, sealed)
	return NewSecret(string(plain)), err
}

// Delete erases the secret of a reference and every secret below it ("connection/7" takes "connection/7/credential" along).
func (v *Vault) Delete(ctx context.Context, tx *store.Tx, ref string) error {
	below := ref + "/"
	_, err := tx.ExecContext(ctx, "delete from vault_secret where ref = $1 or (substr(ref, 1, $2) = $3)", ref, len(below), below)
	return err
}

const rotateBatch = 100

// Rotate makes a new key, and seals every stored secret with it, while the hub runs. Interrupted, it goes on where it was when called again.
// Old keys stay in the keyset: values sealed in other tables for at most a retention period still need them.
func (v *Vault) Rotate(ctx context.Context, progress func(done, total int)) error {
	if err := v.addKey(ctx); err != nil {
		return err
	}
	_, keyID := v.current()
	var total int
	if err := v.store.Reader().QueryRowContext(ctx, "select count(*) from vault_secret where key_id <> $1", keyID).Scan(&total); err != nil {
		return err
	}
	for done := 0; ; {
		n, err := v.reseal(ctx, keyID)
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		done += n
		progress(done, total)
	}
}

func (v *Vault) addKey(ctx context.Context) error {
	var next *keyset.Handle
	err := v.store.InTx(ctx, "vault.rotate", func(tx *store.Tx) error {
		row, err := readKeyset(ctx, tx)
		if err != nil {
			return err
		}
		h, err := v.unwrap(row)
		if err != nil {
			return err
		}
		m := keyset.NewManagerFromHandle(h)
		id, err := m.Add(aead.AES256GCMKeyTemplate())
		if err != nil {
			return err
		}
		if err := m.SetPrimary(id); err != nil {
			return err
		}
		if next, err = m.Handle(); err != nil {
			return err
		}
		wrapped, err := v.wrap(next)
		if err != nil {
			return err
		}
		// The old text in the condition: two rotations at once must not lose one's key.
		n, err := store.Affected(ctx, tx, "update vault_keyset set wrapped = $1, updated_at = $2 where id = $3 and wrapped = $4",
			wrapped, store.Millis(v.clock.Now()), keysetID, row.wrapped)
		if err == nil && n == 0 {
			err = &fault.Error{Kind: fault.Conflict, Code: "vault_rotating", Message: "Another rotation of the keys was faster", Fix: "Run it again", Who: "you"}
		}
		return err
	})
	if err != nil {
		return err
	}
	return v.use(next)
}

func (v *Vault) reseal(ctx context.Context, keyID int64) (int, error) {
	n := 0
	err := v.store.InTx(ctx, "vault.reseal", func(tx *store.Tx) error {
		refs, err := store.Select(ctx, tx, func(r store.Scanner) (ref string, err error) { return ref, r.Scan(&ref) },
			"select ref from vault_secret where key_id <> $1 order by ref limit $2", keyID, rotateBatch)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			s, err := v.Get(ctx, tx, ref)
			if err != nil {
				return err
			}
			if err := v.Put(ctx, tx, ref, s); err != nil {
				return err
			}
		}
		n = len(refs)
		return nil
	})
	return n, err
}

// Status is what a support bundle and the settings page may show.
type Status struct {
	MasterKey string    `json:"master_key"` // fingerprint
	Keys      int       `json:"keys"`
	RotatedAt time.Time `json:"rotated_at"`
	Secrets   int       `json:"secrets"`
}

// Status counts keys and secrets.
func (v *Vault) Status(ctx context.Context) (Status, error) {
	st := Status{MasterKey: v.print}
	v.mu.RLock()
	st.Keys = len(v.handle.KeysetInfo().GetKeyInfo())
	v.mu.RUnlock()
	var at int64
	q := v.store.Reader()
	if err := q.QueryRowContext(ctx, "select updated_at from vault_keyset where id = $1", keysetID).Scan(&at); err != nil {
		return st, err
	}
	st.RotatedAt = store.Time(at)
	return st, q.QueryRowContext(ctx, "select count(*) from vault_secret").Scan(&st.Secrets)
}
