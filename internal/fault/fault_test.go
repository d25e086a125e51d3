package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAsFindsTheFaultInAChain(t *testing.T) {
	inner := &Error{Kind: Throttled, Code: "TooManyRequests", RetryAfter: 7 * time.Second}
	wrapped := fmt.Errorf("listing messages: %w", inner)
	if got := As(wrapped); got != inner {
		t.Errorf("got %v, want the inner fault", got)
	}
	if got := KindOf(errors.New("disk on fire")); got != Internal {
		t.Errorf("a foreign error is %q, want internal", got)
	}
	if As(nil) != nil || KindOf(nil) != "" {
		t.Error("no error must stay no fault")
	}
}

func TestEveryKindHasAStatus(t *testing.T) {
	for k, s := range statuses {
		if s < 400 || s > 599 {
			t.Errorf("%s: status %d is not an error", k, s)
		}
	}
}

func TestProblemRoundTrip(t *testing.T) {
	e := &Error{Kind: NeedsAdmin, Code: "AADSTS65001", Message: "m", Operation: "o", Mode: "application", Cause: "c", Fix: "f", Who: "w",
		Alternatives: []string{"a"}, WrongFixes: []string{"x"}, RetryAfter: 1500 * time.Millisecond,
		Fields: []Field{{"mailboxes[0].upn", "is empty"}}, Upstream: &Upstream{Status: 400, Code: "invalid_grant", RequestID: "r"},
		Err: errors.New("a secret detail")}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var p Problem
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	want := *e
	want.Err = nil // what was wrapped never leaves the process
	if diff := cmp.Diff(&want, FromProblem(p)); diff != "" {
		t.Error(diff)
	}
}
