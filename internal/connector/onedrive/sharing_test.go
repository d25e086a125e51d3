package onedrive_test

import (
	"slices"
	"strings"
	"testing"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/onedrive"
	"seneschal/internal/fault"
)

const ben = "ben@contoso.example"

// granted lists an item's permissions beside its owner's.
func granted(b *bench.Bench, path string) []onedrive.Permission {
	b.Helper()
	all := bench.Do[onedrive.PermissionList](b, "drive.permission.list", bench.In{"user": ada, "path": path}).Permissions
	return slices.DeleteFunc(all, func(p onedrive.Permission) bool { return slices.Contains(p.Roles, "owner") })
}

// Whom an item is shared with is read back, changed and taken away, in both modes.
func TestSharingIsReadBackInBothModes(t *testing.T) {
	for _, through := range []string{bench.App, bench.Person} {
		b := start(t)
		file := func(more bench.In) bench.In {
			in := bench.Named(through, bench.In{"path": "Documents/Welcome.txt"})
			for k, v := range more {
				in[k] = v
			}
			return in
		}
		list := func() []onedrive.Permission {
			return bench.Do[onedrive.PermissionList](b, "drive.permission.list", file(nil), bench.Through(through)).Permissions
		}
		if got := list(); len(got) != 1 || got[0].Roles[0] != "owner" || len(got[0].People) != 1 || got[0].People[0].Name == "" {
			t.Fatalf("%s: at first: got %+v", through, got)
		}
		link := bench.Do[onedrive.Permission](b, "drive.link.create", file(bench.In{"type": "edit"}), bench.Through(through))
		if link.Link == nil || link.Link.Type != "edit" || link.Link.Scope != "organization" || link.Link.URL == "" || link.Roles[0] != "write" {
			t.Fatalf("%s: link: got %+v", through, link)
		}
		if again := bench.Do[onedrive.Permission](b, "drive.link.create", file(bench.In{"type": "edit"}), bench.Through(through)); again.ID != link.ID {
			t.Errorf("%s: a second link of its kind: got %+v", through, again)
		}
		open := bench.Do[onedrive.Permission](b, "drive.link.create", file(bench.In{"scope": "anonymous", "expires": "2031-01-01T00:00:00Z"}), bench.Through(through))
		if open.Link.Scope != "anonymous" || open.Link.Type != "view" || open.Expires.Year() != 2031 {
			t.Errorf("%s: for anybody: got %+v", through, open)
		}
		invited := bench.Do[onedrive.PermissionList](b, "drive.item.invite", file(bench.In{"people": []string{ben}}), bench.Through(through)).Permissions
		if len(invited) != 1 || invited[0].Invited != ben || invited[0].Roles[0] != "read" || len(invited[0].People) != 1 || invited[0].People[0].Kind != "user" {
			t.Fatalf("%s: invited: got %+v", through, invited)
		}
		ref := file(bench.In{"permission": invited[0].ID, "role": "write"})
		bench.Do[onedrive.Permission](b, "drive.permission.update", ref, bench.Through(through))
		delete(ref, "role")
		if got := bench.Do[onedrive.Permission](b, "drive.permission.get", ref, bench.Through(through)); got.Roles[0] != "write" || got.Invited != ben {
			t.Errorf("%s: changed: got %+v", through, got)
		}
		if got := list(); len(got) != 4 {
			t.Errorf("%s: got %+v", through, got)
		}
		for _, id := range []string{link.ID, open.ID, invited[0].ID} {
			bench.Do[onedrive.Deleted](b, "drive.permission.delete", file(bench.In{"permission": id}), bench.Through(through))
		}
		if got := list(); len(got) != 1 {
			t.Errorf("%s: in the end: got %+v", through, got)
		}
		if f := b.Refused("drive.permission.get", ref, bench.Through(through)); f.Kind != fault.NotFound {
			t.Errorf("%s: after deleting: got %v", through, f)
		}
	}
}

// What comes from a folder is seen below it, and changed at the folder alone.
func TestWhatIsInheritedIsChangedWhereItComesFrom(t *testing.T) {
	b := start(t)
	given := bench.Do[onedrive.PermissionList](b, "drive.item.invite", bench.In{"user": ada, "path": "Documents", "people": []string{ben}}).Permissions[0]
	folder := bench.Do[onedrive.Item](b, "drive.item.get", bench.In{"user": ada, "path": "Documents"})
	below := granted(b, "Documents/Welcome.txt")
	if len(below) != 1 || below[0].ID != given.ID || !below[0].Inherited || below[0].InheritedFrom != folder.ID {
		t.Fatalf("got %+v", below)
	}
	for name, in := range map[string]bench.In{"drive.permission.update": {"role": "write"}, "drive.permission.delete": {}} {
		in["user"], in["path"], in["permission"] = ada, "Documents/Welcome.txt", given.ID
		if f := b.Refused(name, in); f.Code != "permission_inherited" || !strings.Contains(f.Fix, "inherited_from") {
			t.Errorf("%s: got %v", name, f)
		}
	}
	bench.Do[onedrive.Deleted](b, "drive.permission.delete", bench.In{"user": ada, "path": "Documents", "permission": given.ID})
	if got := granted(b, "Documents/Welcome.txt"); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

// mailed counts the invitations that Microsoft mailed.
func mailed(b *bench.Bench) int { return b.Sim.Counters()["invitations_mailed"] }

// Nobody is mailed unless it is asked for; then once, whatever is lost.
func TestNobodyIsMailedUnlessAskedFor(t *testing.T) {
	in := bench.In{"user": ada, "path": "Documents/Welcome.txt", "people": []string{ben}}
	asked := bench.In{"user": ada, "path": "Documents/Welcome.txt", "people": []string{ben}, "send_invitation": true, "message": "Please read."}
	b := start(t)
	bench.Do[onedrive.PermissionList](b, "drive.item.invite", in)
	b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/invite")) // sent again by itself
	bench.Do[onedrive.PermissionList](b, "drive.item.invite", in)
	if n := mailed(b); n != 0 {
		t.Errorf("%d mails for nothing", n)
	}
	bench.Do[onedrive.PermissionList](b, "drive.item.invite", asked)
	if n := mailed(b); n != 1 {
		t.Errorf("%d mails, want one", n)
	}
	for _, lost := range bench.Losses("/invite") {
		t.Run(lost.Name, func(t *testing.T) {
			b := start(t)
			b.MadeOnce("drive.item.invite", asked, lost, func() int { return mailed(b) })
			if got := granted(b, "Documents/Welcome.txt"); len(got) != 1 || got[0].Invited != ben {
				t.Errorf("got %+v", got)
			}
		})
	}
	t.Run("where they had it before it cannot be told", func(t *testing.T) {
		b := start(t)
		bench.Do[onedrive.PermissionList](b, "drive.item.invite", in)
		b.Fault(bench.FaultAt("reset", "POST", "/invite"))
		run := b.Unclear("drive.item.invite", asked)
		b.Pass(once.Settled + 1)
		if got := b.Look(run); got != action.Unclear {
			t.Errorf("got %s", got)
		}
	})
}

// A link is made once, whatever is lost.
func TestALinkIsMadeOnce(t *testing.T) {
	for _, kind := range []string{"timeout_after_accept", "truncate", "reset"} {
		b := start(t)
		b.Fault(bench.FaultAt(kind, "POST", "/createLink"))
		bench.Do[onedrive.Permission](b, "drive.link.create", bench.In{"user": ada, "path": "Documents"})
		if got := granted(b, "Documents"); len(got) != 1 {
			t.Errorf("%s: got %+v", kind, got)
		}
	}
}

func TestSharingRefusals(t *testing.T) {
	b := start(t)
	file := bench.In{"user": ada, "path": "Documents/Welcome.txt"}
	off := bench.FaultAt("status", "POST", "/createLink")
	off.Status, off.Code = 403, "accessDenied"
	b.Fault(off)
	for _, tt := range []struct {
		name, action string
		more         bench.In
		through      string
		kind         fault.Kind
		code         string
	}{
		{"links for anybody turned off", "drive.link.create", bench.In{"scope": "anonymous"}, bench.App, fault.NeedsAdmin, "sharing_refused"},
		{"a new guest, as an app", "drive.item.invite", bench.In{"people": []string{"new@elsewhere.example"}}, bench.App, fault.NeedsAdmin, "sharing_refused"},
		{"a permission that is none", "drive.permission.get", bench.In{"permission": "none"}, bench.App, fault.NotFound, "itemNotFound"},
		{"a permission that is none, changed", "drive.permission.update", bench.In{"permission": "none", "role": "read"}, bench.App, fault.NotFound, "itemNotFound"},
	} {
		in := bench.In{}
		for _, from := range []bench.In{file, tt.more} {
			for k, v := range from {
				in[k] = v
			}
		}
		if f := b.Refused(tt.action, in, bench.Through(tt.through)); f.Kind != tt.kind || f.Code != tt.code || f.Fix == "" {
			t.Errorf("%s: got %s %s %+v", tt.name, f.Kind, f.Code, f)
		}
	}
	guest := bench.Do[onedrive.PermissionList](b, "drive.item.invite", bench.In{"path": "Documents/Welcome.txt", "people": []string{"new@elsewhere.example"}}, bench.Through(bench.Person)).Permissions
	if len(guest) != 1 || guest[0].Invited != "new@elsewhere.example" || len(guest[0].People) != 0 {
		t.Errorf("a new guest, as a person: got %+v", guest)
	}
}
