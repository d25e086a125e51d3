package smtp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"seneschal/internal/action"
	"seneschal/internal/fault"
)

func slots() []action.File {
	return []action.File{{Name: "attachment_1", Max: 1 << 20}, {Name: "attachment_2", Max: 1 << 20}, {Name: "attachment_3", Max: 1 << 20}, {Name: "attachment_4", Max: 1 << 20}}
}

// crlf is a mail as it travels.
func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

func bytesOf(t *testing.T, c *action.Content) string {
	t.Helper()
	text, err := io.ReadAll(c.Reader())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhatProgramsWrite(t *testing.T) {
	scan := base64.StdEncoding.EncodeToString([]byte("%PDF scan"))
	for _, tt := range []struct {
		name, mail string
		want       sending
		files      map[string]string
	}{
		{"plain text, and whom the header does not name", "From: Works <ada@contoso.example>\nTo: Ben <BEN@contoso.example>, other@nobody.example\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n from us\nX-Mailer: psa\nX-Ticket: 12\nX-Priority: 1 (Highest)\n\nHello\n",
			sending{To: []string{`"Ben" <BEN@contoso.example>`}, Bcc: []string{"cleo@contoso.example"}, Subject: "Grüße from us", Text: "Hello\r\n", Importance: "high", Headers: map[string]string{"x-ticket": "12"}}, nil},
		{"both forms, and a file", "To: ben@contoso.example\nCc: cleo@contoso.example\nReply-To: office@contoso.example\nSubject: Invoice\nContent-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe=\n!\n--b\nContent-Type: text/html; charset=utf-8\n\n<p>Grüße</p>\n--b--\n--a\nContent-Type: application/pdf; name=\"=?utf-8?q?Re=C3=A7u.pdf?=\"\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\n" + scan[:8] + " \n" + scan[8:] + "\n--a--\n",
			sending{To: []string{"<ben@contoso.example>"}, Cc: []string{"<cleo@contoso.example>"}, ReplyTo: []string{"<office@contoso.example>"}, Subject: "Invoice", Text: "Grüße!", HTML: "<p>Grüße</p>"}, map[string]string{"Reçu.pdf": "%PDF scan"}},
		{"a scan and nothing else", "To: ben@contoso.example, cleo@contoso.example\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=\"..\\\\secret/../scan.pdf\"\nContent-Transfer-Encoding: base64\n\n" + scan + "\n",
			sending{To: []string{"<ben@contoso.example>", "<cleo@contoso.example>"}}, map[string]string{"scan.pdf": "%PDF scan"}},
		{"a second text is no other form of the first", "To: ben@contoso.example, cleo@contoso.example\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\nFirst\n--a\nContent-Type: text/html\n\n<p>Second</p>\n--a--\n",
			sending{To: []string{"<ben@contoso.example>", "<cleo@contoso.example>"}, Text: "First"}, map[string]string{"attachment-1.html": "<p>Second</p>"}},
		{"pictures that the HTML shows, one that it does not, and one whose id could be none", "To: ben@contoso.example, cleo@contoso.example\nContent-Type: multipart/related; boundary=a\n\n--a\nContent-Type: text/html\n\n<img src=\"cid:logo%40psa\"><i style='background:url(CID:b&amp;w)'></i>\n--a\nContent-Type: image/png; name=logo.png\nContent-ID: <logo@psa>\n\nPNG\n--a\nContent-Type: image/png; name=bw.png\nContent-ID: <b&w>\nContent-Disposition: attachment\n\nPNG\n--a\nContent-Type: application/pdf; name=a.pdf\nContent-ID: <a@psa>\n\nPDF\n--a\nContent-Type: image/png; name=x.png\nContent-ID: <not one>\n\nPNG\n--a--\n",
			sending{To: []string{"<ben@contoso.example>", "<cleo@contoso.example>"}, HTML: "<img src=\"cid:logo%40psa\"><i style='background:url(CID:b&amp;w)'></i>", Inline: map[string]string{"attachment_1": "logo@psa", "attachment_2": "b&w"}},
			map[string]string{"logo.png": "PNG", "bw.png": "PNG", "a.pdf": "PDF", "x.png": "PNG"}},
		{"a form that has files with it, as Apple Mail writes", "To: ben@contoso.example, cleo@contoso.example\nContent-Type: multipart/alternative; boundary=a\n\n--a\n\nPlain\n--a\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>Rich</p>\n--b\nContent-Type: application/pdf; name=a.pdf\n\nPDF\n--b--\n--a--\n",
			sending{To: []string{"<ben@contoso.example>", "<cleo@contoso.example>"}, Text: "Plain", HTML: "<p>Rich</p>"}, map[string]string{"a.pdf": "PDF"}},
		{"a boundary that should stand in quotation marks", "To: ben@contoso.example, cleo@contoso.example\nContent-Type: multipart/mixed; boundary=----=_Part_1; charset=utf-8\n\n------=_Part_1\n\nPlain\n------=_Part_1--\n",
			sending{To: []string{"<ben@contoso.example>", "<cleo@contoso.example>"}, Text: "Plain"}, nil},
		{"a name with blanks, and a charset beside what is no parameter", "To: ben@contoso.example, cleo@contoso.example\nContent-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/plain; charset=iso-8859-2; x=a b\n\n\xb3\xf3d\xbc\n--a\nContent-Type: text/plain; name=Bill 17.txt\n\nBill\n--a--\n",
			sending{To: []string{"<ben@contoso.example>", "<cleo@contoso.example>"}, Text: "łódź"}, map[string]string{"Bill 17.txt": "Bill"}},
		{"a parameter that is none", "To: ben@contoso.example, cleo@contoso.example\nContent-Type: text/html; charset\n\n<p>Rich</p>\n",
			sending{To: []string{"<ben@contoso.example>", "<cleo@contoso.example>"}, HTML: "<p>Rich</p>\r\n"}, nil},
		{"says that it is UTF-8, and is Windows-1252", "To: undisclosed-recipients:;\nContent-Type: text/plain; charset=utf-8\n\nGr\xfc\xdfe", sending{Bcc: []string{"ben@contoso.example", "cleo@contoso.example"}, Text: "Grüße"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := read(strings.NewReader(crlf(tt.mail)), slots())
			if err != nil {
				t.Fatal(err)
			}
			defer m.close()
			got, err := m.sending("ada@contoso.example", []string{"ben@contoso.example", "cleo@contoso.example"})
			if err != nil {
				t.Fatal(err)
			}
			tt.want.From = "ada@contoso.example"
			if tt.want.Headers == nil {
				tt.want.Headers = map[string]string{}
			}
			if tt.want.Inline == nil {
				tt.want.Inline = map[string]string{}
			}
			have, _ := json.Marshal(got)
			want, _ := json.Marshal(tt.want)
			if !bytes.Equal(have, want) {
				t.Errorf("got\n%s, want\n%s", have, want)
			}
			if len(m.files) != len(tt.files) {
				t.Fatalf("%d files, want %d", len(m.files), len(tt.files))
			}
			for _, f := range m.files {
				if text, ok := tt.files[f.Name]; !ok || bytesOf(t, f) != text {
					t.Errorf("the file %q holds %q", f.Name, bytesOf(t, f))
				}
			}
		})
	}
}

func TestWhatCannotBeDelivered(t *testing.T) {
	deep := ""
	for i := range maxDepth + 2 {
		deep += fmt.Sprintf("Content-Type: multipart/mixed; boundary=level%d.\n\n--level%d.\n", i, i)
	}
	file := "--a\nContent-Disposition: attachment; filename=x\n\nx\n"
	for _, tt := range []struct{ name, mail, code, says string }{
		{"no header", "\x00\x01\x02", "mail_unreadable", "no header"},
		{"a header without end", "X-A: " + strings.Repeat("a", maxHeader+1), "mail_unreadable", "longer than"},
		{"cut off in the middle", "Content-Type: multipart/mixed; boundary=a\n\n--a\n\nHello", "mail_unreadable", "breaks off"},
		{"no boundary", "Content-Type: multipart/mixed\n\nHello", "mail_unreadable", "boundary"},
		{"parts in parts in parts", deep, "mail_unreadable", "deeper"},
		{"very many parts", "Content-Type: multipart/mixed; boundary=a\n\n" + strings.Repeat("--a\nContent-Type: multipart/mixed; boundary=b\n\n--b--\n", maxParts+1) + "--a--\n", "mail_unreadable", "more than"},
		{"an unknown encoding", "Content-Transfer-Encoding: x-uuencode\n\nHello", "mail_unreadable", "x-uuencode"},
		{"an unknown alphabet", "Content-Type: text/plain; charset=x-mine\n\nHello", "mail_unreadable", "x-mine"},
		{"broken base64", "Content-Transfer-Encoding: base64\n\nHel*lo", "mail_unreadable", "not encoded"},
		{"a text of megabytes", "\n" + strings.Repeat("a", maxText+1), "text_too_large", "longer than"},
		{"too many files", "Content-Type: multipart/mixed; boundary=a\n\n" + strings.Repeat(file, 5) + "--a--\n", "too_many_files", "more than 4"},
		{"a file that is too large", "Content-Disposition: attachment; filename=x\n\n" + strings.Repeat("a", 1<<20+1), "file_too_large", "larger"},
		{"signed", "Content-Type: multipart/signed; boundary=a\n\n--a--\n", "mail_unreadable", "signed"},
		{"another sender in the header", "From: ben@contoso.example\n\nHello", "other_sender", "envelope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := read(strings.NewReader(crlf(tt.mail)), slots())
			defer m.close()
			if err == nil {
				_, err = m.sending("ada@contoso.example", []string{"ben@contoso.example"})
			}
			if f := fault.As(err); f == nil || f.Code != tt.code || !strings.Contains(f.Message, tt.says) {
				t.Errorf("got %v, want %s: …%s…", err, tt.code, tt.says)
			}
		})
	}
}

func TestAKeyTellsARepetitionFromAnotherMail(t *testing.T) {
	const mail = "Message-ID: <1@psa>\nDate: Mon, 23 Nov 2026 08:00:00 +0000\n\nHello"
	key := func(mail, from string, to ...string) string {
		m, err := read(strings.NewReader(crlf(mail)), slots())
		if err != nil {
			t.Fatal(err)
		}
		defer m.close()
		in, err := m.sending(from, to)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(in)
		return m.key(from, to, text)
	}
	base, nameless := key(mail, ada, "b@x.example", "c@x.example"), strings.Replace(mail, "Message-ID: <1@psa>\n", "", 1)
	for _, tt := range []struct {
		name, got string
		same      bool
	}{
		{"the same again", key(mail, ada, "b@x.example", "c@x.example"), true},
		{"recipients in another order", key(mail, ada, "c@x.example", "b@x.example"), true},
		{"to somebody else", key(mail, ada, "b@x.example"), false},
		{"from somebody else", key(mail, "d@x.example", "b@x.example", "c@x.example"), false},
		{"another Message-ID", key(strings.Replace(mail, "<1@", "<2@", 1), ada, "b@x.example", "c@x.example"), false},
		{"none", key(nameless, ada, "b@x.example", "c@x.example"), false},
	} {
		if (tt.got == base) != tt.same || len(tt.got) > 200 {
			t.Errorf("%s: %s", tt.name, tt.got)
		}
	}
	first := key(nameless, ada, "b@x.example")
	if first != key(nameless, ada, "b@x.example") || first == key(strings.Replace(nameless, "08:00", "08:01", 1), ada, "b@x.example") {
		t.Error("without a Message-ID, the whole mail with its date tells")
	}
}

const ada = "ada@contoso.example"

// Whatever a stranger sends is taken within its bounds or refused with a sentence; who is not in the envelope gets nothing.
func FuzzMail(f *testing.F) {
	f.Add([]byte(crlf("From: a@b.example\nTo: c@d.example\nSubject: x\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\nHi\n--a\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA\n--a--\n")))
	f.Add([]byte("To: =?x?b?AA?= <c@d.example>, c@d.example\nContent-Type: text/plain; charset=utf-16\n\na\x00"))
	f.Fuzz(func(t *testing.T, mail []byte) {
		m, err := read(bytes.NewReader(mail), slots())
		defer m.close()
		if err != nil {
			if fault.KindOf(err) == fault.Internal {
				t.Fatal(err)
			}
			return
		}
		envelope := []string{"c@d.example", "e@f.example"}
		in, err := m.sending("a@b.example", envelope)
		if err != nil {
			return
		}
		if len(in.To)+len(in.Cc)+len(in.Bcc) != len(envelope) || len(in.Headers) > maxHeaders || strings.ContainsAny(in.Subject, "\r\n") {
			t.Errorf("%+v", in)
		}
		for _, list := range [][]string{in.To, in.Cc, in.Bcc} {
			for _, to := range list {
				if !slices.ContainsFunc(envelope, func(a string) bool { return strings.Contains(strings.ToLower(to), a) }) {
					t.Errorf("%q is not in the envelope", to)
				}
			}
		}
		var answer *smtp.SMTPError
		if !errors.As(reply(fault.BadField("x", "%s%s", m.text, in.Subject)), &answer) || strings.ContainsFunc(answer.Message, func(r rune) bool { return r < ' ' || r > '~' }) || len(answer.Message) > 400 {
			t.Errorf("answered %v", answer)
		}
	})
}
