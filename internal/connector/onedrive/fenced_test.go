package onedrive_test

import (
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"seneschal/internal/connection"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/onedrive"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// named are the actions on drives with what each needs besides the place it works at.
func named(b *bench.Bench) map[string]struct {
	in   bench.In
	opts []bench.Option
} {
	type call = struct {
		in   bench.In
		opts []bench.Option
	}
	item := func(more bench.In) call {
		in := bench.In{"path": "Plan.txt"}
		maps.Copy(in, more)
		return call{in: in}
	}
	return map[string]call{
		"drive.list": {in: bench.In{}}, "drive.get": {in: bench.In{}}, "drive.item.get": item(nil), "drive.item.list": {in: bench.In{}}, "drive.item.search": {in: bench.In{"text": "Plan"}},
		"drive.folder.create": {in: bench.In{"name": "x"}}, "drive.item.move": item(bench.In{"folder_path": "x"}), "drive.item.rename": item(bench.In{"name": "x"}), "drive.item.delete": item(nil),
		"drive.item.upload":   {bench.In{"name": "x"}, []bench.Option{b.File("file", "x", []byte("x"))}},
		"drive.item.download": {bench.In{"path": "Plan.txt"}, []bench.Option{bench.Out(io.Discard)}}, "drive.version.list": item(nil), "drive.version.restore": item(bench.In{"version": "1.0"}),
		"drive.permission.list": item(nil), "drive.permission.get": item(bench.In{"permission": "1"}), "drive.permission.update": item(bench.In{"permission": "1", "role": "read"}),
		"drive.permission.delete": item(bench.In{"permission": "1"}), "drive.link.create": item(nil), "drive.item.invite": item(bench.In{"people": []string{ada}}),
		"drive.item.copy": item(bench.In{"name": "x"}), "drive.folder.mirror": {in: bench.In{"folder_path": "x", "to_folder_path": "y"}},
		"drive.change.list": {in: bench.In{}}, "drive.thumbnail.list": item(nil), "drive.thumbnail.get": item(nil),
		"drive.item.check_out": item(nil), "drive.item.check_in": item(nil), "drive.item.check_out.discard": item(nil), "drive.label.list": item(nil),
	}
}

// A drive is somebody's or a site's: there is no action that reaches one past the lists of mailboxes and sites, so there is no list of drives.
func TestNoActionReachesADriveThatIsNotListed(t *testing.T) {
	b := start(t)
	b.Also(m365.SharePoint)
	calls := named(b)
	for _, a := range onedrive.Actions() {
		if _, known := calls[a.Name]; !known {
			t.Errorf("%s is not tried here", a.Name)
		}
	}
	b.Relist(adaAlone)
	b.Resite(bench.App, false, projects)
	b.Resite(bench.Person, false, projects)
	for _, through := range []string{bench.App, bench.Person} {
		for name, call := range calls {
			for _, place := range []struct{ key, value, code string }{{"user", ben, "mailbox_not_listed"}, {"site", archive, "site_not_listed"}} {
				if name == "drive.list" && place.key == "site" {
					continue // it lists a person's
				}
				in := bench.In{place.key: place.value}
				maps.Copy(in, call.in)
				b.Silent(func() {
					if f := b.Refused(name, in, append(slices.Clone(call.opts), bench.Through(through))...); f.Code != place.code {
						t.Errorf("%s, %s in %s: got %v", through, name, place.value, f)
					}
				})
			}
		}
	}
}

// adaAlone is a list that everybody else is off.
var adaAlone = connection.MailboxList{{Address: ada, Purposes: []connection.Purpose{connection.ForActions}}}

// asked counts the requests about a place, of any method.
func asked(b *bench.Bench, part string) int {
	n := 0
	for _, r := range b.Sim.Requests() {
		if strings.Contains(r.Path, part) {
			n++
		}
	}
	return n
}

// What is copied or mirrored goes nowhere that is not listed; and ids of somebody else's files, folders and drives name nothing in a drive that
// is listed, at either end.
func TestForeignIDsLeadNowhere(t *testing.T) {
	b := start(t)
	b.Also(m365.SharePoint)
	bens := bench.Do[onedrive.Drive](b, "drive.get", bench.In{"user": ben}).ID
	file := bench.Do[onedrive.Item](b, "drive.item.upload", bench.In{"user": ben, "name": "Secret.txt"}, b.File("file", "x", []byte("Ben's."))).ID
	folder := bench.Do[onedrive.Item](b, "drive.folder.create", bench.In{"user": ben, "name": "Inside"}).ID
	archived := bench.Do[onedrive.Item](b, "drive.folder.create", bench.In{"site": archive, "name": "Inside"}).ID
	bench.Do[onedrive.Item](b, "drive.item.upload", bench.In{"user": ada, "name": "Plan.txt"}, b.File("file", "x", []byte("Ada's.")))
	bench.Do[onedrive.Item](b, "drive.folder.create", bench.In{"user": ada, "name": "Mine"})
	b.Relist(adaAlone)
	b.Resite(bench.App, false, projects)
	for _, tt := range []struct {
		name, action string
		in           bench.In
		code         string // "" for what is not found
	}{
		{"copied to somebody else", "drive.item.copy", bench.In{"user": ada, "path": "Plan.txt", "to_user": ben}, "mailbox_not_listed"},
		{"copied to another site", "drive.item.copy", bench.In{"user": ada, "path": "Plan.txt", "to_site": archive}, "site_not_listed"},
		{"copied to somebody else's folder by id", "drive.item.copy", bench.In{"user": ada, "path": "Plan.txt", "to_user": ben, "folder": folder}, "mailbox_not_listed"},
		{"mirrored to somebody else", "drive.folder.mirror", bench.In{"user": ada, "folder_path": "Mine", "to_user": ben, "to_folder_path": "Mine"}, "mailbox_not_listed"},
		{"mirrored to another site", "drive.folder.mirror", bench.In{"user": ada, "folder_path": "Mine", "to_site": archive, "to_folder": archived}, "site_not_listed"},
		{"somebody else's file by id", "drive.item.get", bench.In{"user": ada, "item": file}, ""},
		{"somebody else's file by drive and id", "drive.item.get", bench.In{"user": ada, "item": bens + "/items/" + file}, ""},
		{"somebody else's drive as an item", "drive.item.list", bench.In{"user": ada, "folder": bens}, ""},
		{"a way up and into the drive", "drive.item.get", bench.In{"user": ada, "item": "../../../drives/" + bens + "/items/" + file}, ""},
		{"copied from somebody else's id", "drive.item.copy", bench.In{"user": ada, "item": file, "name": "x"}, ""},
		{"copied into somebody else's folder, as one's own", "drive.item.copy", bench.In{"user": ada, "path": "Plan.txt", "folder": folder, "name": "x"}, ""},
		{"moved into somebody else's folder", "drive.item.move", bench.In{"user": ada, "path": "Plan.txt", "folder": folder}, ""},
		{"mirrored from somebody else's folder", "drive.folder.mirror", bench.In{"user": ada, "folder": folder, "to_folder_path": "Mine"}, ""},
		{"mirrored into another site's folder, as one's own", "drive.folder.mirror", bench.In{"user": ada, "folder_path": "Mine", "to_folder": archived}, ""},
		{"a library by somebody else's drive", "drive.item.list", bench.In{"site": projects, "library": bens}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			there := asked(b, "/drives/"+bens)
			f := b.Refused(tt.action, tt.in)
			if tt.code != "" && f.Code != tt.code || tt.code == "" && f.Kind != fault.NotFound && f.Kind != fault.Invalid {
				t.Errorf("got %v", f)
			}
			if asked(b, "/drives/"+bens) != there {
				t.Error("somebody else's drive was asked")
			}
		})
	}
	b.Silent(func() {
		g := b.Client(t.Context(), bench.App)
		for _, p := range []graph.Path{graph.At("drives").Item("drive-id", bens), graph.At("drives").Item("drive-id", strings.ToUpper(bens)).Sub("root")} {
			if _, err := graph.Get[struct{}](t.Context(), g, p); fault.CodeOf(err) != "drive_not_listed" {
				t.Errorf("a drive by its id alone: %v", err)
			}
		}
	})
}
