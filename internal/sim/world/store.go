package world

import (
	"iter"
	"maps"
	"slices"
	"sync"
)

// Object is one entity as the JSON its service shows. Names that begin with "~" are the simulator's own and never leave it.
// A stored object is never changed: clone it, change the clone, put the clone.
type Object = map[string]any

// Key names one entity: whose it is (a tenant's id, a mailbox, "" for the whole cloud), its collection, its id.
type Key struct {
	Scope      string `json:"s,omitempty"`
	Collection string `json:"c"`
	ID         string `json:"i"`
}

// Partition is the property that divides a collection into folders; leaving a folder is a deletion to a delta query on it.
const Partition = "parentFolderId"

// Base generates the untouched part of a collection as it is read, so that a large world needs no memory.
type Base interface {
	Len() int
	At(i int) (id string, o Object)
	Index(id string) (int, bool)
}

// Change is one committed mutation; Old is nil for a creation, New for a deletion.
type Change struct {
	Key      Key
	Old, New Object
}

// Delta is one step of a collection's history; Object is nil when the item left Partition.
type Delta struct {
	ID        string
	Partition string
	Object    Object
	Moves     int // of an item that left: which of its changing ids was known there
	Seq       uint64
	Created   bool // first seen after the asked point
}

type entry struct {
	obj       Object
	seq, born uint64
}

type leaving struct {
	id, partition string
	moves         int // which of the item's changing ids was known in the folder it left
	seq           uint64
}

type collection struct {
	live    map[string]entry
	left    []leaving
	base    Base
	dropped map[string]struct{} // seeded or generated items that were deleted
}

type shelf struct{ scope, collection string }

// store holds the collections. Its order of numbers (seq) is the one order of the world.
type store struct {
	mu      sync.RWMutex
	shelves map[shelf]*collection
	seq     uint64
	seeded  uint64                                // seq of the last seed
	lazy    []func(scope, collection string) Base // make generated collections that are not kept
}

func newStore() *store { return &store{shelves: map[shelf]*collection{}} }

func (s *store) at(scope, name string) *collection {
	k := shelf{scope, name}
	c := s.shelves[k]
	if c == nil {
		c = &collection{live: map[string]entry{}, dropped: map[string]struct{}{}, base: s.generate(scope, name)}
		s.shelves[k] = c
	}
	return c
}

// find gives a collection for reading; an untouched generated one is made for the moment. It is nil where there is nothing.
func (s *store) find(scope, name string) *collection {
	if c := s.shelves[shelf{scope, name}]; c != nil {
		return c
	}
	if b := s.generate(scope, name); b != nil {
		return &collection{base: b}
	}
	return nil
}

func (s *store) generate(scope, name string) Base {
	for _, f := range s.lazy {
		if b := f(scope, name); b != nil {
			return b
		}
	}
	return nil
}

func (c *collection) get(id string) (Object, bool) {
	if e, ok := c.live[id]; ok {
		return e.obj, true
	}
	if c.base == nil {
		return nil, false
	}
	if _, gone := c.dropped[id]; gone {
		return nil, false
	}
	if i, ok := c.base.Index(id); ok {
		_, o := c.base.At(i)
		return o, true
	}
	return nil, false
}

func (c *collection) put(id string, o Object, seq uint64) Object {
	old, existed := c.get(id)
	born := seq
	if existed {
		born = c.live[id].born // zero for a generated item
	}
	delete(c.dropped, id)
	if existed && text(old, Partition) != text(o, Partition) {
		c.left = append(c.left, leaving{id, text(old, Partition), Number(old, "~moves"), seq})
	}
	c.live[id] = entry{obj: o, seq: seq, born: born}
	return old
}

func (c *collection) remove(id string, seq, seeded uint64) Object {
	old, existed := c.get(id)
	if !existed {
		return nil
	}
	// Seeds come back at the next start, so their deletion must be remembered; other items simply vanish.
	if e, touched := c.live[id]; !touched || e.born <= seeded {
		c.dropped[id] = struct{}{}
	}
	delete(c.live, id)
	c.left = append(c.left, leaving{id, text(old, Partition), Number(old, "~moves"), seq})
	return old
}

// scan yields what was put first, then what is generated. The touched part is a snapshot; no lock is held while yielding.
func (s *store) scan(scope, name string) iter.Seq2[string, Object] {
	return func(yield func(string, Object) bool) {
		s.mu.RLock()
		c := s.find(scope, name)
		if c == nil {
			s.mu.RUnlock()
			return
		}
		live := maps.Clone(c.live)
		base, dropped := c.base, maps.Clone(c.dropped)
		s.mu.RUnlock()
		for _, id := range slices.SortedFunc(maps.Keys(live), bySeq(live)) {
			if !yield(id, live[id].obj) {
				return
			}
		}
		if base == nil {
			return
		}
		for i := range base.Len() {
			id, o := base.At(i)
			if _, touched := live[id]; touched {
				continue
			}
			if _, gone := dropped[id]; gone {
				continue
			}
			if !yield(id, o) {
				return
			}
		}
	}
}

func bySeq(live map[string]entry) func(a, b string) int {
	return func(a, b string) int {
		switch {
		case live[a].born != live[b].born:
			if live[a].born < live[b].born {
				return -1
			}
			return 1
		case a < b:
			return -1
		default:
			return 1
		}
	}
}

// since lists what happened after a point, oldest first, and the point now.
func (s *store) since(scope, name string, after uint64) ([]Delta, uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.find(scope, name)
	if c == nil {
		return nil, s.seq
	}
	var out []Delta
	for id, e := range c.live {
		if e.seq > after {
			out = append(out, Delta{ID: id, Partition: text(e.obj, Partition), Object: e.obj, Seq: e.seq, Created: e.born > after})
		}
	}
	for _, l := range c.left {
		if l.seq > after {
			out = append(out, Delta{ID: l.id, Partition: l.partition, Moves: l.moves, Seq: l.seq})
		}
	}
	slices.SortFunc(out, func(a, b Delta) int {
		if a.Seq != b.Seq {
			if a.Seq < b.Seq {
				return -1
			}
			return 1
		}
		return 0
	})
	return out, s.seq
}

func text(o Object, name string) string {
	s, _ := o[name].(string)
	return s
}
