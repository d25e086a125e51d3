package onedrive_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/onedrive"
	"seneschal/internal/fault"
	"seneschal/internal/sim"
)

// tree makes folders and files by their paths; a path that ends with a stroke is a folder.
func tree(b *bench.Bench, through string, files map[string]string, folders ...string) {
	b.Helper()
	for _, path := range folders {
		parent, name := cut(path)
		bench.Do[onedrive.Item](b, "drive.folder.create", bench.Named(through, bench.In{"folder_path": parent, "name": name}), bench.Through(through))
	}
	for path, text := range files {
		parent, name := cut(path)
		bench.Do[onedrive.Item](b, "drive.item.upload", bench.Named(through, bench.In{"folder_path": parent, "name": name, "conflict": "replace"}), b.File("file", name, []byte(text)), bench.Through(through))
	}
}

func cut(path string) (parent, name string) {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[:i], path[i+1:]
		}
	}
	return "", path
}

// A mirror comes to look like its original, and what is alike is not copied again, in both modes.
func TestAFolderIsMirroredInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			from, to := "Original of "+through, "Mirror of "+through
			tree(b, through, map[string]string{from + "/A.txt": "a", from + "/Deep/B.txt": "b", from + "/Deep/Er/C #1 100 %.txt": "c"}, from, from+"/Deep", from+"/Deep/Er", to)
			tree(b, through, map[string]string{to + "/Own.txt": "own"})
			mirror := func(in bench.In) onedrive.Mirrored {
				t.Helper()
				out := bench.Named(through, bench.In{"folder_path": from, "to_folder_path": to})
				for k, v := range in {
					out[k] = v
				}
				return bench.Do[onedrive.Mirrored](b, "drive.folder.mirror", out, bench.Through(through))
			}
			if diff := cmp.Diff(onedrive.Mirrored{Copied: 2, Kept: 1, Bytes: 3}, mirror(nil)); diff != "" { // one file, and one folder with all that is in it
				t.Errorf("at first: %s", diff)
			}
			if got := string(read(b, bench.Named(through, bench.In{"path": to + "/Deep/Er/C #1 100 %.txt"}), bench.Through(through))); got != "c" {
				t.Errorf("deep down: %q", got)
			}
			before := b.Sent("POST", "/copy")
			if diff := cmp.Diff(onedrive.Mirrored{Same: 3, Kept: 1}, mirror(nil)); diff != "" || b.Sent("POST", "/copy") != before {
				t.Errorf("again: %s, and %d copies", diff, b.Sent("POST", "/copy")-before)
			}
			tree(b, through, map[string]string{from + "/Deep/B.txt": "B", from + "/Deep/New.txt": "new"}) // of the same size, and a new one
			if diff := cmp.Diff(onedrive.Mirrored{Same: 2, Copied: 1, Replaced: 1, Removed: 1, Bytes: 4}, mirror(bench.In{"remove": true})); diff != "" {
				t.Errorf("after changes: %s", diff)
			}
			if got := string(read(b, bench.Named(through, bench.In{"path": to + "/Deep/B.txt"}), bench.Through(through))); got != "B" {
				t.Errorf("replaced: %q", got)
			}
			if diff := cmp.Diff(onedrive.Mirrored{Same: 4}, mirror(bench.In{"remove": true})); diff != "" {
				t.Errorf("in the end: %s", diff)
			}
		})
	}
}

// What cannot be mirrored is refused before anything changes.
func TestAMirrorThatWouldDoHarmIsRefused(t *testing.T) {
	b := start(t)
	tree(b, bench.App, map[string]string{"From/Thing/Inside.txt": "x"}, "From", "From/Thing", "From/Inner", "To", "Empty", "Full")
	tree(b, bench.App, map[string]string{"To/Thing": "a file of that name"})
	for i := range 11 {
		tree(b, bench.App, map[string]string{fmt.Sprintf("Full/%d.txt", i): "x"})
	}
	before := b.Sent("POST", "/copy") + b.Sent("DELETE", "/items/")
	for _, tt := range []struct {
		name string
		in   bench.In
		code string
	}{
		{"into itself", bench.In{"folder_path": "From", "to_folder_path": "from"}, "mirror_inside"},
		{"into what is in it", bench.In{"folder_path": "From", "to_folder_path": "From/Inner"}, "mirror_inside"},
		{"over what holds it", bench.In{"folder_path": "From/Inner", "remove": true}, "mirror_inside"},
		{"a folder where a file stands", bench.In{"folder_path": "From", "to_folder_path": "To"}, "other_kind"},
		{"an emptied original", bench.In{"folder_path": "Empty", "to_folder_path": "Full", "remove": true}, "removes_many"},
		{"a file as original", bench.In{"folder_path": "To/Thing", "to_folder_path": "Empty"}, "no_folder"},
		{"a mirror that is not there", bench.In{"folder_path": "From", "to_folder_path": "Nowhere"}, "itemNotFound"},
		{"a drive that is not listed", bench.In{"folder_path": "From", "to_user": "emma@contoso.example"}, "mailbox_not_listed"},
	} {
		if f := b.Refused("drive.folder.mirror", bench.Named(bench.App, tt.in)); f.Code != tt.code || f.Fix == "" {
			t.Errorf("%s: got %+v", tt.name, f)
		}
	}
	for field, in := range map[string]bench.In{
		"to_folder_path": {"folder_path": "From", "to_folder_path": "a//b"}, "folder_path": {"folder": "x", "folder_path": "y"}, "to_library": {"to_library": "Documents"}, "remove_many": {"remove_many": true},
	} {
		if f := b.Refused("drive.folder.mirror", bench.Named(bench.App, in)); f.Kind != fault.Invalid || len(f.Fields) == 0 || f.Fields[0].Name != field {
			t.Errorf("%s: got %+v", field, f)
		}
	}
	if n := b.Sent("POST", "/copy") + b.Sent("DELETE", "/items/"); n != before {
		t.Errorf("%d changes were sent", n-before)
	}
	if got := bench.Do[onedrive.Mirrored](b, "drive.folder.mirror", bench.Named(bench.App, bench.In{"folder_path": "Empty", "to_folder_path": "Full", "remove": true, "remove_many": true})); got.Removed != 11 {
		t.Errorf("on demand: %+v", got)
	}
	if got := bench.Do[onedrive.Mirrored](b, "drive.folder.mirror", bench.Named(bench.App, bench.In{"folder_path": "From", "to_folder_path": "To", "remove": true})); got != (onedrive.Mirrored{Copied: 2, Removed: 1, Bytes: 1}) {
		t.Errorf("making way: %+v", got)
	}
}

// One entry that fails does not keep the others; which it was is told, and the next mirroring makes up for it.
func TestAMirrorThatIsIncompleteSaysWhatIsMissing(t *testing.T) {
	b := start(t)
	tree(b, bench.App, map[string]string{"From/A.txt": "a", "From/B.txt": "b", "From/C.txt": "c"}, "From", "To")
	in := bench.Named(bench.App, bench.In{"folder_path": "From", "to_folder_path": "To"})
	b.Fault(bench.FaultAt("copy_fails", "POST", "/copy"))
	f := b.Refused("drive.folder.mirror", in)
	if f.Code != "mirror_incomplete" || len(f.Fields) != 1 || f.Fix == "" {
		t.Fatalf("got %+v", f)
	}
	if diff := cmp.Diff(onedrive.Mirrored{Same: 2, Copied: 1, Bytes: 1}, bench.Do[onedrive.Mirrored](b, "drive.folder.mirror", in)); diff != "" {
		t.Error(diff)
	}
}

// Whatever is lost on the way, the hub compares again, and nothing is there twice.
func TestAMirrorGoesOnAfterALoss(t *testing.T) {
	for _, tt := range []struct{ name, kind, method, path string }{
		{"the answer to a copy", "timeout_after_accept", "POST", "/copy"},
		{"a copy's request", "reset", "POST", "/copy"},
		{"the way to the monitor", "status", "GET", "/drive-monitor/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t)
			if err := b.Sim.SetLimits(sim.Limits{CopyTime: "1ms"}); err != nil {
				t.Fatal(err)
			}
			tree(b, bench.App, map[string]string{"From/A.txt": "a", "From/Deep/B.txt": "b"}, "From", "From/Deep", "To")
			broken := bench.FaultAt(tt.kind, tt.method, tt.path)
			if tt.kind == "status" {
				broken.Status, broken.Times = 503, 20
			}
			b.Fault(broken)
			run := b.Unclear("drive.folder.mirror", bench.Named(bench.App, bench.In{"folder_path": "From", "to_folder_path": "To"}))
			b.Sim.ClearFaults()
			if got := b.Look(run); got != action.Done {
				t.Errorf("looked at again: %s", got)
			}
			if diff := cmp.Diff([]string{"A.txt", "Deep"}, sortedNames(b, "To")); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"B.txt"}, names(b, "To/Deep")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func sortedNames(b *bench.Bench, folder string) []string {
	b.Helper()
	return slices.Sorted(slices.Values(names(b, folder)))
}
