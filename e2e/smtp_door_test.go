package e2e

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/store"
)

// dialog is a client that says what it likes.
type dialog struct {
	t   *testing.T
	raw net.Conn
	in  *textproto.Conn
}

func atTheDoor(t *testing.T, h *app.Hub) *dialog {
	t.Helper()
	raw, err := net.Dial("tcp", h.Server.SMTPAddress())
	if err != nil {
		t.Fatal(err)
	}
	d := &dialog{t, raw, textproto.NewConn(raw)}
	t.Cleanup(func() { _ = d.in.Close() })
	return d
}

// hears gives the answer's code; 0 where the door was closed.
func (d *dialog) hears() int {
	code, _, _ := d.in.ReadResponse(0)
	return code
}

func (d *dialog) says(line string) int {
	d.t.Helper()
	if err := d.in.PrintfLine("%s", line); err != nil {
		d.t.Fatal(err)
	}
	return d.hears()
}

// letIn is a client that may send.
func letIn(t *testing.T, h *app.Hub, key string) *dialog {
	t.Helper()
	d := atTheDoor(t, h)
	if d.hears() != 220 || d.says("EHLO psa") != 250 || d.says("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00psa\x00"+key))) != 235 {
		t.Fatal("the client was not let in")
	}
	return d
}

// A client that dies within a chunk has not handed its mail in: what came of it is not sent, and the whole one is taken afterwards.
func TestAMailThatIsCutOffIsNotTaken(t *testing.T) {
	h := delivering(t, store.SQLite, "Seneschal", onSMTP)
	mail := "Message-ID: <cut@psa.example>\r\nFrom: <" + ada + ">\r\nTo: <" + ben + ">\r\nSubject: Cut\r\n\r\nYou owe 100 EUR.\r\nThis is a test: do not pay.\r\n"
	d := letIn(t, h, h.Key)
	if d.says("MAIL FROM:<"+ada+">") != 250 || d.says("RCPT TO:<"+ben+">") != 250 {
		t.Fatal("the envelope was not taken")
	}
	if _, err := fmt.Fprintf(d.raw, "BDAT %d LAST\r\n%s", len(mail), mail[:len(mail)-29]); err != nil {
		t.Fatal(err)
	}
	_ = d.raw.(*net.TCPConn).CloseWrite()
	for d.hears() != 0 { // until the hub has closed as well
	}
	if all := deliveries(t, h.App); len(all) > 0 {
		t.Errorf("what came was taken: %+v", all)
	}
	if err := submit(h.Server.SMTPAddress(), h.Key, mail, ben); err != nil {
		t.Errorf("the whole mail: %v", err)
	}
}

// A connection outlives the key that it signed in with; what it may do does not.
func TestAKeyThatWasTakenAwaySendsNothing(t *testing.T) {
	h := delivering(t, store.SQLite, "Seneschal", onSMTP)
	_, key, err := h.Access.AddAPIKey(t.Context(), access.Local("test"), "psa", []access.Scope{access.ActionRead, access.ActionWrite}, 0)
	if err != nil {
		t.Fatal(err)
	}
	early, late := letIn(t, h, key.Reveal()), letIn(t, h, key.Reveal())
	if late.says("MAIL FROM:<"+ada+">") != 250 || late.says("RCPT TO:<"+ben+">") != 250 || late.says("DATA") != 354 {
		t.Fatal("the envelope was not taken")
	}
	if err := h.Access.RemoveAPIKey(t.Context(), access.Local("test"), "psa"); err != nil {
		t.Fatal(err)
	}
	if code := early.says("MAIL FROM:<" + ada + ">"); code != 535 {
		t.Errorf("a mail after that is answered with %d", code)
	}
	if code := late.says(strings.ReplaceAll(written("late", "Late"), "\r\n", "\n") + "\r\n."); code != 535 {
		t.Errorf("a mail that was under way is answered with %d", code)
	}
	if all := deliveries(t, h.App); len(all) > 0 {
		t.Errorf("taken: %+v", all)
	}
}

// Who says nothing takes the places of those of its own address at most.
func TestStrangersDoNotFillTheDoor(t *testing.T) {
	h := delivering(t, store.SQLite, "Seneschal", onSMTP)
	known := letIn(t, h, h.Key)
	answers := map[int]int{}
	for range 25 {
		answers[atTheDoor(t, h).hears()]++
	}
	if answers[220] != 20 || answers[421] != 5 {
		t.Errorf("answers: %v, want 20 greetings and 5 refusals", answers)
	}
	if code := known.says("NOOP"); code != 250 {
		t.Errorf("who has signed in is answered with %d", code)
	}
}
