package action

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"

	"seneschal/internal/fault"
)

// Content is a large input: a stream that can be read again, with its size and digest. It lies in a file without a name, never whole in memory.
type Content struct {
	Name        string
	ContentType string
	Size        int64
	SHA256      string

	file *os.File
}

// Spool reads a stream to its end, at most limit bytes.
func Spool(name, contentType string, r io.Reader, limit int64) (*Content, error) {
	f, err := os.CreateTemp("", "seneschal-content-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil { // it lives as long as we hold it open, and not past a crash
		return nil, err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(r, limit+1))
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	if n > limit {
		_ = f.Close()
		return nil, &fault.Error{Kind: fault.TooLarge, Code: "file_too_large", Message: "The file " + name + " is larger than the action takes",
			Fields: []fault.Field{{Name: name, Message: "is larger than the limit"}}, Fix: "Send a smaller file", Who: "you"}
	}
	return &Content{Name: name, ContentType: contentType, Size: n, SHA256: hex.EncodeToString(h.Sum(nil)), file: f}, nil
}

// Reader reads from the start; readers do not disturb each other.
func (c *Content) Reader() *io.SectionReader { return io.NewSectionReader(c.file, 0, c.Size) }

// Close lets the bytes go.
func (c *Content) Close() error { return c.file.Close() }
