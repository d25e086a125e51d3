package onedrive_test

import (
	"bytes"
	"testing"

	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/onedrive"
	"seneschal/internal/fault"
)

// What a file was is listed, and comes back with its bytes, in both modes.
func TestVersionsComeBackInBothModes(t *testing.T) {
	for _, through := range []string{bench.App, bench.Person} {
		b := start(t)
		put := func(size int) {
			t.Helper()
			bench.Do[onedrive.Item](b, "drive.item.upload", bench.Named(through, bench.In{"name": "Plan.txt", "conflict": "replace"}), bench.Through(through), b.File("file", "x", content(size)))
		}
		for _, size := range []int{10, 20, 30} {
			put(size)
		}
		ref := bench.Named(through, bench.In{"path": "Plan.txt"})
		list := func() []onedrive.Version {
			t.Helper()
			return bench.Do[onedrive.VersionList](b, "drive.version.list", ref, bench.Through(through)).Versions
		}
		all := list()
		if len(all) != 3 || all[0].Size != 30 || all[2].Size != 10 || all[2].ID == all[0].ID || all[2].ModifiedBy == "" {
			t.Fatalf("%s: got %+v", through, all)
		}
		bench.Do[onedrive.Restored](b, "drive.version.restore", bench.Named(through, bench.In{"path": "Plan.txt", "version": all[2].ID}), bench.Through(through))
		if got := list(); len(got) != 4 || got[0].Size != 10 {
			t.Errorf("%s: got %+v", through, got)
		}
		if got := read(b, ref, bench.Through(through)); !bytes.Equal(got, content(10)) {
			t.Errorf("%s: %d bytes came back", through, len(got))
		}
		if f := b.Refused("drive.version.restore", bench.Named(through, bench.In{"path": "Plan.txt", "version": "99.0"}), bench.Through(through)); f.Kind != fault.NotFound {
			t.Errorf("%s: a version that is none: got %v", through, f)
		}
	}
}
