package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/wire"
)

const (
	concurrent = 4
	window     = 10 * time.Second
	latency    = 20 * time.Millisecond
	pageSize   = 10
)

// fields are what a list of messages shows.
var fields = []string{"id", "subject", "from", "receivedDateTime", "isRead", "hasAttachments"}

// given is a token from outside.
type given string

// Token gives it.
func (g given) Token(context.Context, wire.Refresh) (wire.Token, error) {
	return wire.Token{Value: string(g)}, nil
}

// BenchmarkPaced reads many mailboxes under scaled limits: governed, then by a plain worker pool.
func BenchmarkPaced(b *testing.B) {
	windows := setting(b, "BENCH_WINDOWS", 13, strconv.Atoi) // as many are begun; the last is not waited for
	mailboxes := setting(b, "BENCH_MAILBOXES", 200, strconv.Atoi)
	allowed := setting(b, "BENCH_ALLOWED", 50, strconv.Atoi) // requests in a window
	each := windows * allowed / concurrent * concurrent
	c := startCloud(b, "--world", "large", "--users", strconv.Itoa(mailboxes), "--messages", strconv.Itoa(each*pageSize))
	limits := sim.Limits{MailboxRequests: allowed, MailboxWindow: window.String(), MailboxConcurrency: concurrent, PageSize: pageSize, Latency: latency.String()}
	token := c.token(b)

	// The last request may start when its window opens, and those of its window need their turns.
	last := (each-1)%allowed + 1
	bound := time.Duration((each-1)/allowed)*window + time.Duration((last+concurrent-1)/concurrent)*latency
	fmt.Printf("bound: %d mailboxes, %d requests each, %d in %v and %d at a time, %v an answer: %v\n", mailboxes, each, allowed, window, concurrent, latency, bound)

	c.limit(b, limits)
	governed := c.race(b, mailboxes, each, func(ctx context.Context, t http.RoundTripper) reading {
		client := graph.NewApplication(graph.Config{URL: c.GraphURL, Tenant: m365.TenantID(c.Tenants[0].TenantID), App: m365.ClientID(c.Tenants[0].Apps[0].ClientID),
			Wire: wire.Config{Transport: t, Tokens: given(token), Clock: clock.Real{}, Random: rand.Uint64,
				Governor: wire.NewGovernor(clock.Real{}, wire.Limits{"outlook": {Requests: allowed, Window: window, Concurrent: concurrent}}, nil)}}).Client
		return func(mailbox string, skip, pages int) error { return readPaced(ctx, client, mailbox, skip, pages) }
	})
	name := fmt.Sprintf("%d mailboxes, scaled limits: ", mailboxes)
	report(b, name+"wall time", fmt.Sprintf("%.2f s, bound %.2f s (%.3f)", governed.wall.Seconds(), bound.Seconds(), governed.wall.Seconds()/bound.Seconds()), "1.05 of the bound",
		governed.wall.Seconds()/bound.Seconds()/1.05)
	report(b, name+"429 caused by us", strconv.Itoa(governed.throttled), "0", float64(governed.throttled)+1)
	report(b, name+"CPU of the machine", fmt.Sprintf("%.0f %% (ours %.0f %%, the simulator's %.0f %%); other programs beside: %.0f %%", governed.ours+governed.theirs, governed.ours, governed.theirs, governed.others), "60 %", (governed.ours+governed.theirs)/60)

	c.limit(b, limits) // counts start anew
	plain := c.race(b, mailboxes, each, func(ctx context.Context, t http.RoundTripper) reading {
		client := &http.Client{Transport: t}
		return func(mailbox string, skip, pages int) error {
			return readPlainly(ctx, client, c.GraphURL+"/v1.0/users/"+mailbox+"/messages?$select="+strings.Join(fields, ",")+"&$skip="+strconv.Itoa(skip), token, pages)
		}
	})
	note(b, name+"a plain worker pool", fmt.Sprintf("%.2f s (%.3f of the bound), %d answers 429, CPU %.0f %% (its own %.0f %%; other programs %.0f %%)",
		plain.wall.Seconds(), plain.wall.Seconds()/bound.Seconds(), plain.throttled, plain.ours+plain.theirs, plain.ours, plain.others))
}

// raced is what reading all mailboxes took; CPU in per cent of the whole machine.
type raced struct {
	wall         time.Duration
	throttled    int
	ours, theirs float64
	others       float64 // what ran beside us, and slowed us down
}

// reading reads so many pages of a mailbox from behind so many messages.
type reading func(mailbox string, skip, pages int) error

// race reads all mailboxes, each with as many readers as may run at a time, each reader its own stretch of pages.
func (c *cloud) race(b *testing.B, mailboxes, each int, prepare func(context.Context, http.RoundTripper) reading) raced {
	b.Helper()
	t := c.transport(b)
	c.warm(b, t, mailboxes*concurrent)
	read := prepare(b.Context(), t)
	before, us, them, everybody, begin := c.counters(b), cpu(b, os.Getpid()), cpu(b, c.process.Pid), busy(b), time.Now()
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	pages := each / concurrent
	for m := range mailboxes {
		for w := range concurrent {
			all.Go(func() {
				if err := read(fmt.Sprintf("user%05d@large.example", m), w*pages*pageSize, pages); err != nil {
					failed.Store(&err)
				}
			})
		}
	}
	all.Wait()
	r := raced{wall: time.Since(begin)}
	machine := r.wall.Seconds() * float64(cores()) / 100
	r.ours, r.theirs = (cpu(b, os.Getpid())-us).Seconds()/machine, (cpu(b, c.process.Pid)-them).Seconds()/machine
	r.others = max(0, (busy(b)-everybody).Seconds()/machine-r.ours-r.theirs)
	after := c.counters(b)
	r.throttled = after["throttled"] - before["throttled"]
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
	if n := after["requests"] - before["requests"] - r.throttled; n != mailboxes*each {
		b.Fatalf("%d requests were served, want %d", n, mailboxes*each)
	}
	return r
}

// warm opens the connections that the readers will share: their handshakes are no part of the pace.
func (c *cloud) warm(b *testing.B, t http.RoundTripper, readers int) {
	b.Helper()
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			resp, err := (&http.Client{Transport: t}).Get(c.LoginURL + "/" + c.Tenants[0].TenantID + "/v2.0/.well-known/openid-configuration")
			if err != nil {
				b.Error(err)
				return
			}
			_, err = io.Copy(io.Discard, resp.Body)
			if err = errors.Join(err, resp.Body.Close()); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
}

func readPaced(ctx context.Context, c *graph.Client, mailbox string, skip, pages int) error {
	n := 0
	for m, err := range graph.List[graph.Message](ctx, c, c.User(m365.UserID(mailbox)).Messages(), graph.Query("$skip", strconv.Itoa(skip)), graph.Select(fields...)) {
		if err != nil {
			return err
		}
		if m.Subject != fmt.Sprintf("Message %d of this mailbox", skip+n) {
			return fmt.Errorf("message %d is %q", skip+n, m.Subject)
		}
		if n++; n == pages*pageSize {
			return nil
		}
	}
	return fmt.Errorf("only %d messages", n)
}

// readPlainly is what a careful worker without a governor does: it waits as long as a 429 says, and goes on.
func readPlainly(ctx context.Context, client *http.Client, link, token string, pages int) error {
	for pages > 0 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return err
		}
		switch resp.StatusCode {
		case http.StatusOK:
			var page struct {
				Value []graph.Message
				Next  string `json:"@odata.nextLink"`
			}
			if err := json.Unmarshal(body, &page); err != nil {
				return err
			}
			link, pages = page.Next, pages-1
		case http.StatusTooManyRequests:
			seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
			if err != nil {
				return err
			}
			time.Sleep(time.Duration(seconds) * time.Second)
		default:
			return errors.New(resp.Status)
		}
	}
	return nil
}
