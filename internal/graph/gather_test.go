package graph_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// gathered has workers read the messages of numbers under one gathering, and gives what each learned, in order.
func gathered(t *testing.T, c *graph.Delegated, workers, messages int) []string {
	t.Helper()
	ctx, g := graph.Gather(t.Context())
	next, out := make(chan int), make([]string, messages)
	var done sync.WaitGroup
	for range workers {
		g.Join()
		done.Go(func() {
			defer g.Leave()
			for i := range next {
				m, err := graph.Get[graph.Message](ctx, c.Client, me(c).Message(strconv.Itoa(i)))
				out[i] = fmt.Sprint(m.ID, fault.CodeOf(err))
			}
		})
	}
	for i := range messages {
		next <- i
	}
	close(next)
	done.Wait()
	return out
}

func TestReadsOfOneMomentShareAnEnvelope(t *testing.T) {
	var mu sync.Mutex
	asked, sizes := map[string]int{}, []int{}
	c := graph.NewDelegated(batchServer(t, asked, &sizes, func(url string, n int) string {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case strings.HasSuffix(url, "/7") && n == 1:
			return `"status":429,"headers":{"Retry-After":"0"},"body":{"error":{"code":"ApplicationThrottled"}}`
		case strings.HasSuffix(url, "/8"):
			return `"status":404,"body":{"error":{"code":"ErrorItemNotFound"}}`
		}
		return `"status":200,"body":{"id":"` + url[strings.LastIndex(url, "/")+1:] + `"}`
	}))
	got := gathered(t, c, 20, 103)
	for i, answer := range got {
		want := strconv.Itoa(i)
		if i == 8 {
			want = "ErrorItemNotFound"
		}
		if answer != want {
			t.Errorf("message %d: %s", i, answer)
		}
	}
	slices.Sort(sizes)
	if fmt.Sprint(sizes) != "[1 3 20 20 20 20 20]" {
		t.Errorf("envelopes of %v parts", sizes)
	}
}

func TestAnEnvelopeThatIsRefusedSpoilsNoPart(t *testing.T) {
	var mu sync.Mutex
	alone := 0
	c := graph.NewDelegated(serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/$batch") {
			reply(w, 400, `{"error":{"code":"BadRequest"}}`)
			return
		}
		mu.Lock()
		alone++
		mu.Unlock()
		reply(w, 200, `{"id":"`+r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]+`"}`)
	}))
	if got := gathered(t, c, 5, 5); fmt.Sprint(got) != "[0 1 2 3 4]" || alone != 5 {
		t.Errorf("%v, %d asked alone", got, alone)
	}
}

func TestWhoGivesUpHoldsNobody(t *testing.T) {
	begun, end := make(chan struct{}, 10), make(chan struct{})
	c := graph.NewDelegated(serve(t, func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-end
		reply(w, 200, `{"responses":[]}`)
	}))
	ctx, g := graph.Gather(t.Context())
	short, cancel := context.WithCancel(ctx)
	g.Join()
	failed := make(chan error)
	go func() {
		_, err := graph.Get[graph.Message](short, c.Client, me(c).Message("1"))
		g.Leave()
		failed <- err
	}()
	<-begun
	cancel()
	select {
	case err := <-failed:
		if fault.CodeOf(err) != "cancelled" {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it still waits")
	}
	close(end)
}

func TestTheFenceJudgesEachPart(t *testing.T) {
	var sizes []int
	cfg := batchServer(t, map[string]int{}, &sizes, func(string, int) string { return `"status":200,"body":{}` })
	cfg.Wire.Fence = graph.MailboxFence{Mailboxes: []string{"ada@contoso.example"}}.Fence()
	c := graph.NewApplication(cfg)
	ctx, g := graph.Gather(t.Context())
	g.Join()
	defer g.Leave()
	if _, err := graph.Get[graph.Message](ctx, c.Client, c.User("ben@contoso.example").Message("1")); fault.KindOf(err) != fault.Forbidden || len(sizes) != 0 {
		t.Errorf("%v, envelopes %v", err, sizes)
	}
}
