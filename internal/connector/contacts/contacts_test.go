package contacts_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seneschal/internal/action"
	"seneschal/internal/connector/contacts"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
)

const ada = bench.Ada

func start(t *testing.T) *bench.Bench {
	t.Helper()
	return bench.Start(t, m365.Contacts, contacts.Actions(), contacts.Probe)
}

// whole is a contact with something in every field.
var whole = bench.In{"display_name": "Dr. Grace Hopper", "file_as": "Hopper", "title": "Dr.", "given_name": "Grace", "middle_name": "Brewster", "surname": "Hopper", "suffix": "Sr.", "nickname": "Amazing",
	"company": "Navy", "department": "Computing", "job_title": "Rear Admiral", "profession": "Mathematician", "office": "B7", "manager": "Howard", "assistant": "Mark", "spouse": "Vincent",
	"children": []string{"Cobol"}, "birthday": "1906-12-09", "emails": []bench.In{{"address": "grace@navy.example", "name": "Grace"}, {"address": "hopper@yale.example"}},
	"business_phones": []string{"+1 555 0100"}, "home_phones": []string{"+1 555 0101", "+1 555 0102"}, "mobile_phone": "+1 555 0103", "im_addresses": []string{"sip:grace@navy.example"},
	"website": "https://navy.example", "business_address": bench.In{"street": "Pier 1\nDeck 2", "city": "Arlington", "state": "VA", "postal_code": "22202", "country": "USA"},
	"home_address": bench.In{"city": "New York"}, "other_address": bench.In{"city": "Vassar"}, "notes": "Found the moth.\nKeeps a nanosecond.", "categories": []string{"Pioneer"}}

func TestProbeGivesEvidence(t *testing.T) { start(t).Evidence(contacts.Probe, ada) }

func TestAContactIsReadBackInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			made := bench.Do[contacts.Contact](b, "contact.create", bench.Named(through, whole), bench.Through(through))
			ref := bench.Named(through, bench.In{"contact": made.ID})
			got := bench.Do[contacts.Contact](b, "contact.get", ref, bench.Through(through))
			if diff := cmp.Diff(made, got); diff != "" {
				t.Errorf("created and read differ:\n%s", diff)
			}
			want := contacts.Contact{Summary: contacts.Summary{ID: made.ID, ETag: got.ETag, FolderID: made.FolderID, DisplayName: "Dr. Grace Hopper", GivenName: "Grace", Surname: "Hopper", Company: "Navy",
				JobTitle: "Rear Admiral", Emails: []contacts.Email{{Address: "grace@navy.example", Name: "Grace"}, {Address: "hopper@yale.example"}}, BusinessPhones: []string{"+1 555 0100"},
				HomePhones: []string{"+1 555 0101", "+1 555 0102"}, MobilePhone: "+1 555 0103", Categories: []string{"Pioneer"}, Modified: made.Modified},
				Title: "Dr.", MiddleName: "Brewster", Suffix: "Sr.", Nickname: "Amazing", FileAs: "Hopper", Department: "Computing", Profession: "Mathematician", Office: "B7", Manager: "Howard",
				Assistant: "Mark", Spouse: "Vincent", Children: []string{"Cobol"}, Birthday: "1906-12-09", IMAddresses: []string{"sip:grace@navy.example"}, Website: "https://navy.example",
				BusinessAddress: contacts.Address{Street: "Pier 1\nDeck 2", City: "Arlington", State: "VA", PostalCode: "22202", Country: "USA"}, HomeAddress: contacts.Address{City: "New York"},
				OtherAddress: contacts.Address{City: "Vassar"}, Notes: "Found the moth.\nKeeps a nanosecond."}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("want and got differ:\n%s", diff)
			}
			bench.Do[contacts.Deleted](b, "contact.delete", ref, bench.Through(through))
			if f := b.Refused("contact.get", ref, bench.Through(through)); f.Kind != fault.NotFound {
				t.Errorf("after deleting: got %v", f)
			}
		})
	}
}

func TestOutlookNamesAContactItself(t *testing.T) {
	b := start(t)
	got := bench.Do[contacts.Contact](b, "contact.create", bench.In{"user": ada, "given_name": "Pavel", "surname": "Bansky"})
	if got.DisplayName != "Pavel Bansky" || got.FileAs != "Bansky, Pavel" {
		t.Errorf("got %q, %q", got.DisplayName, got.FileAs)
	}
}

// What is left out stays; null takes away; a list and an address are written whole.
func TestUpdate(t *testing.T) {
	b := start(t)
	made := bench.Do[contacts.Contact](b, "contact.create", bench.Named(bench.App, whole))
	ref := bench.In{"user": ada, "contact": made.ID}
	bench.Do[contacts.Contact](b, "contact.update", bench.Named(bench.App, bench.In{"contact": made.ID, "job_title": "Commodore", "emails": []bench.In{{"address": "new@navy.example"}},
		"business_address": bench.In{"city": "Norfolk"}, "birthday": "1906-12-10"}))
	got := bench.Do[contacts.Contact](b, "contact.get", ref)
	if got.JobTitle != "Commodore" || len(got.Emails) != 1 || got.Emails[0].Address != "new@navy.example" || got.Birthday != "1906-12-10" || got.Company != "Navy" ||
		got.BusinessAddress != (contacts.Address{City: "Norfolk"}) || got.HomeAddress.City != "New York" {
		t.Errorf("changed: got %+v", got)
	}
	clear := bench.Named(bench.App, bench.In{"contact": made.ID})
	for field := range whole {
		clear[field] = nil
	}
	clear["given_name"] = "Grace"
	bench.Do[contacts.Contact](b, "contact.update", clear)
	got = bench.Do[contacts.Contact](b, "contact.get", ref)
	want := contacts.Contact{Summary: contacts.Summary{ID: made.ID, ETag: got.ETag, FolderID: made.FolderID, DisplayName: "Grace", GivenName: "Grace", Emails: []contacts.Email{}, Modified: got.Modified}, FileAs: "Grace"}
	if diff := cmp.Diff(want, got, cmp.Transformer("empty", func(s []string) []string {
		if len(s) == 0 {
			return nil
		}
		return s
	})); diff != "" {
		t.Errorf("cleared:\n%s", diff)
	}
}

// A contact that is made is made once, whatever is lost.
func TestCreateOnce(t *testing.T) {
	in := bench.In{"user": ada, "display_name": "Once Only"}
	for _, lost := range bench.Losses("/contacts") {
		t.Run(lost.Name, func(t *testing.T) {
			b := start(t)
			b.MadeOnce("contact.create", in, lost, func() int {
				return len(bench.Do[contacts.Found](b, "contact.search", bench.In{"user": ada, "text": "Once Only"}).Contacts)
			})
			if f := b.Refused("contact.create", bench.In{"user": ada, "display_name": "Other"}, bench.Key("k")); f.Code != "key_reused" {
				t.Errorf("the key with another input: got %v", f)
			}
		})
	}
}

func TestFolders(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			do := func(name string, in bench.In) contacts.Folder {
				return bench.Do[contacts.Folder](b, name, bench.Named(through, in), bench.Through(through))
			}
			list := func(in bench.In) []contacts.Folder {
				return bench.Do[contacts.FolderList](b, "contact.folder.list", bench.Named(through, in), bench.Through(through)).Folders
			}
			top := do("contact.folder.create", bench.In{"name": "Suppliers"})
			below := do("contact.folder.create", bench.In{"name": "Paper", "parent": top.ID})
			do("contact.folder.rename", bench.In{"folder": top.ID, "name": "Vendors"})
			if got := list(bench.In{}); len(got) != 1 || got[0] != (contacts.Folder{ID: top.ID, ParentID: top.ParentID, Name: "Vendors"}) {
				t.Errorf("top: got %+v", got)
			}
			if got := list(bench.In{"parent": top.ID}); len(got) != 1 || got[0] != below || below.ParentID != top.ID {
				t.Errorf("below: got %+v", got)
			}
			if f := b.Refused("contact.folder.create", bench.Named(through, bench.In{"name": "vendors"}), bench.Through(through)); f.Kind != fault.Conflict {
				t.Errorf("a name that is taken: got %v", f)
			}
			inside := bench.Do[contacts.Contact](b, "contact.create", bench.Named(through, bench.In{"folder": below.ID, "display_name": "Paula Paper"}), bench.Through(through))
			if got := bench.Do[contacts.List](b, "contact.list", bench.Named(through, bench.In{"folder": below.ID}), bench.Through(through)).Contacts; len(got) != 1 || got[0].ID != inside.ID {
				t.Errorf("in the folder: got %+v", got)
			}
			if got := bench.Do[contacts.Found](b, "contact.search", bench.Named(through, bench.In{"text": "PAULA paper"}), bench.Through(through)); len(got.Contacts) != 1 || got.Contacts[0].FolderID != below.ID {
				t.Errorf("found: got %+v", got)
			}
			bench.Do[contacts.Deleted](b, "contact.folder.delete", bench.Named(through, bench.In{"folder": top.ID}), bench.Through(through))
			if got := list(bench.In{}); len(got) != 0 {
				t.Errorf("after deleting: got %+v", got)
			}
			if f := b.Refused("contact.get", bench.Named(through, bench.In{"contact": inside.ID}), bench.Through(through)); f.Kind != fault.NotFound {
				t.Errorf("a contact of a deleted folder: got %v", f)
			}
		})
	}
}

func TestAFolderIsMadeOnce(t *testing.T) {
	b := start(t)
	b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/contactFolders"))
	in := bench.In{"user": ada, "name": "Once"}
	run := b.Unclear("contact.folder.create", in, bench.Key("k"))
	if got := b.Look(run); got != action.Done {
		t.Errorf("got %s", got)
	}
	made := bench.Do[contacts.Folder](b, "contact.folder.create", in, bench.Key("k"))
	if got := bench.Do[contacts.FolderList](b, "contact.folder.list", bench.In{"user": ada}).Folders; len(got) != 1 || got[0].ID != made.ID {
		t.Errorf("got %+v, want %s alone", got, made.ID)
	}
}

func TestPagesAndAddresses(t *testing.T) {
	b := start(t)
	folder := bench.Do[contacts.Folder](b, "contact.folder.create", bench.In{"user": ada, "name": "Many"}).ID
	for i := range 7 {
		bench.Do[contacts.Contact](b, "contact.create", bench.In{"user": ada, "folder": folder, "display_name": fmt.Sprint("No. ", i), "emails": []bench.In{{"address": fmt.Sprintf("n%d@many.example", i)}}})
	}
	seen, next := []string{}, ""
	for pages := 1; ; pages++ {
		in := bench.In{"user": ada, "folder": folder, "limit": 3}
		if next != "" {
			in["cursor"] = next
		}
		got := bench.Do[contacts.List](b, "contact.list", in)
		for _, k := range got.Contacts {
			seen = append(seen, k.DisplayName)
		}
		if next = got.NextCursor; next == "" {
			if pages != 3 {
				t.Errorf("%d pages, want 3", pages)
			}
			break
		}
		if f := b.Refused("contact.list", bench.In{"user": ada, "limit": 3, "cursor": next}); f.Fields[0].Name != "cursor" {
			t.Errorf("a cursor of another folder: got %v", f)
		}
	}
	slices.Sort(seen)
	if len(slices.Compact(seen)) != 7 {
		t.Errorf("saw %v", seen)
	}
	if got := bench.Do[contacts.List](b, "contact.list", bench.In{"user": ada, "folder": folder, "email": "n4@many.example"}).Contacts; len(got) != 1 || got[0].DisplayName != "No. 4" {
		t.Errorf("by address: got %+v", got)
	}
	if got := bench.Do[contacts.Found](b, "contact.search", bench.In{"user": ada, "folder": folder, "text": "many.example", "limit": 2}); len(got.Contacts) != 2 || !got.Truncated {
		t.Errorf("a bounded search: got %+v", got)
	}
}

func TestChanges(t *testing.T) {
	b := start(t)
	walk := func(folder, from string) (changed, removed []string, next string, reset bool) {
		for {
			in := bench.In{"user": ada, "limit": 2}
			if folder != "" {
				in["folder"] = folder
			}
			if from != "" {
				in["cursor"] = from
			}
			got := bench.Do[contacts.Changes](b, "contact.change.list", in)
			for _, k := range got.Contacts {
				changed = append(changed, k.DisplayName)
			}
			removed, from, reset = append(removed, got.Removed...), got.NextCursor, reset || got.Reset
			if got.Complete {
				return changed, removed, from, reset
			}
		}
	}
	listed := bench.Do[contacts.List](b, "contact.list", bench.In{"user": ada, "limit": 200}).Contacts
	all, _, next, _ := walk("", "")
	if len(all) != len(listed) || len(all) < 3 {
		t.Fatalf("from the beginning: %d of %d", len(all), len(listed))
	}
	if changed, removed, again, _ := walk("", next); len(changed)+len(removed) != 0 || again == "" {
		t.Errorf("nothing happened: got %v, %v", changed, removed)
	}
	made := bench.Do[contacts.Contact](b, "contact.create", bench.In{"user": ada, "display_name": "New"})
	bench.Do[contacts.Contact](b, "contact.update", bench.In{"user": ada, "contact": listed[0].ID, "display_name": "Changed"})
	bench.Do[contacts.Deleted](b, "contact.delete", bench.In{"user": ada, "contact": listed[1].ID})
	changed, removed, _, _ := walk("", next)
	slices.Sort(changed)
	if !slices.Equal(changed, []string{"Changed", "New"}) || !slices.Equal(removed, []string{listed[1].ID}) {
		t.Errorf("got %v, removed %v", changed, removed)
	}
	b.Fault(bench.FaultAt("delta_gone", "GET", "delta"))
	if all, _, _, reset := walk("", next); !reset || len(all) != len(listed) {
		t.Errorf("a forgotten cursor: got %d of %d, reset %t", len(all), len(listed), reset)
	}
	if got, _, _, _ := walk(made.FolderID, ""); len(got) != len(listed) {
		t.Errorf("the default folder by its id: got %d of %d", len(got), len(listed))
	}
}

func TestAMailboxWithoutContactsHasNoChangesYet(t *testing.T) {
	b := start(t)
	in := bench.In{"user": "room1@contoso.example"}
	if f := b.Refused("contact.change.list", in); f.Code != "default_folder_unknown" {
		t.Errorf("got %v", f)
	}
	bench.Do[contacts.Folder](b, "contact.folder.create", bench.In{"user": "room1@contoso.example", "name": "Guests"})
	if got := bench.Do[contacts.Changes](b, "contact.change.list", in); !got.Complete || len(got.Contacts) != 0 {
		t.Errorf("with a folder: got %+v", got)
	}
}

func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestPhotos(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			ref := bench.Named(through, bench.In{"contact": bench.Do[contacts.Contact](b, "contact.create", bench.Named(through, bench.In{"display_name": "Seen"}), bench.Through(through)).ID})
			if f := b.Refused("contact.photo.get", ref, bench.Through(through)); f.Code != "no_photo" {
				t.Errorf("without one: got %v", f)
			}
			for _, size := range [][2]int{{64, 48}, {20, 30}} {
				photo := picture(t, size[0], size[1])
				set := bench.Do[contacts.Photo](b, "contact.photo.set", ref, bench.Through(through), b.File("photo", "grace.jpg", photo))
				got := bench.Do[contacts.PhotoContent](b, "contact.photo.get", ref, bench.Through(through))
				if got.Photo != set || set.Width != size[0] || set.Height != size[1] || set.ContentType != "image/jpeg" || !bytes.Equal(got.Content, photo) {
					t.Errorf("got %+v, %d bytes; set %+v, %d bytes", got.Photo, len(got.Content), set, len(photo))
				}
			}
			if f := b.Refused("contact.photo.set", ref, bench.Through(through), b.File("photo", "grace.png", []byte("\x89PNG\r\n\x1a\n"))); f.Kind != fault.Invalid || f.Fields[0].Name != "photo" || !strings.Contains(f.Fields[0].Message, "image/jpeg") {
				t.Errorf("a PNG image: got %v", f)
			}
			bench.Do[contacts.Deleted](b, "contact.delete", ref, bench.Through(through))
			if f := b.Refused("contact.photo.get", ref, bench.Through(through)); f.Kind != fault.NotFound || f.Code == "no_photo" {
				t.Errorf("of no contact: got %v", f)
			}
		})
	}
}

// A photo whose answer is lost is set again, and is the same then.
func TestPhotoWhoseAnswerIsLost(t *testing.T) {
	b := start(t)
	ref := bench.In{"user": ada, "contact": bench.Do[contacts.Contact](b, "contact.create", bench.In{"user": ada, "display_name": "Seen"}).ID}
	b.Fault(bench.FaultAt("timeout_after_accept", "PUT", "/photo"))
	if got := bench.Do[contacts.Photo](b, "contact.photo.set", ref, b.File("photo", "g.jpg", picture(t, 8, 8))); got.Width != 8 {
		t.Errorf("got %+v", got)
	}
}

func TestRefusedBeforeAnyCall(t *testing.T) {
	contact := func(in bench.In) bench.In { return bench.Named(bench.App, in) }
	b := start(t)
	b.Silent(func() {
		for _, tt := range []struct {
			name, action string
			in           bench.In
			field        string
		}{
			{"nobody", "contact.create", contact(bench.In{"notes": "who?"}), "display_name"},
			{"no address", "contact.create", contact(bench.In{"emails": []bench.In{{"address": "Grace <grace@navy.example>"}}}), "emails[0].address"},
			{"four addresses", "contact.create", contact(bench.In{"emails": []bench.In{{"address": "a@x.example"}, {"address": "b@x.example"}, {"address": "c@x.example"}, {"address": "d@x.example"}}}), "emails"},
			{"three phones", "contact.create", contact(bench.In{"display_name": "x", "business_phones": []string{"1", "2", "3"}}), "business_phones"},
			{"a day that is none", "contact.create", contact(bench.In{"display_name": "x", "birthday": "1906-02-30"}), "birthday"},
			{"an endless name", "contact.create", contact(bench.In{"display_name": strings.Repeat("x", 256)}), "display_name"},
			{"an unknown field", "contact.create", contact(bench.In{"display_name": "x", "fax": "1"}), "fax"},
			{"an unknown field of an address", "contact.create", contact(bench.In{"display_name": "x", "home_address": bench.In{"zip": "1"}}), "home_address.zip"},
			{"nothing to change", "contact.update", contact(bench.In{"contact": "x"}), "display_name"},
			{"a version that is none", "contact.update", contact(bench.In{"contact": "x", "display_name": "x", "if_match": "CQAAAB\r\nX: y"}), "if_match"},
			{"a version to delete that is none", "contact.delete", contact(bench.In{"contact": "x", "if_match": "x"}), "if_match"},
			{"a search for nothing", "contact.search", contact(bench.In{"text": "  "}), "text"},
			{"a filter by no address", "contact.list", contact(bench.In{"email": "x' or 1 eq 1"}), "email"},
			{"a cursor that is none", "contact.list", contact(bench.In{"cursor": "abc"}), "cursor"},
			{"a cursor of changes that is none", "contact.change.list", contact(bench.In{"cursor": "abc"}), "cursor"},
			{"a folder without a name", "contact.folder.create", contact(bench.In{"name": ""}), "name"},
			{"no mailbox for an app", "contact.list", bench.In{}, "user"},
		} {
			t.Log(tt.name)
			b.Wrong(tt.action, tt.in, tt.field, "")
		}
		b.Fenced("contact.create", bench.In{"display_name": "x"})
	})
}

// What only Microsoft can know is told by its own answer.
func TestWhatMicrosoftRefuses(t *testing.T) {
	b := start(t)
	for _, tt := range []struct {
		name, action string
		in           bench.In
		kind         fault.Kind
	}{
		{"an id that is none", "contact.get", bench.In{"user": ada, "contact": "nonsense"}, fault.Invalid},
		{"a folder that is none", "contact.create", bench.In{"user": ada, "folder": "nonsense", "display_name": "x"}, fault.Invalid},
	} {
		if f := b.Refused(tt.action, tt.in); f.Kind != tt.kind {
			t.Errorf("%s: got %v, want %s", tt.name, f, tt.kind)
		}
	}
	b.Fault(sim.Fault{Kind: "mailbox_removed", User: ada})
	if f := b.Refused("contact.list", bench.In{"user": ada}); f.Code != "licence_missing" {
		t.Errorf("a mailbox without a licence: got %v", f)
	}
}

func TestOuterForm(t *testing.T) { bench.Golden(t, contacts.Actions()) }
