package world

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// keyring holds the RSA keys by purpose. They live in the world's directory, so tokens outlive a restart.
type keyring struct {
	mu   sync.Mutex
	held map[string]*rsa.PrivateKey
}

// fresh shares new keys between worlds of one process: a test run opens many worlds, and RSA keys are slow to make.
var fresh = struct {
	sync.Mutex
	keys map[string]*rsa.PrivateKey
}{keys: map[string]*rsa.PrivateKey{}}

// RSAKey gives the key for a purpose, making and keeping it at first use.
func (w *World) RSAKey(purpose string) (*rsa.PrivateKey, error) {
	w.keys.mu.Lock()
	defer w.keys.mu.Unlock()
	if k := w.keys.held[purpose]; k != nil {
		return k, nil
	}
	path := filepath.Join(w.Dir, "key-"+purpose+".pem")
	k, err := readKey(path)
	if errors.Is(err, os.ErrNotExist) {
		k, err = makeKey(purpose, path)
	}
	if err != nil {
		return nil, fmt.Errorf("key %s of the simulator: %w", purpose, err)
	}
	if w.keys.held == nil {
		w.keys.held = map[string]*rsa.PrivateKey{}
	}
	w.keys.held[purpose] = k
	return k, nil
}

func readKey(path string) (*rsa.PrivateKey, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", path)
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := k.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds no RSA key", path)
	}
	return key, nil
}

func makeKey(purpose, path string) (*rsa.PrivateKey, error) {
	fresh.Lock()
	defer fresh.Unlock()
	k := fresh.keys[purpose]
	if k == nil {
		var err error
		if k, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return nil, err
		}
		fresh.keys[purpose] = k
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, err
	}
	return k, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}
