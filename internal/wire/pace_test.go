package wire_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/wire"
)

// TestPaceOverHTTP drives a real server that counts, with delays that nobody controls.
func TestPaceOverHTTP(t *testing.T) {
	const mailboxes, each = 20, 50
	limit := wire.Limit{Requests: 20, Window: 2 * time.Second, Concurrent: 4}
	srv := newServer(limit, func() time.Duration { return 5 * time.Millisecond })
	b := start(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		srv.serve(strings.TrimPrefix(r.URL.Path, "/"), 1)
		answerJSON(w, 200, `{}`)
	}, func(c *wire.Config) {
		c.Governor, c.Hook = wire.NewGovernor(clock.Real{}, wire.Limits{"outlook": limit}, nil), nil
	})
	begin := time.Now()
	var wg sync.WaitGroup
	for m := range mailboxes {
		box := fmt.Sprint("m", m)
		for w := range 5 {
			wg.Go(func() {
				for i := w; i < each; i += 5 {
					r := b.request("GET")
					r.URL, r.Charges = b.url+"/"+box, []wire.Charge{{Key: key("t", box)}}
					if _, err := b.Do(t.Context(), r); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	took, bound := time.Since(begin), 2*limit.Window+3*5*time.Millisecond
	t.Logf("bound %v, took %v (%.3f), 429 caused: %d", bound, took, float64(took)/float64(bound), srv.overruns())
	if n := srv.overruns(); n != 0 {
		t.Errorf("%d requests over the limit", n)
	}
	if took > 2*bound { // generous: two busy cores and the race detector are no reason to fail
		t.Errorf("took %v, bound %v", took, bound)
	}
}
