package document

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-fonts/dejavu/dejavusansmono"
	reader "github.com/ledongthuc/pdf"
	"github.com/signintech/gopdf"

	"seneschal/internal/fault"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// works is a document as a planning system would send it, with names that are easily spoiled.
func works() Data {
	return Data{Number: "R-2026-4711", Date: "2026-11-22", Until: "2026-12-06", Reference: "PO <b>12</b> & more", Currency: "EUR",
		Seller:   Party{Name: "Łódź Klima & Söhne GmbH", Address: []string{"Straße 5", "10115 Berlin"}, TaxID: "DE123456789", Email: "office@klima.example", Phone: "+49 30 1234"},
		Customer: Party{Name: "Ελληνικά Νοσοκομεία", Address: []string{"Οδός Σταδίου 1", "Москва 101000"}, TaxID: "EL999"},
		Intro:    "For the work of <script>alert(1)</script> November.", Notes: "Thank you.\nSee you.", Terms: "14 days net", Payment: []string{"IBAN DE02 1203 0000 0000 2020 51"},
		Lines: []Line{
			{Description: "Maintenance of the cooling system", Details: "Filters, belts and a test run\nRoom 5", Quantity: "2.5", Unit: "h", UnitPrice: "89.90", TaxRate: "19"},
			{Description: "Книги", Quantity: "3", Unit: "pcs", UnitPrice: "12.345", TaxRate: "7"},
			{Description: "Discount", Quantity: "1", UnitPrice: "-10", TaxRate: "19.0"},
		},
		Totals: &Totals{Net: "251.79", Tax: "43.39", Gross: "295.18"},
	}
}

func loaded(t testing.TB, dir string) *Set {
	t.Helper()
	s, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// read gives the pages of a PDF as a reader that we did not write sees them.
func read(t *testing.T, pdf []byte) []string {
	t.Helper()
	r, err := reader.NewReader(bytes.NewReader(pdf), int64(len(pdf)))
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for i := 1; i <= r.NumPage(); i++ {
		text, err := r.Page(i).GetPlainText(nil)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, text)
	}
	return pages
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs; got\n%s", file, got)
	}
}

func TestLettersInBothLanguages(t *testing.T) {
	s := loaded(t, "")
	for _, tt := range []struct{ name, language string }{{"invoice", "en"}, {"quote", "de"}} {
		d := works()
		d.Language = tt.language
		l, err := s.Render(tt.name, d)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, tt.name+"."+tt.language+".txt", l.Subject+"\n\n"+l.Text)
		golden(t, tt.name+"."+tt.language+".html", l.HTML)
		if strings.Contains(l.HTML, "<script>") || strings.Contains(l.HTML, "<b>12") {
			t.Error("what the data say became markup")
		}
	}
}

func TestFiguresAreExact(t *testing.T) {
	line := func(quantity, price, rate string) Line {
		return Line{Description: "x", Quantity: quantity, UnitPrice: price, TaxRate: rate}
	}
	for _, tt := range []struct {
		name, currency string
		lines          []Line
		want           Totals
	}{
		{"a tenth three times is no binary fraction", "EUR", []Line{line("3", "0.1", "0"), line("1", "0.7", "0")}, Totals{"1.00", "0.00", "1.00"}},
		{"the half goes away from zero", "EUR", []Line{line("1", "0.005", "0"), line("1", "1.005", "0")}, Totals{"1.02", "0.00", "1.02"}},
		{"so does the half below zero", "EUR", []Line{line("1", "-0.005", "0")}, Totals{"-0.01", "0.00", "-0.01"}},
		{"what rounds to nothing has no sign", "EUR", []Line{line("1", "-0.001", "19")}, Totals{"0.00", "0.00", "0.00"}},
		{"tax is reckoned on the sum of a rate", "EUR", []Line{line("1", "0.02", "19"), line("1", "0.02", "19.00"), line("1", "0.02", "19")}, Totals{"0.06", "0.01", "0.07"}},
		{"each rate is rounded by itself", "EUR", []Line{line("1", "0.03", "19"), line("1", "0.08", "7")}, Totals{"0.11", "0.02", "0.13"}},
		{"a currency without places", "JPY", []Line{line("3", "99.5", "10")}, Totals{"299", "30", "329"}},
		{"a currency of which nobody has coins", "RSD", []Line{line("1", "199.49", "20")}, Totals{"199.49", "39.90", "239.39"}},
		{"a currency with four", "UYW", []Line{line("1", "0.12345", "0")}, Totals{"0.1235", "0.0000", "0.1235"}},
		{"a currency with three", "KWD", []Line{line("1", "0.0005", "0")}, Totals{"0.001", "0.000", "0.001"}},
		{"large ones stay whole", "EUR", []Line{line("999999999999.999999", "999999999999.999999", "100")}, Totals{"999999999999999998000000.00", "999999999999999998000000.00", "1999999999999999996000000.00"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := works()
			d.Currency, d.Lines, d.Totals = tt.currency, tt.lines, nil
			s, err := d.reckoned("")
			if err != nil || s.totals() != tt.want {
				t.Errorf("got %+v (%v), want %+v", s.totals(), err, tt.want)
			}
		})
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Data)
		field  string
		says   string
	}{
		{"no seller", func(d *Data) { d.Seller.Name = " " }, "data.seller.name", "empty"},
		{"no customer", func(d *Data) { d.Customer.Name = "" }, "data.customer.name", "empty"},
		{"a day that there is not", func(d *Data) { d.Date = "2026-02-30" }, "data.date", "no date"},
		{"due before it was written", func(d *Data) { d.Until = "2026-11-21" }, "data.until", "before"},
		{"a due date that is none", func(d *Data) { d.Until = "soon" }, "data.until", "no date"},
		{"a currency that there is not", func(d *Data) { d.Currency = "EURO" }, "data.currency", "ISO 4217"},
		{"a currency in small letters", func(d *Data) { d.Currency = "eur" }, "data.currency", "ISO 4217"},
		{"a language that there is not", func(d *Data) { d.Language = "fr" }, "data.language", "en and de"},
		{"no lines", func(d *Data) { d.Lines = nil }, "data.lines", "1 to 500"},
		{"a line of nothing", func(d *Data) { d.Lines[1].Description = "" }, "data.lines[1].description", "empty"},
		{"a quantity with a comma", func(d *Data) { d.Lines[1].Quantity = "1,5" }, "data.lines[1].quantity", "no decimal"},
		{"a price in powers of ten", func(d *Data) { d.Lines[0].UnitPrice = "1e9" }, "data.lines[0].unit_price", "no decimal"},
		{"a price of a million digits", func(d *Data) { d.Lines[0].UnitPrice = strings.Repeat("9", 1_000_000) }, "data.lines[0].unit_price", "no decimal"},
		{"more tax than there is", func(d *Data) { d.Lines[2].TaxRate = "190" }, "data.lines[2].tax_rate", "0 and 100"},
		{"totals that are not the lines'", func(d *Data) { d.Totals.Gross = "295.19" }, "data.totals.gross", "the lines come to 295.18"},
		{"totals that are no figures", func(d *Data) { d.Totals.Tax = "some" }, "data.totals.tax", "no decimal"},
		{"a line break in a number", func(d *Data) { d.Number = "1\nBcc: x" }, "data.number", "U+000A"},
		{"a text that turns round", func(d *Data) { d.Customer.Address[0] = "a\u202eb" }, "data.customer.address[0]", "U+202E"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := works()
			d.Customer.Address = append([]string{}, d.Customer.Address...)
			tt.change(&d)
			f := fault.As(d.Check("data."))
			if f == nil || len(f.Fields) != 1 || f.Fields[0].Name != tt.field || !strings.Contains(f.Fields[0].Message, tt.says) || len(f.Fields[0].Message) > 2_000_000 {
				t.Errorf("got %v, want %s: …%s…", f, tt.field, tt.says)
			}
		})
	}
}

func TestThePDFSaysWhatTheDataSay(t *testing.T) {
	s := loaded(t, "")
	pdf, err := s.PDF("invoice", works())
	if err != nil {
		t.Fatal(err)
	}
	pages := read(t, pdf)
	if len(pages) != 1 {
		t.Fatalf("%d pages", len(pages))
	}
	for _, want := range []string{"Łódź Klima & Söhne GmbH", "Ελληνικά Νοσοκομεία", "Οδός Σταδίου 1", "Москва 101000", "Invoice R-2026-4711", "22 November 2026", "6 December 2026", "PO <b>12</b> & more",
		"Maintenance of the cooling", "Filters, belts and a test run", "2.5 h", "89.90", "224.75", "Книги", "12.345", "37.04", "-10.00", "251.79 EUR", "Tax 19 % on 214.75 EUR", "40.80 EUR", "2.59 EUR", "295.18 EUR",
		"IBAN DE02 1203 0000 0000 2020 51", "14 days net", "See you.", "Page 1 of 1"} {
		if !strings.Contains(pages[0], want) {
			t.Errorf("the page lacks %q:\n%s", want, pages[0])
		}
	}
	again, err := loaded(t, "").PDF("invoice", works())
	if err != nil || !bytes.Equal(pdf, again) {
		t.Errorf("the same data gave other bytes (%v)", err)
	}
}

// A table that goes over pages repeats its head, loses no line, doubles none, and ends in its totals.
func TestTwoHundredLines(t *testing.T) {
	d := works()
	d.Lines, d.Totals = nil, nil
	for i := range 200 {
		d.Lines = append(d.Lines, Line{Description: fmt.Sprintf("Thing no. %03d.", i), Details: strings.Repeat("word ", 1+i%40), Quantity: "1", UnitPrice: "1.00", TaxRate: "20"})
	}
	pdf, err := loaded(t, "").PDF("invoice", d)
	if err != nil {
		t.Fatal(err)
	}
	pages := read(t, pdf)
	all := strings.Join(pages, "\n")
	for i := range 200 {
		if n := strings.Count(all, fmt.Sprintf("Thing no. %03d.", i)); n != 1 {
			t.Errorf("line %d stands there %d times", i, n)
		}
	}
	if n := strings.Count(all, "word"); n != 200/40*(40*41/2) {
		t.Errorf("%d words of the details are left", n)
	}
	for i, p := range pages {
		if strings.Contains(p, "Thing no.") && !strings.Contains(p, "Unit price") || !strings.Contains(p, fmt.Sprintf("Page %d of %d", i+1, len(pages))) {
			t.Errorf("page %d lacks the table's head or its number", i+1)
		}
	}
	if last := pages[len(pages)-1]; !strings.Contains(last, "240.00 EUR") || !strings.Contains(all, "200.00 EUR") || len(pages) < 5 {
		t.Errorf("%d pages, the last: %s", len(pages), last)
	}
}

func TestLongWordsAndHighRowsStayOnThePage(t *testing.T) {
	d := works()
	d.Totals = nil
	d.Lines[0].Description, d.Lines[0].Details = strings.Repeat("W", 500), strings.Repeat("wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww\n", 80)
	d.Notes = strings.Repeat("N", 4000)
	pdf, err := loaded(t, "").PDF("quote", d)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(read(t, pdf), "")
	if w, n := strings.Count(all, "W"), strings.Count(all, "NNN"); w != 500 || n < 1000 || strings.Count(all, "w") < 80*45 {
		t.Errorf("%d letters of 500 are left of the description, %d of the notes", w, n)
	}
}

// Units and figures of any length stand in their columns: nothing is printed over something else.
func TestNothingIsPrintedOverSomethingElse(t *testing.T) {
	d := works()
	d.Currency, d.Totals, d.Lines = "IDR", nil, nil
	for _, unit := range []string{"h", "Lizenzen/Monat", "licences per month", "WWWWWWWWWWWWWWWWWWWW"} {
		d.Lines = append(d.Lines, Line{Description: strings.Repeat("Maintenance ", 6), Unit: unit, Quantity: "250", UnitPrice: "1.00", TaxRate: "19.123456"},
			Line{Description: strings.Repeat("Maintenance ", 6), Unit: unit, Quantity: "999999999999.999999", UnitPrice: "123456789012.123456", TaxRate: "19"})
	}
	pdf, err := loaded(t, "").PDF("invoice", d)
	if err != nil {
		t.Fatal(err)
	}
	r, err := reader.NewReader(bytes.NewReader(pdf), int64(len(pdf)))
	if err != nil {
		t.Fatal(err)
	}
	var all []reader.Text // what is written at one place; the reader gives letters, all with the place of the first but for kerning, and a sign after the last
	begun := false
	for _, l := range r.Page(1).Content().Text {
		switch {
		case !begun:
			all, begun = append(all, l), true
		case l.S == "\uFFFD":
			begun = false
		default:
			all[len(all)-1].S += l.S
		}
	}
	ruler := &sheet{pdf: &gopdf.GoPdf{}}
	ruler.pdf.Start(gopdf.Config{PageSize: gopdf.Rect{W: pageWidth, H: pageHeight}})
	if err := loaded(t, "").fonts.set(ruler.pdf); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b reader.Text) int { return cmp.Or(cmp.Compare(a.Y, b.Y), cmp.Compare(a.X, b.X)) })
	if len(all) < 60 {
		t.Fatalf("only %d texts", len(all))
	}
	for i, run := range all[1:] {
		before := all[i]
		ruler.font(before.Font, before.FontSize)
		if end := before.X + ruler.width(before.S); before.Y == run.Y && end > run.X {
			t.Errorf("at the height %.0f, %q ends at %.1f, and %q begins at %.1f", run.Y, before.S, end, run.S, run.X)
		}
	}
}

func TestWhatThePDFCannotShowIsRefused(t *testing.T) {
	s := loaded(t, "")
	for name, field := range map[string]string{"شركة": "data.customer.name", "חברה": "data.customer.name", "株式会社": "data.customer.name", "บริษัท": "data.customer.name", "हिन्दी": "data.customer.name"} {
		d := works()
		d.Customer.Name = name
		_, err := s.PDF("invoice", d)
		if f := fault.As(err); f == nil || f.Code != "not_drawable" || len(f.Fields) != 1 || f.Fields[0].Name != field {
			t.Errorf("%s: %v", name, err)
		}
		if l, err := s.Render("invoice", d); err != nil || l.Subject == "" { // mail shows every letter
			t.Errorf("%s: %v", name, err)
		}
	}
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFoldersTemplatesTakeTheirPlace(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"invoice.subject.tmpl": "Bill {{.Number}}\n for {{.Customer.Name}}", "invoice-reminder.text.tmpl": "Pay {{.Gross}}", "regular.ttf": string(dejavusansmono.TTF)})
	s := loaded(t, dir)
	if got := strings.Join(s.Names(), " "); got != "invoice invoice-reminder quote" {
		t.Errorf("templates: %s", got)
	}
	for name, want := range map[string][2]string{"invoice": {"Bill R-2026-4711 for Ελληνικά Νοσοκομεία", "Amount due: 295.18 EUR"}, "invoice-reminder": {"Bill R-2026-4711 for Ελληνικά Νοσοκομεία", "Pay 295.18 EUR\n"}, "quote": {"Quote R-2026-4711 from", "Total: 295.18 EUR"}} {
		l, err := s.Render(name, works())
		if err != nil || !strings.HasPrefix(l.Subject, want[0]) || !strings.Contains(l.Text, want[1]) {
			t.Errorf("%s: %v %q %q", name, err, l.Subject, l.Text)
		}
	}
	mine, err := s.PDF("invoice", works())
	if err != nil {
		t.Fatal(err)
	}
	if ours, err := loaded(t, "").PDF("invoice", works()); err != nil || bytes.Equal(mine, ours) {
		t.Errorf("the folder's font is not used (%v)", err)
	}
	if _, err := s.Render("letter", works()); fault.As(err) == nil || fault.As(err).Fields[0].Name != "template" {
		t.Errorf("a template that there is not: %v", err)
	}
}

func TestAFoldersMistakesShowAtTheStart(t *testing.T) {
	for name, tt := range map[string]struct{ file, text, field, says string }{
		"a brace too few":            {"invoice.html.tmpl", "<p>\n{{.Number}\n</p>", "invoice.html.tmpl", "invoice.html.tmpl:2"},
		"a field that there is not":  {"quote.text.tmpl", "\n\n{{.Nummer}}", "quote", "quote.text.tmpl:3"},
		"a subject of nothing":       {"invoice-x.subject.tmpl", "{{if .Nothing}}{{end}}", "invoice-x", "invoice-x.subject.tmpl:1"},
		"an empty subject":           {"invoice-x.subject.tmpl", " ", "invoice-x", "1 to 255"},
		"a name of no kind":          {"letter.html.tmpl", "x", "letter.html.tmpl", "NAME is quote, invoice"},
		"a font that is none":        {"bold.ttf", "no font", "bold.ttf", "TrueType"},
		"a font that breaks off":     {"bold.ttf", string(dejavusansmono.TTF[:100_000]), "bold.ttf", "TrueType"},
		"HTML in an unsafe place":    {"invoice.html.tmpl", "<script>var a = {{.Number}}", "invoice", "invoice.html.tmpl"},
		"a template that never ends": {"invoice.text.tmpl", "{{range $a := .Lines}}{{range $b := 999999999}}xxxxxxxxxx{{end}}{{end}}", "invoice", "500000"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, map[string]string{tt.file: tt.text})
			_, err := Load(dir)
			f := fault.As(err)
			if f == nil || f.Code != "bad_template" || len(f.Fields) == 0 || f.Fields[0].Name != tt.field || !strings.Contains(f.Fields[0].Message, tt.says) {
				t.Errorf("got %v, want %s: …%s…", err, tt.field, tt.says)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "gone")); fault.CodeOf(err) != "bad_template" {
		t.Errorf("a folder that there is not: %v", err)
	}
}

// Whatever passes the check becomes a document, or it is said why not; nothing panics, and its totals are those of its own lines.
func FuzzDocument(f *testing.F) {
	for _, d := range []Data{works(), specimen()} {
		text, err := json.Marshal(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	s := loaded(f, "")
	f.Fuzz(func(t *testing.T, text []byte) {
		var d Data
		if json.Unmarshal(text, &d) != nil || len(d.Lines) > 50 || d.Check("") != nil {
			return
		}
		l, err := s.Render("invoice", d)
		if err != nil && fault.CodeOf(err) != "template_failed" {
			t.Fatal(err)
		}
		if err == nil {
			d.Totals = &l.Totals
			if d.Check("") != nil && len(l.Totals.Gross) < 13 {
				t.Errorf("its own totals %+v are refused", l.Totals)
			}
		}
		if _, err := s.PDF("invoice", d); err != nil && fault.CodeOf(err) != "not_drawable" {
			t.Fatal(err)
		}
	})
}
