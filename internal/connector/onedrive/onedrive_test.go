package onedrive_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seneschal/internal/action"
	"seneschal/internal/connection"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/onedrive"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
)

const ada = bench.Ada

func start(t *testing.T) *bench.Bench {
	t.Helper()
	return bench.Start(t, m365.OneDrive, onedrive.Actions(), onedrive.Probe)
}

// names are those of a folder's entries, sorted by when they came.
func names(b *bench.Bench, folder string) []string {
	b.Helper()
	out := []string{}
	for _, i := range bench.Do[onedrive.List](b, "drive.item.list", bench.In{"user": ada, "folder_path": folder}).Items {
		out = append(out, i.Name)
	}
	return out
}

func TestOuterForm(t *testing.T) { bench.Golden(t, onedrive.Actions()) }

func TestProbeGivesEvidence(t *testing.T) { start(t).Evidence(onedrive.Probe, ada) }

func TestADriveTellsHowFullItIs(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		got := bench.Do[onedrive.Drive](b, "drive.get", bench.Named(through, nil), bench.Through(through))
		if got.ID == "" || got.Owner == "" || got.Total != 1<<40 || got.Used == 0 || got.Remaining != got.Total-got.Used || got.State != "normal" {
			t.Errorf("%s: got %+v", through, got)
		}
		list := bench.Do[onedrive.DriveList](b, "drive.list", bench.Named(through, nil), bench.Through(through))
		if len(list.Drives) != 1 || list.Drives[0] != got {
			t.Errorf("%s: got %+v", through, list)
		}
	}
}

// What is made, moved and renamed is read back by id, by path, in its folder and by search, in both modes.
func TestAFolderIsReadBackInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			do := func(name string, in bench.In) onedrive.Item {
				t.Helper()
				return bench.Do[onedrive.Item](b, name, bench.Named(through, in), bench.Through(through))
			}
			top := do("drive.folder.create", bench.In{"name": "Projects"})
			inner := do("drive.folder.create", bench.In{"folder_path": "/Projects/", "name": "2031"})
			if top.Kind != "folder" || inner.FolderID != top.ID {
				t.Fatalf("made %+v, %+v", top, inner)
			}
			for _, in := range []bench.In{{"item": inner.ID}, {"path": "projects/2031"}} {
				if diff := cmp.Diff(inner, do("drive.item.get", in)); diff != "" {
					t.Errorf("%v: made and read differ:\n%s", in, diff)
				}
			}
			moved := do("drive.item.move", bench.In{"path": "Projects/2031", "folder_path": "Documents", "name": "Plans"})
			if moved.ID != inner.ID || moved.Name != "Plans" || moved.Version == inner.Version {
				t.Errorf("moved: got %+v, was %+v", moved, inner)
			}
			renamed := do("drive.item.rename", bench.In{"item": inner.ID, "name": "Plans of 2031", "if_version": moved.Version})
			found := bench.Do[onedrive.List](b, "drive.item.search", bench.Named(through, bench.In{"text": "plans OF", "folder_path": "Documents"}), bench.Through(through))
			if diff := cmp.Diff([]onedrive.Item{renamed}, found.Items); diff != "" {
				t.Errorf("found:\n%s", diff)
			}
			back := do("drive.item.move", bench.In{"item": inner.ID})
			if at := do("drive.item.get", bench.In{"path": "Plans of 2031"}); at.ID != back.ID {
				t.Errorf("at the top: got %+v", at)
			}
			for _, id := range []string{inner.ID, top.ID} {
				bench.Do[onedrive.Deleted](b, "drive.item.delete", bench.Named(through, bench.In{"item": id}), bench.Through(through))
				if f := b.Refused("drive.item.get", bench.Named(through, bench.In{"item": id}), bench.Through(through)); f.Kind != fault.NotFound {
					t.Errorf("after deleting: got %v", f)
				}
			}
		})
	}
}

// Names with the characters that addresses have a use for come back as they were.
func TestNames(t *testing.T) {
	b := start(t)
	for _, name := range []string{"100 % # of 'it'", "a+b & c=d; e,f!", "Ünïcode Straße", "U\u0308 in two parts", "文档 📄", "{braces} [and] ~$^`", "%41 is no A", "dots...in.it", strings.Repeat("n", 255)} {
		made := bench.Do[onedrive.Item](b, "drive.folder.create", bench.In{"user": ada, "folder_path": "Documents", "name": name})
		got := bench.Do[onedrive.Item](b, "drive.item.get", bench.In{"user": ada, "path": "Documents/" + name})
		if got.ID != made.ID || got.Name != name {
			t.Errorf("%q: got %+v", name, got)
		}
		if f := bench.Do[onedrive.List](b, "drive.item.search", bench.In{"user": ada, "text": name}); len(f.Items) != 1 || f.Items[0].ID != made.ID {
			t.Errorf("%q: found %+v", name, f.Items)
		}
	}
}

func TestWrongInputNamesTheField(t *testing.T) {
	b := start(t)
	long := strings.Repeat("folder/", 60) + "x"
	for _, tt := range []struct {
		name, action string
		in           bench.In
		field        string
	}{
		{"no item", "drive.item.get", bench.In{}, "item"},
		{"two names", "drive.item.get", bench.In{"item": "a", "path": "b"}, "path"},
		{"a path over 400 characters", "drive.item.get", bench.In{"path": long}, "path"},
		{"a name with a colon", "drive.item.get", bench.In{"path": "a:b"}, "path"},
		{"a step up", "drive.item.get", bench.In{"path": "a/../b"}, "path"},
		{"a folder named twice", "drive.item.list", bench.In{"folder": "a", "folder_path": "b"}, "folder_path"},
		{"a foreign cursor", "drive.item.list", bench.In{"cursor": "x"}, "cursor"},
		{"no name", "drive.folder.create", bench.In{"name": ""}, "name"},
		{"a name with a slash", "drive.folder.create", bench.In{"name": "a/b"}, "name"},
		{"a name with a line break", "drive.folder.create", bench.In{"name": "a\nb"}, "name"},
		{"a name with a blank behind", "drive.folder.create", bench.In{"name": "a "}, "name"},
		{"a name over 255 characters", "drive.folder.create", bench.In{"name": strings.Repeat("n", 256)}, "name"},
		{"folder and name over 400 characters", "drive.folder.create", bench.In{"folder_path": long[:390], "name": "twenty characters..."}, "name"},
		{"a way that is none", "drive.folder.create", bench.In{"name": "a", "conflict": "replace"}, "conflict"},
		{"a new name that is none", "drive.item.rename", bench.In{"item": "a", "name": "b|c"}, "name"},
		{"a move to nowhere", "drive.item.move", bench.In{"item": "a", "folder_path": "b//c"}, "folder_path"},
		{"a copy to nowhere", "drive.item.copy", bench.In{"item": "a", "folder_path": "b//c"}, "folder_path"},
		{"a copy under a name that is none", "drive.item.copy", bench.In{"item": "a", "name": "b|c"}, "name"},
		{"a picture of no size", "drive.thumbnail.get", bench.In{"item": "a", "size": "huge"}, "size"},
		{"a foreign cursor of changes", "drive.change.list", bench.In{"cursor": "x"}, "cursor"},
		{"nobody to invite", "drive.item.invite", bench.In{"item": "a", "people": []string{}}, "people"},
		{"an address that is none", "drive.item.invite", bench.In{"item": "a", "people": []string{"ben@contoso.example", "Ben"}}, "people[1]"},
		{"a role that is none", "drive.item.invite", bench.In{"item": "a", "people": []string{"ben@contoso.example"}, "role": "owner"}, "role"},
		{"words that nobody would read", "drive.item.invite", bench.In{"item": "a", "people": []string{"ben@contoso.example"}, "message": "x"}, "message"},
		{"a link for chosen people", "drive.link.create", bench.In{"item": "a", "scope": "users"}, "scope"},
		{"a link of no kind", "drive.link.create", bench.In{"item": "a", "type": "embed"}, "type"},
		{"a permission without its id", "drive.permission.delete", bench.In{"item": "a", "permission": ""}, "permission"},
		{"a field that is none", "drive.item.get", bench.In{"item": "a", "drive": "b"}, "drive"},
		{"no user through an app", "drive.item.get", bench.In{"user": "", "item": "a"}, "user"},
	} {
		in := bench.Named(bench.App, tt.in)
		before := len(b.Sim.Requests())
		f := b.Refused(tt.action, in)
		if f.Kind != fault.Invalid || len(f.Fields) == 0 || f.Fields[0].Name != tt.field {
			t.Errorf("%s: got %v %+v, want the field %s", tt.name, f, f.Fields, tt.field)
		}
		if n := len(b.Sim.Requests()); n != before {
			t.Errorf("%s: %d requests left", tt.name, n-before)
		}
	}
}

func TestRefusals(t *testing.T) {
	b := start(t)
	welcome := bench.Do[onedrive.Item](b, "drive.item.get", bench.In{"user": ada, "path": "Documents/Welcome.txt"})
	locked := bench.FaultAt("status", "PATCH", "/items/")
	locked.Status, locked.Code = 423, "resourceLocked"
	for _, tt := range []struct {
		name, through, action string
		in                    bench.In
		fault                 *sim.Fault
		kind                  fault.Kind
		code                  string
	}{
		{"nothing at the path", bench.App, "drive.item.get", bench.In{"user": ada, "path": "Documents/None"}, nil, fault.NotFound, "itemNotFound"},
		{"an id of another kind", bench.App, "drive.item.get", bench.In{"user": ada, "item": "none"}, nil, fault.NotFound, "itemNotFound"},
		{"a name that is taken", bench.App, "drive.folder.create", bench.In{"user": ada, "name": "documents"}, nil, fault.Conflict, "nameAlreadyExists"},
		{"a folder into itself", bench.App, "drive.item.move", bench.In{"user": ada, "path": "Documents", "folder_path": "Documents"}, nil, fault.Invalid, "invalidRequest"},
		{"an older version", bench.App, "drive.item.rename", bench.In{"user": ada, "item": welcome.ID, "name": "x.txt", "if_version": `"{other},1"`}, nil, fault.Conflict, "changed_meanwhile"},
		{"an older version deleted", bench.App, "drive.item.delete", bench.In{"user": ada, "item": welcome.ID, "if_version": `"{other},1"`}, nil, fault.Conflict, "changed_meanwhile"},
		{"somebody has it open", bench.App, "drive.item.rename", bench.In{"user": ada, "item": welcome.ID, "name": "x.txt"}, &locked, fault.Conflict, "locked"},
		{"a mailbox that is not listed", bench.App, "drive.item.get", bench.In{"user": "chloe@contoso.example", "path": "Documents"}, nil, fault.Forbidden, "mailbox_not_listed"},
		{"no OneDrive", bench.App, "drive.get", bench.In{"user": "support@contoso.example"}, nil, fault.NotSupported, "licence_missing"},
		{"no OneDrive to list", bench.App, "drive.item.list", bench.In{"user": "support@contoso.example"}, nil, fault.NotSupported, "licence_missing"},
		{"somebody else's as a person", bench.Person, "drive.item.get", bench.In{"user": "ben@contoso.example", "path": "Documents"}, nil, fault.Forbidden, "mailbox_not_listed"},
		{"read only", bench.Frozen, "drive.folder.create", bench.In{"user": ada, "name": "x"}, nil, fault.Forbidden, "read_only"},
	} {
		if tt.fault != nil {
			b.Fault(*tt.fault)
		}
		if f := b.Refused(tt.action, tt.in, bench.Through(tt.through)); f.Kind != tt.kind || f.Code != tt.code || f.Fix == "" || f.Who == "" {
			t.Errorf("%s: got %s %s %+v, want %s %s", tt.name, f.Kind, f.Code, f, tt.kind, tt.code)
		}
	}
}

func TestANameThatIsTakenGetsANumber(t *testing.T) {
	b := start(t)
	for _, want := range []string{"New", "New 1", "New 2"} {
		if got := bench.Do[onedrive.Item](b, "drive.folder.create", bench.In{"user": ada, "name": "New", "conflict": "rename"}); got.Name != want {
			t.Errorf("got %q, want %q", got.Name, want)
		}
	}
}

func TestPages(t *testing.T) {
	b := start(t)
	want := []string{"Welcome.txt"}
	for _, n := range []string{"a", "b", "c", "d"} {
		want = append(want, n)
		bench.Do[onedrive.Item](b, "drive.folder.create", bench.In{"user": ada, "folder_path": "Documents", "name": n})
	}
	in, got := bench.In{"user": ada, "folder_path": "Documents", "limit": 2}, []string{}
	for pages := 0; pages < 5; pages++ {
		page := bench.Do[onedrive.List](b, "drive.item.list", in)
		for _, i := range page.Items {
			got = append(got, i.Name)
		}
		if in["cursor"] = page.NextCursor; page.NextCursor == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	in["folder_path"] = "Other"
	in["cursor"] = bench.Do[onedrive.List](b, "drive.item.list", bench.In{"user": ada, "folder_path": "Documents", "limit": 2}).NextCursor
	if f := b.Refused("drive.item.list", in); f.Fields[0].Name != "cursor" {
		t.Errorf("a cursor of another folder: got %v", f)
	}
}

// A folder is made once, an item is moved and renamed once, whatever is lost.
func TestOnce(t *testing.T) {
	for _, tt := range []struct {
		name, action string
		in           bench.In
		fault        sim.Fault
		tooSoon      action.State
		state        action.State
		want         []string // in Documents
	}{
		{"a folder whose answer is lost", "drive.folder.create", bench.In{"folder_path": "Documents", "name": "Once"}, bench.FaultAt("timeout_after_accept", "POST", "/children"), action.Done, action.Done, []string{"Welcome.txt", "Once"}},
		{"a folder whose request is lost", "drive.folder.create", bench.In{"folder_path": "Documents", "name": "Once"}, bench.FaultAt("reset", "POST", "/children"), action.Unclear, action.Refused, []string{"Welcome.txt"}},
		{"a numbered folder whose answer is lost", "drive.folder.create", bench.In{"folder_path": "Documents", "name": "Welcome.txt", "conflict": "rename"}, bench.FaultAt("timeout_after_accept", "POST", "/children"), action.Done, action.Done, []string{"Welcome.txt", "Welcome 1.txt"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t)
			b.Fault(tt.fault)
			run := b.Unclear(tt.action, bench.Named(bench.App, tt.in))
			b.Becomes(run, tt.tooSoon, tt.state)
			if diff := cmp.Diff(tt.want, names(b, "Documents")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A change that is repeated because its answer was lost reaches the item it meant, not what has come to its path since.
func TestALostChangeIsAskedFor(t *testing.T) {
	b := start(t)
	welcome := bench.Do[onedrive.Item](b, "drive.item.get", bench.In{"user": ada, "path": "Documents/Welcome.txt"})
	for range 4 {
		b.Fault(bench.FaultAt("timeout_after_accept", "PATCH", "/items/"))
	}
	run := b.Unclear("drive.item.rename", bench.In{"user": ada, "path": "Documents/Welcome.txt", "name": "Hello.txt", "if_version": welcome.Version})
	if s := b.Look(run); s != action.Done {
		t.Errorf("got %s", s)
	}
	if diff := cmp.Diff([]string{"Hello.txt"}, names(b, "Documents")); diff != "" {
		t.Error(diff)
	}
}

// least is an input that each action takes.
var least = map[string]bench.In{
	"drive.list": {}, "drive.get": {}, "drive.item.list": {}, "drive.item.search": {"text": "x"}, "drive.item.get": {"path": "x"}, "drive.item.download": {"path": "x"},
	"drive.version.list": {"path": "x"}, "drive.permission.list": {"path": "x"}, "drive.permission.get": {"path": "x", "permission": "x"},
	"drive.folder.create": {"name": "x"}, "drive.item.move": {"item": "x"}, "drive.item.rename": {"item": "x", "name": "x"}, "drive.item.delete": {"item": "x"}, "drive.item.upload": {"name": "x"},
	"drive.version.restore": {"item": "x", "version": "x"}, "drive.permission.update": {"item": "x", "permission": "x", "role": "read"}, "drive.permission.delete": {"item": "x", "permission": "x"},
	"drive.item.check_out": {"item": "x"}, "drive.item.check_in": {"item": "x"}, "drive.item.check_out.discard": {"item": "x"}, "drive.label.list": {"item": "x"},
	"drive.item.copy": {"item": "x"}, "drive.folder.mirror": {"folder": "x", "to_folder": "y"}, "drive.change.list": {}, "drive.thumbnail.list": {"path": "x"}, "drive.thumbnail.get": {"path": "x"}, "drive.link.create": {"item": "x"}, "drive.item.invite": {"item": "x", "people": []string{"ben@contoso.example"}},
}

// No action reaches a drive that is not listed, a person's connection nobody else's, and one set to read only changes nothing: not one
// request for the drive leaves.
func TestTheListOfMailboxesFencesDrives(t *testing.T) {
	b := start(t)
	var out bytes.Buffer
	b.Relist(connection.ParseMailboxes("ben@contoso.example"))
	touched := func() (n int) {
		for _, r := range b.Sim.Requests() {
			if strings.Contains(r.Path, "/drive") {
				n++
			}
		}
		return n
	}
	before := touched()
	for _, a := range onedrive.Actions() {
		in, known := least[a.Name]
		if !known {
			t.Errorf("%s: no input", a.Name)
			continue
		}
		for _, tt := range []struct{ through, user, code string }{{bench.App, ada, "mailbox_not_listed"}, {bench.Person, ben, "mailbox_not_listed"}, {bench.Frozen, ada, "read_only"}} {
			if tt.code == "read_only" && a.Effect == action.Reads {
				continue
			}
			of := bench.In{"user": tt.user}
			for k, v := range in {
				of[k] = v
			}
			opts := []bench.Option{bench.Through(tt.through), bench.Out(&out)}
			if len(a.Files) > 0 {
				opts = append(opts, b.File("file", "x", []byte("x")))
			}
			if f := b.Refused(a.Name, of, opts...); f.Code != tt.code {
				t.Errorf("%s of %s through %s: got %v, want %s", a.Name, tt.user, tt.through, f, tt.code)
			}
		}
	}
	if n := touched(); n != before {
		t.Errorf("%d requests left", n-before)
	}
}
