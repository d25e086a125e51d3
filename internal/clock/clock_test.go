package clock

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAdjustable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewAdjustable()
		start := c.Now()
		slept := make(chan error, 1)
		go func() { slept <- c.Sleep(context.Background(), time.Hour) }()
		late := c.NewTimer(2 * time.Hour)
		synctest.Wait()

		c.Advance(61 * time.Minute)
		if err := <-slept; err != nil {
			t.Fatalf("sleep of an hour after advancing 61 minutes: got %v, want nil", err)
		}
		select {
		case <-late.C:
			t.Fatal("timer of two hours fired after 61 minutes")
		default:
		}
		if got := c.Now().Sub(start); got != 61*time.Minute {
			t.Fatalf("clock moved by %v, want 1h1m", got)
		}
		<-late.C // the rest passes by itself
		if got := c.Now().Sub(start); got != 2*time.Hour {
			t.Fatalf("timer fired after %v, want 2h", got)
		}
	})
}

func TestSleepEndsWithItsContext(t *testing.T) {
	for name, c := range map[string]Clock{"real": Real{}, "adjustable": NewAdjustable()} {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := c.Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", name, err)
		}
	}
}

func TestStoppedTimerStaysSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewAdjustable()
		timer := c.NewTimer(time.Minute)
		timer.Stop()
		c.Advance(time.Hour)
		synctest.Wait()
		select {
		case <-timer.C:
			t.Fatal("a stopped timer fired")
		default:
		}
	})
}
