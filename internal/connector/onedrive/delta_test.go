package onedrive_test

import (
	"bytes"
	"image/jpeg"
	"slices"
	"testing"

	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/onedrive"
	"seneschal/internal/fault"
)

// What changed is told once, page by page, in both modes; a forgotten cursor begins anew and says so.
func TestChanges(t *testing.T) {
	for _, through := range []string{bench.App, bench.Person} {
		b := start(t)
		walk := func(from string) (changed, removed []string, next string, reset bool) {
			for {
				in := bench.Named(through, bench.In{"limit": 1})
				if from != "" {
					in["cursor"] = from
				}
				got := bench.Do[onedrive.Changes](b, "drive.change.list", in, bench.Through(through))
				for _, i := range got.Items {
					changed = append(changed, i.Name)
				}
				removed, from, reset = append(removed, got.Removed...), got.NextCursor, reset || got.Reset
				if got.Complete {
					slices.Sort(changed)
					return changed, removed, from, reset
				}
			}
		}
		do := func(name string, in bench.In, opts ...bench.Option) onedrive.Item {
			return bench.Do[onedrive.Item](b, name, bench.Named(through, in), append(opts, bench.Through(through))...)
		}
		all, removed, next, _ := walk("")
		if !slices.Equal(all, []string{"Documents", "Welcome.txt"}) || len(removed) > 0 {
			t.Fatalf("%s: from the beginning: got %v, removed %v", through, all, removed)
		}
		if all, removed, _, _ := walk(next); len(all)+len(removed) > 0 {
			t.Errorf("%s: nothing happened: got %v, removed %v", through, all, removed)
		}
		made := do("drive.item.upload", bench.In{"folder_path": "Documents", "name": "New.txt"}, b.File("file", "x", []byte("new")))
		if all, removed, _, _ := walk(next); !slices.Equal(all, []string{"New.txt"}) || len(removed) > 0 {
			t.Errorf("%s: a new file: got %v, removed %v", through, all, removed)
		}
		moved := do("drive.item.move", bench.In{"path": "Documents/Welcome.txt", "name": "Hello.txt"})
		bench.Do[onedrive.Deleted](b, "drive.item.delete", bench.Named(through, bench.In{"item": made.ID}), bench.Through(through))
		all, removed, _, _ = walk(next)
		if !slices.Equal(all, []string{moved.Name}) || !slices.Equal(removed, []string{made.ID}) {
			t.Errorf("%s: moved and deleted: got %v, removed %v", through, all, removed)
		}
		b.Fault(bench.FaultAt("delta_gone", "GET", "delta"))
		if all, _, _, reset := walk(next); !reset || !slices.Equal(all, []string{"Documents", "Hello.txt"}) {
			t.Errorf("%s: a forgotten cursor: got %v, reset %t", through, all, reset)
		}
		if through == bench.App {
			if f := b.Refused("drive.change.list", bench.In{"user": ben, "cursor": next}); f.Fields[0].Name != "cursor" {
				t.Errorf("a cursor of another drive: got %v", f)
			}
		}
	}
}

// A picture comes with its bytes from where Microsoft signed it, without a token; where there is none, that is said.
func TestThumbnails(t *testing.T) {
	for _, through := range []string{bench.App, bench.Person} {
		b := start(t)
		bench.Do[onedrive.Item](b, "drive.item.upload", bench.Named(through, bench.In{"name": "Picture.png"}), bench.Through(through), b.File("file", "x", []byte("png")))
		ref := bench.Named(through, bench.In{"path": "Picture.png"})
		list := bench.Do[onedrive.ThumbnailList](b, "drive.thumbnail.list", ref, bench.Through(through)).Thumbnails
		if len(list) != 3 || list[0].Size != "small" || list[2].Width <= list[1].Width {
			t.Fatalf("%s: got %+v", through, list)
		}
		ref["size"] = "large"
		got := bench.Do[onedrive.Picture](b, "drive.thumbnail.get", ref, bench.Through(through))
		drawn, err := jpeg.DecodeConfig(bytes.NewReader(got.Content))
		if err != nil || got.Thumbnail != list[2] || got.ContentType != "image/jpeg" || drawn.Width != got.Width || drawn.Height != got.Height {
			t.Errorf("%s: got %+v, %v", through, got.Thumbnail, err)
		}
		text := bench.Named(through, bench.In{"path": "Documents/Welcome.txt"})
		if list := bench.Do[onedrive.ThumbnailList](b, "drive.thumbnail.list", text, bench.Through(through)).Thumbnails; len(list) != 0 {
			t.Errorf("%s: of a text: got %+v", through, list)
		}
		if f := b.Refused("drive.thumbnail.get", text, bench.Through(through)); f.Kind != fault.NotFound || f.Code != "no_thumbnail" {
			t.Errorf("%s: of a text: got %v", through, f)
		}
	}
}
