package conformance

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// mostPages bounds a sign-in: pick an account, consent, a message, and as much again.
const mostPages = 8

// browse signs a person in as a browser without script would: it opens the link, fills in the forms it meets, presses their first button, and
// ends on the first page without a form, whose words it gives.
func browse(link string, who human) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: cloud.transport, Jar: jar}
	resp, err := client.Get(link)
	for range mostPages {
		if err != nil {
			return "", err
		}
		page, readErr := html.Parse(io.LimitReader(resp.Body, 1<<20))
		if err := errors.Join(readErr, resp.Body.Close()); err != nil {
			return "", err
		}
		form := find(page, "form")
		if form == nil {
			return words(page), nil
		}
		answers := fields(form)
		for name, value := range map[string]string{"account": who.UPN, "password": who.Password} {
			if answers.Has(name) {
				answers.Set(name, value)
			}
		}
		to, parseErr := resp.Request.URL.Parse(attribute(form, "action"))
		if parseErr != nil {
			return "", parseErr
		}
		if strings.EqualFold(attribute(form, "method"), http.MethodPost) {
			resp, err = client.PostForm(to.String(), answers)
			continue
		}
		to.RawQuery = answers.Encode()
		resp, err = client.Get(to.String())
	}
	return "", fmt.Errorf("still asked after %d pages", mostPages)
}

func find(n *html.Node, tag string) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == tag {
			return d
		}
	}
	return nil
}

// fields are a form's names with the values it proposes; of several buttons of one name the first is pressed.
func fields(form *html.Node) url.Values {
	out := url.Values{}
	for d := range form.Descendants() {
		name := attribute(d, "name")
		if name != "" && !out.Has(name) && (d.Data == "input" || d.Data == "button") {
			out.Set(name, attribute(d, "value"))
		}
	}
	return out
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
