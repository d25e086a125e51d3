package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"seneschal/internal/app"
)

// A mail that comes while somebody reads the customer's page appears there by itself: what they opened stays open, what they type stays
// typed, and what they read stays where it is.
func TestANewMailAppearsOnTheOpenPage(t *testing.T) {
	h := told(t)
	deliver(t, h, ada, "First mail", "Nora <nora@northwind.example>", ada)
	waitUntil(t, "the first mail is there", shown(t, h, "First mail"))
	c, err := h.Customers.Lookup(t.Context(), "Northwind")
	if err != nil {
		t.Fatal(err)
	}
	p := browser(t)
	p.enter(h)
	p.do(chromedp.Navigate(h.Server.URL()+"/customers/"+c.ID), see("#communications"), see(`html[data-live="on"]`), click(`button[aria-label="Open First mail"]`), see(".body"), see(`html[data-live="on"]`))
	p.do(chromedp.Focus(chromedp.CSS(`input[name="q"]`)), chromedp.SendKeys(chromedp.CSS(`input[name="q"]`), "half a wor"))
	where := `document.activeElement.getBoundingClientRect().top`
	before := get(p, chromedp.Evaluate[float64](where))
	deliver(t, h, ada, "Second mail", "Nora <nora@northwind.example>", ada)
	came := time.Now()
	waitUntil(t, "the second mail is on the page", func() bool {
		return strings.Contains(get(p, chromedp.Evaluate[string]("document.body.innerText")), "Second mail")
	})
	t.Logf("a change reached the customer's page %d ms after its notification", time.Since(came).Milliseconds())
	if got := get(p, chromedp.Evaluate[string](`document.activeElement.name + ": " + document.activeElement.value`)); got != "q: half a wor" {
		t.Errorf("the focus: %s", got)
	}
	if after := get(p, chromedp.Evaluate[float64](where)); after != before {
		t.Errorf("what has the focus moved from %v to %v", before, after)
	}
	has(t, "the open body", p.text(".body"), "Hello there.")
	if n := get(p, chromedp.Evaluate[int](`document.querySelectorAll("#communications ~ ul li, section li.none, [id^='c-']").length`)); n < 2 {
		t.Errorf("%d communications", n)
	}
}

// The overview, feeds and connections follow what happens, and nobody's message is eaten by a page that reads itself.
func TestPagesFollowWhatHappens(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	p := browser(t)
	p.enter(h)
	for path, want := range map[string]string{"/": "healthy", "/connections": "contoso-" /* its name */} {
		p.do(chromedp.Navigate(h.Server.URL()+path), see(`html[data-live="on"]`))
		name := "contoso-" + strings.Trim(path, "/")
		h.Connect(h.Form(name, "Seneschal"))
		waitUntil(t, name+" is on "+path, func() bool {
			text := get(p, chromedp.Evaluate[string]("document.body.innerText"))
			return strings.Contains(text, name) && strings.Contains(text, want)
		})
	}
	for _, path := range []string{"/", "/connections", "/feeds"} {
		p.do(chromedp.Navigate(h.Server.URL()+path), see("#main"))
		if n := get(p, chromedp.Evaluate[int](`document.querySelectorAll("script:not([src]), [onclick], [style]").length`)); n != 0 {
			t.Errorf("%s has %d inline scripts or styles", path, n)
		}
	}
}
