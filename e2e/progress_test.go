package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// slowUploads makes Microsoft take its time for each piece of a file.
func slowUploads(each string) sim.Fault {
	return sim.Fault{Kind: "delay", Delay: each, Match: matching("PUT", "/outlook-upload/")}
}

// A program that looks at a run while a large file goes out sees how far it is.
func TestALongRunTellsHowFarItIs(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	h.Connect(h.Form("contoso", "Seneschal"))
	play(t, h, slowUploads("10s"))
	const size = 9_000_000
	ended := make(chan error, 1)
	go func() { ended <- sendWithFile(h, make([]byte, size)) }()
	seen := map[int64]bool{}
	for range 3000 {
		if r, ok := running(t, h); ok {
			if r.Total != size || r.Done < 0 || r.Done > size || r.Note == "" || r.UpdatedAt.Before(r.StartedAt) {
				t.Fatalf("got %+v", r)
			}
			seen[r.Done] = true
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
			if len(seen) < 3 || !seen[0] {
				t.Errorf("seen on the way: %v of %d bytes; want the beginning and at least two steps", seen, size)
			}
			return
		default:
			h.Time.Advance(time.Second)
			time.Sleep(5 * time.Millisecond)
		}
	}
	t.Fatal("the mail never left")
}

// sendWithFile sends a mail with a large file over REST.
func sendWithFile(h *app.Hub, content []byte) error {
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	if err := parts.WriteField("input", `{"user":"ada@contoso.example","to":["ben@contoso.example"],"subject":"Plans"}`); err != nil {
		return err
	}
	file, err := parts.CreateFormFile("file", "plans.bin")
	if err != nil {
		return err
	}
	if _, err := file.Write(content); err != nil {
		return err
	}
	if err := parts.Close(); err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, h.Server.URL()+"/api/v1/connections/contoso/actions/mail.message.send", &body)
	if err != nil {
		return err
	}
	req.Header = http.Header{"Authorization": {"Bearer " + h.Key}, "Content-Type": {parts.FormDataContentType()}, "Idempotency-Key": {"plans"}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d: %s", resp.StatusCode, text)
	}
	return err
}

// running finds the run by its key in the list, and then looks at it alone, as a program would.
func running(t *testing.T, h *app.Hub) (action.Run, bool) {
	t.Helper()
	var list struct{ Runs []action.Run }
	if status, _, text := h.REST("GET", "/api/v1/runs?connection=contoso", nil); status != http.StatusOK || json.Unmarshal(text, &list) != nil {
		t.Fatalf("runs: %d %s", status, text)
	}
	for _, r := range list.Runs {
		if r.Key != "plans" || r.State == action.Done || r.Total == 0 {
			continue
		}
		var one action.Run
		if status, _, text := h.REST("GET", "/api/v1/runs/"+r.ID, nil); status != http.StatusOK || json.Unmarshal(text, &one) != nil {
			t.Fatalf("run: %d %s", status, text)
		}
		return one, one.State != action.Done
	}
	return action.Run{}, false
}

// A person at a terminal sees a line that moves and goes away; a script sees none.
func TestTheCommandLineShowsProgressOnATerminal(t *testing.T) {
	g := newGround(t, store.SQLite)
	if out, _ := g.run(g.form(), nil, "connection", "add", "--input", "-"); !strings.Contains(out, "healthy") {
		t.Fatal(out)
	}
	if err := g.cloud.Fault(slowUploads("1500ms")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(g.dir, "plans.bin")
	if err := os.WriteFile(file, make([]byte, 9_000_000), 0o600); err != nil {
		t.Fatal(err)
	}
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	send := func(key string, stderr *os.File) {
		t.Helper()
		cmd := exec.Command(bin, "action", "run", "mail.message.send", "--connection", "contoso", "--input", "-", "--file", "file="+file, "--idempotency-key", key)
		cmd.Dir, cmd.Env, cmd.Stderr = g.dir, g.env, stderr
		cmd.Stdin = strings.NewReader(`{"user":"ada@contoso.example","to":["ben@contoso.example"],"subject":"Plans"}`)
		if out, err := cmd.Output(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	terminal, screen := openTerminal(t)
	send("seen", terminal)
	shown := screen()
	if !strings.Contains(shown, "of 9000000 bytes of the file sent to Microsoft") || !strings.Contains(shown, "\r\x1b[K") || !strings.Contains(shown, "done, run") {
		t.Errorf("the terminal showed %q", shown)
	}
	g.cloud.ClearFaults()
	log, err := os.Create(filepath.Join(g.dir, "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	send("unseen", log)
	if text, err := os.ReadFile(log.Name()); err != nil || strings.Contains(string(text), "\r") || !strings.Contains(string(text), "done, run") {
		t.Errorf("the file got %q %v", text, err)
	}
}

// openTerminal makes a pseudo-terminal; screen gives what was written on it.
func openTerminal(t *testing.T) (terminal *os.File, screen func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	var unlock, number int32
	for request, value := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &number} {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(value))); e != 0 {
			t.Fatal(e)
		}
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	read := make(chan struct{})
	go func() {
		defer close(read)
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			text.Write(buffer[:n])
			if err != nil {
				return // the last one closed the terminal
			}
		}
	}()
	return terminal, func() string {
		_ = terminal.Close()
		<-read
		return text.String()
	}
}
