package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"seneschal/internal/app"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/event"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// reportArrives has a foreign server's report come into Ada's inbox, with more in its head.
func reportArrives(t *testing.T, h *app.Hub, head string) {
	t.Helper()
	mime := "From: postmaster@elsewhere.example\r\nTo: " + ada + "\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n" + head +
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nIt did not arrive.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n" +
		"Reporting-MTA: dns; elsewhere.example\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n"
	if err := h.Cloud.DeliverMail(ada, "inbox", []byte(mime)); err != nil {
		t.Fatal(err)
	}
}

// Every recipient whom a report names is told, whenever it comes, and each report once; who was never written to is not believed.
func TestEveryReportOfAMailIsTold(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			h := delivering(t, engine, "Seneschal", nil)
			in := letterTo(ben, "Three")
			in["to"] = []string{"nobody1@contoso.example", "nobody2@contoso.example", "late@x.example", ben}
			d := mustHandIn(t, h.App, "three", in)
			told := func(n int) func() bool {
				return func() bool {
					h.Time.Advance(5 * time.Second)
					return len(events(t, h, event.DeliveryBounced)) >= n
				}
			}
			waitUntil(t, "both of Exchange's reports are told", told(2))
			first := showDelivery(t, h.App, d.ID)
			reportArrives(t, h, "In-Reply-To: "+first.InternetMessageID+"\r\nX-Failed-Recipients: late@x.example\r\n")
			waitUntil(t, "the late one is told", told(3))
			good := becomes(t, h, mustHandIn(t, h.App, "good", letterTo(ben, "Good")).ID, delivery.Sent)
			reportArrives(t, h, "In-Reply-To: "+good.InternetMessageID+"\r\nX-Failed-Recipients: behind-a-forwarding@x.example\r\n")
			waitUntil(t, "one that names somebody else is told", told(4))
			if got := showDelivery(t, h.App, good.ID); got.State != delivery.Bounced || strings.Contains(fmt.Sprint(got.Problem), "x.example") {
				t.Errorf("it makes the mail %s: %+v", got.State, got.Problem)
			}
			got, came := showDelivery(t, h.App, d.ID), 0
			for _, s := range got.Steps {
				if s.State == delivery.Bounced {
					came++
				}
			}
			if n := len(events(t, h, event.DeliveryBounced)); came != 3 || n != 4 {
				t.Errorf("three reports of one mail are %d steps, and four of both are %d events", came, n)
			}
			if !strings.Contains(got.Problem.Title, "to late@x.example, nobody1@contoso.example, nobody2@contoso.example") {
				t.Errorf("in the end: %s", got.Problem.Title)
			}
		})
	}
}

// A report that cannot be read keeps no other from being told, and that its mail came back is told without why.
func TestAReportThatCannotBeReadHidesNothing(t *testing.T) {
	t.Parallel()
	h := delivering(t, store.SQLite, "Seneschal", nil)
	play(t, h, sim.Fault{Match: matching("GET", "/v1.0/users/*/messages/*/$value"), Kind: "status", Status: 500, Code: "ErrorMimeContentConversionFailed"})
	reportArrives(t, h, "Message-ID: <says-nothing@elsewhere.example>\r\n")
	for i := range 2 {
		mustHandIn(t, h.App, fmt.Sprint(i), letterTo("nobody@contoso.example", "Back"))
	}
	waitUntil(t, "both came back", func() bool {
		h.Time.Advance(5 * time.Second)
		return len(events(t, h, event.DeliveryBounced)) == 2
	})
	for _, d := range deliveries(t, h.App) {
		if p := d.Problem; d.State != delivery.Bounced || p.Code != "not_delivered" || !strings.Contains(p.Title, "nobody@contoso.example") {
			t.Errorf("it is %s: %+v", d.State, p)
		}
	}
}
