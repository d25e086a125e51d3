package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// The mailbox by which a limit is proven is somebody's: it is told to them, and goes with them, the doctor's word about it too.
func TestTheMailboxOutsideIsForgottenWithItsPerson(t *testing.T) {
	const chloe = "chloe@contoso.example"
	both(t, func(t *testing.T, engine store.Engine) {
		h := app.StartForTest(t, app.TestOptions{Engine: engine})
		f := h.Form("chosen", "Seneschal for chosen mailboxes", m365.Mail)
		f.MailboxesLimited, f.MailboxOutside = true, chloe
		c := h.Connect(f)
		if !c.MailboxesLimited || c.MailboxOutside != chloe {
			t.Fatalf("not kept: %+v", c)
		}
		if lines, err := h.Connections.LastLines(t.Context(), c.ID); err != nil || !strings.Contains(fmt.Sprint(lines), chloe) {
			t.Fatalf("%v %v", lines, err)
		}
		out, err := h.Privacy.Export(t.Context(), access.Local("test"), chloe)
		if text := fmt.Sprint(out.Data["connection"]); err != nil || !strings.Contains(text, chloe) {
			t.Errorf("exported: %s %v", text, err)
		}
		if _, err := h.Privacy.Erase(t.Context(), access.Local("test"), chloe, false, false); err != nil {
			t.Fatal(err)
		}
		after, err := h.Connections.Lookup(t.Context(), c.ID)
		if err != nil || !after.MailboxesLimited || after.MailboxOutside != "" {
			t.Errorf("after: %+v %v", after, err)
		}
		if n := rows(t, h, "select count(*) from connection_check where line like '%' || $1 || '%'", chloe); n != 0 {
			t.Errorf("%d of the doctor's lines still name her", n)
		}
	})
}

// An admin has Exchange keep an app to its mailboxes: the page shows what proves it, the script, and what an Entra grant does to it.
func TestLimitedMailboxesInTheConsole(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	f := h.Form("chosen", "Seneschal for chosen mailboxes", m365.Mail)
	f.MailboxesLimited = true
	c := h.Connect(f)
	p := browser(t)
	p.enter(h)
	p.do(chromedp.Navigate(h.Server.URL()+"/connections/"+c.ID), see(`form[action$="/limit"]`))
	has(t, "the page", p.text("main"), "which is not on the list", "Given by Exchange for the listed mailboxes", "Mail.ReadWrite")
	p.do(fill(`form[action$="/limit"] input[name=mailbox_outside]`, "chloe@contoso.example"), press(`form[action$="/limit"] button`, `form[action$="/limit"]`))
	has(t, "the page with another mailbox", p.text("main"), "Exchange refuses the app chloe@contoso.example")
	p.do(click(`form[action$="/limit"] ~ details summary`))
	has(t, "the script", p.text(`form[action$="/limit"] ~ details`), "New-ManagementScope", "'ada@contoso.example', 'ben@contoso.example'", "chloe@contoso.example")
	after, err := h.Connections.Lookup(t.Context(), c.ID)
	if err != nil || !after.MailboxesLimited || after.MailboxOutside != "chloe@contoso.example" {
		t.Errorf("got %+v, %v", after, err)
	}
}
