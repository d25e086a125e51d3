package world

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// PutBlob keeps bytes too large for the journal and returns their name, the hex SHA-256.
func (w *World) PutBlob(r io.Reader) (name string, size int64, err error) {
	f, err := os.CreateTemp(filepath.Join(w.Dir, "blobs"), "incoming-*")
	if err != nil {
		return "", 0, fmt.Errorf("keep a blob: %w", err)
	}
	h := sha256.New()
	size, err = io.Copy(io.MultiWriter(f, h), r)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	name = hex.EncodeToString(h.Sum(nil))
	if err == nil {
		err = os.Rename(f.Name(), w.BlobPath(name))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", 0, fmt.Errorf("keep a blob: %w", err)
	}
	return name, size, nil
}

// OpenBlob reads a kept blob.
func (w *World) OpenBlob(name string) (io.ReadCloser, error) { return os.Open(w.BlobPath(name)) }

// BlobPath is where a blob lies.
func (w *World) BlobPath(name string) string { return filepath.Join(w.Dir, "blobs", name) }
