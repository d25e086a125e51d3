package onedrive_test

import (
	"bytes"
	"testing"

	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/onedrive"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

const (
	archive  = "https://contoso.sharepoint.com/sites/archive"
	board    = "https://contoso.sharepoint.com/sites/board"
	projects = "https://contoso.sharepoint.com/sites/projects"
)

// Files in a site's library are reached by the site, in both modes, and never by a drive that is none of the site's.
func TestFilesInALibraryAreReadBackInBothModes(t *testing.T) {
	b := start(t)
	bens := bench.Do[onedrive.Drive](b, "drive.get", bench.In{"user": ada}).ID
	of := bench.In{"site": archive}
	if f := b.Refused("drive.get", of); f.Code != "capability_not_chosen" {
		t.Errorf("a connection without sites: got %v", f)
	}
	b.Also(m365.SharePoint)
	for _, through := range []string{bench.App, bench.Person} {
		made := bench.Do[onedrive.Item](b, "drive.item.upload", bench.In{"site": archive, "name": "It's #1 " + through + ".txt"}, bench.Through(through), b.File("file", "x", []byte("Kept.")))
		var got bytes.Buffer
		if _, err := b.Call("drive.item.download", bench.In{"site": archive, "library": "documents", "path": "It's #1 " + through + ".txt"}, bench.Through(through), bench.Out(&got)); err != nil || got.String() != "Kept." {
			t.Errorf("%s: got %q, %v", through, got.String(), err)
		}
		bench.Do[onedrive.Deleted](b, "drive.item.delete", bench.In{"site": archive, "item": made.ID}, bench.Through(through))
		if f := b.Refused("drive.item.get", bench.In{"site": archive, "library": bens, "path": "Documents"}, bench.Through(through)); f.Kind != fault.NotFound {
			t.Errorf("%s: a drive that is none of the site's: got %v", through, f)
		}
	}
	if f := b.Refused("drive.item.list", bench.In{"site": board}, bench.Through(bench.Person)); f.Code != "permission_missing" {
		t.Errorf("a site of others: got %v", f)
	}
	for _, tt := range []struct {
		in    bench.In
		field string
	}{{bench.In{"user": ada, "site": archive}, "site"}, {bench.In{"user": ada, "library": "Documents"}, "library"}, {bench.In{"site": "archive"}, "site"}} {
		b.Wrong("drive.get", tt.in, tt.field, "")
	}
}

// Where a connection lists its sites, files of another site's library stay out of reach: to read, to write, and as the end of a copy.
func TestLibrariesOfOtherSitesStayOutOfReach(t *testing.T) {
	b := start(t)
	b.Also(m365.SharePoint)
	for _, through := range []string{bench.App, bench.Person} {
		b.Resite(through, false, projects)
		made := bench.Do[onedrive.Item](b, "drive.item.upload", bench.In{"site": projects, "name": "Plan " + through + ".txt"}, bench.Through(through), b.File("file", "x", []byte("Kept.")))
		bench.Do[onedrive.Item](b, "drive.item.copy", bench.In{"site": projects, "item": made.ID, "to_site": projects, "name": "Copy " + through + ".txt"}, bench.Through(through))
		for _, tt := range []struct {
			name, action string
			in           bench.In
		}{
			{"a folder", "drive.item.list", bench.In{"site": archive}},
			{"its library by name", "drive.item.list", bench.In{"site": archive, "library": "Documents"}},
			{"a file by path", "drive.item.get", bench.In{"site": archive, "path": "Plan.txt"}},
			{"copied from there", "drive.item.copy", bench.In{"site": archive, "item": made.ID, "to_site": projects}},
		} {
			b.Silent(func() {
				if f := b.Refused(tt.action, tt.in, bench.Through(through)); f.Code != "site_not_listed" {
					t.Errorf("%s, %s: got %v", through, tt.name, f)
				}
			})
		}
		before := b.Sent("POST", "/copy")
		if f := b.Refused("drive.item.copy", bench.In{"site": projects, "item": made.ID, "to_site": archive}, bench.Through(through)); f.Code != "site_not_listed" || b.Sent("POST", "/copy") != before {
			t.Errorf("%s, copied there: got %v", through, f)
		}
	}
	b.Resite(bench.App, false, archive)
	foreign := bench.Do[onedrive.Drive](b, "drive.get", bench.In{"site": archive}).ID
	b.Resite(bench.App, false, projects)
	if f := b.Refused("drive.item.list", bench.In{"site": projects, "library": foreign}); f.Kind != fault.NotFound || b.Sent("GET", "/drives/"+foreign) != 1 {
		t.Errorf("another site's library by its id: got %v", f)
	}
}
