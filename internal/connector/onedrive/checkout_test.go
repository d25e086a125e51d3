package onedrive_test

import (
	"bytes"
	"testing"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/onedrive"
	"seneschal/internal/connector/sharepoint"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// inProjects is a file of a library that the app and the person both reach.
func inProjects(more bench.In) bench.In {
	in := bench.In{"site": "https://contoso.sharepoint.com/sites/projects", "path": "Plan.docx"}
	for k, v := range more {
		in[k] = v
	}
	return in
}

func library(t *testing.T) (b *bench.Bench, put func(through string, size int) error) {
	t.Helper()
	b = start(t)
	b.Connections.Probes[m365.SharePoint] = sharepoint.Probe
	b.Also(m365.SharePoint)
	put = func(through string, size int) error {
		_, err := b.Call("drive.item.upload", bench.In{"site": "https://contoso.sharepoint.com/sites/projects", "name": "Plan.docx", "conflict": "replace"}, bench.Through(through), b.File("file", "x", content(size)))
		return err
	}
	if err := put(bench.App, 10); err != nil {
		t.Fatal(err)
	}
	return b, put
}

// A file that one has checked out is changed by nobody else, who is told by whom; it is seen by another action, and ends in either way.
func TestACheckOutIsReadBackInBothModes(t *testing.T) {
	for _, tt := range []struct{ one, other, called string }{{bench.App, bench.Person, "app "}, {bench.Person, bench.App, "Ada"}} {
		b, put := library(t)
		do := func(through, name string) onedrive.Item {
			t.Helper()
			return bench.Do[onedrive.Item](b, name, inProjects(nil), bench.Through(through))
		}
		if out := do(tt.one, "drive.item.check_out"); !bytes.HasPrefix([]byte(out.CheckedOutBy), []byte(tt.called)) {
			t.Fatalf("%s: got %+v", tt.one, out)
		}
		if again := do(tt.one, "drive.item.check_out"); again.CheckedOutBy == "" || b.Sent("POST", "/checkout") != 1 {
			t.Errorf("%s: again: got %+v", tt.one, again)
		}
		if seen := do(tt.other, "drive.item.get"); seen.CheckedOutBy != do(tt.one, "drive.item.get").CheckedOutBy || seen.CheckedOutBy == "" {
			t.Errorf("%s: seen as %+v", tt.other, seen)
		}
		for _, refused := range []struct {
			name string
			more bench.In
		}{{"drive.item.check_out", nil}, {"drive.item.check_in", nil}, {"drive.item.rename", bench.In{"name": "x.docx"}}, {"drive.item.delete", nil}, {"drive.version.restore", bench.In{"version": "1.0"}}} {
			if f := b.Refused(refused.name, inProjects(refused.more), bench.Through(tt.other)); f.Code != "checked_out" || f.Kind != fault.Conflict || f.Who != do(tt.one, "drive.item.get").CheckedOutBy {
				t.Errorf("%s through %s: got %+v", refused.name, tt.other, f)
			}
		}
		for _, size := range []int{20, 5_000_000} {
			if err := put(tt.other, size); fault.CodeOf(err) != "checked_out" {
				t.Errorf("%s: %d bytes: got %v", tt.other, size, err)
			}
		}
		if err := put(tt.one, 30); err != nil {
			t.Errorf("%s: its own file: %v", tt.one, err)
		}
		if in := bench.Do[onedrive.Item](b, "drive.item.check_in", inProjects(bench.In{"comment": "Finished."}), bench.Through(tt.one)); in.CheckedOutBy != "" || in.Size != 30 {
			t.Errorf("%s: checked in: got %+v", tt.one, in)
		}
		if f := b.Refused("drive.item.check_in", inProjects(nil), bench.Through(tt.one)); f.Code != "not_checked_out" {
			t.Errorf("%s: twice: got %+v", tt.one, f)
		}
		do(tt.other, "drive.item.check_out")
		if err := put(tt.other, 40); err != nil {
			t.Fatal(err)
		}
		if back := do(tt.other, "drive.item.check_out.discard"); back.CheckedOutBy != "" || back.Size != 30 {
			t.Errorf("%s: discarded: got %+v", tt.other, back)
		}
	}
}

// An app ends anybody's check-out, a person their own alone: driveitem-discardcheckout.md.
func TestWhoMayDiscardACheckOut(t *testing.T) {
	b, _ := library(t)
	bench.Do[onedrive.Item](b, "drive.item.check_out", inProjects(nil))
	if f := b.Refused("drive.item.check_out.discard", inProjects(nil), bench.Through(bench.Person)); f.Code != "checked_out" {
		t.Errorf("an app's, by a person: got %+v", f)
	}
	bench.Do[onedrive.Item](b, "drive.item.check_out.discard", inProjects(nil))
	bench.Do[onedrive.Item](b, "drive.item.check_out", inProjects(nil), bench.Through(bench.Person))
	if got := bench.Do[onedrive.Item](b, "drive.item.check_out.discard", inProjects(nil)); got.CheckedOutBy != "" {
		t.Errorf("a person's, by an app: got %+v", got)
	}
	if f := b.Refused("drive.item.check_out", bench.In{"user": ada, "path": "Documents"}); len(f.Fields) != 1 || f.Fields[0].Name != "item" {
		t.Errorf("a folder: got %+v", f)
	}
}

// What became of a step whose answer was lost is told by the file itself.
func TestACheckOutWhoseAnswerIsLost(t *testing.T) {
	for _, through := range []string{bench.App, bench.Person} {
		b, _ := library(t)
		b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/checkout"))
		run := b.Unclear("drive.item.check_out", inProjects(nil), bench.Through(through))
		b.Becomes(run, action.Done, action.Done)
		b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/checkin"))
		run = b.Unclear("drive.item.check_in", inProjects(nil), bench.Through(through))
		b.Becomes(run, action.Done, action.Done)
		b.Fault(bench.FaultAt("reset", "POST", "/checkout"))
		run = b.Unclear("drive.item.check_out", inProjects(nil), bench.Through(through))
		b.Becomes(run, action.Done, action.Done)
		if got := bench.Do[onedrive.Item](b, "drive.item.get", inProjects(nil)); got.CheckedOutBy == "" {
			t.Errorf("%s: got %+v", through, got)
		}
	}
}
