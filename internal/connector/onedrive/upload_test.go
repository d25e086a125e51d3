package onedrive_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/onedrive"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/sim"
)

// fragment is what the client sends at once.
const fragment = 32 * 327_680

// content is a file of which no two places are alike.
func content(size int) []byte {
	b := bytes.NewBuffer(make([]byte, 0, size+16))
	for i := 0; b.Len() < size; i++ {
		_, _ = fmt.Fprintf(b, "%015d\n", i) // a buffer takes everything
	}
	return b.Bytes()[:size]
}

func read(b *bench.Bench, in bench.In, opts ...bench.Option) []byte {
	b.Helper()
	var out bytes.Buffer
	bench.Do[onedrive.Downloaded](b, "drive.item.download", in, append(opts, bench.Out(&out))...)
	return out.Bytes()
}

// Files of every size come back as they were, whole and in parts.
func TestAFileIsReadBackInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		for _, size := range []int{0, 1, 3_999_999, 4_000_000, fragment, fragment + 1, 2*fragment + 12_345} {
			want, name := content(size), fmt.Sprintf("%s %d.bin", through, size)
			made := bench.Do[onedrive.Item](b, "drive.item.upload", bench.Named(through, bench.In{"folder_path": "Documents", "name": name}), bench.Through(through), b.File("file", "x", want))
			if made.Name != name || made.Size != int64(size) || made.Kind != "file" {
				t.Errorf("%s: made %+v", name, made)
			}
			if got := read(b, bench.Named(through, bench.In{"item": made.ID}), bench.Through(through)); !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes came back, or other ones", name, len(got))
			}
			from, to := min(size, 7), min(size, 1007)
			if got := read(b, bench.Named(through, bench.In{"path": "Documents/" + name, "offset": from, "length": 1000}), bench.Through(through)); !bytes.Equal(got, want[from:to]) {
				t.Errorf("%s: a part is another: %d bytes", name, len(got))
			}
		}
	}
}

func TestDownloadRefusals(t *testing.T) {
	b := start(t)
	for _, tt := range []struct {
		name  string
		in    bench.In
		field string
	}{
		{"a folder", bench.In{"user": ada, "path": "Documents"}, "item"},
		{"behind the end", bench.In{"user": ada, "path": "Documents/Welcome.txt", "offset": 1000}, "offset"},
	} {
		var out bytes.Buffer
		if f := b.Refused("drive.item.download", tt.in, bench.Out(&out)); len(f.Fields) == 0 || f.Fields[0].Name != tt.field || out.Len() > 0 {
			t.Errorf("%s: got %v", tt.name, f)
		}
	}
	if f := b.Refused("drive.item.download", bench.In{"user": ada, "path": "Documents/Welcome.txt"}); f.Code != "stream_only" {
		t.Errorf("where no stream fits: got %v", f)
	}
}

// A download that breaks off goes on where it was; one whose file is changed meanwhile ends with an error, never with a mixture.
func TestADownloadThatBreaksOff(t *testing.T) {
	b := start(t)
	want := content(3_000_000)
	made := bench.Do[onedrive.Item](b, "drive.item.upload", bench.In{"user": ada, "name": "Broken.bin"}, b.File("file", "x", want))
	b.Fault(bench.FaultAt("truncate", "GET", "/drive-download/"))
	if got := read(b, bench.In{"user": ada, "item": made.ID}); !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, or other ones", len(got))
	}
	b.Fault(bench.FaultAt("truncate", "GET", "/drive-download/"))
	changing := &changer{b: b, item: made.Name}
	if f := b.Refused("drive.item.download", bench.In{"user": ada, "item": made.ID}, bench.Out(changing)); f.Code != "changed_meanwhile" {
		t.Errorf("a file that changes: got %v", f)
	}
}

// changer changes the file with the first bytes that come.
type changer struct {
	b    *bench.Bench
	item string
	done bool
}

func (c *changer) Write(p []byte) (int, error) {
	if !c.done {
		c.done = true
		bench.Do[onedrive.Item](c.b, "drive.item.upload", bench.In{"user": ada, "name": c.item, "conflict": "replace"}, c.b.File("file", "x", content(3_000_000)))
	}
	return len(p), nil
}

func TestConflicts(t *testing.T) {
	for _, size := range []int{10, 5_000_000} {
		b := start(t)
		put := func(name, conflict string, b2 []byte) onedrive.Item {
			t.Helper()
			return bench.Do[onedrive.Item](b, "drive.item.upload", bench.In{"user": ada, "folder_path": "Documents", "name": name, "conflict": conflict}, b.File("file", "x", b2))
		}
		first := put("A.bin", "fail", content(size))
		if f := b.Refused("drive.item.upload", bench.In{"user": ada, "folder_path": "Documents", "name": "a.BIN"}, b.File("file", "x", content(size))); f.Kind != fault.Conflict || f.Code != "nameAlreadyExists" {
			t.Errorf("%d bytes, fail: got %v", size, f)
		}
		if second := put("A.bin", "rename", content(size)); second.Name != "A 1.bin" || second.ID == first.ID {
			t.Errorf("%d bytes, rename: got %+v", size, second)
		}
		replaced := put("A.bin", "replace", content(size+1))
		if replaced.ID != first.ID || replaced.ContentMark == first.ContentMark || !bytes.Equal(read(b, bench.In{"user": ada, "item": first.ID}), content(size+1)) {
			t.Errorf("%d bytes, replace: got %+v, was %+v", size, replaced, first)
		}
		if f := b.Refused("drive.item.upload", bench.In{"user": ada, "name": "Documents", "conflict": "replace"}, b.File("file", "x", content(size))); f.Kind != fault.Conflict {
			t.Errorf("%d bytes, a folder replaced: got %v", size, f)
		}
		if diff := cmp.Diff([]string{"Welcome.txt", "A.bin", "A 1.bin"}, names(b, "Documents")); diff != "" {
			t.Error(diff)
		}
	}
}

func TestUploadRefusals(t *testing.T) {
	b := start(t)
	if err := b.Sim.SetLimits(sim.Limits{DriveBytes: 6_000_000}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		in   bench.In
		size int
		code string
	}{
		{"a drive that is full, a large file", bench.In{"name": "A.bin"}, 7_000_000, "quota_full"},
		{"fits", bench.In{"name": "B.bin"}, 3_500_000, ""},
		{"a drive that is full, a small file", bench.In{"name": "C.bin"}, 3_000_000, "quota_full"},
		{"a folder that is none", bench.In{"name": "D.bin", "folder_path": "None"}, 1, "itemNotFound"},
		{"a folder that is none, by id", bench.In{"name": "D.bin", "folder": "none"}, 1, "itemNotFound"},
	} {
		_, err := b.Call("drive.item.upload", bench.Named(bench.App, tt.in), b.File("file", "x", content(tt.size)))
		if code := fault.CodeOf(err); code != tt.code {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.code)
		}
	}
}

// taken counts the pieces that sessions took.
func taken(b *bench.Bench) int {
	n := 0
	for _, r := range b.Sim.Requests() {
		if r.Method == http.MethodPut && strings.Contains(r.Path, "/drive-upload/") && r.Status < 300 {
			n++
		}
	}
	return n
}

// An upload that was stopped goes on with the same key and sends no piece again that Microsoft has; where its session has expired it begins anew.
func TestAnUploadThatWasStoppedGoesOn(t *testing.T) {
	for _, tt := range []struct {
		name   string
		pause  time.Duration
		pieces int
	}{
		{"at once", 0, 4},
		{"when the session has expired", 25 * time.Hour, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t)
			want := content(3*fragment + 100)
			in, key := bench.In{"user": ada, "name": "Large.bin"}, bench.Key("the same")
			stop := bench.FaultAt("status", "PUT", "/drive-upload/")
			stop.Status, stop.After = http.StatusInsufficientStorage, 2
			b.Fault(stop)
			if f := b.Refused("drive.item.upload", in, key, b.File("file", "x", want)); f.Code != "quota_full" {
				t.Fatalf("got %v", f)
			}
			if n := taken(b); n != 2 {
				t.Fatalf("%d pieces were taken before the stop", n)
			}
			b.Pass(tt.pause)
			made := bench.Do[onedrive.Item](b, "drive.item.upload", in, key, b.File("file", "x", want))
			if n := taken(b); n != tt.pieces {
				t.Errorf("%d pieces were taken, want %d", n, tt.pieces)
			}
			if !bytes.Equal(read(b, bench.In{"user": ada, "item": made.ID}), want) {
				t.Error("other bytes came back")
			}
		})
	}
}

// A file is uploaded once, whatever is lost.
func TestUploadOnce(t *testing.T) {
	for _, tt := range []struct {
		name     string
		size     int
		conflict string
		fault    sim.Fault
		unclear  bool
		tooSoon  action.State
		state    action.State
		want     []string
	}{
		{"a small one whose answer is lost", 10, "fail", bench.FaultAt("timeout_after_accept", "PUT", "/content"), false, "", "", []string{"Welcome.txt", "A.bin"}},
		{"a small one under a new name whose answer is lost", 10, "rename", bench.FaultAt("timeout_after_accept", "PUT", "/content"), true, action.Done, action.Done, []string{"Welcome.txt", "A.bin"}},
		{"a small one under a new name whose request is lost", 10, "rename", bench.FaultAt("reset", "PUT", "/content"), true, action.Unclear, action.Refused, []string{"Welcome.txt"}},
		{"a large one whose last answer is lost", 5_000_000, "fail", bench.FaultAt("timeout_after_accept", "PUT", "/drive-upload/"), false, "", "", []string{"Welcome.txt", "A.bin"}},
		{"a large one with a piece lost", 5_000_000, "fail", bench.FaultAt("reset", "PUT", "/drive-upload/"), false, "", "", []string{"Welcome.txt", "A.bin"}},
		{"a large one whose session's answer is lost", 5_000_000, "rename", bench.FaultAt("timeout_after_accept", "POST", "/createUploadSession"), false, "", "", []string{"Welcome.txt", "A.bin"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t)
			b.Fault(tt.fault)
			in := bench.In{"user": ada, "folder_path": "Documents", "name": "A.bin", "conflict": tt.conflict}
			if !tt.unclear {
				bench.Do[onedrive.Item](b, "drive.item.upload", in, b.File("file", "x", content(tt.size)))
			} else {
				run := b.Unclear("drive.item.upload", in, b.File("file", "x", content(tt.size)))
				b.Becomes(run, tt.tooSoon, tt.state)
			}
			if diff := cmp.Diff(tt.want, names(b, "Documents")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// holes is a file of zeroes that nobody has to write.
type holes struct{}

func (holes) ReadAt(b []byte, _ int64) (int, error) {
	clear(b)
	return len(b), nil
}

// A file of 250 GB, the largest there is, goes on where Microsoft says, however far behind that is, and is read from there.
func TestTheLargestFileGoesOnNearItsEnd(t *testing.T) {
	const size, near = 250 << 30, 250<<30 - fragment
	b := start(t)
	g := b.Client(t.Context(), bench.App)
	owner, err := g.Owner(ada)
	if err != nil {
		t.Fatal(err)
	}
	at := owner.Drive().FileIn("", "Huge.bin").Sub("createUploadSession")
	s, err := graph.Post[graph.UploadSession](t.Context(), g, at, graph.UploadStart{Item: graph.UploadProperties{ConflictBehavior: "fail"}})
	if err == nil {
		err = b.Sim.ReceiveUploads(near)
	}
	if err == nil {
		s, err = g.UploadStanding(t.Context(), at, s.UploadURL)
	}
	if err != nil {
		t.Fatal(err)
	}
	made, err := g.UploadFile(t.Context(), at, s, holes{}, size, func(int64) {})
	if err != nil || made.Size != size || taken(b) != 1 {
		t.Fatalf("got %+v, %v, with %d pieces", made, err, taken(b))
	}
	if got := read(b, bench.In{"user": ada, "item": made.ID, "offset": int64(size - 5)}); !bytes.Equal(got, make([]byte, 5)) {
		t.Errorf("its end is %q", got)
	}
}
