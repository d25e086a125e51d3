package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"

	"seneschal/internal/app"
	"seneschal/internal/store"
)

// The record, the review and where data lies, as an admin uses them.
func TestThePagesOfAuditAndPrivacy(t *testing.T) {
	empty := app.StartForTest(t, app.TestOptions{})
	first := browser(t)
	first.enter(empty)
	first.sound(empty, map[string]string{"review-empty": "/access-review", "audit-nothing": "/audit?actor=nobody", "data-empty": "/data"})
	h := lined(t, store.SQLite)
	deliver(t, h, ada, "VPN is down", "Nora <nora@northwind.example>", ada)
	walked(t, h)
	p := browser(t)
	p.enter(h)
	p.do(click(`nav a[href="/audit"]`), see("table"), click(`button[name="verify"]`), see("#verdict"))
	has(t, "the verdict", p.text("#verdict"), "Whole", "entries from number 1 on are as they were written")
	p.do(fill(`input[name="action"]`, "connection"), click(`section form button`), see(`input[name="action"][value="connection"]`))
	has(t, "the record narrowed", p.text("main"), "connection.add")
	p.do(click(`nav a[href="/access-review"]`), see("#keys"))
	has(t, "the review", p.text("main"), "Contoso IT Services", "Mail.ReadWrite", "not seen yet", "admin", "never used", "not known: it was given outside the hub")
	p.sound(h, map[string]string{"audit": "/audit?verify=yes", "review": "/access-review", "data": "/data"})
	p.do(chromedp.Navigate(h.Server.URL()+"/data"), see("#person"), fill(`input[name="person"]`, "Nora"), click(`button[formaction="/data/preview"]`), see(".problem"))
	has(t, "a name alone", p.text(".problem"), "no e-mail address")
	p.do(fill(`#person input[name="person"]`, contact), click(`button[formaction="/data/preview"]`), see("#erased"))
	has(t, "the preview", p.text("#erased"), "This would go", "timeline: 1", "kept out of later walks")
	p.do(click(`#erased .danger`), see("#erased.good"))
	has(t, "afterwards", p.text("main"), "Erased", "1 erased addresses are kept out")
	if n := rows(t, h, "select count(*) from timeline_participant where address = $1", contact); n != 0 {
		t.Errorf("%d left", n)
	}
	if _, err := h.Store.Writer().ExecContext(t.Context(), "update audit_entry set outcome = 'refused' where seq = 2"); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.Navigate(h.Server.URL()+"/audit?verify=yes"), see("#verdict"))
	has(t, "the verdict", p.text("#verdict"), "Not whole from entry 2 on", "entry 2 was changed")
}
