package timeline

import (
	"html"
	"net"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/microcosm-cc/bluemonday"
	nethtml "golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"seneschal/internal/graph"
)

// Link is a link of a body, told honestly.
type Link struct {
	Text   string `json:"text"`
	Target string `json:"target"`
	Host   string `json:"host"`
	Honest bool   `json:"honest" doc:"False: the text names another host than the one it leads to"`
}

// policy lets through what formats a text and nothing that loads, runs or fetches: no images, no style, no forms, no frames. Links stay as
// their text; where they lead is listed beside.
var policy = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "div", "span", "br", "hr", "b", "strong", "i", "em", "u", "s", "sub", "sup", "small", "blockquote", "pre", "code",
		"ul", "ol", "li", "dl", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption")
	p.AllowAttrs("colspan", "rowspan").Matching(bluemonday.Integer).OnElements("td", "th")
	return p
}()

const (
	maxBody  = 2 << 20 // larger ones are shown to their first two megabytes
	maxLinks = 500
)

// sanitise makes a body safe to show, and lists its links.
func sanitise(b graph.ItemBody) (string, []Link) {
	content := b.Content
	if len(content) > maxBody {
		content = content[:maxBody]
	}
	content = strings.Map(showable, strings.ToValidUTF8(content, ""))
	if !strings.EqualFold(b.ContentType, "html") {
		return "<pre>" + html.EscapeString(content) + "</pre>", []Link{}
	}
	return balanced(policy.Sanitize(content)), linksOf(content)
}

// balanced closes what was left open and drops what closes nothing: a body must not end the box it is shown in. One that is nested deeper
// than browsers follow is shown as its text.
func balanced(content string) string {
	div := &nethtml.Node{Type: nethtml.ElementNode, Data: "div", DataAtom: atom.Div}
	nodes, err := nethtml.ParseFragment(strings.NewReader(content), div)
	var out strings.Builder
	for _, n := range nodes {
		div.AppendChild(n)
	}
	for n := range div.Descendants() {
		if n.Type == nethtml.TextNode { // entities are read only now
			n.Data = strings.Map(showable, n.Data)
		}
	}
	for n := div.FirstChild; n != nil && err == nil; n = n.NextSibling {
		err = nethtml.Render(&out, n)
	}
	if err != nil {
		return "<pre>" + html.EscapeString(strings.Map(showable, html.UnescapeString(text.Sanitize(content)))) + "</pre>"
	}
	return out.String()
}

var text = bluemonday.StrictPolicy()

// showable takes out what shows nothing and changes how the rest is shown: control characters, and those that turn the direction of a text
// round, with which a name reads as another (Trojan Source, CVE-2021-42574). Marks that a text in Hebrew or Arabic needs stay.
func showable(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return r
	case r == '\r' || unicode.IsControl(r) || r == utf8.RuneError || (r >= '\u202A' && r <= '\u202E') || (r >= '\u2066' && r <= '\u2069'):
		return -1
	}
	return r
}

// linksOf finds the links with the text a reader would have seen. One that is not closed ends where the next begins.
func linksOf(content string) []Link {
	links := []Link{}
	z := nethtml.NewTokenizer(strings.NewReader(content))
	var open *Link
	end := func() {
		if open != nil && len(links) < maxLinks {
			links = append(links, finished(*open))
		}
		open = nil
	}
	for {
		switch z.Next() {
		case nethtml.ErrorToken:
			end()
			return links
		case nethtml.StartTagToken, nethtml.SelfClosingTagToken:
			switch t := z.Token(); t.Data {
			case "a", "area":
				end()
				open = linkOf(t)
			}
		case nethtml.TextToken:
			if t := z.Token(); open != nil && len(open.Text) < maxBody/100 {
				open.Text += t.Data
			}
		case nethtml.EndTagToken:
			if t := z.Token(); t.Data == "a" {
				end()
			}
		}
	}
}

func linkOf(t nethtml.Token) *Link {
	for _, a := range t.Attr {
		if a.Key != "href" {
			continue
		}
		u, err := url.Parse(strings.TrimSpace(a.Val))
		if err != nil || (u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "mailto") {
			return nil
		}
		return &Link{Target: u.String(), Host: u.Hostname()}
	}
	return nil
}

// finished tidies the text and compares every host it names with the one it leads to.
func finished(l Link) Link {
	l.Text = cut(strings.Join(strings.Fields(l.Text), " "), maxSubject)
	l.Target, l.Honest = cut(l.Target, 2000), true
	if l.Host == "" {
		return l
	}
	for word := range strings.FieldsSeq(l.Text) {
		if named := hostIn(word); named != "" && named != bare(l.Host) {
			l.Honest = false
		}
	}
	return l
}

// hostIn is the host that a word of a text names, in ASCII; "" where it names none. An ending that is no public one names none: a file, a version.
func hostIn(word string) string {
	word = strings.Trim(word, "()[]<>{}\"'“”„‘’«»,;:!?.…")
	_, after, said := strings.Cut(word, "://")
	if said {
		word = after
	}
	said = said || strings.HasPrefix(strings.ToLower(word), "www.")
	word, _, _ = strings.Cut(word, "/")
	if i := strings.LastIndexByte(word, '@'); i >= 0 {
		word = word[i+1:]
	}
	word, _, _ = strings.Cut(word, ":")
	host := bare(word)
	if !strings.Contains(host, ".") {
		return ""
	}
	suffix, official := publicsuffix.PublicSuffix(host)
	if !said && !official && !strings.Contains(suffix, ".") && net.ParseIP(host) == nil {
		return ""
	}
	return host
}

// bare is a host as it is compared: lower case, in ASCII, without www.
func bare(host string) string {
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(host, "."))
	if err != nil {
		ascii = strings.ToLower(host)
	}
	return strings.TrimPrefix(ascii, "www.")
}
