package connection

import (
	"cmp"
	"slices"
	"time"

	"seneschal/internal/wire"
)

// stake is what an instance may have used of a budget, and what it wants of it.
type stake struct {
	instance string
	requests int       // at most so much of its cost counts at Microsoft
	places   int       // at most so many of its requests are under way
	counted  time.Time // until then the requests count; zero: as long as it lives
	rival    bool      // it lives and wants a part
	waiting  bool      // it has less than it should, and the others shall look at their parts
	cost     int       // what its next request needs
	slots    int
	turn     time.Time // who waits for the longest is served first
}

// grant is one instance's new part.
type grant struct {
	stake
	limit   wire.Limit // what it may use from now on; its requests of before may be more
	closed  bool
	reopens time.Time
	sharers int
	more    bool // asking again gives more at once
	short   bool // it does not suffice for what was asked
	soon    bool // what is short are places: one may be free at any moment
}

// step is how much of a window's requests one instance takes at a time. What a crash leaves behind unused is lost for a window: of
// minutes, that may be the half; of a day it may not.
func step(whole wire.Limit) int {
	if whole.Window > time.Hour {
		return max(1, whole.Requests/32)
	}
	return half(whole.Requests)
}

func half(n int) int { return (n + 1) / 2 }

// standing is the part of every budget that an instance has without a row while it is alone.
func standing(whole wire.Limit) wire.Limit {
	whole.Requests, whole.Concurrent = step(whole), half(whole.Concurrent)
	return whole
}

// fits says whether the asked-for request can be sent under a limit.
func fits(a wire.Ask, l wire.Limit) bool {
	return (a.Whole.Requests == 0 || a.Used+a.Cost <= l.Requests) && (a.Whole.Concurrent == 0 || a.InFlight+a.Slots <= l.Concurrent)
}

// divide gives me my part of a budget beside all others. Whatever it decides, the parts add up to no more than the whole: a part is
// what is used already, and beyond that never more than the others leave.
func divide(a wire.Ask, me stake, others []stake, now time.Time) grant {
	me.cost, me.slots = a.Cost, a.Slots
	rivals := rivalsOf(others)
	if !me.waiting && slices.ContainsFunc(rivals, func(s stake) bool { return s.waiting }) {
		me.turn = now // it has had its turn
	}
	g := grant{stake: me, limit: a.Whole, sharers: 1 + len(rivals)}
	var requests, places int
	if a.Whole.Requests > 0 {
		requests = g.divideRequests(a, rivals, others)
	}
	if a.Whole.Concurrent > 0 {
		places = g.dividePlaces(a, rivals, others)
	}
	if g.requests = 0; a.Whole.Requests > 0 {
		g.requests = max(g.limit.Requests, a.Used)
	}
	g.places = max(g.limit.Concurrent, a.InFlight)
	g.short = !fits(a, g.limit)
	g.waiting = g.closed || g.short && (g.limit.Requests < requests || g.limit.Concurrent < places)
	g.soon = a.Whole.Concurrent > 0 && a.InFlight+a.Slots > g.limit.Concurrent
	if g.closed && g.limit.Requests == 0 && a.Whole.Requests > 0 {
		g.reopens = reopens(a, others)
	}
	return g
}

func rivalsOf(others []stake) []stake {
	var out []stake
	for _, o := range others {
		if o.rival {
			out = append(out, o)
		}
	}
	return out
}

// divideRequests sets what may be used of the window, and gives what would be fair.
func (g *grant) divideRequests(a wire.Ask, rivals, others []stake) (fair int) {
	free, most := a.Whole.Requests, step(a.Whole)
	for _, o := range others {
		free -= o.requests
	}
	free = max(0, free)
	room := max(0, free-a.Used)
	if len(rivals) > 0 {
		fair = allot(a.Whole.Requests, g.stake, rivals, func(s stake) int { return s.cost })
		g.limit.Requests = min(fair, free, a.Used+max(most, g.cost))
		g.more = g.limit.Requests < min(fair, free)
		g.closed = g.closed || g.limit.Requests == 0
		return fair
	}
	take := max(min(most, half(room)), min(g.cost, room))
	if a.Used+g.cost > most && a.Whole.Window <= time.Hour {
		take = room // nobody else is there, and the greater part is used in fact
	}
	g.limit.Requests = min(a.Used+take, free)
	g.more = g.more || take < room
	g.closed = g.closed || g.limit.Requests == 0
	return a.Whole.Requests
}

// dividePlaces sets how many requests may be under way, and gives what would be fair.
func (g *grant) dividePlaces(a wire.Ask, rivals, others []stake) (fair int) {
	free := a.Whole.Concurrent
	for _, o := range others {
		free -= o.places
	}
	free = max(0, free)
	fair = a.Whole.Concurrent
	switch {
	case len(rivals) > 0:
		fair = allot(a.Whole.Concurrent, g.stake, rivals, func(s stake) int { return s.slots })
		g.limit.Concurrent = min(fair, free)
	case a.Pressed:
		g.limit.Concurrent = free
	default:
		g.limit.Concurrent = min(free, max(half(a.Whole.Concurrent), a.InFlight+g.slots))
		g.more = g.more || g.limit.Concurrent < free
	}
	g.closed = g.closed || g.limit.Concurrent == 0
	return fair
}

// allot shares n out: first each has what its next request needs, in turn, then all have the same. Where there is not enough for
// all, some have nothing until it is their turn.
func allot(n int, me stake, rivals []stake, need func(stake) int) (mine int) {
	all := append([]stake{me}, rivals...)
	slices.SortFunc(all, func(x, y stake) int { return cmp.Or(x.turn.Compare(y.turn), cmp.Compare(x.instance, y.instance)) })
	parts := make([]int, len(all))
	for i, s := range all {
		parts[i] = min(n, max(1, need(s)))
		n -= parts[i]
	}
	for i, s := range all {
		if parts[i] += n / len(all); i < n%len(all) {
			parts[i]++
		}
		if s.instance == me.instance {
			mine = parts[i]
		}
	}
	return mine
}

// reopens is when so much of what nobody living holds will have left the window that the request fits; zero where others decide.
func reopens(a wire.Ask, others []stake) time.Time {
	sum := a.Used + a.Cost
	for _, o := range others {
		sum += o.requests
	}
	gone := slices.DeleteFunc(slices.Clone(others), func(s stake) bool { return s.rival || s.counted.IsZero() })
	if len(rivalsOf(others)) > 0 {
		return time.Time{}
	}
	slices.SortFunc(gone, func(x, y stake) int { return x.counted.Compare(y.counted) })
	for _, s := range gone {
		if sum -= s.requests; sum <= a.Whole.Requests {
			return s.counted
		}
	}
	return time.Time{}
}
