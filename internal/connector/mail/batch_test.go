package mail_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/mail"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
)

// batch runs steps through the app's connection.
func batch(b *bench.Bench, key string, steps ...action.Step) []action.StepResult {
	b.Helper()
	out, err := b.Runner.Batch(b.Context(), action.BatchRequest{Connection: bench.App, Caller: access.Local("bench"), Key: key, Steps: steps})
	if err != nil {
		b.Fatal(err)
	}
	return out
}

func step(id, name string, in bench.In, after ...string) action.Step {
	return action.Step{ID: id, Action: name, Input: in, After: after}
}

func states(results []action.StepResult) string {
	out := []string{}
	for _, r := range results {
		text := r.ID + " " + string(r.State)
		if r.Problem != nil {
			text += " " + r.Problem.Code
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func TestAThousandReadsTakeFiftyRequests(t *testing.T) {
	b := bench.Start(t, m365.Mail, mail.Actions(), mail.Probe, bench.Patient)
	id := bench.Do[mail.List](b, "mail.message.list", bench.In{"user": ada, "limit": 1}).Messages[0].ID
	steps := make([]action.Step, 1000)
	for i := range steps {
		steps[i] = step(fmt.Sprint("s", i), "mail.message.get", bench.In{"user": ada, "message": id})
	}
	before := len(b.Sim.Requests())
	for _, r := range batch(b, "", steps...) {
		var m mail.Message
		if err := json.Unmarshal(r.Output, &m); err != nil || r.State != action.StepDone || m.ID != id || len(r.Requests) != 1 {
			t.Fatalf("%s: %s %+v, requests %v", r.ID, r.State, r.Problem, r.Requests)
		}
	}
	if sent := b.Sent("POST", "/$batch"); sent != 50 {
		t.Errorf("%d envelopes", sent)
	}
	for _, r := range b.Sim.Requests()[before:] {
		if !r.InBatch && strings.HasPrefix(r.Path, "/v1.0/") && r.Path != "/v1.0/$batch" {
			t.Fatalf("%s %s left alone", r.Method, r.Path)
		}
	}
}

func TestStepsWaitForOneAnother(t *testing.T) {
	b := start(t)
	got := batch(b, "k1",
		step("move", "mail.message.move", bench.In{"user": ada, "message": map[string]any{"$from": "draft/id"}, "folder": "archive"}),
		step("draft", "mail.draft.create", letter("By steps")),
		step("look", "mail.message.list", bench.In{"user": ada, "folder": "archive", "subject": "By steps"}, "move"))
	if s := states(got); s != "move done; draft done; look done" {
		t.Fatal(s)
	}
	if list := bench.Read[mail.List](b, got[2].Output); len(list.Messages) != 1 || list.Messages[0].Subject != "By steps" {
		t.Errorf("the archive shows %+v", list.Messages)
	}
}

func TestWhatWaitsForAFailedStepIsSkipped(t *testing.T) {
	b := start(t)
	send := step("send", "mail.message.send", letter("After the repair"), "look")
	got := batch(b, "k2", step("look", "mail.message.get", bench.In{"user": ada, "message": "AAMkAGnot-there"}), send, step("later", "mail.folder.list", bench.In{"user": ada}, "send"), step("free", "mail.folder.list", bench.In{"user": ada}))
	if s := states(got); s != "look refused ErrorInvalidIdMalformed; send skipped earlier_step_failed; later skipped earlier_step_failed; free done" {
		t.Fatal(s)
	}
	b.Pass(2 * time.Second)
	if count(b, ada, "sentitems", "After the repair") != 0 {
		t.Error("it was sent all the same")
	}
	for range 2 {
		got = batch(b, "k2", step("look", "mail.folder.list", bench.In{"user": ada}), send)
		if s := states(got); s != "look done; send done" {
			t.Fatal(s)
		}
	}
	b.Pass(2 * time.Second)
	if n := count(b, ada, "sentitems", "After the repair"); n != 1 || !got[1].Replayed {
		t.Errorf("it was sent %d times, replayed %v", n, got[1].Replayed)
	}
}

func TestNothingOfAWrongBatchIsRun(t *testing.T) {
	good := step("good", "mail.message.send", letter("Never sent"))
	for _, tt := range []struct {
		name, field, key string
		steps            []action.Step
	}{
		{"two of one name", "steps[1].id", "k", []action.Step{good, good}},
		{"a name with a slash", "steps[1].id", "k", []action.Step{good, step("a/b", "mail.folder.list", bench.In{"user": ada})}},
		{"no such action", "steps[1].action", "k", []action.Step{good, step("x", "mail.message.sing", nil)}},
		{"an action with a file", "steps[1].action", "k", []action.Step{good, step("x", "mail.attachment.add", nil)}},
		{"a wrong input", "steps[1].input.limit", "k", []action.Step{good, step("x", "mail.message.list", bench.In{"user": ada, "limit": -1})}},
		{"an unknown field", "steps[1].input.subjekt", "k", []action.Step{good, step("x", "mail.message.list", bench.In{"user": ada, "subjekt": "x"})}},
		{"it waits for none", "steps[1].after[0]", "k", []action.Step{good, step("x", "mail.folder.list", bench.In{"user": ada}, "y")}},
		{"it waits for itself", "steps[1].after[0]", "k", []action.Step{good, step("x", "mail.folder.list", bench.In{"user": ada}, "x")}},
		{"it takes from none", "steps[1].input", "k", []action.Step{good, step("x", "mail.folder.list", bench.In{"user": map[string]any{"$from": "y/id"}})}},
		{"it takes no field", "steps[1].input", "k", []action.Step{good, step("x", "mail.folder.list", bench.In{"user": map[string]any{"$from": "good"}})}},
		{"a circle", "steps", "k", []action.Step{good, step("x", "mail.folder.list", bench.In{"user": ada}, "y"), step("y", "mail.folder.list", bench.In{"user": ada}, "x")}},
		{"no key", "Idempotency-Key", "", []action.Step{good}},
		{"a key that is too long", "Idempotency-Key", strings.Repeat("k", 197), []action.Step{good}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t)
			_, err := b.Runner.Batch(t.Context(), action.BatchRequest{Connection: bench.App, Caller: access.Local("bench"), Key: tt.key, Steps: tt.steps})
			f := fault.As(err)
			if err == nil || f.Kind != fault.Invalid || len(f.Fields) != 1 || f.Fields[0].Name != tt.field {
				t.Errorf("got %+v, want a fault of %s", err, tt.field)
			}
			if b.Sent("POST", "/v1.0/") != 0 {
				t.Error("something was sent")
			}
		})
	}
}

func TestABatchHasNoMoreRightsThanItsSteps(t *testing.T) {
	b := start(t)
	send := []action.Step{step("send", "mail.message.send", letter("Never sent"))}
	for name, tt := range map[string]struct {
		connection, code string
		caller           access.Caller
	}{
		"read only":           {bench.Frozen, "read_only", access.Local("bench")},
		"somebody else's own": {bench.Person, "not_yours", access.Caller{Kind: "person", ID: "person-eve", Name: "Eve", Role: access.Member}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.Runner.Batch(t.Context(), action.BatchRequest{Connection: tt.connection, Caller: tt.caller, Key: "k", Steps: send})
			if fault.KindOf(err) != fault.Forbidden || !strings.HasPrefix(fault.As(err).Message, "Step send: ") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A part that is throttled is asked again, and a step through a lost envelope too: reads may be.
func TestABatchStandsThrottlingAndLostAnswers(t *testing.T) {
	for _, f := range []sim.Fault{{Kind: "status", Status: 429, RetryAfter: "1", Times: 2}, {Kind: "status", Status: 503, Times: 1}, {Kind: "reset", Times: 1}, {Kind: "batch_inner", RetryAfter: "1", Times: 3}} {
		t.Run(fmt.Sprint(f.Kind, f.Status), func(t *testing.T) {
			b := start(t)
			b.Fault(f)
			var steps []action.Step
			for i := range 5 {
				in := bench.In{"user": ada, "limit": i + 1}
				steps = append(steps, step(fmt.Sprint("s", i), "mail.message.list", maps.Clone(in)))
			}
			for i, r := range batch(b, "", steps...) {
				if r.State != action.StepDone || len(bench.Read[mail.List](b, r.Output).Messages) != i+1 {
					t.Errorf("%s: %s %+v", r.ID, r.State, r.Problem)
				}
			}
		})
	}
}
