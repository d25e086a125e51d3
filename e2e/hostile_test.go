package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/chromedp/chromedp"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/store"
)

const usual = "From: Nora <nora@northwind.example>\r\nTo: ada@contoso.example\r\n"

// absurd are mails that strangers may send; each says MARK where its name goes, in the subject or the body. kept: on the customer's page.
var absurd = []struct {
	name, mime   string
	kept         bool
	participants int // at most; 0: not looked at
}{
	{"nothing but a body", "\r\nMARK", false, 0},
	{"no sender", "To: ada@contoso.example, nora@northwind.example\r\nSubject: MARK\r\n\r\nx", true, 0},
	{"a sender without an address", "From: Nora West\r\nTo: ada@contoso.example, nora@northwind.example\r\nSubject: MARK\r\n\r\nx", true, 0},
	{"bad addresses among good ones", "From: <nora@northwind.example>\r\nTo: @@, <>, a@, ada@contoso.example, \"x\" <y@[1.2.3.4]>, undisclosed-recipients:;\r\nSubject: MARK\r\n\r\nx", true, 0},
	{"a quoted address", "From: \"no ra\"@northwind.example\r\nTo: ada@contoso.example\r\nSubject: MARK\r\n\r\nx", true, 0},
	{"sent in the year 1", usual + "Date: Mon, 01 Jan 0001 00:00:00 +0000\r\nSubject: MARK\r\n\r\nx", true, 0},
	{"sent in the year 9999", usual + "Date: Fri, 31 Dec 9999 23:59:59 +0000\r\nSubject: MARK\r\n\r\nx", true, 0},
	{"sent in no year", usual + "Date: the day after tomorrow\r\nSubject: MARK\r\n\r\nx", true, 0},
	{"sent in 1970 by a clock that was reset", usual + "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nSubject: MARK\r\n\r\nx", true, 0},
	{"a subject of 10,000 characters", usual + "Subject: MARK " + strings.Repeat("long ", 2000) + "\r\n\r\nx", true, 0},
	{"a subject of control characters", usual + "Subject: =?utf-8?b?" + "AAECAwQFBgcICQoLDA0ODxAbHH8=" + "?= MARK =?utf-8?q?=E2=80=AEtxt=2Eexe=C2=85?=\r\n\r\nx", true, 0},
	{"a subject of bytes that are no text", usual + "Subject: MARK \xff\xfe\xc3\x28\r\n\r\nx", true, 0},
	{"a name of markup", "From: \"<script>alert(1)</script><img src=x onerror=alert(1)>\" <nora@northwind.example>\r\nTo: ada@contoso.example\r\nSubject: MARK <b onclick=alert(1)>\r\n\r\nx", true, 0},
	{"a name that is another's address", "From: \"ada@contoso.example\" <nora@northwind.example>\r\nTo: ada@contoso.example\r\nSubject: MARK\r\n\r\nx", true, 0},
	{"10,000 recipients", "From: Nora <nora@northwind.example>\r\nTo: " + crowd(10_000, "elsewhere.example") + "ada@contoso.example\r\nSubject: MARK\r\n\r\nx", true, 500},
	{"10,000 recipients, the customer the last of them", "From: list@lists.example\r\nTo: " + crowd(10_000, "elsewhere.example") + "ada@contoso.example, nora@northwind.example\r\nSubject: MARK\r\n\r\nx", true, 500},
	{"a multipart that never ends", usual + "Subject: MARK\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx", true, 0},
	{"a multipart without a boundary", usual + "Subject: MARK\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed\r\n\r\nx", true, 0},
	{"an unknown charset and encoding", usual + "Subject: =?x-klingon?q?nuqneH?= MARK\r\nContent-Type: text/html; charset=x-klingon\r\nContent-Transfer-Encoding: x-rot13\r\n\r\n<b>x</b>", true, 0},
	{"base64 that is none", usual + "Subject: MARK\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!====", true, 0},
	{"headers in a line without end", usual + "X-Long: " + strings.Repeat("y", 200_000) + "\r\nSubject: MARK\r\n\r\nx", true, 0},
	{"no Message-ID, twice the same", usual + "Subject: MARK\r\nMessage-ID:\r\n\r\nx", true, 0},
}

func crowd(n int, domain string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "p%d@%s,\r\n ", i, domain)
	}
	return b.String()
}

// Whatever strangers send arrives whole, is shown in bounds, and holds up nothing.
func TestAbsurdMailIsShownInBounds(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := lined(t, engine)
			for i, m := range absurd {
				if err := h.Cloud.DeliverMail(ada, "inbox", []byte(strings.ReplaceAll(m.mime, "MARK", mark(i)))); err != nil {
					t.Errorf("%s: the cloud does not take it: %v", m.name, err)
				}
			}
			deliver(t, h, ada, "The last of them", nora, ada)
			walked(t, h)
			owner := staff(t, h, "Ada", access.Member, ada)
			found := map[int]timeline.Communication{}
			for _, c := range everything(t, h, owner) {
				for i := range absurd {
					if strings.Contains(c.Subject, mark(i)) {
						found[i] = c
					}
				}
			}
			for i, m := range absurd {
				c, ok := found[i]
				if ok != m.kept {
					t.Errorf("%s: shown %v, want %v", m.name, ok, m.kept)
				}
				if ok {
					inBounds(t, h, owner, m.name, c)
				}
				if m.participants > 0 && (len(c.Participants) == 0 || len(c.Participants) > m.participants || !slices.ContainsFunc(c.Participants, func(p timeline.Participant) bool { return p.Address == "nora@northwind.example" })) {
					t.Errorf("%s: %d participants, want %d at most and the customer among them", m.name, len(c.Participants), m.participants)
				}
			}
			for _, f := range settled(t, h) {
				if f.Parked > 0 {
					t.Errorf("%s of %s has %d parked items", f.Title, f.Mailbox, f.Parked)
				}
			}
		})
	}
}

func mark(i int) string { return fmt.Sprintf("mark-%02d-", i) }

// everything is all that the customer's list gives, page by page, through REST's own shapes.
func everything(t *testing.T, h *app.Hub, by access.Caller) []timeline.Communication {
	t.Helper()
	var all []timeline.Communication
	q := timeline.Query{Customer: "Northwind", Limit: 7}
	for {
		out, err := h.Timeline.List(t.Context(), by, q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, out.Communications...)
		if q.Cursor = out.NextCursor; q.Cursor == "" {
			return all
		}
	}
}

func inBounds(t *testing.T, h *app.Hub, by access.Caller, name string, c timeline.Communication) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	hidden := func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) && r != '\u200e' && r != '\u200f'
	}
	for _, s := range []string{c.Subject, c.Preview, fmt.Sprint(c.Participants)} {
		if strings.ContainsFunc(s, hidden) {
			t.Errorf("%s: characters that nobody sees: %q", name, s)
		}
	}
	if n := len([]rune(c.Subject)); n > 255 || len(text) > 200_000 {
		t.Errorf("%s: a subject of %d characters, %d bytes in all", name, n, len(text))
	}
	if off := h.Time.Now().Sub(c.At).Abs(); off > 48*time.Hour {
		t.Errorf("%s: at %s", name, c.At)
	}
	if _, err := h.Timeline.Open(t.Context(), by, timeline.BodyQuery{ID: c.ID}); err != nil {
		t.Errorf("%s: its body: %v", name, err)
	}
}

// A hostile body, opened on the customer's page in a real browser: the reader sees its text; nothing runs, nothing is fetched, and the
// page around it stays what it was.
func TestAHostileBodyIsTextOnThePage(t *testing.T) {
	h := lined(t, store.SQLite)
	const html = `<html><head><meta http-equiv=refresh content="0;url=/elsewhere"><base href="https://evil.example/"><style>@import "/fetched.css"; *{display:none}</style></head>
<body onload="document.title='owned'"><p>Hello from the outside.</p></div></div></section></main><h1 id="broke-out">Sign in again</h1><script>document.title='owned'</script>
<img src="/fetched.gif" onerror="document.title='owned'"><svg onload="document.title='owned'"><use href="/fetched.svg"/></svg><iframe src="/fetched"></iframe>
<form action="/fetched"><input name=password></form><a href="https://evil.example/">https://bank.com</a><a href="javascript:document.title='owned'">press</a></body></html>`
	if err := h.Cloud.DeliverMail(ada, "inbox", []byte(usual+"Subject: Hostile\r\nMessage-ID: <h@northwind.example>\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"+html)); err != nil {
		t.Fatal(err)
	}
	walked(t, h)
	c, err := h.Customers.Lookup(t.Context(), "Northwind")
	if err != nil {
		t.Fatal(err)
	}
	p := browser(t)
	p.enter(h)
	p.do(chromedp.Navigate(h.Server.URL()+"/customers/"+c.ID), see("#communications"), click(`button[aria-label="Open Hostile"]`), see(".body"))
	has(t, "the body", p.text(".body"), "Hello from the outside.", "Sign in again")
	if title := get(p, chromedp.Evaluate[string]("document.title")); strings.Contains(title, "owned") {
		t.Errorf("a script of the mail ran: %q", title)
	}
	where, err := url.Parse(get(p, chromedp.Evaluate[string]("location.href")))
	if err != nil || !strings.HasPrefix(where.Path, "/customers/") {
		t.Errorf("the mail led to %v", where)
	}
	if n := get(p, chromedp.Evaluate[int](`document.querySelectorAll(".body img, .body iframe, .body form, .body svg, .body style, .body a, .body [id], #broke-out").length`)); n != 0 {
		t.Errorf("%d elements of the mail that are no text", n)
	}
	if n := get(p, chromedp.Evaluate[int](`performance.getEntriesByType("resource").filter(e => /fetched|evil/.test(e.name)).length`)); n != 0 {
		t.Errorf("%d things of the mail were fetched", n)
	}
	if inside := get(p, chromedp.Evaluate[bool](`[...document.querySelectorAll("h1")].filter(h => h.innerText == "Sign in again").every(h => h.closest(".body"))`)); !inside {
		t.Error("the mail ended the box that it is shown in")
	}
	has(t, "the links", p.text("#main"), "https://bank.com", "https://evil.example/", "names another address than it leads to")
}
