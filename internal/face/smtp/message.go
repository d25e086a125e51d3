package smtp

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/charset"

	"seneschal/internal/action"
	"seneschal/internal/fault"
)

// Within these bounds a stranger's mail is read; mime/multipart has those of each part's header.
const (
	maxHeader = 256 << 10
	maxText   = 2 << 20 // of a body; the action takes 500,000 characters
	maxDepth  = 10
	maxParts  = 200

	maxContentID = 255
)

// message is a mail as it came, its files on disk.
type message struct {
	header     mail.Header
	text, html string
	files      []*action.Content
	ids        []string // the content ids of the files, "" for those that have none

	slots            []action.File
	hasText, hasHTML bool
	parts            int
}

func unreadable(format string, args ...any) error {
	return &fault.Error{Kind: fault.Invalid, Code: "mail_unreadable", Message: "The mail cannot be read: " + fmt.Sprintf(format, args...), Fix: "Look at the program that wrote it", Who: "you"}
}

// read takes a mail to its end. Whatever it returns is closed by the caller.
func read(r io.Reader, slots []action.File) (*message, error) {
	m := &message{slots: slots}
	head := &io.LimitedReader{R: r, N: maxHeader}
	buffered := bufio.NewReader(head)
	parsed, err := mail.ReadMessage(buffered)
	if err != nil {
		if head.N <= 0 {
			return m, unreadable("its header is longer than %d bytes", maxHeader)
		}
		return m, cause(err, "its header is no header of a mail")
	}
	head.N = maxMessage
	m.header = parsed.Header
	if err := m.part(textproto.MIMEHeader(parsed.Header), parsed.Body, place{}); err != nil {
		return m, err
	}
	_, err = io.Copy(io.Discard, parsed.Body) // what stands behind the last part; a size that is too large shows here, too
	return m, cause(err, "it breaks off")
}

// cause keeps the protocol's own errors, and those of the hub, and says of everything else what it is about.
func cause(err error, what string) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) || isProtocol(err) {
		return err
	}
	return unreadable("%s", what)
}

func (m *message) close() {
	for _, f := range m.files {
		_ = f.Close()
	}
}

// place is where a part stands: how deep, and whether it is one form of what is shown. Two texts that are no forms of one another are a body and
// an attachment: as bodies, one would hide the other.
type place struct {
	depth int
	forms bool
}

// part reads one part, and those inside it.
func (m *message) part(h textproto.MIMEHeader, body io.Reader, at place) error {
	if m.parts++; m.parts > maxParts || at.depth > maxDepth {
		return unreadable("it has more than %d parts, or parts in parts deeper than %d", maxParts, maxDepth)
	}
	media, params := mediaOf(h)
	switch {
	case media == "multipart/signed" || media == "multipart/encrypted" || media == "application/pkcs7-mime":
		return unreadable("it is signed or encrypted, and would arrive changed")
	case strings.HasPrefix(media, "multipart/"):
		at.forms = media == "multipart/alternative" && !m.hasText && !m.hasHTML || media != "multipart/alternative" && at.forms // one of the forms may have files with it
		return m.within(multipart.NewReader(body, params["boundary"]), params["boundary"], at)
	}
	decoded, err := transferred(h.Get("Content-Transfer-Encoding"), body)
	if err != nil {
		return err
	}
	disposition, about, _ := mime.ParseMediaType(h.Get("Content-Disposition"))
	name := fileName(about["filename"], params["name"])
	if disposition != "attachment" && name == "" && m.shows(media, at) {
		return m.body(media, params["charset"], decoded)
	}
	return m.file(media, name, contentID(h), decoded)
}

// mediaOf is the type of a part; of one whose type cannot be read, bytes.
func mediaOf(h textproto.MIMEHeader) (string, map[string]string) {
	said := h.Get("Content-Type")
	if said == "" {
		return "text/plain", nil
	}
	media, params, err := mime.ParseMediaType(said)
	switch {
	case err == nil:
		return media, params
	case errors.Is(err, mime.ErrInvalidMediaParameter): // the type itself can be read
		return media, meant(said)
	}
	return "application/octet-stream", nil
}

// written finds the parameters that matter, also with signs that should stand in quotation marks: many programs write boundary=----=_Part_1.
var written = regexp.MustCompile(`(?i);\s*(boundary|charset|name)\s*=\s*(?:"([^"]*)"|([^";]+))`)

// meant reads the parameters of a type of which not all can be read.
func meant(said string) map[string]string {
	params := map[string]string{}
	for _, found := range written.FindAllStringSubmatch(said, -1) {
		params[strings.ToLower(found[1])] = strings.TrimSpace(found[2] + found[3])
	}
	return params
}

// shows says whether a part is the body, or its other form.
func (m *message) shows(media string, at place) bool {
	switch media {
	case "text/plain":
		return !m.hasText && (at.forms || !m.hasHTML)
	case "text/html":
		return !m.hasHTML && (at.forms || !m.hasText)
	}
	return false
}

func (m *message) within(r *multipart.Reader, boundary string, at place) error {
	if boundary == "" {
		return unreadable("a part of parts has no boundary")
	}
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return cause(err, "its parts do not end where they say")
		}
		if err := m.part(p.Header, p, place{at.depth + 1, at.forms}); err != nil {
			return err
		}
	}
}

// transferred decodes what a part travelled in.
func transferred(encoding string, body io.Reader) (io.Reader, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "7bit", "8bit", "binary":
		return body, nil
	case "quoted-printable":
		return quotedprintable.NewReader(body), nil
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, &alphabet{body}), nil
	}
	return nil, unreadable("a part is encoded as %q, which is not known", encoding)
}

// alphabet leaves out what is none of base64's: blanks at the ends of lines, mostly.
type alphabet struct{ r io.Reader }

// Read reads what is left.
func (a *alphabet) Read(b []byte) (int, error) {
	for {
		n, err := a.r.Read(b)
		kept := 0
		for _, c := range b[:n] {
			if c > ' ' {
				b[kept] = c
				kept++
			}
		}
		if kept > 0 || err != nil {
			return kept, err
		}
	}
}

// body takes a text that is shown.
func (m *message) body(media, label string, r io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(r, maxText+1))
	switch {
	case err != nil:
		return cause(err, "its text breaks off or is not encoded as it says")
	case len(raw) > maxText:
		return &fault.Error{Kind: fault.TooLarge, Code: "text_too_large", Message: fmt.Sprintf("The mail's text is longer than %d bytes", maxText), Fix: "Send it as an attachment", Who: "you"}
	}
	text, err := decodedText(raw, label)
	if err != nil {
		return err
	}
	if media == "text/html" {
		m.html, m.hasHTML = text, true
	} else {
		m.text, m.hasText = text, true
	}
	return nil
}

// decodedText is a text in UTF-8. What says to be that and is not is what such programs mean: Windows-1252.
func decodedText(raw []byte, label string) (string, error) {
	switch strings.ToLower(label) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		if utf8.Valid(raw) {
			return string(raw), nil
		}
		label = "windows-1252"
	}
	coding, _ := charset.Lookup(label)
	if coding == nil {
		return "", unreadable("its text is written in %q, which is not known", label)
	}
	text, err := coding.NewDecoder().Bytes(raw)
	if err != nil {
		return "", unreadable("its text is not written in %q", label)
	}
	return string(text), nil
}

// file takes an attachment to disk.
func (m *message) file(media, name, id string, r io.Reader) error {
	if len(m.files) == len(m.slots) {
		return &fault.Error{Kind: fault.TooLarge, Code: "too_many_files", Message: fmt.Sprintf("The mail has more than %d attachments", len(m.slots)), Fix: "Send fewer, or one archive", Who: "you"}
	}
	slot := m.slots[len(m.files)]
	if name == "" {
		name = fmt.Sprintf("attachment-%d%s", len(m.files)+1, endings[media])
	}
	c, err := action.Spool(name, media, r, slot.Max)
	if err != nil {
		return cause(err, "an attachment breaks off or is not encoded as it says")
	}
	m.files, m.ids = append(m.files, c), append(m.ids, id)
	return nil
}

// contentID is what HTML may show a part by: a Message-ID in form (RFC 2392). What could not be one is none.
func contentID(h textproto.MIMEHeader) string {
	id := strings.Trim(strings.TrimSpace(h.Get("Content-Id")), "<>")
	if len(id) > maxContentID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }) {
		return ""
	}
	return id
}

// shown finds what HTML shows of the mail itself, written as in a URL or as it is.
var shown = regexp.MustCompile(`(?i)\bcid:([^"'<>()\s\\]+)`)

// inline are the files that the HTML shows, with their content ids, by the names that the action has for them. Whatever else has a content id
// is a file like any other: mail programs give one to all of them.
func (m *message) inline() map[string]string {
	out := map[string]string{}
	for _, found := range shown.FindAllStringSubmatch(html.UnescapeString(m.html), -1) {
		for i, id := range m.ids {
			if said, err := url.PathUnescape(found[1]); id != "" && (found[1] == id || err == nil && said == id) {
				out[m.slots[i].Name] = id
			}
		}
	}
	return out
}

// endings are those of files that often come without a name.
var endings = map[string]string{"message/rfc822": ".eml", "text/calendar": ".ics", "text/html": ".html", "text/plain": ".txt", "application/pdf": ".pdf", "image/tiff": ".tif", "image/jpeg": ".jpg", "image/png": ".png"}

// fileName is the first name that is one, without folders and what no name has.
func fileName(said ...string) string {
	for _, name := range said {
		if decoded, err := words.DecodeHeader(name); err == nil {
			name = decoded
		}
		name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, "_"), `\`, "/"))
		name = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				return -1
			}
			return r
		}, name)
		if strings.Trim(name, "./ ") != "" {
			return name
		}
	}
	return ""
}
