package action

import (
	"testing"
	"time"
)

// Whoever looks for a day looks soon at first and seldom later, and never so seldom that an answer comes late.
func TestHowOftenAnOpenQuestionIsAsked(t *testing.T) {
	for _, tt := range []struct {
		within time.Duration
		most   int
	}{{time.Minute, 13}, {20 * time.Minute, 45}, {lastLook, 200}} {
		looks := 0
		for age := firstLook; age < tt.within; age += pause(age) {
			looks++
			if p := pause(age); p < firstLook || p > maxPause {
				t.Fatalf("at %v it rests for %v", age, p)
			}
		}
		if looks > tt.most || looks < tt.most/2 {
			t.Errorf("%d looks within %v, want at most %d", looks, tt.within, tt.most)
		}
	}
}
