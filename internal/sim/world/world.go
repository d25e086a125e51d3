package world

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options say which world to open and where it lives.
type Options struct {
	Name                      string // contoso, large, or a YAML file
	Dir                       string
	Seed                      uint64
	Clock                     Clock
	Log                       *slog.Logger
	Users, MessagesPerMailbox int // for the large world
	MailDir, ICSDir           string
	LoadMail, LoadICS         func(w *World, dir string) error // how files become items is the services' business
}

// World is the state of the cloud. All methods are safe for concurrent use.
type World struct {
	Clock Clock
	Log   *slog.Logger
	Dir   string

	head    journalHead
	spec    Spec
	store   *store
	journal *journal
	issued  atomic.Uint64 // ids given out since the start
	epoch   uint64        // first seq of this start: keeps ids of two starts apart

	hooks    []func(Change)
	hookMu   sync.RWMutex
	keys     keyring
	dirMu    sync.RWMutex
	dirIndex map[string]string // "tenant address" -> user id
}

// Open builds the seeded world, replays the journal over it and compacts the journal.
func Open(o Options) (*World, error) {
	w := &World{Clock: o.Clock, Log: o.Log, Dir: o.Dir, store: newStore(), dirIndex: map[string]string{}}
	if err := os.MkdirAll(filepath.Join(o.Dir, "blobs"), 0o700); err != nil {
		return nil, fmt.Errorf("the simulator's directory: %w", err)
	}
	w.head = journalHead{World: o.Name, Seed: o.Seed, Start: o.Clock.Now().Truncate(time.Second), Users: o.Users, Mails: o.MessagesPerMailbox}
	var old journalHead
	var lines []journalLine
	found, err := readJournal(o.Dir, &old, func(l journalLine) { lines = append(lines, l) })
	if err != nil {
		return nil, err
	}
	if found {
		if old.World != o.Name {
			return nil, fmt.Errorf("directory %s holds the world %q, not %q: choose another directory or remove it", o.Dir, old.World, o.Name)
		}
		w.head = old
	}
	w.spec, err = loadSpec(o.Name)
	if err != nil {
		return nil, err
	}
	if err := w.seed(); err != nil {
		return nil, err
	}
	w.store.seeded = w.store.seq
	for _, l := range lines {
		w.replay(l)
	}
	w.epoch = w.store.seq
	w.journal, err = startJournal(o.Dir, w.head, w.compact)
	if err != nil {
		return nil, err
	}
	if !found {
		if err := w.loadFiles(o); err != nil {
			return nil, errors.Join(err, w.journal.close())
		}
	}
	return w, nil
}

func (w *World) loadFiles(o Options) error {
	if o.MailDir != "" && o.LoadMail != nil {
		if err := o.LoadMail(w, o.MailDir); err != nil {
			return fmt.Errorf("load mail from %s: %w", o.MailDir, err)
		}
	}
	if o.ICSDir != "" && o.LoadICS != nil {
		if err := o.LoadICS(w, o.ICSDir); err != nil {
			return fmt.Errorf("load calendars from %s: %w", o.ICSDir, err)
		}
	}
	return nil
}

// Close ends the journal.
func (w *World) Close() error { return w.journal.close() }

// Now is the world's time.
func (w *World) Now() time.Time { return w.Clock.Now() }

func (w *World) replay(l journalLine) {
	w.store.seq = max(w.store.seq, l.Seq)
	for _, o := range l.Ops {
		c := w.store.at(o.Scope, o.Collection)
		switch {
		case o.Gone:
			c.left = append(c.left, leaving{o.ID, o.Left, o.Moves, l.Seq})
		case o.Silent:
			delete(c.live, o.ID)
			c.dropped[o.ID] = struct{}{}
		case o.Object == nil:
			c.remove(o.ID, l.Seq, w.store.seeded)
		case o.Born > 0:
			delete(c.dropped, o.ID)
			c.live[o.ID] = entry{obj: o.Object, seq: l.Seq, born: o.Born}
		default:
			c.put(o.ID, o.Object, l.Seq)
		}
		w.index(o.Key, o.Object)
	}
}

// compact writes what differs from the seeds: the last state of each touched item, what was deleted, and what left a folder.
func (w *World) compact(yield func(journalLine) error) error {
	now := w.Now().Format(time.RFC3339)
	for k, c := range w.store.shelves {
		for id := range c.dropped {
			if err := yield(journalLine{Ops: []op{{Key: Key{k.scope, k.collection, id}, Silent: true}}}); err != nil {
				return err
			}
		}
		for id, e := range c.live {
			if e.seq <= w.store.seeded {
				continue
			}
			if until := text(e.obj, "~forgetAfter"); until != "" && until < now {
				delete(c.live, id)
				continue
			}
			o := op{Key: Key{k.scope, k.collection, id}, Object: e.obj, Born: max(e.born, 1)}
			if err := yield(journalLine{Seq: e.seq, Ops: []op{o}}); err != nil {
				return err
			}
		}
		for _, l := range c.left {
			if err := yield(journalLine{Seq: l.seq, Ops: []op{{Key: Key{k.scope, k.collection, l.id}, Gone: true, Left: l.partition, Moves: l.moves}}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Get finds one entity.
func (w *World) Get(k Key) (Object, bool) {
	w.store.mu.RLock()
	defer w.store.mu.RUnlock()
	c := w.store.find(k.Scope, k.Collection)
	if c == nil {
		return nil, false
	}
	return c.get(k.ID)
}

// Scan yields a collection's ids and objects: touched ones in the order of their creation, then generated ones in theirs.
func (w *World) Scan(scope, name string) iter.Seq2[string, Object] { return w.store.scan(scope, name) }

// All yields a collection's objects.
func (w *World) All(scope, name string) iter.Seq[Object] {
	return func(yield func(Object) bool) {
		for _, o := range w.store.scan(scope, name) {
			if !yield(o) {
				return
			}
		}
	}
}

// Size tells how many of a collection's items are generated and how many were touched.
func (w *World) Size(scope, name string) (generated, touched int) {
	w.store.mu.RLock()
	defer w.store.mu.RUnlock()
	c := w.store.find(scope, name)
	if c == nil {
		return 0, 0
	}
	if c.base != nil {
		generated = c.base.Len()
	}
	return generated, len(c.live) + len(c.dropped)
}

// Generated gives the generated part of a collection, nil where there is none.
func (w *World) Generated(scope, name string) Base {
	w.store.mu.RLock()
	defer w.store.mu.RUnlock()
	if c := w.store.find(scope, name); c != nil {
		return c.base
	}
	return nil
}

// Item is one entity with its store id.
type Item struct {
	ID     string
	Object Object
}

// Touched gives what was put into a collection, oldest first, and the generated or seeded items that are no more.
func (w *World) Touched(scope, name string) (live []Item, gone map[string]bool) {
	w.store.mu.RLock()
	defer w.store.mu.RUnlock()
	c := w.store.find(scope, name)
	if c == nil {
		return nil, nil
	}
	for id, e := range c.live {
		live = append(live, Item{id, e.obj})
	}
	gone = make(map[string]bool, len(c.dropped))
	for id := range c.dropped {
		gone[id] = true
	}
	slices.SortFunc(live, func(a, b Item) int { return bySeq(c.live)(a.ID, b.ID) })
	return live, gone
}

// Since lists what happened in a collection after a point, oldest first, and names the point now.
func (w *World) Since(scope, name string, after uint64) ([]Delta, uint64) {
	return w.store.since(scope, name, after)
}

// Point is the world's current place in its history.
func (w *World) Point() uint64 {
	w.store.mu.RLock()
	defer w.store.mu.RUnlock()
	return w.store.seq
}

// Put stores one entity.
func (w *World) Put(k Key, o Object) { w.Update(func(tx *Tx) { tx.Put(k, o) }) }

// Delete removes one entity.
func (w *World) Delete(k Key) { w.Update(func(tx *Tx) { tx.Delete(k) }) }

// Tx is a transaction: everything in it lands together, in memory and in the journal.
type Tx struct {
	w   *World
	ops []op
}

// Put stores one entity.
func (tx *Tx) Put(k Key, o Object) { tx.ops = append(tx.ops, op{Key: k, Object: o}) }

// Delete removes one entity.
func (tx *Tx) Delete(k Key) { tx.ops = append(tx.ops, op{Key: k}) }

// Get reads one entity as the transaction would leave it.
func (tx *Tx) Get(k Key) (Object, bool) {
	for i := len(tx.ops) - 1; i >= 0; i-- {
		if tx.ops[i].Key == k {
			return tx.ops[i].Object, tx.ops[i].Object != nil
		}
	}
	c := tx.w.store.find(k.Scope, k.Collection)
	if c == nil {
		return nil, false
	}
	return c.get(k.ID)
}

// Update runs a transaction. The function must not call the world's own methods: it holds the lock.
func (w *World) Update(change func(tx *Tx)) {
	w.store.mu.Lock()
	tx := &Tx{w: w}
	change(tx)
	if len(tx.ops) == 0 {
		w.store.mu.Unlock()
		return
	}
	changes := w.commit(tx.ops)
	w.store.mu.Unlock()
	w.hookMu.RLock()
	hooks := w.hooks
	w.hookMu.RUnlock()
	for _, c := range changes {
		for _, h := range hooks {
			h(c)
		}
	}
}

func (w *World) commit(ops []op) []Change {
	w.store.seq++
	var changes []Change
	for _, o := range ops {
		c := w.store.at(o.Scope, o.Collection)
		ch := Change{Key: o.Key, New: o.Object}
		if o.Object == nil {
			if ch.Old = c.remove(o.ID, w.store.seq, w.store.seeded); ch.Old == nil {
				continue
			}
		} else {
			ch.Old = c.put(o.ID, o.Object, w.store.seq)
		}
		w.index(o.Key, o.Object)
		changes = append(changes, ch)
	}
	if w.journal != nil {
		if err := w.journal.append(journalLine{Seq: w.store.seq, Ops: ops}); err != nil {
			w.Log.Error("the world's journal cannot be written", "error", err)
		}
	}
	return changes
}

// OnChange calls f after every commit, outside the lock, in the committing goroutine.
func (w *World) OnChange(f func(Change)) {
	w.hookMu.Lock()
	defer w.hookMu.Unlock()
	w.hooks = append(w.hooks, f)
}

// Clone copies the top level; nested values are replaced whole, never changed in place.
func Clone(o Object) Object { return maps.Clone(o) }

// digest makes the deterministic bytes behind an id.
func (w *World) digest(parts ...string) [32]byte {
	h := sha256.New()
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], w.head.Seed)
	h.Write(b[:])
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return [32]byte(h.Sum(nil))
}

// GUID makes the id that belongs to the given names in this world.
func (w *World) GUID(parts ...string) string {
	d := w.digest(parts...)
	d[6], d[8] = d[6]&0x0f|0x40, d[8]&0x3f|0x80
	x := hex.EncodeToString(d[:16])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// NewGUID makes a fresh id: the next one of the seed's order.
func (w *World) NewGUID() string { return w.GUID("fresh", w.serial()) }

// NewKey makes a fresh 16-byte key as base64url, the store id of an Outlook item.
func (w *World) NewKey() string { return w.ItemKey("fresh", w.serial()) }

// ItemKey makes the store id of an Outlook item that belongs to the given names.
func (w *World) ItemKey(parts ...string) string {
	d := w.digest(parts...)
	return base64.RawURLEncoding.EncodeToString(d[:16])
}

func (w *World) serial() string {
	return fmt.Sprintf("%d/%d", w.epoch, w.issued.Add(1))
}

// Rand gives a random source that depends on the seed and the given names only.
func (w *World) Rand(parts ...string) *rand.Rand {
	d := w.digest(parts...)
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(d[:8]), binary.BigEndian.Uint64(d[8:16])))
}

// Forget removes the journal and the blobs of a directory, so that the next Open seeds anew. Keys and certificates stay.
func Forget(dir string) error {
	if err := os.Remove(journalPath(dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.RemoveAll(filepath.Join(dir, "blobs"))
}
