package document

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	text "text/template"

	"seneschal/internal/fault"
)

//go:embed templates
var standard embed.FS

// parts are the three texts of a template.
var parts = []string{"subject", "html", "text"}

// maxPart is how long a rendered text may become, as a mail's body does; and a template that runs wild must not fill the memory.
const maxPart = 500_000

// executor is what text and HTML templates have in common.
type executor interface {
	Execute(w io.Writer, data any) error
}

// Set is the templates there are, and the fonts of the PDF.
type Set struct {
	templates map[string]map[string]executor // by name and part
	fonts     fonts
}

// Letter is a document as a mail shows it.
type Letter struct {
	Subject string
	HTML    string
	Text    string
	Totals  Totals
}

// fileForm is how the files of an operator's folder are called: invoice.html.tmpl, or invoice-reminder.html.tmpl for one more of the kind.
var fileForm = regexp.MustCompile(`^((?:quote|invoice)(?:-[a-z0-9-]{1,40})?)\.(subject|html|text)\.tmpl$`)

// Load reads the templates that come with the program, and over them those of a folder; "" for none. Everything is tried on a whole document at
// once, so that what is wrong shows at the start, and not with the first customer.
func Load(dir string) (*Set, error) {
	s := &Set{templates: map[string]map[string]executor{}, fonts: ownFonts()}
	base := map[string]executor{}
	for _, part := range parts {
		source, err := fs.ReadFile(standard, "templates/standard."+part+".tmpl")
		if err != nil {
			return nil, err
		}
		if base[part], err = parse("standard."+part+".tmpl", part, string(source)); err != nil {
			return nil, err
		}
	}
	for _, kind := range []Kind{Quote, Invoice} {
		s.templates[string(kind)] = base
	}
	if dir == "" {
		return s, nil
	}
	if wrong := s.overlay(dir); len(wrong) > 0 {
		return nil, &fault.Error{Kind: fault.Misconfigured, Code: "bad_template", Message: "The templates in " + dir + " are not usable", Fields: wrong,
			Fix: "Correct the named files, or take them away: the hub then uses its own", Who: "the operator of this hub"}
	}
	return s, nil
}

// overlay reads a folder, and says what is wrong with each file.
func (s *Set) overlay(dir string) (wrong []fault.Field) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []fault.Field{{Name: dir, Message: err.Error()}}
	}
	for _, variants := range []bool{false, true} { // invoice first: it lends its parts to invoice-reminder
		for _, e := range entries {
			if strings.Contains(e.Name(), "-") != variants {
				continue
			}
			if err := s.take(dir, e.Name()); err != nil {
				wrong = append(wrong, fault.Field{Name: e.Name(), Message: err.Error()})
			}
		}
	}
	if len(wrong) > 0 {
		return wrong
	}
	for _, name := range s.Names() {
		if err := s.try(name); err != nil {
			wrong = append(wrong, fault.Field{Name: name, Message: err.Error()})
		}
	}
	return wrong
}

// take reads one file of a folder.
func (s *Set) take(dir, file string) error {
	source, err := os.ReadFile(filepath.Join(dir, file)) //nolint:gosec // the operator's own folder
	if err != nil {
		return err
	}
	if file == regularFile || file == boldFile {
		return s.fonts.replace(file, source)
	}
	m := fileForm.FindStringSubmatch(file)
	if m == nil {
		return fmt.Errorf("is called neither NAME.subject.tmpl, NAME.html.tmpl nor NAME.text.tmpl, where NAME is quote, invoice or one of them with a dash and more, nor %s or %s", regularFile, boldFile)
	}
	name, part := m[1], m[2]
	parsed, err := parse(file, part, string(source))
	if err != nil {
		return err
	}
	s.replace(name, part, parsed)
	return nil
}

// replace puts a part in; the others of its name stay what they were, or are those that come with the program.
func (s *Set) replace(name, part string, by executor) {
	have, ok := s.templates[name]
	if !ok {
		have = s.templates[string(kindOf(name))]
	}
	mine := map[string]executor{}
	for p, e := range have {
		mine[p] = e
	}
	mine[part] = by
	s.templates[name] = mine
}

func parse(file, part, source string) (executor, error) {
	if part == "html" {
		return template.New(file).Option("missingkey=error").Parse(source)
	}
	return text.New(file).Option("missingkey=error").Parse(source)
}

// kindOf is the kind of a template's name: invoice-reminder is an invoice.
func kindOf(name string) Kind {
	kind, _, _ := strings.Cut(name, "-")
	return Kind(kind)
}

// Names lists the templates.
func (s *Set) Names() []string {
	var names []string
	for n := range s.templates {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Render makes the texts of a document.
func (s *Set) Render(name string, d Data) (Letter, error) {
	texts, ok := s.templates[name]
	if !ok {
		return Letter{}, fault.BadField("template", "is %q; there are %s", name, strings.Join(s.Names(), ", "))
	}
	sum, err := d.reckoned("data.")
	if err != nil {
		return Letter{}, err
	}
	v := d.view(kindOf(name), sum)
	made := map[string]string{}
	for _, part := range parts {
		var b bounded
		if err := texts[part].Execute(&b, v); err != nil {
			return Letter{}, &fault.Error{Kind: fault.Misconfigured, Code: "template_failed", Message: "The template " + name + " does not take this document",
				Cause: err.Error(), Fix: "Correct the template's " + part + " in the folder of SENESCHAL_TEMPLATES, and restart the hub", Who: "the operator of this hub"}
		}
		made[part] = b.String()
	}
	l := Letter{Subject: strings.Join(strings.Fields(made["subject"]), " "), HTML: made["html"], Text: strings.TrimSpace(made["text"]) + "\n", Totals: sum.totals()}
	if n := len([]rune(l.Subject)); n == 0 || n > 255 {
		return Letter{}, &fault.Error{Kind: fault.Misconfigured, Code: "template_failed", Message: fmt.Sprintf("The template %s gives a subject of %d characters", name, n),
			Cause: "A mail's subject has 1 to 255", Fix: "Correct the template's subject, or shorten what it shows", Who: "the operator of this hub"}
	}
	return l, nil
}

// bounded is a buffer with an end.
type bounded struct{ bytes.Buffer }

// Write takes what still has room.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxPart {
		return 0, fmt.Errorf("it becomes longer than %d bytes", maxPart)
	}
	return b.Buffer.Write(p)
}

// try makes a whole document of a template.
func (s *Set) try(name string) error {
	_, err := s.Render(name, specimen())
	if err == nil {
		_, err = s.PDF(name, specimen())
	}
	if f := fault.As(err); f != nil && f.Cause != "" {
		return errors.New(f.Cause)
	}
	return err
}

// specimen is a document with every field filled in.
func specimen() Data {
	return Data{Number: "4711", Date: "2026-11-22", Until: "2026-12-06", Reference: "PO 12", Currency: "EUR", Intro: "Intro", Notes: "Notes", Terms: "14 days", Payment: []string{"IBAN"},
		Seller:   Party{Name: "Seller", Address: []string{"Street 1"}, TaxID: "1", Email: "a@seller.example", Phone: "1"},
		Customer: Party{Name: "Customer", Address: []string{"Street 2"}, TaxID: "2", Email: "b@customer.example", Phone: "2"},
		Lines:    []Line{{Description: "Work", Details: "Details", Quantity: "1.5", Unit: "h", UnitPrice: "100.00", TaxRate: "19"}, {Description: "Part", Quantity: "1", UnitPrice: "10.00", TaxRate: "7"}},
	}
}
