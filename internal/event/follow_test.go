package event

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/store"
)

// reader takes a stream until it has as many events as it wants.
type reader struct {
	want   int
	items  []string
	gaps   int
	last   int64
	begun  chan struct{}
	opened sync.Once
}

var errEnough = errors.New("enough")

// Event notes one.
func (r *reader) Event(e Event) error {
	r.items = append(r.items, fmt.Sprint(e.Data["n"]))
	r.last = e.Number
	if len(r.items) == r.want {
		return errEnough
	}
	return nil
}

// Gap counts.
func (r *reader) Gap(int64, int64) error { r.gaps++; return nil }

// Beat tells that it began.
func (r *reader) Beat() error { r.opened.Do(func() { close(r.begun) }); return nil }

func newReader(want int) *reader { return &reader{want: want, begun: make(chan struct{})} }

// nobody schedules nothing: there is no webhook here.
type nobody struct{}

func (nobody) Schedule(context.Context, *store.Tx, string, string, time.Time) error { return nil }
func (nobody) Cancel(context.Context, *store.Tx, string, string) error              { return nil }

// Two hubs write at once; whoever follows misses nothing, has nothing twice, and can go on from any number.
func TestAStreamMissesNothingOfTwoHubs(t *testing.T) {
	store.ForTest(t, []fs.FS{Migrations}, func(t *testing.T, s *store.Store) {
		const each = 100
		ctx, cancel := context.WithCancel(t.Context())
		var hubs []*Log
		var running sync.WaitGroup
		for range 2 {
			l := &Log{Store: s, Clock: clock.NewAdjustable(), Log: slog.New(slog.DiscardHandler), Jobs: nobody{}}
			hubs = append(hubs, l)
			running.Go(func() { l.Run(ctx) })
		}
		defer func() { cancel(); running.Wait() }()
		live, done := newReader(2*each), make(chan error)
		go func() { done <- hubs[0].Stream(ctx, Everybody(), Follow{After: -1}, live) }()
		<-live.begun
		var writing sync.WaitGroup
		for h, l := range hubs {
			writing.Go(func() {
				for n := range each {
					err := s.InTx(ctx, "test", func(tx *store.Tx) error {
						return l.Emit(ctx, tx, Event{Type: Healthy, About: fmt.Sprint(h), Data: map[string]any{"n": fmt.Sprintf("%d-%03d", h, n)}})
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		writing.Wait()
		if err := <-done; !errors.Is(err, errEnough) {
			t.Fatal(err)
		}
		seen, at := map[string]bool{}, map[string]string{}
		for _, item := range live.items {
			hub := item[:1]
			if seen[item] || item < at[hub] {
				t.Fatalf("%s twice or out of its order", item)
			}
			seen[item], at[hub] = true, item
		}
		half := newReader(each)
		if err := hubs[1].Stream(ctx, Everybody(), Follow{After: 0}, half); !errors.Is(err, errEnough) {
			t.Fatal(err)
		}
		rest := newReader(each)
		if err := hubs[0].Stream(ctx, Everybody(), Follow{After: half.last}, rest); !errors.Is(err, errEnough) {
			t.Fatal(err)
		}
		if got, want := strings.Join(append(half.items, rest.items...), " "), strings.Join(live.items, " "); got != want {
			t.Errorf("taken up again:\n%s\nwant\n%s", got, want)
		}
	})
}

func TestOldEventsAreForgottenAndAReaderIsTold(t *testing.T) {
	onBoth(t, func(b *bench) {
		h := b.add(WebhookForm{Name: "psa"})
		b.emit(Event{Type: Healthy, Data: map[string]any{"n": "old"}})
		b.time.Advance(48 * time.Hour)
		b.emit(Event{Type: Healthy, Data: map[string]any{"n": "new"}})
		purge := func() int {
			if err := b.log.Store.InTx(b.Context(), "test", func(tx *store.Tx) error {
				_, err := b.log.prune(b.Context(), tx, b.time.Now().Add(-24*time.Hour), 1000)
				return err
			}); err != nil {
				b.Fatal(err)
			}
			all, err := b.log.List(b.Context(), Everybody(), Query{Limit: 10})
			if err != nil {
				b.Fatal(err)
			}
			return len(all)
		}
		if n := purge(); n != 2 {
			b.Fatalf("%d events left: one that is still to be delivered stays", n)
		}
		b.deliver(h, time.Minute)
		if n := purge(); n != 1 {
			b.Fatalf("%d events left, want the new one", n)
		}
		r := newReader(1)
		if err := b.log.Stream(b.Context(), Everybody(), Follow{After: 0}, r); !errors.Is(err, errEnough) || r.gaps != 1 || r.items[0] != "new" {
			b.Errorf("%v, %d gaps, %v", err, r.gaps, r.items)
		}
	})
}

func TestAnAudienceSeesItsOwn(t *testing.T) {
	onBoth(t, func(b *bench) {
		of := func(n, communication string) Event {
			return Event{Type: MailReceived, About: n, Data: map[string]any{"n": n, "communication": communication}}
		}
		b.emit(of("mine", "1"), of("another's", "2"), of("nobody's", ""), Event{Type: ItemParked, Data: map[string]any{"n": "parked", "communication": "1x"}}, Event{Type: Healthy, Data: map[string]any{"n": "hub"}})
		mine := Audience{Sees: func(_ context.Context, ids []string) (map[string]bool, error) { return map[string]bool{"1": true}, nil }}
		for name, tt := range map[string]struct {
			to   Audience
			want string
		}{"all": {Everybody(), "hub parked nobody's another's mine"}, "own": {mine, "hub mine"}, "none": {Audience{}, "hub"}} {
			list, err := b.log.List(b.Context(), tt.to, Query{Limit: 10})
			var got []string
			for _, e := range list {
				got = append(got, fmt.Sprint(e.Data["n"]))
			}
			if err != nil || strings.Join(got, " ") != tt.want {
				b.Errorf("%s: %v %v, want %s", name, got, err, tt.want)
			}
		}
	})
}
