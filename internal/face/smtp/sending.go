package smtp

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/mail"
	"slices"
	"strings"

	"golang.org/x/net/html/charset"

	"seneschal/internal/action"
	"seneschal/internal/fault"
)

// sending is the input of delivery.send, as far as SMTP has it.
type sending struct {
	From       string            `json:"from"`
	To         []string          `json:"to,omitempty"`
	Cc         []string          `json:"cc,omitempty"`
	Bcc        []string          `json:"bcc,omitempty"`
	ReplyTo    []string          `json:"reply_to,omitempty"`
	Subject    string            `json:"subject,omitempty"`
	Text       string            `json:"text,omitempty"`
	HTML       string            `json:"html,omitempty"`
	Importance string            `json:"importance,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Inline     map[string]string `json:"inline,omitempty"`
	DryRun     bool              `json:"dry_run,omitempty"`
}

// maxHeaders is how many internet headers Microsoft takes (graph/FACTS §7).
const maxHeaders = 5

// words decodes RFC 2047.
var words = &mime.WordDecoder{CharsetReader: func(label string, r io.Reader) (io.Reader, error) { return charset.NewReaderLabel(label, r) }}

// sending is the mail as the action takes it: header and envelope together.
func (m *message) sending(from string, to []string) (sending, error) {
	in := sending{From: from, Subject: m.line("Subject"), Text: m.text, HTML: m.html, Importance: m.importance(), Headers: m.ownHeaders(), Inline: m.inline()}
	if err := m.sameSender(from); err != nil {
		return in, err
	}
	in.To, in.Cc, in.Bcc = m.recipients(to)
	for _, a := range m.addresses("Reply-To") {
		in.ReplyTo = append(in.ReplyTo, a.String())
	}
	return in, nil
}

// line is a header's value, decoded, on one line.
func (m *message) line(name string) string {
	text := m.header.Get(name)
	if decoded, err := words.DecodeHeader(text); err == nil {
		text = decoded
	}
	return strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
}

// addresses are those of a header; none where it cannot be read.
func (m *message) addresses(name string) []*mail.Address {
	list, err := (&mail.AddressParser{WordDecoder: words}).ParseList(m.header.Get(name))
	if err != nil {
		return nil
	}
	return list
}

// sameSender refuses a mail that shows another sender than the envelope's: Microsoft would put the mailbox there, and nobody had asked for that.
func (m *message) sameSender(from string) error {
	if m.header.Get("From") == "" {
		return nil
	}
	if shown := m.addresses("From"); len(shown) != 1 || !strings.EqualFold(shown[0].Address, from) {
		return &fault.Error{Kind: fault.Forbidden, Code: "other_sender", Message: "The From line is not the envelope's sender " + from, Fix: "Set the same mailbox for both", Who: "you"}
	}
	return nil
}

// recipients are those of the envelope, each where the header shows it; whom the header does not show, the others do not see.
func (m *message) recipients(envelope []string) (to, cc, bcc []string) {
	shown := map[string]*mail.Address{}
	visible := func(name string) (out []string) {
		for _, a := range m.addresses(name) {
			key := strings.ToLower(a.Address)
			if slices.Contains(envelope, key) && shown[key] == nil {
				shown[key] = a
				out = append(out, a.String())
			}
		}
		return out
	}
	to, cc = visible("To"), visible("Cc")
	for _, address := range envelope {
		if shown[address] == nil {
			bcc = append(bcc, address)
		}
	}
	return to, cc, bcc
}

// importance is said in one of three headers.
func (m *message) importance() string {
	said := strings.ToLower(m.line("Importance") + " " + m.line("Priority") + " " + m.line("X-Priority"))
	for _, word := range strings.Fields(said) {
		switch word {
		case "high", "urgent", "1", "2":
			return "high"
		case "low", "non-urgent", "4", "5":
			return "low"
		}
	}
	return ""
}

// ownHeaders are the first five that a program added for itself and Microsoft would keep. Those of mail programs say nothing to anybody.
func (m *message) ownHeaders() map[string]string {
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(m.header)) {
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, "x-") || slices.Contains([]string{"x-priority", "x-mailer", "x-msmail-priority", "x-mimeole"}, lower) || strings.HasPrefix(lower, "x-ms-") || strings.ContainsFunc(lower, unnamed) {
			continue
		}
		if value := m.line(name); value != "" && len(out) < maxHeaders {
			out[lower] = value
		}
	}
	return out
}

func unnamed(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }

// key tells a mail that comes again from another one. A client that gives no Message-ID is known by all it sends, date included.
func (m *message) key(from string, to []string, input []byte) string {
	known := fmt.Sprintf("%q %q", from, slices.Sorted(slices.Values(to)))
	if id := strings.TrimSpace(m.header.Get("Message-Id")); id != "" {
		known += fmt.Sprintf(" %q", id)
	} else {
		known += fmt.Sprintf(" %q %s", m.header.Get("Date"), input)
		for _, f := range m.files {
			known += fmt.Sprintf(" %q %s", f.Name, f.SHA256)
		}
	}
	sum := sha256.Sum256([]byte(known))
	return "smtp:" + hex.EncodeToString(sum[:])
}

// byName are the files by the names that the action has for them.
func (m *message) byName(slots []action.File) map[string]*action.Content {
	out := map[string]*action.Content{}
	for i, f := range m.files {
		out[slots[i].Name] = f
	}
	return out
}
