package jobs

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/store"
)

var owners = []fs.FS{Migrations}

type bench struct {
	t     *testing.T
	store *store.Store
	clock *clock.Adjustable
}

func forTest(t *testing.T, f func(t *testing.T, b bench)) {
	store.ForTest(t, owners, func(t *testing.T, s *store.Store) {
		if err := Migrate(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		f(t, bench{t, s, clock.NewAdjustable()})
	})
}

func (b bench) start(instance string, handlers map[string]Handler) *Jobs {
	b.t.Helper()
	j, err := New(Options{Store: b.store, Clock: b.clock, Log: slog.New(slog.DiscardHandler), Instance: instance, Handlers: handlers})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := j.Start(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { b.stop(j) })
	return j
}

func (b bench) stop(j *Jobs) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := j.Stop(ctx); err != nil {
		b.t.Error(err)
	}
}

func (b bench) schedule(j *Jobs, kind, id string, due time.Time) {
	b.t.Helper()
	err := b.store.InTx(b.t.Context(), "test", func(tx *store.Tx) error { return j.Schedule(b.t.Context(), tx, kind, id, due) })
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestARowRunsWhenDueAndThenNoMore(t *testing.T) {
	forTest(t, func(t *testing.T, b bench) {
		ran := make(chan string, 10)
		j := b.start("a", map[string]Handler{"greet": func(_ context.Context, id string, attempt int) (time.Time, error) {
			ran <- id
			return time.Time{}, nil
		}})
		b.schedule(j, "greet", "later", b.clock.Now().Add(time.Hour))
		b.schedule(j, "greet", "now", b.clock.Now())
		if got := <-ran; got != "now" {
			t.Fatalf("ran %q first, want now", got)
		}
		for rows := 2; rows > 1; time.Sleep(time.Millisecond) { // the row's finish commits after the handler returned
			all, err := j.Rows(t.Context(), 10)
			if err != nil {
				t.Fatal(err)
			}
			rows = len(all)
		}
		b.clock.Advance(time.Hour)
		if got := <-ran; got != "later" {
			t.Fatalf("ran %q, want later", got)
		}
		b.stop(j)
		if rows, err := j.Rows(t.Context(), 10); err != nil || len(rows) != 0 {
			t.Errorf("left over: %v %v", rows, err)
		}
	})
}

func TestAFailedRowIsTriedAgainAndARecurringOneComesBack(t *testing.T) {
	forTest(t, func(t *testing.T, b bench) {
		attempts := make(chan int, 10)
		j := b.start("a", map[string]Handler{
			"flaky": func(_ context.Context, _ string, attempt int) (time.Time, error) {
				attempts <- attempt
				if attempt == 1 {
					return time.Time{}, errors.New("not yet")
				}
				if attempt == 2 {
					panic("worse")
				}
				return b.clock.Now().Add(24 * time.Hour), nil
			}})
		b.schedule(j, "flaky", "x", b.clock.Now())
		for want := 1; want <= 3; want++ {
			if got := <-attempts; got != want {
				t.Fatalf("attempt %d, want %d", got, want)
			}
			time.Sleep(50 * time.Millisecond) // the row's finish commits after the handler returned
			b.clock.Advance(time.Minute)
		}
		b.stop(j)
		rows, err := j.Rows(t.Context(), 10)
		if err != nil || len(rows) != 1 || rows[0].Attempt != 0 || !rows[0].Due.After(b.clock.Now()) {
			t.Errorf("a recurring row waits for its time with a clean count: %+v %v", rows, err)
		}
	})
}

func TestRowsOfADeadOwnerAreTakenOver(t *testing.T) {
	for _, tt := range []struct {
		name, dead string
		wait       time.Duration
		attempt    int // begun by the dead
	}{
		{"the same instance started again: at once", "a/earlier boot", 0, 1},
		{"handed over, and whoever was to claim it died: at once", "", 0, 0},
		{"another instance died: when its lease is over", "b/earlier boot", leaseTime + time.Second, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forTest(t, func(t *testing.T, b bench) {
				now := store.Millis(b.clock.Now())
				_, err := b.store.Writer().ExecContext(t.Context(),
					"insert into jobs_row (kind, id, due_at, attempt, owner, leased_until, last_error) values ('work', '1', $1, $2, $3, $4, '')",
					now, tt.attempt, tt.dead, now+leaseTime.Milliseconds())
				if err != nil {
					t.Fatal(err)
				}
				ran := make(chan int, 10)
				b.start("a", map[string]Handler{"work": func(_ context.Context, _ string, attempt int) (time.Time, error) {
					ran <- attempt
					return time.Time{}, nil
				}})
				b.clock.Advance(tt.wait)
				if got := <-ran; got != tt.attempt+1 {
					t.Errorf("attempt %d after %d", got, tt.attempt)
				}
			})
		})
	}
}

func TestARowNeverRunsTwiceAtOnce(t *testing.T) {
	forTest(t, func(t *testing.T, b bench) {
		var mu sync.Mutex
		running, most, done := 0, 0, make(chan struct{}, 100)
		handlers := map[string]Handler{"work": func(context.Context, string, int) (time.Time, error) {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(20 * time.Millisecond)
			mu.Lock()
			running--
			mu.Unlock()
			done <- struct{}{}
			return time.Time{}, nil
		}}
		first, second := b.start("a", handlers), b.start("b", handlers)
		for range 10 {
			b.schedule(first, "work", "one", b.clock.Now())
			b.schedule(second, "work", "one", b.clock.Now())
			second.Nudge()
		}
		<-done
		b.stop(first)
		b.stop(second)
		if most != 1 {
			t.Errorf("%d at once, want 1", most)
		}
	})
}

func TestLocksExcludeAcrossHolders(t *testing.T) {
	store.ForTest(t, owners, func(t *testing.T, s *store.Store) {
		locks := Locks{s, clock.Real{}}
		var inside, most int
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				err := locks.With(t.Context(), "refresh", time.Minute, func(context.Context) error {
					mu.Lock()
					inside++
					most = max(most, inside)
					mu.Unlock()
					time.Sleep(2 * time.Millisecond)
					mu.Lock()
					inside--
					mu.Unlock()
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most != 1 {
			t.Errorf("%d inside at once, want 1", most)
		}
	})
}

func TestALockOfADeadHolderRunsOut(t *testing.T) {
	store.ForTest(t, owners, func(t *testing.T, s *store.Store) {
		c := clock.NewAdjustable()
		_, err := s.Writer().ExecContext(t.Context(), "insert into jobs_lock (name, owner, until) values ('refresh', 'dead', $1)", store.Millis(c.Now().Add(time.Minute)))
		if err != nil {
			t.Fatal(err)
		}
		c.Advance(2 * time.Minute)
		ran := false
		err = Locks{s, c}.With(t.Context(), "refresh", time.Minute, func(context.Context) error { ran = true; return nil })
		if err != nil || !ran {
			t.Errorf("ran %v: %v", ran, err)
		}
	})
}

// Each row schedules a row and then wants it run by a time: never later than before, and once more if it runs already.
func TestARowIsRunByATimeAtTheLatest(t *testing.T) {
	const by = 30 * time.Second
	for _, tt := range []struct {
		name    string
		first   time.Duration // scheduled for then
		running bool          // begun when the wish comes
		anew    bool          // and scheduled once more, for at once, while it runs
		want    time.Duration
	}{
		{"due later", time.Hour, false, false, by},
		{"due sooner", time.Second, false, false, time.Second},
		{"running: it runs again", 0, true, false, by},
		{"running, and due again at once", 0, true, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forTest(t, func(t *testing.T, b bench) {
				begun, end := make(chan bool), make(chan bool)
				j := b.start("a", map[string]Handler{"greet": func(context.Context, string, int) (time.Time, error) {
					begun <- true
					<-end
					return time.Time{}, nil
				}})
				now := b.clock.Now()
				b.schedule(j, "greet", "x", now.Add(tt.first))
				if tt.running {
					<-begun
				}
				if tt.anew {
					b.schedule(j, "greet", "x", now)
				}
				if err := b.store.InTx(t.Context(), "test", func(tx *store.Tx) error { return j.ScheduleBy(t.Context(), tx, "greet", "x", now.Add(by)) }); err != nil {
					t.Fatal(err)
				}
				rows, err := j.Rows(t.Context(), 10)
				if err != nil || len(rows) != 1 || !rows[0].Due.Equal(store.Time(store.Millis(now.Add(tt.want)))) {
					t.Errorf("%+v %v, want it due in %v", rows, err, tt.want)
				}
				if tt.running {
					end <- true
				}
				b.clock.Advance(tt.want)
				<-begun
				end <- true
			})
		})
	}
}
