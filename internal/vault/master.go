package vault

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"seneschal/internal/fault"
)

const masterKeySize = 32 // AES-256

// MasterKey says where the key that wraps the keyset comes from: a file, or a value from the environment.
type MasterKey struct {
	File  string
	Value Secret // base64 of 32 bytes; wins over File
}

// load gives the key, and whether it was made just now. It makes one only where allowed: never beside an existing keyset.
func (m MasterKey) load(mayMake bool) (key []byte, made bool, err error) {
	if !m.Value.IsZero() {
		key, err = decodeKey(m.Value.Reveal(), "SENESCHAL_KEY")
		return key, false, err
	}
	text, err := os.ReadFile(m.File)
	switch {
	case err == nil:
		key, err = decodeKey(string(text), m.File)
		return key, false, err
	case !errors.Is(err, fs.ErrNotExist):
		return nil, false, keyFault("vault_key_unreadable", "The master key file "+m.File+" cannot be read", "Its owner or mode is wrong", "Give the file to the user that runs Seneschal, mode 0600", err)
	case !mayMake:
		return nil, false, keyFault("vault_key_lost", "The master key file "+m.File+" is missing",
			"The database holds secrets sealed with it; a new key could not open them", "Put the backed-up key file back, or set SENESCHAL_KEY_FILE to where it is", nil)
	}
	key, err = makeKey(m.File)
	return key, err == nil, err
}

func makeKey(file string) ([]byte, error) {
	key := make([]byte, masterKeySize)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, keyFault("vault_key_unwritable", "The master key file "+file+" cannot be made", "", "Make its folder writable for the user that runs Seneschal", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) { // another instance made it in this moment: its key is the one
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		return decodeKey(string(text), file)
	}
	if err != nil {
		return nil, keyFault("vault_key_unwritable", "The master key file "+file+" cannot be made", "", "Make its folder writable for the user that runs Seneschal", err)
	}
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	return key, errors.Join(err, f.Sync(), f.Close())
}

func decodeKey(text, source string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != masterKeySize {
		return nil, keyFault("vault_key_malformed", "The master key in "+source+" is not 32 bytes in base64",
			"The file was cut or overwritten", "Put the backed-up key back. A new one is made with: openssl rand -base64 32", nil)
	}
	return key, nil
}

func keyFault(code, message, cause, fix string, err error) error {
	return &fault.Error{Kind: fault.Misconfigured, Code: code, Message: message, Cause: cause, Fix: fix, Who: "the operator of this hub", Err: err}
}

// fingerprint names a key without giving it away.
func fingerprint(key []byte) string {
	sum := sha256.Sum256(append([]byte("seneschal master key\x00"), key...))
	return hex.EncodeToString(sum[:6])
}

func wrapper(key []byte) (tink.AEAD, error) { return subtle.NewAESGCM(key) }
