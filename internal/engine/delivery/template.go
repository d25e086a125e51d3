package delivery

import (
	"bytes"
	"cmp"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/mail"
	"seneschal/internal/engine/delivery/document"
	"seneschal/internal/fault"
)

const pdfMedia = "application/pdf"

// PreviewIn is a document to look at.
type PreviewIn struct {
	Template string        `json:"template" minLength:"1" maxLength:"60" doc:"quote, invoice, or another of the operator's templates"`
	Data     document.Data `json:"data" doc:"What the document says"`
}

// Check names every field that would be refused anyway.
func (in PreviewIn) Check() error { return in.Data.Check("data.") }

// Preview is the mail that would be delivered.
type Preview struct {
	Subject string          `json:"subject"`
	HTML    string          `json:"html"`
	Text    string          `json:"text"`
	PDF     string          `json:"pdf" doc:"Name of the file that would be attached; delivery.pdf gives its bytes"`
	Totals  document.Totals `json:"totals" doc:"What the lines come to"`
}

// PDF is what was drawn.
type PDF struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

// Check names every field that would be refused anyway.
func (in SendIn) Check() error {
	wrong := []fault.Field{}
	if f := fault.As(in.Letter.Check()); f != nil {
		wrong = f.Fields
	}
	bad := func(field, message string) { wrong = append(wrong, fault.Field{Name: field, Message: message}) }
	if len(in.Inline) > 0 && in.HTML == "" && in.Template == "" {
		bad("inline", "needs html that shows the files")
	}
	switch {
	case in.Template == "" && in.Data != nil:
		bad("template", "is missing: it says what becomes of the data")
	case in.Template == "":
	case in.Data == nil:
		bad("data", "is missing: a template needs something to say")
	case in.Text != "" || in.HTML != "":
		bad("template", "writes text and html: leave those out, or leave it out")
	default:
		if f := fault.As(in.Data.Check("data.")); f != nil {
			wrong = append(wrong, f.Fields...)
		}
	}
	return fault.OfFields(append(wrong, mail.WrongInline(in.Inline)...))
}

// contentID is what the HTML's cid: says for a file; "" for one that is not shown there.
func (in SendIn) contentID(given map[string]*action.Content, file *action.Content) string {
	for name, id := range in.Inline {
		if given[name] == file {
			return id
		}
	}
	return ""
}

// written is the letter as it is sent, with its files: a template's texts, and its PDF where none came with it.
func (e *Engine) written(in SendIn, given []*action.Content) (Letter, []*action.Content, error) {
	l := in.Letter
	if in.Template == "" {
		return l, given, nil
	}
	texts, err := e.Templates.Render(in.Template, *in.Data)
	if err != nil {
		return l, nil, err
	}
	l.Subject, l.HTML, l.Text = cmp.Or(l.Subject, texts.Subject), texts.HTML, texts.Text
	for _, f := range given {
		if isPDF(f) {
			return l, given, nil
		}
	}
	if len(given) == maxFiles {
		return l, nil, fault.BadField(fileName(maxFiles-1), "leaves no room for the document's PDF: attach at most %d other files, or a PDF of your own", maxFiles-1)
	}
	pdf, err := e.Templates.PDF(in.Template, *in.Data)
	if err != nil {
		return l, nil, err
	}
	drawn, err := action.Spool(document.FileName(in.Template, *in.Data), pdfMedia, bytes.NewReader(pdf), maxFile)
	if err != nil {
		return l, nil, err
	}
	return l, append(given[:len(given):len(given)], drawn), nil
}

func isPDF(f *action.Content) bool {
	media, _, _ := strings.Cut(f.ContentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), pdfMedia) || strings.HasSuffix(strings.ToLower(f.Name), ".pdf")
}

func (e *Engine) preview(in PreviewIn) (Preview, error) {
	l, err := e.Templates.Render(in.Template, in.Data)
	if err != nil {
		return Preview{}, err
	}
	return Preview{Subject: l.Subject, HTML: l.HTML, Text: l.Text, PDF: document.FileName(in.Template, in.Data), Totals: l.Totals}, nil
}

// draw gives the PDF's bytes to whoever asked.
func (e *Engine) draw(c action.Call, in PreviewIn) (PDF, error) {
	pdf, err := e.Templates.PDF(in.Template, in.Data)
	if err != nil {
		return PDF{}, err
	}
	out := PDF{document.FileName(in.Template, in.Data), len(pdf)}
	_, err = c.Out(action.Bytes{Media: pdfMedia, Name: out.Name}).Write(pdf)
	return out, err
}
