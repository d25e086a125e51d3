package person

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Browser follows redirects, keeps cookies, and fills in forms.
type Browser struct{ http *http.Client }

// New makes a browser without history.
func New(transport http.RoundTripper) *Browser {
	jar, _ := cookiejar.New(nil) // fails with a broken public suffix list only, and there is none
	return &Browser{&http.Client{Transport: transport, Jar: jar}}
}

const maxForms = 10

// Page is where the browser ended up.
type Page struct {
	URL    *url.URL
	Status int
	Text   string // its words
}

// SignIn opens the link, fills account and password in wherever a form asks for them, accepts what is asked, and stops at the first page
// on path, which is where the asking program has its callback.
func (b *Browser) SignIn(ctx context.Context, link, account, password, path string) (Page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return Page{}, err
	}
	for range maxForms {
		resp, err := b.http.Do(req)
		if err != nil {
			return Page{}, err
		}
		text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		_ = resp.Body.Close()
		if err != nil {
			return Page{}, err
		}
		at := Page{resp.Request.URL, resp.StatusCode, textOf(text)}
		if strings.HasPrefix(at.URL.Path, path) {
			return at, nil
		}
		form, ok := formIn(text)
		if !ok {
			return at, fmt.Errorf("the page %s has no form: %s", at.URL.Path, at.Text)
		}
		if req, err = form.submit(ctx, at.URL, map[string]string{"account": account, "password": password}); err != nil {
			return at, err
		}
	}
	return Page{}, errors.New("the sign-in pages did not come to an end")
}

type form struct {
	action, method string
	fields         url.Values
}

func (f form) submit(ctx context.Context, at *url.URL, answers map[string]string) (*http.Request, error) {
	for name, value := range answers {
		if f.fields.Has(name) {
			f.fields.Set(name, value)
		}
	}
	to, err := at.Parse(f.action)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(f.method, http.MethodPost) {
		to.RawQuery = f.fields.Encode()
		return http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(f.fields.Encode()))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req, err
}

// formIn reads the first form of a page.
func formIn(page []byte) (form, bool) {
	f := form{fields: url.Values{}}
	inside := false
	tokens := html.NewTokenizer(strings.NewReader(string(page)))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return f, inside
		case html.StartTagToken, html.SelfClosingTagToken:
			t := tokens.Token()
			switch {
			case t.Data == "form" && inside:
				return f, true
			case t.Data == "form":
				inside, f.action, f.method = true, attribute(t, "action"), attribute(t, "method")
			case inside && (t.Data == "input" || t.Data == "button" || t.Data == "select"):
				if name := attribute(t, "name"); name != "" && !f.fields.Has(name) {
					f.fields.Set(name, attribute(t, "value"))
				}
			}
		case html.EndTagToken:
			if tokens.Token().Data == "form" && inside {
				return f, true
			}
		}
	}
}

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// textOf is a page's words, for an error.
func textOf(page []byte) string {
	var b strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(string(page)))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return strings.Join(strings.Fields(b.String()), " ")
		case html.TextToken:
			b.Write(tokens.Text())
			b.WriteByte(' ')
		}
	}
}
