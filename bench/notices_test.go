package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// posted is one notification's way: when it was to be sent, and how long after that its answer was there.
type posted struct {
	took   time.Duration
	status int
}

// BenchmarkNotices sends one-item notifications at a steady pace, whether answers come or not, and looks how late the answers are. Each is
// counted from the moment it was to be sent. The hub walks meanwhile what it is told of.
func BenchmarkNotices(b *testing.B) {
	pace := setting(b, "BENCH_PACE", 5000, strconv.Atoi)
	length := setting(b, "BENCH_LENGTH", 10*time.Second, time.ParseDuration)
	const mailboxes, senders = 200, 256
	f := newFollower(b, mailboxes, 10, "SENESCHAL_PUBLIC_URL=%s")
	f.connect(b, mailboxes)
	f.settle(b, mailboxes)
	notes := f.notes(b, mailboxes)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders, MaxConnsPerHost: senders}}
	total := int(length.Seconds() * float64(pace))
	answers := make([]posted, total)
	var next atomic.Int64
	var all sync.WaitGroup
	used, begin := cpu(b, f.hub.Process.Pid), time.Now()
	for range senders {
		all.Go(func() {
			for {
				i := int(next.Add(1) - 1)
				if i >= total {
					return
				}
				at := begin.Add(time.Duration(i) * time.Second / time.Duration(pace))
				time.Sleep(time.Until(at))
				answers[i].status = deliver(client, f.url+"/notify/graph", notes[i%len(notes)])
				answers[i].took = time.Since(at)
			}
		})
	}
	all.Wait()
	wall := time.Since(begin)
	refused := 0
	var took []time.Duration
	for _, a := range answers {
		if took = append(took, a.took); a.status != http.StatusAccepted {
			refused++
		}
	}
	slices.Sort(took)
	name := fmt.Sprintf("%d notifications a second for %v: ", pace, length)
	note(b, name+"answered", fmt.Sprintf("%.0f a second; the hub's CPU %.0f %% of the machine, the walks included", float64(total)/wall.Seconds(), (cpu(b, f.hub.Process.Pid)-used).Seconds()/wall.Seconds()/float64(cores())*100))
	report(b, name+"not accepted", strconv.Itoa(refused), "0", float64(refused)+1)
	p99 := took[len(took)*99/100]
	report(b, name+"answer after, p99 (p50)", fmt.Sprintf("%s (%s)", ms(p99), ms(took[len(took)/2])), "200 ms", p99.Seconds()/0.2)
}

func deliver(client *http.Client, to string, body []byte) int {
	resp, err := client.Post(to, "application/json", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	_ = resp.Body.Close()
	return resp.StatusCode
}

// notes are notifications as Microsoft would send them, one for each mailbox's subscription at least.
func (f *follower) notes(b *testing.B, mailboxes int) [][]byte {
	b.Helper()
	var out [][]byte
	wait(b, "a subscription for each mailbox", func() bool {
		resp, err := http.Get(f.AdminURL + "/state/" + f.Tenants[0].TenantID + "/subscriptions")
		var list []struct {
			ID          string `json:"id"`
			ClientState string `json:"clientState"`
			Resource    string `json:"resource"`
		}
		f.decode(b, resp, err, &list)
		out = nil
		for _, s := range list {
			text, err := json.Marshal(map[string]any{"value": []any{map[string]any{"subscriptionId": s.ID, "clientState": s.ClientState, "changeType": "created", "resource": s.Resource, "tenantId": f.Tenants[0].TenantID}}})
			if err != nil {
				b.Fatal(err)
			}
			out = append(out, text)
		}
		return len(out) >= mailboxes
	})
	return out
}
