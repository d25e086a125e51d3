package bench

import (
	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/sim"
)

// FaultAt is a misbehaviour of the cloud, once, at a request.
func FaultAt(kind, method, path string) sim.Fault {
	f := sim.Fault{Kind: kind, Times: 1}
	f.Match.Method, f.Match.Path = method, path
	return f
}

// Loss is what is lost of an effect, and how many of it Microsoft has then.
type Loss struct {
	Name    string
	Fault   sim.Fault
	AtOnce  action.State // of the run
	AtLast  action.State
	Arrives int
}

// Losses are what can be lost of a POST.
func Losses(path string) []Loss {
	return []Loss{
		{"the answer is lost", FaultAt("timeout_after_accept", "POST", path), action.Done, action.Done, 1},
		{"half of the answer comes", FaultAt("truncate", "POST", path), action.Done, action.Done, 1},
		{"the request is lost", FaultAt("reset", "POST", path), action.Unclear, action.Refused, 0},
	}
}

// MadeOnce has an effect meet a loss: its run says what became of it, and the same key tried again makes one of it.
func (b *Bench) MadeOnce(name string, in In, lost Loss, count func() int) {
	b.Helper()
	b.Fault(lost.Fault)
	run := b.Unclear(name, in, Key("k"))
	b.Becomes(run, lost.AtOnce, lost.AtLast)
	if n := count(); n != lost.Arrives {
		b.Errorf("%d of it, want %d", n, lost.Arrives)
	}
	if _, err := b.Call(name, in, Key("k")); err != nil {
		b.Errorf("again: %v", err)
	}
	if n := count(); n != 1 {
		b.Errorf("after trying again there are %d", n)
	}
}

// Becomes wants an unclear run to be answered: at once, and when nothing can be under way any more.
func (b *Bench) Becomes(run string, atOnce, atLast action.State) {
	b.Helper()
	if got := b.Look(run); got != atOnce {
		b.Errorf("at once: got %s, want %s", got, atOnce)
	}
	b.Pass(once.Settled + 1)
	if atOnce != action.Unclear {
		return
	}
	if got := b.Look(run); got != atLast {
		b.Errorf("in the end: got %s, want %s", got, atLast)
	}
}
