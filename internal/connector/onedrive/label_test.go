package onedrive_test

import (
	"testing"

	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/onedrive"
	"seneschal/internal/fault"
	"seneschal/internal/sim"
)

// A file's labels are read in both modes, and through a connection that is set to read only; what cannot be opened says why.
func TestLabelsAreReadInBothModes(t *testing.T) {
	b, _ := library(t)
	const label = "5feba255-812e-446a-ac59-a7044ef827b5"
	bench.Do[onedrive.Item](b, "drive.item.upload", bench.In{"user": ada, "name": "Offer.docx"}, b.File("file", "x", content(10)))
	change := func(f sim.FileChange) {
		t.Helper()
		f.User, f.Path = ada, "Offer.docx"
		if err := b.Sim.ChangeFile(f); err != nil {
			t.Fatal(err)
		}
	}
	of := func(through string) bench.In {
		if through == bench.Person {
			return bench.In{"path": "Offer.docx"}
		}
		return bench.In{"user": ada, "path": "Offer.docx"}
	}
	list := func(through string) []onedrive.Label {
		t.Helper()
		return bench.Do[onedrive.LabelList](b, "drive.label.list", of(through), bench.Through(through)).Labels
	}
	all := []string{bench.App, bench.Person, bench.Frozen}
	for _, through := range all {
		if got := list(through); len(got) != 0 {
			t.Errorf("%s: without one: got %+v", through, got)
		}
	}
	change(sim.FileChange{Labels: []string{label}})
	for _, through := range all {
		if got := list(through); len(got) != 1 || got[0].ID != label || got[0].How != "standard" || got[0].Tenant == "" {
			t.Errorf("%s: got %+v", through, got)
		}
	}
	for _, tt := range []struct {
		why, code string
		kind      fault.Kind
	}{
		{"fileDoubleKeyEncrypted", "file_protected", fault.NotSupported},
		{"fileDecryptionNotSupported", "file_protected", fault.NotSupported},
		{"fileDecryptionDeferred", "fileDecryptionDeferred", fault.Unavailable},
	} {
		change(sim.FileChange{Sealed: tt.why})
		if f := b.Refused("drive.label.list", bench.In{"user": ada, "path": "Offer.docx"}); f.Code != tt.code || f.Kind != tt.kind || f.Fix == "" {
			t.Errorf("%s: got %+v", tt.why, f)
		}
	}
	for _, path := range []string{"Documents/Welcome.txt", "Documents"} {
		if f := b.Refused("drive.label.list", bench.In{"user": ada, "path": path}); f.Kind != fault.NotSupported || f.Fix == "" {
			t.Errorf("%s: got %+v", path, f)
		}
	}
}
