package audit

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// signed is a record of five entries, two of them below a checkpoint, one below a second.
func signed(t *testing.T, l *Log, record func(string, string)) {
	t.Helper()
	for n := range 5 {
		record("person:ana", "x")
		l.Clock.(*clock.Adjustable).Advance(24 * time.Hour)
		if n == 1 || n == 2 {
			if c, err := l.Checkpoint(t.Context()); err != nil || c.Number != int64(n) {
				t.Fatalf("%+v %v", c, err)
			}
		}
	}
}

// forge does what somebody could who may write to the database and knows the program, and has no key: it changes an entry and computes every
// hash after it anew, up to the head.
func forge(t *testing.T, l *Log, seq int64, change func(*link)) {
	t.Helper()
	prev := ""
	entries, err := store.Select(t.Context(), l.Store.Reader(), func(r store.Scanner) (k link, err error) {
		var hash string
		return k, r.Scan(&k.seq, &k.at, &k.actor, &k.action, &k.target, &k.outcome, &k.run, &k.requestID, &k.detail, &hash)
	}, "select seq, at, actor, action, target, outcome, run, request_id, detail, hash from audit_entry order by seq")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range entries {
		if k.seq == seq {
			change(&k)
		}
		prev = k.hash(prev)
		alter(t, l, "update audit_entry set outcome = $1, hash = $2 where seq = $3", k.outcome, prev, k.seq)
	}
	alter(t, l, "update audit_head set hash = $1", prev)
}

func alter(t *testing.T, l *Log, query string, args ...any) {
	t.Helper()
	if _, err := l.Store.Writer().ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func TestEveryManipulationIsFound(t *testing.T) {
	for _, tt := range []struct {
		name  string
		do    func(t *testing.T, l *Log)
		first int64
		fault string
	}{
		{"an entry changed", sqlOf("update audit_entry set outcome = 'refused' where seq = 3"), 3, "entry 3 was changed"},
		{"an entry removed", sqlOf("delete from audit_entry where seq = 2"), 2, "entry 2"},
		{"the newest removed", sqlOf("delete from audit_entry where seq = 5"), 5, "entry 5 was removed"},
		{"the newest removed, and the head put back", func(t *testing.T, l *Log) {
			alter(t, l, "delete from audit_entry where seq = 5")
			alter(t, l, "update audit_head set seq = 4, hash = (select hash from audit_entry where seq = 4)")
		}, 4, "the head was written by somebody else"},
		{"an actor swapped", sqlOf("update audit_entry set actor = 'p-other' where seq = 1"), 1, "entry 1"},
		{"an old entry changed, and every hash computed anew", func(t *testing.T, l *Log) { forge(t, l, 2, func(k *link) { k.outcome = "refused" }) }, 1, "entries 1 to 2 were written anew"},
		{"a new entry changed, and every hash computed anew", func(t *testing.T, l *Log) { forge(t, l, 5, func(k *link) { k.outcome = "refused" }) }, 4, "the head was written by somebody else"},
		{"the last checkpoint removed", sqlOf("delete from audit_checkpoint where number = 2"), 3, "checkpoint 2 is missing"},
		{"the last checkpoint removed, and the head told", func(t *testing.T, l *Log) {
			alter(t, l, "delete from audit_checkpoint where number = 2")
			alter(t, l, "update audit_head set checkpoints = 1")
		}, 3, "the head was written by somebody else"},
		{"the first checkpoint removed", sqlOf("delete from audit_checkpoint where number = 1"), 1, "checkpoint 1 is missing"},
		{"a checkpoint forged", sqlOf("update audit_checkpoint set entry = 1 where number = 1"), 1, "checkpoint 1 was not signed by this hub"},
		{"a checkpoint put in", sqlOf("insert into audit_checkpoint (number, entry, hash, entries, at, before, signature) values (3, 5, 'x', 2, 1, 'x', 'x')"), 4, "checkpoint 3 was not signed"},
		{"entries below a checkpoint removed, as if retired", func(t *testing.T, l *Log) {
			alter(t, l, "delete from audit_entry where seq <= 2")
			alter(t, l, "update audit_head set retired = 2")
		}, 4, "the head was written by somebody else"},
		{"entries removed up to where no checkpoint is", func(t *testing.T, l *Log) {
			alter(t, l, "delete from audit_entry where seq <= 1")
			alter(t, l, "update audit_head set retired = 1")
		}, 2, "no genuine checkpoint covers them"},
		{"the seal wiped, and the hub writes on", func(t *testing.T, l *Log) {
			alter(t, l, "update audit_head set seal = ''")
			for range 2 {
				if err := l.Store.InTx(t.Context(), "test", func(tx *store.Tx) error {
					return l.Record(t.Context(), tx, Entry{Actor: "person:bo", Action: "y", Target: "c1", Outcome: "done"})
				}); err != nil {
					t.Fatal(err)
				}
			}
		}, 4, "the head was written by somebody else"},
		{"the key replaced", func(_ *testing.T, l *Log) { l.Key = vault.NewSecret("another") }, 1, "checkpoint 1 was not signed by this hub"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forTest(t, func(t *testing.T, l *Log, record func(string, string)) {
				signed(t, l, record)
				if v, err := l.Verify(t.Context()); err != nil || !v.OK || v.Checked != 5 || v.Checkpoints != 2 {
					t.Fatalf("before: %+v %v", v, err)
				}
				tt.do(t, l)
				v, err := l.Verify(t.Context())
				if err != nil || v.OK || v.FirstFault != tt.first || !strings.Contains(v.Fault, tt.fault) {
					t.Errorf("got %+v %v, want first fault %d: %s", v, err, tt.first, tt.fault)
				}
				if _, err := l.Checkpoint(t.Context()); fault.CodeOf(err) != "audit_broken" {
					t.Errorf("it was signed all the same: %v", err)
				}
			})
		})
	}
}

func sqlOf(query string) func(*testing.T, *Log) {
	return func(t *testing.T, l *Log) { t.Helper(); alter(t, l, query) }
}

// What is retired goes below a checkpoint alone, and the rest stays proven.
func TestRetiringKeepsTheRestProven(t *testing.T) {
	forTest(t, func(t *testing.T, l *Log, record func(string, string)) {
		record("person:carla", "before anybody else")
		signed(t, l, record) // the first checkpoint covers three entries, the second one more
		points, err := l.Checkpoints(t.Context())
		if err != nil || len(points) != 2 {
			t.Fatal(points, err)
		}
		retire := func(before time.Time) (n int64) {
			t.Helper()
			if err := l.Store.InTx(t.Context(), "retire", func(tx *store.Tx) (err error) {
				n, err = l.Retire(t.Context(), tx, before, 2)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := retire(points[0].At); n != 0 {
			t.Errorf("%d entries went that no checkpoint of before covers", n)
		}
		if n := retire(points[1].At); n != 2 {
			t.Errorf("%d entries, want 2 of 3", n)
		}
		// In the middle of it: one retired entry is still there, and counts no more.
		for want := int64(1); want >= 0; want-- {
			v, err := l.Verify(t.Context())
			if err != nil || !v.OK || v.From != 4 || v.Checked != 3 || v.Checkpoints != 2 {
				t.Errorf("got %+v %v", v, err)
			}
			if list, err := l.List(t.Context(), 0, 10); err != nil || len(list) != 3 {
				t.Errorf("%d listed %v", len(list), err)
			}
			if n := retire(points[1].At); n != want {
				t.Errorf("%d more, want %d", n, want)
			}
		}
		record("person:ana", "goes on")
		if v, err := l.Verify(t.Context()); err != nil || !v.OK || v.Checked != 4 {
			t.Errorf("got %+v %v", v, err)
		}
		names, err := store.Select(t.Context(), l.Store.Reader(), func(r store.Scanner) (n string, err error) { return n, r.Scan(&n) }, "select name from audit_name")
		if err != nil || fmt.Sprint(names) != "[person:ana]" {
			t.Errorf("names that no entry uses stay: %v %v", names, err)
		}
	})
}

// A record of before there were signatures is signed from then on, once, and says so.
func TestAnUnsignedRecordIsSignedFromNowOn(t *testing.T) {
	store.ForTest(t, []fs.FS{vault.Migrations, Migrations}, func(t *testing.T, s *store.Store) {
		master := vault.MasterKey{Value: vault.NewSecret("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")}
		v, _, err := vault.Open(t.Context(), s, clock.Real{}, master)
		if err != nil {
			t.Fatal(err)
		}
		l := &Log{Store: s, Clock: clock.Real{}, Key: vault.NewSecret("of no importance")}
		record := func(action string) {
			t.Helper()
			if err := s.InTx(t.Context(), "test", func(tx *store.Tx) error {
				return l.Record(t.Context(), tx, Entry{Actor: "local:root", Action: action, Outcome: "done"})
			}); err != nil {
				t.Fatal(err)
			}
		}
		record("old")
		alter(t, l, "update audit_head set seal = ''")
		for range 2 {
			if err := l.OpenKey(t.Context(), v); err != nil {
				t.Fatal(err)
			}
		}
		record("new")
		entries, err := l.List(t.Context(), 0, 10)
		if verdict, e := l.Verify(t.Context()); err != nil || e != nil || !verdict.OK || len(entries) != 3 || entries[1].Action != "audit.signing" {
			t.Errorf("%+v %v %+v", verdict, e, entries)
		}
	})
}

func TestFiltersFindWhatTheyName(t *testing.T) {
	forTest(t, func(t *testing.T, l *Log, record func(string, string)) {
		begin := l.Clock.Now()
		record("person:ana", "mail.message.send")
		record("person:ana_b", "mailbox.add")
		l.Clock.(*clock.Adjustable).Advance(time.Hour)
		record("apikey:ci", "mail.message.list")
		record("person:100%", "connection.add")
		for _, tt := range []struct {
			name string
			q    Query
			want string
		}{
			{"all", Query{}, "4321"},
			{"a person by the whole name", Query{Actor: "person:ana"}, "1"},
			{"a person by name alone; an underscore is no joker", Query{Actor: "ana_b"}, "2"},
			{"a percent sign is no joker", Query{Actor: "100%"}, "4"},
			{"nobody", Query{Actor: "%"}, ""},
			{"an action", Query{Action: "mail.message.send"}, "1"},
			{"how actions begin, whole words", Query{Action: "mail"}, "31"},
			{"since", Query{Since: begin.Add(time.Minute)}, "43"},
			{"until", Query{Until: begin.Add(time.Minute)}, "21"},
			{"before a number", Query{Before: 3}, "21"},
			{"outcome and target", Query{Outcome: "done", Target: "c1", Action: "mailbox.add"}, "2"},
			{"another target", Query{Target: "c2"}, ""},
		} {
			if tt.q.Limit = 10; true {
				got := ""
				entries, err := l.Find(t.Context(), tt.q)
				for _, e := range entries {
					got += fmt.Sprint(e.Seq)
				}
				if err != nil || got != tt.want {
					t.Errorf("%s: got %q %v, want %q", tt.name, got, err, tt.want)
				}
			}
		}
	})
}

func TestAnExportIsWholeAndCanBeChecked(t *testing.T) {
	forTest(t, func(t *testing.T, l *Log, record func(string, string)) {
		const many = exportPage + 7
		for range many {
			record("person:ana", "mail.message.send")
		}
		record("=1+1", "x")
		var out strings.Builder
		if n, err := l.Copy(t.Context(), &out, JSONL, Query{}, true); err != nil || n != many+1 {
			t.Fatal(n, err)
		}
		prev := ""
		for line := range strings.Lines(out.String()) {
			var e Entry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			detail, err := json.Marshal(e.Detail)
			if err != nil {
				t.Fatal(err)
			}
			k := link{seq: e.Seq, at: store.Millis(e.At), actor: e.Actor, action: e.Action, target: e.Target, outcome: e.Outcome, run: e.Run, requestID: e.RequestID, detail: string(detail)}
			if prev = k.hash(prev); prev != e.Hash {
				t.Fatalf("entry %d does not give its hash", e.Seq)
			}
		}
		out.Reset()
		if n, err := l.Copy(t.Context(), &out, CSV, Query{Actor: "=1+1"}, false); err != nil || n != 1 || !strings.Contains(out.String(), ",'=1+1,x,") {
			t.Errorf("%d %v %s", n, err, out.String())
		}
	})
}
