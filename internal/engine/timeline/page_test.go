package timeline_test

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/customer"
	"seneschal/internal/store"
)

// BenchmarkCustomerPage reads customers' pages, whole, as an admin and as a member, among a million communications of a year
// (BENCH_COMMUNICATIONS for another number), and reports the time that 95 of 100 stay below.
func BenchmarkCustomerPage(b *testing.B) {
	n := 1_000_000
	if text := os.Getenv("BENCH_COMMUNICATIONS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			h := app.StartForTest(b, app.TestOptions{Engine: engine})
			ids := filled(b, h, n, 365)
			followed(b, h, n*8/100) // ten thousand mailboxes of eight folders among a million communications
			for _, role := range []access.Role{access.Admin, access.Member} {
				client := entered(b, h, role)
				b.Run(string(role), func(b *testing.B) {
					var took []time.Duration
					for i := 0; b.Loop(); i++ {
						begin := time.Now()
						read(b, client, h.Server.URL()+"/customers/"+ids[i%len(ids)])
						took = append(took, time.Since(begin))
					}
					slices.SortFunc(took, cmp.Compare[time.Duration])
					b.ReportMetric(float64(took[len(took)*95/100])/1e6, "p95-ms")
				})
			}
		})
	}
}

// older is the link to the page that a customer's page goes on with.
var older = regexp.MustCompile(`href="([^"]+)">Older<`)

// TestACustomersPageGoesOn turns a customer's pages to the last one: each communication of the time that is shown stands on exactly one.
func TestACustomersPageGoesOn(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		h := app.StartForTest(t, app.TestOptions{Engine: engine})
		page := "/customers/" + filled(t, h, 28*customers*4, 14)[7] // four a day
		for role, want := range map[access.Role]int{access.Admin: 28 * 4, access.Member: 28 * 4 / 10} {
			client, seen, pages := entered(t, h, role), map[string]bool{}, 0
			for at := page; at != ""; pages++ {
				text := read(t, client, h.Server.URL()+at)
				for _, id := range regexp.MustCompile(`<li id="c-(m\d+)"`).FindAllStringSubmatch(text, -1) {
					if seen[id[1]] {
						t.Errorf("%s stands on two pages", id[1])
					}
					seen[id[1]] = true
				}
				if at = ""; older.MatchString(text) {
					at = html.UnescapeString(older.FindStringSubmatch(text)[1])
				}
			}
			if pages != (want+99)/100 || len(seen) < want-1 || len(seen) > want+1 {
				t.Errorf("%s: %s: %d communications on %d pages, want %d", engine, role, len(seen), pages, want)
			}
		}
	}
}

const customers = 50

// filled has n communications, spread evenly over so many days and the next two weeks, over customers and ten technicians.
func filled(b testing.TB, h *app.Hub, n, days int) (ids []string) {
	b.Helper()
	for c := range customers {
		made, err := h.Customers.Add(b.Context(), access.Local("bench"), customer.Form{Name: fmt.Sprint("Customer ", c), Domains: []string{fmt.Sprintf("customer%d.example", c)}})
		if err != nil {
			b.Fatal(err)
		}
		ids = append(ids, made.ID)
	}
	const at = 500
	begin, span := h.Time.Now().AddDate(0, 0, -days), time.Duration(days+14)*24*time.Hour
	for from := 0; from < n; from += at {
		err := h.Store.InTx(b.Context(), "bench", func(tx *store.Tx) error {
			var mails, copies, people, of []string
			for i := from; i < min(n, from+at); i++ {
				when := store.Millis(begin.Add(span / time.Duration(n) * time.Duration(i)))
				c, t := i%customers, i/customers%10
				mails = append(mails, fmt.Sprintf("('m%025d', 'mail', 'k%d', 'Subject %d of a mail', 'How it begins, and goes on for a while, as previews do', %d, 0, 0, 0, 't%d', '', 0)", i, i, i, when, i/3))
				copies = append(copies, fmt.Sprintf("('c', 'tech%d@msp.example', 'i%d', 'f', 1, 'm%025d', 'https://outlook.office365.com/owa/?ItemID=%d')", t, i, i, i))
				people = append(people, fmt.Sprintf("('m%025d', 'nora@customer%d.example', 'from', 'c%d', 'Nora')", i, c, i), fmt.Sprintf("('m%025d', 'tech%d@msp.example', 'to', 'c%d', 'Tech')", i, t, i))
				of = append(of, fmt.Sprintf("('%s', 'm%025d', %d, 'c%d')", ids[c], i, when, i))
			}
			for table, rows := range map[string][]string{"timeline_communication": mails, "timeline_participant": people, "timeline_customer": of} {
				if _, err := tx.ExecContext(b.Context(), "insert into "+table+" values "+strings.Join(rows, ", ")); err != nil {
					return err
				}
			}
			_, err := tx.ExecContext(b.Context(), "insert into timeline_copy values "+strings.Join(copies, ", "))
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return ids
}

// followed has as many feeds as said, all up to date, every other one told of changes: their sum stands on each page.
func followed(b testing.TB, h *app.Hub, feeds int) {
	b.Helper()
	const at = 500
	now, until := store.Millis(h.Time.Now()), store.Millis(h.Time.Now().Add(72*time.Hour))
	for from := 0; from < feeds; from += at {
		var rows []string
		for i := from; i < min(feeds, from+at); i++ {
			rows = append(rows, fmt.Sprintf("('f%d', %d, 'c', 'mail', 'tech%d@msp.example', 'r%d', 'Folder', 'timeline', 'live', '', %d, 'https://graph.microsoft.com/v1.0/delta/%d', 1, 0, 0, 12, 12, 0, %d, %d, 'p', %d, 30000, '', 0, 0, %d, %d)",
				i, i+1, i/8, i, now, i, now, now, now, now, until*int64(i%2)))
		}
		err := h.Store.InTx(b.Context(), "bench", func(tx *store.Tx) error {
			_, err := tx.ExecContext(b.Context(), `insert into feed_entry (id, number, connection, kind, mailbox, resource, title, purpose, state, reason, since, link, round, round_open, window_from, items, expected,
				failures, walked_at, proven_at, proof, changed_at, poll_ms, push_note, lagging, compared_at, created_at, told_until) values `+strings.Join(rows, ", "))
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if _, err := h.Store.Writer().ExecContext(b.Context(), "analyze"); err != nil { // as PostgreSQL does by itself within a minute
		b.Fatal(err)
	}
}

// entered is a browser of a person of the role; a member's address is that of a technician.
func entered(b testing.TB, h *app.Hub, role access.Role) *http.Client {
	b.Helper()
	p, err := h.Access.AddPerson(b.Context(), access.Local("bench"), "bench "+string(role), role)
	if err != nil {
		b.Fatal(err)
	}
	if role != access.Admin {
		if _, err := h.Customers.AddTechnician(b.Context(), access.Local("bench"), p, "tech3@msp.example"); err != nil {
			b.Fatal(err)
		}
	}
	token, err := h.Access.LoginLink(b.Context(), access.Local("bench"), p.Name)
	if err != nil {
		b.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	resp, err := client.PostForm(h.Server.URL()+"/login", url.Values{"token": {token.Reveal()}})
	if err != nil {
		b.Fatal(err)
	}
	_ = resp.Body.Close()
	return client
}

func read(b testing.TB, client *http.Client, page string) string {
	b.Helper()
	resp, err := client.Get(page)
	if err != nil {
		b.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(text), "Subject ") {
		b.Fatalf("%d %v %.500s", resp.StatusCode, err, text)
	}
	return string(text)
}
