package bench

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkChanges has one mail arrive at each of some mailboxes, one after the other, and looks when it is on the customer's page: once
// with notifications, and once asking alone. Each mailbox changes once, so requests per changed mailbox are those of the walks it caused.
func BenchmarkChanges(b *testing.B) {
	changes := setting(b, "BENCH_CHANGES", 100, strconv.Atoi)
	const mailboxes = 200
	f := newFollower(b, mailboxes, 10, "SENESCHAL_PUBLIC_URL=%s")
	f.connect(b, mailboxes)
	f.settle(b, mailboxes)
	f.notes(b, mailboxes)
	f.calm(b)
	before, took := f.counters(b)["requests"], make([]time.Duration, 0, changes)
	for m := range changes {
		took = append(took, f.arrival(b, m))
	}
	requests := f.calm(b) - before
	f.stop(b)
	slices.Sort(took)
	name := fmt.Sprintf("%d changes at %d mailboxes, told by Microsoft: ", changes, mailboxes)
	last := took[len(took)-1]
	report(b, name+"on the customer's page after, longest (p50)", fmt.Sprintf("%s (%s)", ms(last), ms(took[len(took)/2])), "2 s", last.Seconds()/2)
	each := float64(requests) / float64(changes)
	report(b, name+"requests per changed mailbox", fmt.Sprintf("%.2f", each), "1.2", each/1.2)
}

// arrival delivers a customer's mail to a mailbox, and tells how long it took to the customer's page.
func (f *follower) arrival(b *testing.B, mailbox int) time.Duration {
	b.Helper()
	subject, begin := fmt.Sprintf("Change %d", mailbox), time.Now()
	to := fmt.Sprintf("user%05d@large.example", mailbox)
	mime := fmt.Sprintf("From: nora@customer0.example\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <change-%d@customer0.example>\r\nDate: %s\r\n\r\nHello.\r\n", to, subject, mailbox, begin.UTC().Format(time.RFC1123Z))
	body := fmt.Sprintf(`{"mailbox":%q,"folder":"inbox","mime_base64":%q}`, to, base64.StdEncoding.EncodeToString([]byte(mime)))
	resp, err := http.Post(f.AdminURL+"/mail", "application/json", strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	_ = resp.Body.Close()
	for time.Since(begin) < time.Minute {
		if f.shown(b, subject) {
			return time.Since(begin)
		}
		time.Sleep(5 * time.Millisecond)
	}
	b.Fatalf("%s is not shown after a minute", subject)
	return 0
}

// shown reports whether the customer's page has a subject.
func (f *follower) shown(b *testing.B, subject string) bool {
	b.Helper()
	req, err := http.NewRequest(http.MethodGet, f.url+"/api/v1/customers/Customer/communications?limit=1&search="+url.QueryEscape(subject), nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+f.key)
	resp, err := http.DefaultClient.Do(req)
	var list struct{ Communications []struct{ Subject string } }
	f.decode(b, resp, err, &list)
	return slices.ContainsFunc(list.Communications, func(c struct{ Subject string }) bool { return c.Subject == subject })
}

// calm waits until the hub asks nothing for a second, and tells how many requests there were until then.
func (f *follower) calm(b *testing.B) int {
	b.Helper()
	for n := -1; ; time.Sleep(time.Second) {
		now := f.counters(b)["requests"]
		if now == n {
			return n
		}
		n = now
	}
}
