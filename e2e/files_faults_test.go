package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seneschal/internal/app"
	"seneschal/internal/face/cli"
	"seneschal/internal/fault"
	"seneschal/internal/sim"
)

// largest is the largest file there is: 250 GB.
const largest = 250 << 30

// officeSituations make each situation, and give the problem that comes of it.
var officeSituations = map[string]func(o *office) *fault.Problem{
	"names with # % ' and both forms of Unicode": func(o *office) *fault.Problem {
		for i, name := range []string{"100 % # 'it'.txt", "\u00dcber.txt", "U\u0308ber.txt", "%41 文档 📄.txt"} {
			o.put(file(name), []byte(name))
			got := o.read(at(name))
			o.want(string(got) == name, "%d: %q came back as %q", i, name, got)
		}
		return nil
	},
	"a name with a colon": func(o *office) *fault.Problem { return o.try("drive.item.upload", file("a:b"), "", nil) },
	"a path of more than 400 characters": func(o *office) *fault.Problem {
		return o.try("drive.item.get", at(strings.Repeat("folder/", 60)+"x"), "")
	},
	"a path that is too long with the folders above it": func(o *office) *fault.Problem {
		var deep driveItem
		for range 2 {
			in := file(strings.Repeat("n", 180))
			if deep.ID != "" {
				in["folder"] = deep.ID
			}
			o.done("drive.folder.create", in, &deep)
		}
		return o.try("drive.folder.create", file(strings.Repeat("n", 180), "folder", deep.ID), "")
	},
	"an empty file": func(o *office) *fault.Problem {
		o.want(o.put(file("Empty.txt"), nil).Size == 0 && len(o.read(at("Empty.txt"))) == 0, "it is not empty")
		return nil
	},
	"a file of 250 GB": func(o *office) *fault.Problem {
		o.change(sim.FileChange{Path: "Huge.bin", Size: largest})
		var got driveItem
		o.done("drive.item.get", at("Huge.bin"), &got)
		end := o.read(at("Huge.bin", "offset", int64(largest-10)))
		o.want(got.Size == largest && bytes.Equal(end, make([]byte, 10)), "%+v, its end %q", got, end)
		o.done("drive.item.copy", at("Huge.bin", "name", "Huge too.bin"), &got)
		o.want(got.Size == largest, "copied: %+v", got)
		o.done("drive.item.delete", at("Huge.bin"), &got)
		return nil
	},
	"a file of more than 250 GB": tooLargeByCommand,
	"a name that is taken":       func(o *office) *fault.Problem { return o.taken("fail") },
	"a name that is taken, with rename": func(o *office) *fault.Problem {
		p := o.taken("rename")
		o.want(string(o.read(at("Taken 1.txt"))) == "new" && string(o.read(at("Taken.txt"))) == "old", "another one has the name")
		return p
	},
	"a name that is taken, with replace": func(o *office) *fault.Problem {
		p := o.taken("replace")
		o.want(string(o.read(at("Taken.txt"))) == "new", "it was not replaced")
		return p
	},
	"a drive that is full": func(o *office) *fault.Problem {
		o.limit(sim.Limits{DriveBytes: 10})
		defer o.limit(sim.Limits{DriveBytes: 1 << 40})
		return o.try("drive.item.upload", file("Full.txt"), "", []byte("no room"))
	},
	"a file that somebody has open": func(o *office) *fault.Problem {
		o.put(file("Open.txt"), nil)
		o.change(sim.FileChange{Path: "Open.txt", Open: ben})
		return o.try("drive.item.upload", file("Open.txt", "conflict", "replace"), "", []byte("x"))
	},
	"a file that somebody has checked out": func(o *office) *fault.Problem {
		o.put(file("Checked out.txt"), nil)
		o.want(o.tryAs("drive.item.check_out", map[string]any{"path": "Checked out.txt"}) == nil, "it cannot be checked out")
		return o.try("drive.item.rename", at("Checked out.txt", "name", "x.txt"), "")
	},
	"an upload whose session has expired": func(o *office) *fault.Problem {
		large := bytes.Repeat([]byte("0123456789"), 2_000_000)
		o.broken(sim.Fault{Kind: "status", Status: http.StatusInsufficientStorage, After: 1}, "PUT", "/drive-upload/")
		p := o.try("drive.item.upload", file("Expired.bin"), "expired", large)
		o.want(p != nil && p.Code == "quota_full", "it was not stopped: %+v", p)
		o.Cloud.ClearFaults()
		letPass(o.t, o.Hub, 25*time.Hour) // the hub looks at its connections, and meets no fault of what comes next
		p = o.try("drive.item.upload", file("Expired.bin"), "expired", large)
		o.want(p != nil || bytes.Equal(o.read(at("Expired.bin")), large), "other bytes came back")
		return p
	},
	"an upload whose address is refused each time": func(o *office) *fault.Problem {
		o.broken(sim.Fault{Kind: "status", Status: http.StatusNotFound, Code: "itemNotFound"}, "", "/drive-upload/")
		p := o.try("drive.item.upload", file("Refused.bin"), "", make([]byte, 5_000_000))
		o.want(o.sent("POST", "/createUploadSession") < 5, "it looped")
		return p
	},
	"a copy that fails in Microsoft's monitor": func(o *office) *fault.Problem {
		o.broken(sim.Fault{Kind: "copy_fails"}, "POST", "/copy")
		return o.try("drive.item.copy", at("Documents", "name", "Never"), "")
	},
	"an app posts to a channel": func(o *office) *fault.Problem {
		before := o.sent("", "/channels/")
		p := o.try("teams.channel_message.send", map[string]any{"team": o.team(), "channel": "19:x@thread.tacv2", "text": "x"}, "")
		o.want(o.sent("", "/channels/") == before, "it was sent")
		return p
	},
	"Teams answers an app's post with 401": func(o *office) *fault.Problem { return o.posts(http.StatusUnauthorized) },
	"Teams answers an app's post with 502": func(o *office) *fault.Problem { return o.posts(http.StatusBadGateway) },
	"the account of a OneDrive is deleted": func(o *office) *fault.Problem {
		play(o.t, o.Hub, sim.Fault{Kind: "user_deleted", User: ben})
		defer play(o.t, o.Hub, sim.Fault{Kind: "user_restored", User: ben})
		return o.try("drive.item.list", map[string]any{"user": ben}, "")
	},
	"the account of whoever signed in is deleted": apart(func(o *office) *fault.Problem {
		play(o.t, o.Hub, sim.Fault{Kind: "user_deleted", User: ada})
		o.Time.Advance(30 * time.Hour)
		return o.tryAs("drive.item.list", map[string]any{})
	}),
	"a guest makes a channel": apart(func(o *office) *fault.Problem {
		play(o.t, o.Hub, sim.Fault{Kind: "made_guest", User: ada})
		return o.tryAs("teams.channel.create", map[string]any{"team": o.team(), "name": "New"})
	}),
	"an app invites somebody who is no guest yet": func(o *office) *fault.Problem {
		return o.try("drive.item.invite", at("Documents", "people", []string{"new@elsewhere.example"}), "")
	},
	"no licence with OneDrive": func(o *office) *fault.Problem {
		play(o.t, o.Hub, sim.Fault{Kind: "mailbox_removed", User: ben})
		defer play(o.t, o.Hub, sim.Fault{Kind: "mailbox_returned", User: ben})
		return o.try("drive.item.list", map[string]any{"user": ben}, "")
	},
	"no licence with Teams": func(o *office) *fault.Problem {
		var channels struct{ Channels []struct{ ID string } }
		o.done("teams.channel.list", map[string]any{"team": o.team()}, &channels)
		play(o.t, o.Hub, sim.Fault{Kind: "mailbox_removed", User: ada})
		defer play(o.t, o.Hub, sim.Fault{Kind: "mailbox_returned", User: ada})
		return o.tryAs("teams.channel_message.send", map[string]any{"team": o.team(), "channel": channels.Channels[0].ID, "text": "x"})
	},
	"a file with a sensitivity label": func(o *office) *fault.Problem {
		o.put(file("Labelled.docx"), nil)
		o.change(sim.FileChange{Path: "Labelled.docx", Labels: []string{"5feba255-812e-446a-ac59-a7044ef827b5"}})
		var got struct{ Labels []struct{ ID string } }
		o.done("drive.label.list", at("Labelled.docx"), &got)
		o.want(len(got.Labels) == 1, "got %+v", got)
		return nil
	},
	"a protected file that Microsoft cannot open":      func(o *office) *fault.Problem { return o.sealed("fileDoubleKeyEncrypted") },
	"a protected file that Microsoft is still opening": func(o *office) *fault.Problem { return o.sealed("fileDecryptionDeferred") },
	"a link for anybody where sharing outside is off": func(o *office) *fault.Problem {
		defer o.insideOnly()()
		o.want(o.try("drive.link.create", at("Documents"), "") == nil, "nor one for the organisation")
		return o.try("drive.link.create", at("Documents", "scope", "anonymous"), "")
	},
	"an invitation where sharing outside is off": func(o *office) *fault.Problem {
		defer o.insideOnly()()
		return o.tryAs("drive.item.invite", map[string]any{"path": "Documents", "people": []string{"new@elsewhere.example"}})
	},
	"a word that a field does not have": func(o *office) *fault.Problem {
		return o.try("drive.item.upload", file("x", "conflict", "overwrite"), "", nil)
	},
	"a field that there is not": func(o *office) *fault.Problem { return o.try("drive.item.get", at("x", "drive", "b"), "") },
}

// tooLargeByCommand names a file one byte too large to the program, which looks before it reads.
func tooLargeByCommand(o *office) *fault.Problem {
	o.t.Helper()
	dir := o.t.TempDir()
	large, input, key := filepath.Join(dir, "large.bin"), filepath.Join(dir, "in.json"), filepath.Join(dir, "key")
	for name, text := range map[string]string{large: "", input: `{"user":"` + ada + `","name":"Large.bin"}`, key: o.Key} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			o.t.Fatal(err)
		}
	}
	if err := os.Truncate(large, largest+1); err != nil {
		o.t.Fatal(err)
	}
	var out, errs bytes.Buffer
	env := []string{"SENESCHAL_URL=" + o.Server.URL(), "SENESCHAL_API_KEY_FILE=" + key}
	args := []string{"action", "run", "drive.item.upload", "--connection", "contoso", "--input", input, "--file", "file=" + large, "--output", "json"}
	if code := app.Main(o.t.Context(), args, env, cli.Stdio{In: strings.NewReader(""), Out: &out, Err: &errs}); code != 1 {
		o.t.Errorf("exit code %d: %s", code, errs.String())
	}
	var p fault.Problem
	if err := json.Unmarshal(errs.Bytes(), &p); err != nil {
		o.t.Fatalf("%v: %s %s", err, out.String(), errs.String())
	}
	return &p
}

// advice is what a problem says to do, with the fields that it names and the other ways there are.
func advice(p *fault.Problem) string {
	text := p.Fix
	for i, f := range p.Errors {
		text += []string{": ", "; "}[min(i, 1)] + f.Name + " " + f.Message
	}
	for i, other := range p.Alternatives {
		text += []string{": ", "; "}[min(i, 1)] + other
	}
	return strings.ReplaceAll(text, "|", "&#124;") // as it stands in a table
}

func TestFaultsOfFilesAndServices(t *testing.T) {
	rows := table(t, "situation of files and services | code | what it says to do | who")
	if len(rows) != len(officeSituations) {
		t.Errorf("docs/faults.md has %d rows, the test knows %d", len(rows), len(officeSituations))
	}
	o := openOffice(t)
	for _, row := range rows {
		t.Run(row[0], func(t *testing.T) {
			situation, ok := officeSituations[row[0]]
			if !ok {
				t.Fatal("the test does not know how to make this happen")
			}
			o.t = t
			defer o.Cloud.ClearFaults()
			p := situation(o)
			got, want := strings.Join(make([]string, len(row)-1), " | "), strings.Join(row[1:], " | ")
			if p != nil {
				got = fmt.Sprintf("%s | %s | %s", p.Code, advice(p), p.Who)
			}
			if got != want || p != nil && (p.Fix == "" || p.Who == "") {
				t.Errorf("got\n| %s | %s |\nwant\n| %s | %s |", row[0], got, row[0], want)
			}
		})
	}
}
