package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/customer"
	"seneschal/internal/store"
)

// page is one tab of a headless Chromium. Its connections go to loopback alone.
type page struct {
	t   *testing.T
	ctx context.Context
}

type step = chromedp.Action[chromedp.Void]

func browser(t *testing.T) page {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.UserDataDir(t.TempDir()))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(func() { cancel(); stop() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("no browser to test with (apt-get install chromium): %v", err)
	}
	return page{t, ctx}
}

func (p page) do(steps ...step) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		at, _ := chromedp.Run(p.ctx, chromedp.Location())
		text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		p.t.Fatalf("%v\nat %s: %s", err, at, text)
	}
}

func get[T any](p page, a chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

func (p page) text(selector string) string {
	p.t.Helper()
	return get(p, chromedp.Text(chromedp.CSS(selector)))
}

func click(selector string) step       { return chromedp.Click(chromedp.CSS(selector)) }
func see(selector string) step         { return chromedp.WaitVisible(chromedp.CSS(selector)) }
func fill(selector, value string) step { return chromedp.SetValue(chromedp.CSS(selector), value) }

// press clicks on what brings another page, and waits for what that one shows: the page that is left may show the like.
func press(selector, shows string) step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := chromedp.Evaluate[string](`document.documentElement.dataset.left = "yes"`)(ctx, t); err != nil {
			return err
		}
		if _, err := click(selector)(ctx, t); err != nil {
			return err
		}
		_, err := see("html:not([data-left]) "+shows)(ctx, t)
		return err
	})
}

// enter signs the first admin in by a one-time link, through the page.
func (p page) enter(h *app.Hub) {
	p.t.Helper()
	if _, err := h.Access.EnsureFirstAdmin(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	token, err := h.Access.LoginLink(p.t.Context(), access.Local("test"), "admin")
	if err != nil {
		p.t.Fatal(err)
	}
	p.do(chromedp.Navigate(h.Server.URL()+"/login?token="+token.Reveal()), click("main button"), see(".tiles"))
}

func has(t *testing.T, where, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %q: %s", where, want, text)
		}
	}
}

func TestTheRepairInTheConsole(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	h.Connect(h.Form("contoso", "Seneschal"))
	broken := h.Connect(h.Form("contoso-second", "Seneschal to repair"))
	p := browser(t)
	p.enter(h)
	has(t, "the overview", p.text("main"), "1\nhealthy", "1\nwaiting for someone", "Administrator")
	p.do(click(`a[href="/connections/`+broken.ID+`"]`), see(".next"))
	has(t, "the doctor", p.text("main"), "Next step", "Calendars.ReadWrite", "Who can: a Global Administrator")
	// The one next step: the consent link, opened by an administrator in the same browser.
	p.do(click(".next form button"), see("#open-link"), click("#open-link"), see(`input[name="account"]`), fill(`input[name="account"]`, "admin@contoso.example"),
		fill(`input[name="password"]`, "Admin-Pass-1"), click(`button[type="submit"]`), see(`button[name="accept"]`), click(`button[value="yes"]`), see(".doctor"))
	has(t, "after consent", p.text("main"), "healthy", "Connected to Contoso IT Services — 2 mailboxes configured")
}

func TestTheWizardLeadsFromThreeQuestionsToAProvenConnection(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	good := h.ReadyApp("Seneschal")
	p := browser(t)
	p.enter(h)
	p.do(click(`a[href="/connections/new"]`), see(`input[value="app"]`), click(`input[value="app"]`), click(`input[name="service"][value="mail"]`), click("form.stack button"), see(`input[name="client_id"]`))
	needs := p.text("main")
	has(t, "what the tenant must grant", needs, "Mail.ReadWrite", "Mail.Send")
	if strings.Contains(needs, "Calendars") {
		t.Errorf("it asks for more than was chosen: %s", needs)
	}
	p.do(fill(`input[name="name"]`, "contoso"), fill(`input[name="tenant_id"]`, "contoso.com"), fill(`input[name="client_id"]`, good.ClientID), fill(`select[name="credential_type"]`, "secret"),
		fill(`input[name="secret"]`, good.ClientSecret), click(`button[value="test"]`), see(".problem"))
	has(t, "what is wrong", p.text(".problem"), "tenant_id must be the GUID", "Enter at least one technician mailbox")
	values := []step{fill(`input[name="tenant_id"]`, h.Cloud.Ready().Tenants[0].TenantID), fill(`input[name="secret"]`, good.ClientSecret), fill(`textarea[name="mailboxes"]`, "ada@contoso.example\nben@contoso.example")}
	p.do(values...)
	p.do(click(`button[value="test"]`), see("section.good"))
	has(t, "the test", p.text("section.good"), "Connected to Contoso IT Services — 2 mailboxes configured")
	if all, err := h.Connections.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("a test saved something: %v %v", all, err)
	}
	p.do(values...)
	p.do(click(`button[value="save"]`), see(".facts"))
	has(t, "saved", p.text("main"), "healthy")
}

// Every page is usable by keyboard and screen reader, at every width, in light and dark.
func TestPagesAreSound(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	c := h.Connect(h.Form("contoso", "Seneschal"))
	broken := h.Connect(h.Form("contoso-second", "Seneschal to repair"))
	h.Connect(h.Form("a connection with a name of a hundred and twenty characters, because somebody will enter one, and nothing may break", "Seneschal to repair"))
	sent, err := h.Do("contoso", "mail.message.send", "k1", map[string]any{"user": "ada@contoso.example", "to": []string{"ben@contoso.example"}, "subject": "Hello", "body": "Once."})
	if err != nil {
		t.Fatal(err)
	}
	p := browser(t)
	p.enter(h)
	p.sound(h, map[string]string{"deliveries-empty": "/deliveries"})
	queued, unsure := deliveriesToSee(t, h)
	p.sound(h, map[string]string{"deliveries": "/deliveries", "delivery-queued": "/deliveries/" + queued, "delivery-unsure": "/deliveries/" + unsure})
	p.do(chromedp.Navigate(h.Server.URL()+"/deliveries/"+unsure), chromedp.SetValue(`form[action$="/resolve"]:has(input[value="sent"]) input[name="note"]`, "Ben has it"), chromedp.Click(`form[action$="/resolve"]:has(input[value="sent"]) button`), see(".flash"))
	has(t, "the delivery", p.text("#main"), "Noted, with your name", "A person said that it was sent", "Ben has it")
	p.do(chromedp.Navigate(h.Server.URL()+"/deliveries/"+queued), chromedp.Click(`form[action$="/cancel"] button`), see(".flash"))
	has(t, "the delivery", p.text("#main"), "Nothing left", "taken back")
	p.sound(h, map[string]string{"overview": "/", "connections": "/connections", "usage": "/usage", "doctor": "/connections/" + c.ID, "repair": "/connections/" + broken.ID, "wizard": "/connections/new", "values": "/connections/new?who=app&service=mail&service=calendar",
		"actions": "/actions", "action": "/actions/mail.message.send", "activity": "/activity", "run": "/runs/" + sent.Run, "deleting": "/actions/mail.message.delete", "fault": "/connections/none", "login": "/login", "customers-empty": "/customers", "feeds-empty": "/feeds", "mailboxes-unfollowed": "/mailboxes"})
}

// sound looks at pages at every width, in light and dark, and keeps screenshots where SENESCHAL_SCREENSHOTS says.
func (p page) sound(h *app.Hub, paths map[string]string) {
	p.t.Helper()
	shots := os.Getenv("SENESCHAL_SCREENSHOTS")
	for name, path := range paths {
		for _, width := range []int64{1440, 900, 390} {
			for _, dark := range []bool{false, true} {
				scheme := "light"
				if dark {
					scheme = "dark"
				}
				get(p, func(ctx context.Context, target *chromedp.Target) (cdp.Empty, error) {
					_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
					return cdp.Empty{}, err
				})
				p.do(chromedp.EmulateViewport(width, 900), chromedp.Navigate(h.Server.URL()+path), see("#main"))
				for _, f := range get(p, chromedp.Evaluate[[]string](soundness)) {
					p.t.Errorf("%s at %d, %s: %s", name, width, scheme, f)
				}
				if shots != "" {
					if err := os.WriteFile(filepath.Join(shots, name+"-"+scheme+"-"+map[int64]string{1440: "wide", 900: "middle", 390: "phone"}[width]+".png"), get(p, chromedp.FullScreenshot(100)), 0o600); err != nil {
						p.t.Fatal(err)
					}
				}
			}
		}
	}
}

// soundness checks in the page itself what an accessibility checker would: names of controls, headings, language, contrast (WCAG AA), and
// that nothing is wider than the window.
const soundness = `(() => {
  const bad = [];
  if (!document.documentElement.lang) bad.push("no language");
  if (document.querySelectorAll("h1, .problem h2").length < 1) bad.push("no heading");
  if (!document.querySelector(".skip")) bad.push("no skip link");
  if (document.documentElement.scrollWidth > window.innerWidth + 1) bad.push("wider than the window: " + document.documentElement.scrollWidth);
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea")) if (!e.labels || e.labels.length === 0) bad.push("no label: " + e.name);
  for (const e of document.querySelectorAll("button, a")) if (!e.textContent.trim() && !e.getAttribute("aria-label")) bad.push("no name: " + e.outerHTML);
  for (const e of document.querySelectorAll("th")) if (!e.scope) bad.push("th without scope: " + e.textContent);
  const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return c.startsWith("color(") ? m.slice(0, 3).map(x => x * 255).concat(m[3] ?? 1) : m.length < 4 ? m.concat(1) : m; };
  const lum = ([r, g, b]) => { const f = x => { x /= 255; return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const background = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0.99) return c; } return [255, 255, 255, 1]; };
  const seen = new Set();
  for (const e of document.querySelectorAll("#main *, nav *")) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || !e.checkVisibility()) continue;
    const a = lum(parse(getComputedStyle(e).color)), b = lum(background(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const key = e.className + e.tagName;
    if (ratio < 4.5 && !seen.has(key)) { seen.add(key); bad.push("contrast " + ratio.toFixed(2) + ": " + e.textContent.trim().slice(0, 40)); }
  }
  return bad;
})()`

// A customer's page: what is there, what opens, who sees it, and that the look stands in the record.
func TestACustomersPage(t *testing.T) {
	h := lined(t, store.SQLite)
	if _, err := h.Customers.Add(t.Context(), access.Local("test"), customer.Form{Name: "A customer whose name is about a hundred and twenty characters long, because one of them will be, and nothing may break of it", Domains: []string{"tailspin.example"}}); err != nil {
		t.Fatal(err)
	}
	deliver(t, h, ada, "VPN is down", "Nora <nora@northwind.example>", ada)
	walked(t, h)
	c, err := h.Customers.Lookup(t.Context(), "Northwind")
	if err != nil {
		t.Fatal(err)
	}
	p := browser(t)
	p.enter(h)
	p.do(click(`a[href="/customers"]`), see("table"), click(`a[href="/customers/`+c.ID+`"]`), see("#communications"))
	has(t, "the page", p.text("main"), "Northwind", "northwind.example", "VPN is down", "Hello there.", "Nora <nora@northwind.example>", "On site: Northwind")
	p.do(click(`button[aria-label="Open VPN is down"]`), see(".body"))
	has(t, "the open mail", p.text("main"), "Hello there.", "stands in the audit record")
	entries, err := h.Audit.List(t.Context(), 0, 3)
	if err != nil || entries[0].Action != "communication.body" || entries[0].Actor != "person:admin" {
		t.Errorf("the record: %+v %v", entries, err)
	}
	p.sound(h, map[string]string{"customers": "/customers", "customer": "/customers/" + c.ID, "feeds": "/feeds", "customer-nothing": "/customers/" + c.ID + "?q=nosuchword"})
	whoseMailboxes(t, h, p)
	syncsEverywhere(t, h, p, c.ID)
	viewer := browser(t)
	someone := staff(t, h, "Ben", access.Viewer, ben)
	token, err := h.Access.LoginLink(t.Context(), access.Local("test"), someone.Name)
	if err != nil {
		t.Fatal(err)
	}
	viewer.do(chromedp.Navigate(h.Server.URL()+"/login?token="+token.Reveal()), click("main button"), see(".tiles"), chromedp.Navigate(h.Server.URL()+"/customers/"+c.ID), see("#communications"))
	text := viewer.text("main")
	has(t, "Ben's page", text, "You see what your own addresses take part in.")
	if strings.Contains(text, "VPN is down") || strings.Contains(text, "Change name") {
		t.Errorf("a viewer sees what is not theirs: %s", text)
	}
}

// syncsEverywhere asks Microsoft now from each page that shows what is followed, and previews what would be.
func syncsEverywhere(t *testing.T, h *app.Hub, p page, customerID string) {
	t.Helper()
	connected, err := h.Connections.Lookup(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []struct{ page, button, subject, says string }{
		{"/customers/" + customerID, `form[action$="/sync"] button`, "Mail one", "being walked"},
		{"/feeds?q=ada", `button[aria-label="Sync all of ada@contoso.example now"]`, "Mail two", "being walked"},
		{"/connections/" + connected.ID, `form[action="/feeds/sync"] button`, "Mail three", "being walked"},
	} {
		deliver(t, h, ada, at.subject, "Nora <nora@northwind.example>", ada)
		p.do(chromedp.Navigate(h.Server.URL()+at.page), see(at.button), press(at.button, ".flash"))
		has(t, at.page, p.text("body"), at.says)
		waitUntil(t, at.subject+" is shown", shown(t, h, at.subject))
	}
	p.do(chromedp.Navigate(h.Server.URL()+"/connections/"+connected.ID), click(`form[action*="/preview"] button`), see("#preview"))
	has(t, "the preview", p.text("#preview"), "Would keep", "Northwind", "no participant belongs to a customer")
	p.do(chromedp.Navigate(h.Server.URL()+"/feeds?behind=1"), see("main"))
	has(t, "nothing is behind", p.text("main"), "No feed is like that.")
}

// whoseMailboxes enters an address for somebody on the page of technicians and mailboxes, a wrong one too, and takes it away again.
func whoseMailboxes(t *testing.T, h *app.Hub, p page) {
	t.Helper()
	chloe := staff(t, h, "Chloe", access.Member, "")
	p.do(click(`a[href="/mailboxes"]`), see("#technicians"))
	has(t, "the page", p.text("main"), "2 listed", "No address was entered for anybody", ada, ben, "Ada Lovelace", "nobody's own")
	enter := []step{fill(`select[name="person"]`, chloe.ID), fill(`input[type="email"]`, ada), click("#technicians ~ form button")}
	p.do(append(enter, see(".flash"))...)
	has(t, "Chloe's address", p.text("main"), "Chloe", ada)
	p.do(append(enter, see(".problem"))...)
	has(t, "the same again", p.text(".problem"), "ada@contoso.example belongs to a technician already")
	p.sound(h, map[string]string{"mailboxes": "/mailboxes", "mailboxes-nothing": "/mailboxes?q=nosuchword"})
	p.do(chromedp.Navigate(h.Server.URL()+"/mailboxes?q=ben"), see("#mailboxes"))
	if text := p.text("#mailboxes ~ table"); strings.Contains(text, ada) || !strings.Contains(text, ben) {
		t.Errorf("searched for ben: %s", text)
	}
	p.do(press(`button[aria-label="Take ada@contoso.example from Chloe"]`, ".flash"))
	has(t, "taken away", p.text("main"), "is nobody's own any more", "No address was entered for anybody")
}
