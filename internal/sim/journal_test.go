package sim

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// TestResume stops the cloud without closing it, as kill -9 does, tears the journal's last line, and starts again.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	inDir := func(c *Config) { c.Dir = dir }
	first := start(t, inDir)
	token := first.appToken("Seneschal")
	made := first.graph(token, "POST", ada+"/messages", draft("ben@contoso.example"), "Prefer", `IdType="ImmutableId"`).str("id")
	inbox := first.graph(token, "GET", ada+"/mailFolders/inbox/messages?$top=2", nil).list()
	read, gone := inbox[0]["id"].(string), inbox[1]["id"].(string)
	link := ""
	for next := ada + "/mailFolders/inbox/messages/delta"; next != ""; {
		a := first.graph(token, "GET", next, nil)
		next, link = a.str("@odata.nextLink"), a.str("@odata.deltaLink")
	}
	first.graph(token, "DELETE", ada+"/messages/"+gone, nil)
	refresh := first.signIn(first.app("Seneschal sign-in"), "ada@contoso.example", mailScopes).str("refresh_token")
	f, err := os.OpenFile(filepath.Join(dir, "journal.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"q":999,"t":[{"s":"x","c":"mess`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	for range 2 { // the second start reads what the first one compacted
		copied := t.TempDir()
		if err := os.CopyFS(filepath.Join(copied, "d"), os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		s, err := Start(context.Background(), Config{Dir: filepath.Join(copied, "d"), Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		again := &cloud{Sim: s, t: t, ready: s.Ready(), client: s.HTTPClient()}
		if a := again.graph(token, "GET", ada+"/messages/"+made, nil); a.status != 200 {
			t.Errorf("the old token and the draft: got %d %s", a.status, a.raw)
		}
		if a := again.graph(token, "GET", ada+"/messages/"+read, nil); a.status != 200 {
			t.Errorf("a seeded message: got %d", a.status)
		}
		if a := again.graph(token, "GET", ada+"/messages/"+gone, nil); a.status != 404 {
			t.Errorf("the deleted message under its old id: got %d", a.status)
		}
		delta := again.graph(token, "GET", again.ready.GraphURL+link[len(first.ready.GraphURL):], nil)
		if l := delta.list(); len(l) != 1 || l[0]["id"] != gone || l[0]["@removed"] == nil {
			t.Errorf("the old delta link: got %s", delta.raw)
		}
		app := again.app("Seneschal sign-in")
		form := secretForm(app)
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", refresh)
		form.Del("scope")
		if a := again.tokenAt("organizations", form); a.status != 200 {
			t.Errorf("the old refresh token: got %s", a.raw)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(copied, "d")
	}
}

func TestReset(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	id := c.graph(token, "POST", ada+"/messages", draft("ben@contoso.example")).str("id")
	if err := c.Reset(); err != nil {
		t.Fatal(err)
	}
	if a := c.graph(token, "GET", ada+"/messages/"+id, nil); a.status != 404 {
		t.Errorf("after reset: got %d", a.status)
	}
}

func TestLargeWorld(t *testing.T) {
	s := StartForTest(t, "large", func(c *Config) { c.Users, c.MessagesPerMailbox = 5000, 300 })
	c := &cloud{Sim: s, t: t, ready: s.Ready(), client: s.HTTPClient()}
	token := c.appToken("Seneschal")
	box := "/users/user04999@large.example"
	n := 0
	for next := box + "/messages?$top=100"; next != ""; {
		a := c.graph(token, "GET", next, nil)
		n += len(a.list())
		next = a.str("@odata.nextLink")
	}
	if n != 300 {
		t.Errorf("got %d messages, want 300", n)
	}
	first := c.graph(token, "GET", box+"/mailFolders/inbox/messages?$top=3", nil).list()
	c.graph(token, "PATCH", box+"/messages/"+first[0]["id"].(string), map[string]any{"isRead": false})
	c.graph(token, "POST", box+"/messages/"+first[1]["id"].(string)+"/move", map[string]any{"destinationId": "archive"})
	c.graph(token, "DELETE", box+"/messages/"+first[2]["id"].(string), nil)
	if a := c.graph(token, "GET", box+"/mailFolders/inbox", nil); a.str("totalItemCount") != "298" {
		t.Errorf("inbox: got %s", a.raw)
	}
	if a := c.graph(token, "GET", box+"/mailFolders/inbox/messages?$top=1", nil); a.list()[0]["id"] != first[0]["id"] {
		t.Errorf("first message: got %s", a.raw)
	}
	m, removed := 0, 0
	for next := box + "/mailFolders/inbox/messages/delta"; next != ""; {
		a := c.graph(token, "GET", next, nil, "Prefer", "odata.maxpagesize=50")
		for _, i := range a.list() {
			if m++; i["@removed"] != nil {
				removed++
			}
		}
		next = a.str("@odata.nextLink")
	}
	if m != 298 || removed != 0 {
		t.Errorf("delta: got %d messages, %d removed; want 298 and none", m, removed)
	}
}

func TestLoadedFiles(t *testing.T) {
	mail, ics := t.TempDir(), t.TempDir()
	write := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(mail, "ben@contoso.example", "a.eml"), "From: x@northwind.example\r\nTo: ben@contoso.example\r\nSubject: From a file\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\nMessage-ID: <file@x>\r\n\r\nHi\r\n")
	write(filepath.Join(mail, "loose.eml"), "From: x@northwind.example\r\nTo: a@contoso.example\r\nSubject: Loose\r\n\r\nHi\r\n")
	write(filepath.Join(ics, "ben@contoso.example", "a.ics"), "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20270601T090000Z\r\nDTEND:20270601T100000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\nSUMMARY:From a calendar file\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	c := start(t, func(c *Config) { c.MailDir, c.ICSDir = mail, ics })
	token := c.appToken("Seneschal")
	if a := c.graph(token, "GET", spaces("/users/ben@contoso.example/messages?$filter=internetMessageId eq '<file@x>'"), nil); len(a.list()) != 1 || a.list()[0]["receivedDateTime"] != "2026-11-02T09:00:00Z" {
		t.Errorf("mail: got %s", a.raw)
	}
	if a := c.graph(token, "GET", spaces("/users/admin@contoso.example/messages?$filter=subject eq 'Loose'"), nil); len(a.list()) != 1 {
		t.Errorf("loose mail: got %s", a.raw)
	}
	if a := c.graph(token, "GET", "/users/ben@contoso.example/calendarView"+window("2027-06-01", "2027-06-10"), nil); len(a.list()) != 3 {
		t.Errorf("calendar: got %s", a.raw)
	}
}
