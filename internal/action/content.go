package action

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"seneschal/internal/fault"
)

// Content is a large input: a stream that can be read again, with its size and digest. It lies in a file, never whole in memory: one of
// ours without a name, or the caller's own.
type Content struct {
	Name        string
	ContentType string
	Size        int64
	SHA256      string

	file   *os.File
	stands func() error // says whether the caller's own file is as it was digested; nil for ours
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
	if err == nil && n > limit {
		err = tooLarge(name, limit)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &Content{Name: name, ContentType: contentType, Size: n, SHA256: hex.EncodeToString(h.Sum(nil)), file: f}, nil
}

func tooLarge(name string, limit int64) error {
	return &fault.Error{Kind: fault.TooLarge, Code: "file_too_large", Message: "The file " + name + " is larger than the action takes",
		Fields: []fault.Field{{Name: name, Message: fmt.Sprintf("is larger than %d bytes", limit)}}, Fix: "Send a smaller file", Who: "you"}
}

// Own takes a file of the caller's where it lies, at most limit bytes, and what is no file, as a pipe, like Spool. The file must stay as it
// is until Close: reading it fails once it is changed.
func Own(name, contentType string, f *os.File, limit int64) (*Content, error) {
	begun, err := f.Stat()
	if err != nil || !begun.Mode().IsRegular() {
		content, err := Spool(name, contentType, f, limit)
		_ = f.Close()
		return content, err
	}
	c := &Content{Name: name, ContentType: contentType, Size: begun.Size(), file: f, stands: func() error {
		now, err := f.Stat()
		if err == nil && (now.Size() != begun.Size() || !now.ModTime().Equal(begun.ModTime())) {
			err = &fault.Error{Kind: fault.Conflict, Code: "file_changed", Message: "The file " + name + " was changed while it was read", Fix: "Wait until nobody writes it, and try again", Who: "you"}
		}
		return err
	}}
	h := sha256.New()
	if c.Size > limit {
		err = tooLarge(name, limit)
	} else if _, err = io.Copy(h, c.Reader()); err == nil {
		err = c.stands()
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	c.SHA256 = hex.EncodeToString(h.Sum(nil))
	return c, nil
}

// Reader reads from the start; readers do not disturb each other.
func (c *Content) Reader() *io.SectionReader { return io.NewSectionReader(steady{c}, 0, c.Size) }

// steady reads a file as long as it stays what it was.
type steady struct{ c *Content }

// ReadAt reads, and then looks: what was read before somebody wrote is good.
func (s steady) ReadAt(b []byte, at int64) (int, error) {
	n, err := s.c.file.ReadAt(b, at)
	if s.c.stands == nil {
		return n, err
	}
	if changed := s.c.stands(); changed != nil {
		return 0, changed
	}
	return n, err
}

// Close lets the bytes go.
func (c *Content) Close() error { return c.file.Close() }
