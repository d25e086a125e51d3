package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/config"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

func onSMTP(s map[string]string) { s["SMTP_LISTEN"] = "127.0.0.1:0" }

// written is a mail as a planning system writes it.
func written(id, subject string) string {
	return strings.ReplaceAll("Message-ID: <"+id+"@psa.example>\nFrom: Ada <"+ada+">\nTo: Ben <"+ben+">\nSubject: "+subject+"\nX-Ticket: 12\nContent-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/plain; charset=utf-8\n\nSee the file.\n"+
		"--a\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=invoice.pdf\nContent-Transfer-Encoding: base64\n\n"+base64.StdEncoding.EncodeToString([]byte("%PDF-1.7 invoice"))+"\n--a--\n", "\n", "\r\n")
}

// submit hands a mail in with Go's own client.
func submit(address, key, mail string, to ...string) error {
	return smtp.SendMail(address, smtp.PlainAuth("", "psa", key, "127.0.0.1"), ada, to, []byte(mail))
}

// answered is the code of an answer that is no success, 0 for one that is.
func answeredWith(err error) int {
	var e *textproto.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func deliveries(t *testing.T, h *app.App) []delivery.Delivery {
	t.Helper()
	page, err := h.Deliveries.List(t.Context(), delivery.Query{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return page.Deliveries
}

func TestAProgramHandsMailInBySMTP(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			h := delivering(t, engine, "Seneschal", onSMTP)
			for range 3 { // its 250 was lost, and lost again
				if err := submit(h.Server.SMTPAddress(), h.Key, written("1", "By SMTP"), ben, "cleo@elsewhere.example"); err != nil {
					t.Fatal(err)
				}
			}
			all := deliveries(t, h.App)
			if len(all) != 1 || all[0].Mailbox != ada || all[0].Caller != "apikey:test" || !strings.HasPrefix(all[0].Key, "smtp:") {
				t.Fatalf("taken: %+v", all)
			}
			takenOnce(t, h, all[0].ID, "apikey:test")
			head := showDelivery(t, h.App, all[0].ID).Head
			if len(head.Files) != 1 || head.Files[0].Name != "invoice.pdf" || head.Files[0].Size != 16 || fmt.Sprint(head.To) != `["Ben" <`+ben+`>]` || fmt.Sprint(head.Bcc) != "[cleo@elsewhere.example]" {
				t.Errorf("taken: %+v", head)
			}
			becomes(t, h, all[0].ID, delivery.Sent)
			if n := copies(t, h.Cloud, "ben@", "By SMTP"); n != 1 {
				t.Errorf("Ben has it %d times", n)
			}
			if n := arrivedFiles(t, h, "invoice.pdf"); n != 1 {
				t.Errorf("its file arrived %d times", n)
			}
			verifyAudit(t, h.App)
		})
	}
}

// Pictures arrive inside the HTML that shows them, by SMTP and by the action, in one request and by upload session; what it does not show
// stays a file.
func TestPicturesArriveInsideTheHTML(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"Seneschal", sendingAlone} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			h := delivering(t, store.SQLite, by, onSMTP)
			mail := strings.ReplaceAll("Message-ID: <1@psa.example>\nFrom: "+ada+"\nTo: "+ben+"\nSubject: Pictures\nContent-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/related; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nHello\n--c\nContent-Type: text/html\n\n<p><img src=\"cid:logo@psa\"></p>\n--c--\n"+
				"--b\nContent-Type: image/png; name=logo.png\nContent-ID: <logo@psa>\nContent-Disposition: inline\n\nPNG\n--b--\n--a\nContent-Type: application/pdf\nContent-ID: <other@psa>\nContent-Disposition: attachment; filename=invoice.pdf\n\nPDF\n--a--\n", "\n", "\r\n")
			if err := submit(h.Server.SMTPAddress(), h.Key, mail, ben); err != nil {
				t.Fatal(err)
			}
			size := 1000
			if by == "Seneschal" {
				size = 4 << 20
			}
			mustHandIn(t, h.App, "k", fields{"from": ada, "to": []string{ben}, "subject": "By action", "html": "<img src='cid:plan'>", "inline": fields{"attachment_1": "plan"}}, pdf(t, "plan.pdf", size), pdf(t, "terms.pdf", size))
			waitUntil(t, "Ben has both", func() bool {
				h.Time.Advance(time.Second)
				return copies(t, h.Cloud, "ben@", "Pictures") == 1 && copies(t, h.Cloud, "ben@", "By action") == 1
			})
			all, err := h.Cloud.State(h.Cloud.Ready().Tenants[0].TenantID, "attachments")
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, a := range all {
				if strings.Contains(fmt.Sprint(a["mailbox"]), "ben@") {
					got[fmt.Sprint(a["name"])] = fmt.Sprint(a["isInline"], " ", a["contentId"])
				}
			}
			for name, want := range map[string]string{"logo.png": "true logo@psa", "plan.pdf": "true plan", "invoice.pdf": "false <nil>", "terms.pdf": "false <nil>"} {
				if got[name] != want {
					t.Errorf("%s arrived as %q, want %q", name, got[name], want)
				}
			}
		})
	}
}

// arrivedFiles counts the files of a name that Ben has attached to his mails.
func arrivedFiles(t *testing.T, h *app.Hub, name string) (n int) {
	t.Helper()
	all, err := h.Cloud.State(h.Cloud.Ready().Tenants[0].TenantID, "attachments")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a["name"] == name && strings.Contains(fmt.Sprint(a["mailbox"]), "ben@") {
			n++
		}
	}
	return n
}

func TestWhatTheSMTPDoorRefuses(t *testing.T) {
	t.Parallel()
	h := delivering(t, store.SQLite, "Seneschal", func(s map[string]string) { onSMTP(s); s["DELIVERY_RECIPIENTS"] = "2" })
	_, reader, err := h.Access.AddAPIKey(t.Context(), access.Local("test"), "reader", []access.Scope{access.HubRead, access.ActionRead}, 0)
	if err != nil {
		t.Fatal(err)
	}
	good := written("2", "Refused")
	for _, tt := range []struct {
		name, key, from, mail string
		to                    []string
		code                  int
	}{
		{"nobody signed in", "", ada, good, []string{ben}, 530},
		{"a key that there is not", "snk_wrong", ada, good, []string{ben}, 535},
		{"a key that may only read", reader.Reveal(), ada, good, []string{ben}, 535},
		{"a mailbox that does not send", h.Key, ben, good, []string{ben}, 554},
		{"no sender", h.Key, "", good, []string{ben}, 550},
		{"a recipient that is none", h.Key, ada, good, []string{`"nobody at"@x.example`}, 553},
		{"more recipients than a mail may have", h.Key, ada, good, []string{ben, "b@x.example", "c@x.example"}, 452},
		{"another sender in the header", h.Key, ada, strings.Replace(good, "From: Ada <"+ada, "From: Ben <"+ben, 1), []string{ben}, 550},
		{"a mail that breaks off", h.Key, ada, strings.TrimSuffix(good, "--a--\r\n"), []string{ben}, 554},
		{"a subject of 10,000 characters", h.Key, ada, strings.Replace(good, "Refused", strings.Repeat("x", 10_000), 1), []string{ben}, 554},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if code := answeredWith(talk(t, h, tt.key, tt.from, tt.mail, tt.to)); code != tt.code {
				t.Errorf("answered %d, want %d", code, tt.code)
			}
		})
	}
	if all := deliveries(t, h.App); len(all) != 0 {
		t.Errorf("taken: %+v", all)
	}
	for range 20 {
		_ = talk(t, h, "snk_guess", ada, good, []string{ben})
	}
	waitUntil(t, "the try that comes back is spent at once", func() bool {
		h.Time.Advance(100 * time.Millisecond)
		return answeredWith(talk(t, h, "snk_guess", ada, good, []string{ben})) == 535
	})
	if code := answeredWith(talk(t, h, h.Key, ada, good, []string{ben})); code != 454 {
		t.Errorf("whoever guesses is told %d", code)
	}
	h.Time.Advance(time.Minute)
	if err := talk(t, h, h.Key, ada, good, []string{ben}); err != nil {
		t.Errorf("after a while: %v", err)
	}
}

// talk goes through one mail by hand, and gives the first refusal.
func talk(t *testing.T, h *app.Hub, key, from, mail string, to []string) error {
	t.Helper()
	c, err := smtp.Dial(h.Server.SMTPAddress())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if key != "" {
		if err := c.Auth(smtp.PlainAuth("", "psa", key, "127.0.0.1")); err != nil {
			return err
		}
	}
	if err := c.Mail(from); err != nil {
		return err
	}
	for _, r := range to {
		if err := c.Rcpt(r); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(mail)); err != nil {
		return err
	}
	return w.Close()
}

// Beyond this machine neither key nor mail travels in the clear.
func TestTheSMTPDoorNeedsTLSFromOutside(t *testing.T) {
	t.Parallel()
	if _, err := config.Load(t.TempDir(), nil, map[string]string{"SMTP_LISTEN": "0.0.0.0:2525"}); fault.CodeOf(err) != "bad_setting" || !strings.Contains(err.Error(), "SENESCHAL_SMTP_LISTEN") || !strings.Contains(err.Error(), "TLS_CERT_FILE") {
		t.Errorf("without a certificate: %v", err)
	}
	cert, key := writeCertificate(t, t.TempDir(), 1)
	h := delivering(t, store.SQLite, "Seneschal", func(s map[string]string) {
		s["SMTP_LISTEN"], s["TLS_CERT_FILE"], s["TLS_KEY_FILE"] = "0.0.0.0:0", cert, key
	})
	_, port, err := net.SplitHostPort(h.Server.SMTPAddress())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	c, err := smtp.NewClient(raw, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if ok, _ := c.Extension("AUTH"); ok {
		t.Error("it takes keys in the clear")
	}
	if size, _ := func() (string, bool) { ok, v := c.Extension("SIZE"); return v, ok }(); size != strconv.Itoa(210<<20) {
		t.Errorf("it announces a size of %q", size)
	}
	pool := x509.NewCertPool()
	text, err := os.ReadFile(cert)
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	if err := c.StartTLS(&tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Auth(smtp.PlainAuth("", "psa", h.Key, "127.0.0.1")), c.Mail(ada), c.Rcpt(ben)); err != nil {
		t.Error(err)
	}
	// The program dies within its mail: its side of the connection ends, and TLS tells nobody.
	if err := c.Text.PrintfLine("BDAT 200 LAST\r\nSubject: Cut\r\n\r\nYou owe 100 EUR."); err != nil {
		t.Fatal(err)
	}
	_ = raw.(*net.TCPConn).CloseWrite()
	for err == nil {
		_, err = c.Text.ReadLine() // until the hub has closed as well
	}
	if all := deliveries(t, h.App); len(all) > 0 {
		t.Errorf("what came of a mail is taken: %+v", all)
	}
}

// Clients that we did not write, those of them that this machine has.
func TestOtherClientsSpeakToTheSMTPDoor(t *testing.T) {
	t.Parallel()
	h := delivering(t, store.SQLite, "Seneschal", onSMTP)
	host, port, err := net.SplitHostPort(h.Server.SMTPAddress())
	if err != nil {
		t.Fatal(err)
	}
	spoke := 0
	for name, args := range map[string][]string{
		"curl":  {"--silent", "--show-error", "--url", "smtp://" + host + ":" + port, "--user", "psa:" + h.Key, "--login-options", "AUTH=LOGIN", "--mail-from", ada, "--mail-rcpt", ben, "--upload-file", "-"},
		"msmtp": {"--host", host, "--port", port, "--auth=plain", "--user", "psa", "--passwordeval", "echo " + h.Key, "--tls=off", "--from", ada, ben},
		"swaks": {"--server", host, "--port", port, "--auth", "LOGIN", "--auth-user", "psa", "--auth-password", h.Key, "--from", ada, "--to", ben, "--data", "-", "--silent", "2"},
	} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Logf("%s is not here", name)
			continue
		}
		spoke++
		cmd := exec.Command(path, args...) //nolint:gosec // the test's own
		cmd.Stdin, cmd.Env = strings.NewReader(written(name, "By "+name)), []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		waitUntil(t, "Ben has it by "+name, func() bool { h.Time.Advance(time.Second); return copies(t, h.Cloud, "ben@", "By "+name) == 1 })
	}
	if spoke == 0 {
		t.Fatal("neither curl, msmtp nor swaks is on this machine: scripts/deps installs the first")
	}
}

// The program is killed while it takes a mail in: before it was read, at the commit, after its 250. The client, who knows of nothing, sends all
// of it again, and Ben has it once.
func TestKilledWhileTakingMailIn(t *testing.T) {
	t.Parallel()
	g := posting(t, store.SQLite, "Seneschal")
	key := g.key("psa", "actions:write")
	delays := []time.Duration{0, 3 * time.Millisecond, 12 * time.Millisecond, -1}
	for i, delay := range delays {
		address, kill := g.takesMail()
		mail := written(strconv.Itoa(i), fmt.Sprintf("Killed %d", i))
		sent := make(chan error, 1)
		begun := make(chan struct{})
		go func() { close(begun); sent <- submit(address, key, mail, ben) }()
		<-begun
		if delay < 0 {
			if err := <-sent; err != nil {
				t.Error(err)
			}
		} else {
			time.Sleep(delay) // which moment it is does not matter: each ends in one mail
		}
		kill()
	}
	address, kill := g.takesMail()
	for i := range delays {
		if err := submit(address, key, written(strconv.Itoa(i), fmt.Sprintf("Killed %d", i)), ben); err != nil {
			t.Error(err)
		}
	}
	kill()
	g.time.Advance(2 * time.Minute)
	a, stop := g.open()
	defer stop()
	waitFor(t, g, "all are sent", func() bool {
		for _, d := range deliveries(t, a) {
			if d.State != delivery.Sent {
				return false
			}
		}
		return true
	})
	if n := len(deliveries(t, a)); n != len(delays) {
		t.Errorf("%d deliveries", n)
	}
	for i := range delays {
		if n := copies(t, g.cloud, "ben@", fmt.Sprintf("Killed %d", i)); n != 1 {
			t.Errorf("mail %d arrived %d times", i, n)
		}
	}
	verifyAudit(t, a)
}

// key makes an API key on the ground's database.
func (g *ground) key(name, scope string) string {
	g.t.Helper()
	a := g.join(nil)
	defer func() { _ = a.Close() }()
	_, key, err := a.Access.AddAPIKey(g.t.Context(), access.Local("test"), name, []access.Scope{access.Scope(scope)}, 0)
	if err != nil {
		g.t.Fatal(err)
	}
	return key.Reveal()
}

// takesMail starts the program with its SMTP door, and gives its address and what kills it.
func (g *ground) takesMail() (address string, kill func()) {
	g.t.Helper()
	bin, err := program()
	if err != nil {
		g.t.Fatal(err)
	}
	address = freeAddress(g.t)
	cmd := exec.Command(bin, "serve", "--listen", "127.0.0.1:0", "--smtp-listen", address)
	log, err := os.Create(filepath.Join(g.dir, "serve.log"))
	if err != nil {
		g.t.Fatal(err)
	}
	cmd.Dir, cmd.Env, cmd.Stderr = g.dir, g.env, log
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		c, err := smtp.Dial(address)
		if err == nil {
			_ = c.Quit()
			break
		}
		if time.Since(begin) > 60*time.Second {
			text, _ := os.ReadFile(log.Name())
			g.t.Fatalf("the door stays shut: %v: %s", err, text)
		}
	}
	return address, func() {
		_ = cmd.Process.Kill() // on purpose
		_ = cmd.Wait()
		_ = log.Close()
	}
}
