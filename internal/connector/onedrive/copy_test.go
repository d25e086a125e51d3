package onedrive_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/onedrive"
	"seneschal/internal/fault"
	"seneschal/internal/sim"
)

// A copy is read back with its bytes, a folder with all that is in it, in both modes.
func TestACopyIsReadBackInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		do := func(name string, in bench.In, opts ...bench.Option) onedrive.Item {
			t.Helper()
			return bench.Do[onedrive.Item](b, name, bench.Named(through, in), append(opts, bench.Through(through))...)
		}
		top := do("drive.folder.create", bench.In{"name": "From " + through})
		inner := do("drive.folder.create", bench.In{"folder": top.ID, "name": "Inner"})
		want := content(10_000)
		file := do("drive.item.upload", bench.In{"folder": inner.ID, "name": "A.bin"}, b.File("file", "x", want))
		alone := do("drive.item.copy", bench.In{"item": file.ID, "folder": top.ID, "name": "B.bin"})
		if alone.Name != "B.bin" || alone.FolderID != top.ID || alone.ID == file.ID || alone.Size != int64(len(want)) {
			t.Errorf("%s: a file: got %+v", through, alone)
		}
		whole := do("drive.item.copy", bench.In{"path": "From " + through, "name": "Copy by " + through})
		if whole.Kind != "folder" || whole.Children != 2 || whole.ID == top.ID {
			t.Errorf("%s: a folder: got %+v", through, whole)
		}
		if got := read(b, bench.Named(through, bench.In{"path": "Copy by " + through + "/Inner/A.bin"}), bench.Through(through)); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes came back, or other ones", through, len(got))
		}
		if f := b.Refused("drive.item.copy", bench.Named(through, bench.In{"item": file.ID, "folder": inner.ID}), bench.Through(through)); f.Kind != fault.Conflict {
			t.Errorf("%s: onto itself: got %v", through, f)
		}
		if again := do("drive.item.copy", bench.In{"item": file.ID, "folder": inner.ID, "conflict": "rename"}); again.Name != "A 1.bin" {
			t.Errorf("%s: beside itself: got %+v", through, again)
		}
		if over := do("drive.item.copy", bench.In{"item": file.ID, "folder": top.ID, "name": "B.bin", "conflict": "replace"}); over.Name != "B.bin" {
			t.Errorf("%s: replacing: got %+v", through, over)
		}
	}
}

// An app copies between the drives of people who are listed, a person within their own alone.
func TestACopyIntoAnotherDrive(t *testing.T) {
	b := start(t)
	in := bench.In{"user": ada, "path": "Documents/Welcome.txt", "to_user": ben, "folder_path": "Documents", "name": "From Ada.txt"}
	made := bench.Do[onedrive.Item](b, "drive.item.copy", in)
	if got := bench.Do[onedrive.Item](b, "drive.item.get", bench.In{"user": ben, "path": "Documents/From Ada.txt"}); got.ID != made.ID {
		t.Errorf("got %+v, made %+v", got, made)
	}
	for _, tt := range []struct{ through, user, to string }{{bench.App, ada, "emma@contoso.example"}, {bench.App, "emma@contoso.example", ada}, {bench.Person, "", ben}} {
		out := bench.In{"path": "Documents/Welcome.txt", "to_user": tt.to}
		if tt.user != "" {
			out["user"] = tt.user
		}
		if f := b.Refused("drive.item.copy", out, bench.Through(tt.through)); f.Code != "mailbox_not_listed" {
			t.Errorf("%s to %s through %s: got %v", tt.user, tt.to, tt.through, f)
		}
	}
	if n := b.Sent("POST", "/copy"); n != 1 {
		t.Errorf("%d copies were asked for", n)
	}
}

// The monitor is asked without a token, on a host that is not Graph's, until the copy is done; what it says is told.
func TestACopyIsFollowed(t *testing.T) {
	b := start(t)
	if err := b.Sim.SetLimits(sim.Limits{CopyTime: "2s"}); err != nil {
		t.Fatal(err)
	}
	bench.Do[onedrive.Item](b, "drive.item.copy", bench.In{"user": ada, "path": "Documents", "name": "Slowly"})
	if n := b.Sent("GET", "/drive-monitor/"); n < 2 {
		t.Errorf("the monitor was asked %d times", n)
	}
	b.Fault(bench.FaultAt("copy_fails", "POST", "/copy"))
	if f := b.Refused("drive.item.copy", bench.In{"user": ada, "path": "Documents", "name": "Never"}); f.Code != "copy_failed" || f.Upstream == nil || f.Upstream.Code != "generalException" {
		t.Errorf("a copy that fails: got %+v", f)
	}
	if diff := cmp.Diff([]string{"Documents", "Slowly"}, names(b, "")); diff != "" {
		t.Error(diff)
	}
}

// A copy is made once, whatever is lost: its request, its answer, or the way to its monitor.
func TestACopyIsMadeOnce(t *testing.T) {
	in := bench.In{"user": ada, "path": "Documents/Welcome.txt", "name": "Once.txt"}
	count := func(b *bench.Bench) int {
		return len(slices.DeleteFunc(names(b, ""), func(n string) bool { return !strings.HasPrefix(n, "Once") }))
	}
	for _, lost := range bench.Losses("/copy") {
		if lost.Name == "half of the answer comes" {
			continue // it has no body
		}
		t.Run(lost.Name, func(t *testing.T) {
			b := start(t)
			b.MadeOnce("drive.item.copy", in, lost, func() int { return count(b) })
		})
	}
	for _, tt := range []struct {
		name    string
		takes   string
		pass    time.Duration
		atOnce  action.State
		atLast  action.State
		becomes int
	}{
		{"the monitor is out of reach for a while", "1ms", 0, action.Done, action.Done, 1},
		{"the monitor is out of reach while the copy goes on", "1h", 0, action.Unclear, action.Unclear, 1},
		{"the monitor is forgotten", "1h", 2 * time.Hour, action.Done, action.Done, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t)
			if err := b.Sim.SetLimits(sim.Limits{CopyTime: tt.takes}); err != nil {
				t.Fatal(err)
			}
			broken := bench.FaultAt("status", "GET", "/drive-monitor/")
			broken.Status, broken.Times = 503, 10
			b.Fault(broken)
			run := b.Unclear("drive.item.copy", in)
			b.Sim.ClearFaults()
			b.Pass(tt.pass)
			b.Becomes(run, tt.atOnce, tt.atLast)
			if n := count(b); n != tt.becomes {
				t.Errorf("%d of it", n)
			}
		})
	}
	t.Run("a folder without a monitor is waited for", func(t *testing.T) {
		b := start(t)
		b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/copy"))
		run := b.Unclear("drive.item.copy", bench.In{"user": ada, "path": "Documents", "name": "Once"})
		if got := b.Look(run); got != action.Unclear {
			t.Errorf("at once: got %s", got)
		}
		b.Pass(once.Settled + time.Second)
		if got := b.Look(run); got != action.Done {
			t.Errorf("in the end: got %s", got)
		}
	})
}
