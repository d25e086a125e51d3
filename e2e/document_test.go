package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	reader "github.com/ledongthuc/pdf"

	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/config"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/telemetry"
)

// invoice is one as a planning system hands it in.
func invoice(change fields) fields {
	data := fields{"number": "R-1", "date": "2026-11-22", "until": "2026-12-06", "currency": "EUR", "seller": fields{"name": "Łódź Klima"}, "customer": fields{"name": "Møller & Σία"},
		"lines": []fields{{"description": "Work", "quantity": "2.5", "unit": "h", "unit_price": "89.90", "tax_rate": "19"}}, "totals": fields{"net": "224.75", "tax": "42.70", "gross": "267.45"}}
	maps.Copy(data, change)
	return data
}

// An invoice's mail is written and its PDF drawn of the same data; it leaves once for its key, and what leaves is what was shown.
func TestAnInvoiceIsWrittenDrawnAndDelivered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "invoice-reminder.subject.tmpl"), []byte("Reminder of {{.Number}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := delivering(t, store.SQLite, "Seneschal", func(s map[string]string) { s["TEMPLATES"] = dir })
	status, _, text := h.REST("POST", "/api/v1/deliveries/preview", fields{"template": "invoice-reminder", "data": invoice(nil)})
	var shown delivery.Preview
	if err := json.Unmarshal(text, &shown); err != nil || status != http.StatusOK || shown.Subject != "Reminder of R-1" || shown.Totals.Gross != "267.45" || !strings.Contains(shown.HTML, "Møller &amp; Σία") && !strings.Contains(shown.HTML, "267.45 EUR") {
		t.Fatalf("%d %s", status, text)
	}
	status, header, drawn := h.REST("POST", "/api/v1/deliveries/pdf", fields{"template": "invoice", "data": invoice(nil)})
	r, err := reader.NewReader(bytes.NewReader(drawn), int64(len(drawn)))
	if err != nil || status != http.StatusOK || header.Get("Content-Type") != "application/pdf" || !strings.Contains(header.Get("Content-Disposition"), "Invoice R-1.pdf") {
		t.Fatalf("%d %v %v", status, header, err)
	}
	if page, err := r.Page(1).GetPlainText(nil); err != nil || !strings.Contains(page, "Møller & Σία") || !strings.Contains(page, "267.45 EUR") {
		t.Errorf("the PDF says %q (%v)", page, err)
	}
	in := fields{"from": ada, "to": []string{ben}, "template": "invoice-reminder", "data": invoice(nil)}
	d := mustHandIn(t, h.App, "r-1", in)
	if again := mustHandIn(t, h.App, "r-1", in); again.ID != d.ID {
		t.Errorf("the same key gave %s and %s", d.ID, again.ID)
	}
	got := becomes(t, h, d.ID, delivery.Sent)
	if len(got.Head.Files) != 1 || got.Head.Files[0].Name != "Invoice R-1.pdf" || got.Head.Files[0].Size != int64(len(drawn)) {
		t.Errorf("attached: %+v", got.Head.Files)
	}
	if n := copies(t, h.Cloud, "ben@", "Reminder of R-1"); n != 1 {
		t.Errorf("Ben has it %d times", n)
	}
	if n := arrivedFiles(t, h, "Invoice R-1.pdf"); n != 1 {
		t.Errorf("its PDF arrived %d times", n)
	}
	own := mustHandIn(t, h.App, "r-2", in, pdf(t, "own.pdf", 100))
	if files := showDelivery(t, h.App, own.ID).Head.Files; len(files) != 1 || files[0].Name != "own.pdf" {
		t.Errorf("beside a PDF of the caller's own: %+v", files)
	}
}

func TestADocumentThatIsWrongIsNotDelivered(t *testing.T) {
	t.Parallel()
	h := delivering(t, store.SQLite, "Seneschal", nil)
	for _, tt := range []struct {
		name        string
		in          fields
		field, code string
	}{
		{"totals that the lines do not come to", fields{"template": "invoice", "data": invoice(fields{"totals": fields{"net": "224.75", "tax": "42.70", "gross": "267.46"}})}, "data.totals.gross", "invalid_input"},
		{"a number as a number", fields{"template": "invoice", "data": invoice(fields{"lines": []fields{{"description": "x", "quantity": 2.5, "unit_price": "1", "tax_rate": "0"}}})}, "data.lines[0].quantity", "invalid_input"},
		{"a template that there is not", fields{"template": "letter", "data": invoice(nil)}, "template", "invalid_input"},
		{"a template without data", fields{"template": "invoice"}, "data", "invalid_input"},
		{"data without a template", fields{"data": invoice(nil), "text": "x"}, "template", "invalid_input"},
		{"a template beside a body", fields{"template": "invoice", "data": invoice(nil), "text": "x"}, "template", "invalid_input"},
		{"letters that the PDF lacks", fields{"template": "invoice", "data": invoice(fields{"customer": fields{"name": "株式会社"}})}, "data.customer.name", "not_drawable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.in["from"], tt.in["to"] = ada, []string{ben}
			_, err := handIn(t, h.App, tt.name, tt.in)
			if f := fault.As(err); f == nil || f.Code != tt.code || len(f.Fields) != 1 || f.Fields[0].Name != tt.field {
				t.Errorf("got %v, want %s", err, tt.field)
			}
		})
	}
	if all := deliveries(t, h.App); len(all) != 0 || leftSealed(t, h.App) != 0 {
		t.Errorf("taken: %+v", all)
	}
}

// A hub whose templates are wrong does not start, and says where.
func TestAWrongTemplateStopsTheStart(t *testing.T) {
	t.Parallel()
	dir, state := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "quote.html.tmpl"), []byte("<p>\n{{.Nummer}}</p>"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(state, nil, map[string]string{"TEMPLATES": dir, "DATABASE_URL": "file:" + filepath.Join(state, "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.New(t.Context(), c, app.Surroundings{Clock: clock.NewAdjustable(), Log: telemetry.NewLog(io.Discard, "text", 0)}); fault.CodeOf(err) != "bad_template" || !strings.Contains(err.Error(), "quote.html.tmpl:2") {
		t.Errorf("%v", err)
	}
}
