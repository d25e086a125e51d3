package action_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/fault"
)

// The caller's own file is taken where it lies, with the digest it would have had as a copy, as long as nobody writes it.
func TestAFileIsTakenWhereItLies(t *testing.T) {
	name := filepath.Join(t.TempDir(), "plan.txt")
	write := func(text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	open := func(limit int64) (*action.Content, error) {
		t.Helper()
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		return action.Own("plan.txt", "text/plain", f, limit)
	}
	begun := time.Now().Add(-time.Hour)
	write("hello", begun)
	copied, err := action.Spool("plan.txt", "text/plain", strings.NewReader("hello"), 10)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = copied.Close() }()
	c, err := open(10)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if text, err := io.ReadAll(c.Reader()); err != nil || string(text) != "hello" || c.SHA256 != copied.SHA256 || c.Size != copied.Size {
		t.Errorf("got %q %v, %+v", text, err, c)
	}
	if _, err := open(4); fault.CodeOf(err) != "file_too_large" {
		t.Errorf("too large: got %v", err)
	}
	write("HELLO", begun.Add(time.Second))
	if _, err := io.ReadAll(c.Reader()); fault.CodeOf(err) != "file_changed" {
		t.Errorf("written meanwhile: got %v", err)
	}
}

// What is no file, as a pipe, is read once and kept.
func TestAPipeIsCopied(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = w.WriteString("from a pipe")
		_ = w.Close()
	}()
	c, err := action.Own("pipe", "text/plain", r, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for range 2 {
		if text, err := io.ReadAll(c.Reader()); err != nil || string(text) != "from a pipe" {
			t.Errorf("got %q %v", text, err)
		}
	}
}
