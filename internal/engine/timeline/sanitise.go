package timeline

import (
	"html"
	"net/url"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	nethtml "golang.org/x/net/html"

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

const maxBody = 2 << 20 // larger ones are shown to their first two megabytes

// sanitise makes a body safe to show, and lists its links.
func sanitise(b graph.ItemBody) (string, []Link) {
	content := b.Content
	if len(content) > maxBody {
		content = strings.ToValidUTF8(content[:maxBody], "")
	}
	if !strings.EqualFold(b.ContentType, "html") {
		return "<pre>" + html.EscapeString(content) + "</pre>", []Link{}
	}
	return policy.Sanitize(content), linksOf(content)
}

// linksOf finds the links with the text a reader would have seen.
func linksOf(content string) []Link {
	links := []Link{}
	z := nethtml.NewTokenizer(strings.NewReader(content))
	var open *Link
	for {
		switch z.Next() {
		case nethtml.ErrorToken:
			return links
		case nethtml.StartTagToken:
			if t := z.Token(); t.Data == "a" {
				open = linkOf(t)
			}
		case nethtml.TextToken:
			if open != nil {
				open.Text += z.Token().Data
			}
		case nethtml.EndTagToken:
			if t := z.Token(); t.Data == "a" && open != nil {
				links = append(links, finished(*open))
				open = nil
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

// finished tidies the text and compares the host it names, if it names one.
func finished(l Link) Link {
	l.Text = cut(strings.Join(strings.Fields(l.Text), " "), maxSubject)
	l.Target = cut(l.Target, 2000)
	l.Honest = true
	word := l.Text
	if !strings.Contains(word, "://") {
		word = "https://" + word
	}
	if named, err := url.Parse(word); err == nil && strings.Contains(named.Hostname(), ".") && !strings.Contains(l.Text, " ") && l.Host != "" {
		l.Honest = strings.TrimPrefix(named.Hostname(), "www.") == strings.TrimPrefix(l.Host, "www.")
	}
	return l
}
