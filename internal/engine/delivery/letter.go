package delivery

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/fault"
)

// Letter is a mail as it is handed in.
type Letter struct {
	Connection string            `json:"connection,omitempty" doc:"Id or name of the connection; without, the only one that serves send for the mailbox"`
	From       string            `json:"from" minLength:"3" doc:"The mailbox to send from, listed with the purpose send"`
	To         []string          `json:"to,omitempty" doc:"Recipients: ada@contoso.example or Ada Lovelace <ada@contoso.example>"`
	Cc         []string          `json:"cc,omitempty" doc:"Recipients of a copy"`
	Bcc        []string          `json:"bcc,omitempty" doc:"Recipients of a copy whom the others do not see"`
	ReplyTo    []string          `json:"reply_to,omitempty" doc:"Where answers shall go instead of the sender"`
	Subject    string            `json:"subject,omitempty" maxLength:"255" doc:"Subject"`
	Text       string            `json:"text,omitempty" maxLength:"500000" doc:"Body as plain text. Beside html it is left out: Exchange writes the plain form of an HTML mail by itself"`
	HTML       string            `json:"html,omitempty" maxLength:"500000" doc:"Body as HTML"`
	Importance string            `json:"importance,omitempty" enum:"low,normal,high" doc:"Importance; normal without"`
	Headers    map[string]string `json:"headers,omitempty" doc:"Internet headers by name, at most 5; their names begin with x-"`
	SendAt     time.Time         `json:"send_at,omitzero" doc:"Not before this time; at once without"`
}

const (
	maxHeaders = 5                    // graph/FACTS §7
	maxFiles   = 10                   // of one mail
	maxFile    = 150 << 20            // of an upload session (graph/FACTS §7)
	maxAhead   = 366 * 24 * time.Hour // a letter is kept sealed until it leaves
)

// Check names every field that would be refused anyway.
func (l Letter) Check() error {
	var wrong []fault.Field
	bad := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Name: field, Message: fmt.Sprintf(format, args...)})
	}
	for _, list := range []struct {
		field     string
		addresses []string
	}{{"from", []string{l.From}}, {"to", l.To}, {"cc", l.Cc}, {"bcc", l.Bcc}, {"reply_to", l.ReplyTo}} {
		for i, text := range list.addresses {
			field := fmt.Sprintf("%s[%d]", list.field, i)
			if list.field == "from" {
				field = "from"
			}
			if _, err := mail.ParseAddress(text); err != nil {
				bad(field, "is not an address like ada@contoso.example or Ada Lovelace <ada@contoso.example>")
			}
		}
	}
	if len(l.To)+len(l.Cc)+len(l.Bcc) == 0 {
		bad("to", "is missing: a mail needs a recipient in to, cc or bcc")
	}
	if strings.ContainsAny(l.Subject, "\r\n") {
		bad("subject", "must be one line")
	}
	if len(l.Headers) > maxHeaders {
		bad("headers", "has %d entries; Microsoft takes %d", len(l.Headers), maxHeaders)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Headers)) {
		if !strings.HasPrefix(strings.ToLower(name), "x-") || strings.ContainsFunc(name, notInName) {
			bad("headers."+name, "must be named x- and letters, digits or dashes")
		}
		if strings.ContainsAny(l.Headers[name], "\r\n") {
			bad("headers."+name, "must be one line")
		}
	}
	return fault.OfFields(wrong)
}

func notInName(r rune) bool {
	return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// address is the bare form of an entry that Check let through.
func address(text string) string {
	a, err := mail.ParseAddress(text)
	if err != nil {
		return strings.ToLower(text)
	}
	return strings.ToLower(a.Address)
}

// recipients are whom the letter goes to, each once.
func (l Letter) recipients() []string {
	var out []string
	for _, text := range slices.Concat(l.To, l.Cc, l.Bcc) {
		if a := address(text); !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// digest tells whether two requests are one, whatever order a client writes its fields in.
func (in SendIn) digest(files []*action.Content) (string, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	h.Write(text)
	for _, f := range files {
		h.Write([]byte("\n" + f.SHA256 + " " + strconv.Quote(f.Name)))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (l Letter) head(files []*action.Content) Head {
	out := Head{To: l.To, Cc: l.Cc, Bcc: l.Bcc, Subject: l.Subject}
	for _, f := range files {
		out.Files = append(out.Files, File{Name: f.Name, ContentType: f.ContentType, Size: f.Size, SHA256: f.SHA256})
	}
	return out
}

// size is about what Microsoft is sent: files travel in base64.
func (l Letter) size(files []*action.Content) int64 {
	n := int64(len(l.Text) + len(l.HTML) + len(l.Subject))
	for _, f := range files {
		n += f.Size
	}
	return n
}

// body is what is sent, and its form.
func (l Letter) body() (text, form string) {
	if l.HTML != "" {
		return l.HTML, "html"
	}
	return l.Text, "text"
}
