package graph

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jhillyerd/enmime/v2"

	"seneschal/internal/sim/world"
)

// messageMIME gives the message as RFC 822 bytes: those that arrived, or made from the message, the same each time.
func messageMIME(c *call) (reply, *problem) {
	key, o, p := c.message()
	if p != nil {
		return reply{}, p
	}
	if c.basicOnly() {
		return reply{}, c.denied()
	}
	return reply{status: http.StatusOK, raw: &rawReply{contentType: "text/plain", write: func(w http.ResponseWriter) error { return c.s.writeMIME(w, c.box, key, o) }}}, nil
}

func (s *Server) writeMIME(w io.Writer, box, key string, o world.Object) error {
	if name := world.Text(o, "~mime"); name != "" {
		r, err := s.world.OpenBlob(name)
		if err != nil {
			return err
		}
		defer func() { _ = r.Close() }()
		_, err = io.Copy(w, r)
		return err
	}
	for _, h := range s.headers(key, o) {
		v, _ := h.(world.Object)
		if strings.EqualFold(world.Text(v, "name"), "Content-Type") {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %s\r\n", world.Text(v, "name"), world.Text(v, "value")); err != nil {
			return err
		}
	}
	return s.writeParts(w, box, key, o)
}

func (s *Server) writeParts(w io.Writer, box, key string, o world.Object) error {
	m := multipart.NewWriter(w)
	if err := m.SetBoundary("_sim_" + key); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "MIME-Version: 1.0\r\nContent-Type: %s; boundary=\"%s\"\r\n\r\n", wholeOf(o), m.Boundary()); err != nil {
		return err
	}
	body, _ := o["body"].(world.Object)
	kind := "text/plain"
	if strings.EqualFold(world.Text(body, "contentType"), "html") {
		kind = "text/html"
	}
	part, err := m.CreatePart(textproto.MIMEHeader{"Content-Type": {kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}})
	if err != nil {
		return err
	}
	q := quotedprintable.NewWriter(part)
	if _, err := io.WriteString(q, world.Text(body, "content")); err != nil {
		return err
	}
	if err := q.Close(); err != nil {
		return err
	}
	for _, a := range s.attachments(box, key) {
		if err := s.writeAttachment(m, a); err != nil {
			return err
		}
	}
	if why := world.Text(o, "~why"); why != "" {
		if err := writeStatus(m, world.Text(o, "~failed"), why); err != nil {
			return err
		}
	}
	return m.Close()
}

// wholeOf is what a message's parts are together: of a report, what RFC 3462 asks for.
func wholeOf(o world.Object) string {
	if world.Text(o, "~why") != "" {
		return "multipart/report; report-type=delivery-status"
	}
	return "multipart/mixed"
}

// writeStatus writes the part of a report that programs read (RFC 3464). why is the server's line: "550 5.1.8 Access denied, bad outbound sender".
func writeStatus(m *multipart.Writer, address, why string) error {
	part, err := m.CreatePart(textproto.MIMEHeader{"Content-Type": {"message/delivery-status"}})
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(why, " ")
	status, _, _ := strings.Cut(rest, " ")
	_, err = fmt.Fprintf(part, "Reporting-MTA: dns;SIM01.prod.simulated.example\r\n\r\nFinal-Recipient: rfc822;%s\r\nAction: failed\r\nStatus: %s\r\nDiagnostic-Code: smtp;%s\r\n", address, status, why)
	return err
}

func (s *Server) writeAttachment(m *multipart.Writer, a world.Object) error {
	how := "attachment"
	if world.Flag(a, "isInline") {
		how = "inline"
	}
	h := textproto.MIMEHeader{
		"Content-Type":              {mime.FormatMediaType(world.Text(a, "contentType"), map[string]string{"name": world.Text(a, "name")})},
		"Content-Disposition":       {mime.FormatMediaType(how, map[string]string{"filename": world.Text(a, "name")})},
		"Content-Transfer-Encoding": {"base64"},
	}
	if id := world.Text(a, "contentId"); id != "" {
		h.Set("Content-ID", "<"+id+">")
	}
	part, err := m.CreatePart(h)
	if err != nil {
		return err
	}
	r, err := s.world.OpenBlob(world.Text(a, "~blob"))
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	e := base64.NewEncoder(base64.StdEncoding, &lines{w: part})
	if _, err := io.Copy(e, r); err != nil {
		return err
	}
	return e.Close()
}

// lines breaks base64 at 76 characters.
type lines struct {
	w  io.Writer
	at int
}

// Write writes with line breaks.
func (l *lines) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n := min(76-l.at, len(p)-done)
		if _, err := l.w.Write(p[done : done+n]); err != nil {
			return done, err
		}
		done += n
		if l.at += n; l.at == 76 {
			if _, err := io.WriteString(l.w, "\r\n"); err != nil {
				return done, err
			}
			l.at = 0
		}
	}
	return done, nil
}

// headers are a message's internet headers: those of its MIME, or made from its properties.
func (s *Server) headers(key string, o world.Object) []any {
	if name := world.Text(o, "~mime"); name != "" {
		if hs := s.mimeHeaders(name); hs != nil {
			return hs
		}
	}
	var out []any
	add := func(name, value string) {
		if value != "" {
			out = append(out, world.Object{"name": name, "value": value})
		}
	}
	if !world.Flag(o, "isDraft") {
		add("Received", "from SIM01.prod.simulated.example (2001:db8::1) by SIM02.prod.simulated.example with HTTPS; "+world.Time(o, "receivedDateTime").Format(time.RFC1123Z))
		_, from := world.Address(o["from"])
		_, domain, _ := strings.Cut(from, "@")
		add("Authentication-Results", "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom="+domain+"; dkim=pass (signature was verified) header.d="+domain+";dmarc=pass action=none header.from="+domain+";compauth=pass reason=100")
		add("X-MS-Exchange-Organization-SCL", "1")
	}
	add("From", addressList(o, "from"))
	add("To", addressList(o, "toRecipients"))
	add("Cc", addressList(o, "ccRecipients"))
	add("Subject", mime.QEncoding.Encode("utf-8", world.Text(o, "subject")))
	add("Date", world.Time(o, "sentDateTime").Format(time.RFC1123Z))
	add("Message-ID", world.Text(o, "internetMessageId"))
	add("Content-Type", wholeOf(o)+`; boundary="_sim_`+key+`"`)
	for _, h := range world.Objects(o["~headers"]) {
		add(world.Text(h, "name"), world.Text(h, "value"))
	}
	return out
}

func addressList(o world.Object, name string) string {
	list := world.Objects(o[name])
	if one, ok := o[name].(world.Object); ok {
		list = []world.Object{one}
	}
	var out []string
	for _, r := range list {
		n, a := world.Address(r)
		out = append(out, (&mail.Address{Name: n, Address: a}).String())
	}
	return strings.Join(out, ", ")
}

// mimeHeaders reads the header of kept MIME, in its order.
func (s *Server) mimeHeaders(blob string) []any {
	r, err := s.world.OpenBlob(blob)
	if err != nil {
		return nil
	}
	defer func() { _ = r.Close() }()
	raw, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return nil
	}
	var out []any
	for line := range strings.SplitSeq(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n") {
		if line == "" {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if len(out) > 0 {
				last, _ := out[len(out)-1].(world.Object)
				last["value"] = world.Text(last, "value") + " " + strings.TrimSpace(line)
			}
			continue
		}
		if name, value, ok := strings.Cut(line, ":"); ok {
			out = append(out, world.Object{"name": name, "value": strings.TrimSpace(value)})
		}
	}
	return out
}

// parsed is a MIME message, read.
type parsed struct {
	message     world.Object
	attachments []world.Object
}

// parseMIME makes a message of RFC 822 bytes and keeps the bytes.
func (s *Server) parseMIME(raw []byte, folder string) (parsed, error) {
	env, err := enmime.ReadEnvelope(bytes.NewReader(raw))
	if err != nil { // what claims a form that it has not is a text
		env, err = enmime.ReadEnvelope(bytes.NewReader(contentType.ReplaceAll(raw, []byte("X-Was-$0"))))
	}
	if err != nil {
		return parsed{}, err
	}
	at := s.world.Now()
	if t, err := mail.ParseDate(env.GetHeader("Date")); err == nil {
		at = t
	}
	id := env.GetHeader("Message-Id")
	if id == "" {
		id = "<" + s.world.NewGUID() + "@simulated.example>"
	}
	from := world.Recipient("", "")
	if l := recipients(env, "From"); len(l) > 0 {
		from = l[0]
	}
	text := env.Text
	o := world.Message(world.Mail{Folder: folder, Subject: env.GetHeader("Subject"), Text: text, From: from, To: recipients(env, "To"), Cc: recipients(env, "Cc"), At: at, InternetID: id, Conversation: s.conversation(env)})
	if env.HTML != "" {
		o["body"] = world.Object{"contentType": "html", "content": env.HTML}
	}
	if l := recipients(env, "Reply-To"); len(l) > 0 {
		o["replyTo"] = anyList(l)
	}
	if l := recipients(env, "Bcc"); len(l) > 0 {
		o["bccRecipients"] = anyList(l)
	}
	blob, _, err := s.world.PutBlob(bytes.NewReader(raw))
	if err != nil {
		return parsed{}, err
	}
	o["~mime"] = blob
	if isReport(env.GetHeader("Content-Type"), raw) {
		o["~properties"] = reportClass
	}
	out := parsed{message: o}
	for _, part := range slices.Concat(env.Attachments, env.Inlines, env.OtherParts) {
		inline := part.Disposition == "inline" || part.ContentID != "" && part.Disposition != "attachment"
		a, p := s.attachment("", part.FileName, part.ContentType, part.ContentID, inline, bytes.NewReader(part.Content))
		if p != nil {
			return parsed{}, fmt.Errorf("%s", p.message)
		}
		if !inline {
			o["hasAttachments"] = true
		}
		out.attachments = append(out.attachments, a)
	}
	return out, nil
}

// reportClass is the message class of a report of undelivered mail (PidTagMessageClass).
var reportClass = []any{world.Object{"id": "String 0x001A", "value": "REPORT.IPM.Note.NDR"}}

// isReport says whether Exchange takes what arrives for a report of undelivered mail (MS-OXCMAIL).
func isReport(form string, raw []byte) bool {
	kind, with, err := mime.ParseMediaType(form)
	return err == nil && kind == "multipart/report" && strings.EqualFold(with["report-type"], "delivery-status") && bytes.Contains(raw, []byte("\nAction: failed"))
}

// conversation joins answers with what they answer, as far as the headers tell.
func (s *Server) conversation(env *enmime.Envelope) string {
	refs := strings.Fields(env.GetHeader("References") + " " + env.GetHeader("In-Reply-To"))
	if len(refs) > 0 {
		return s.world.ItemKey("thread", refs[0])
	}
	return s.world.ItemKey("thread", env.GetHeader("Message-Id"))
}

func recipients(env *enmime.Envelope, header string) []world.Object {
	l, err := env.AddressList(header)
	if err != nil {
		return eachRecipient(env.GetHeader(header))
	}
	var out []world.Object
	for _, a := range l {
		out = append(out, recipient(a))
	}
	return out
}

// eachRecipient reads a list in which something is no address: the others are, and what is none stands there as it came.
func eachRecipient(list string) []world.Object {
	var out []world.Object
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if a, err := mail.ParseAddress(entry); err == nil {
			out = append(out, recipient(a))
		} else if entry != "" {
			out = append(out, world.Recipient(entry, entry))
		}
	}
	return out
}

func recipient(a *mail.Address) world.Object {
	address := strings.Trim((&mail.Address{Address: a.Address}).String(), "<>") // quoted where it must be
	name := a.Name
	if name == "" {
		name = address
	}
	return world.Recipient(name, address)
}

var contentType = regexp.MustCompile(`(?im)^content-type:`)

func anyList(l []world.Object) []any {
	out := []any{}
	for _, o := range l {
		out = append(out, o)
	}
	return out
}

// base64Body reads a MIME request: base64 as text/plain, graph/FACTS §7.
func (c *call) base64Body() ([]byte, *problem) {
	b, p := c.bytes()
	if p != nil {
		return nil, p
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(b)), ""))
	if err != nil || len(raw) == 0 {
		return nil, fail(http.StatusBadRequest, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.")
	}
	return raw, nil
}

func (c *call) createFromMIME(folder string) (reply, *problem) {
	raw, p := c.base64Body()
	if p != nil {
		return reply{}, p
	}
	m, err := c.s.parseMIME(raw, folder)
	if err != nil {
		return reply{}, fail(http.StatusBadRequest, "ErrorMimeContentInvalid", "The MIME content cannot be read.")
	}
	m.message["isDraft"], m.message["isRead"] = true, true
	key := c.s.world.NewKey()
	c.s.storeParsed(c.box, key, m)
	return created(c.renderMessage(key, m.message)), nil
}

func (s *Server) storeParsed(box, key string, m parsed) {
	ids := make([]string, len(m.attachments))
	for i := range ids {
		ids[i] = s.world.NewKey()
	}
	s.world.Update(func(tx *world.Tx) {
		tx.Put(world.Key{Scope: box, Collection: world.Messages, ID: key}, m.message)
		for i, a := range m.attachments {
			a["~owner"] = key
			tx.Put(world.Key{Scope: box, Collection: world.Attachments, ID: ids[i]}, a)
		}
	})
}

// DeliverMIME puts a message into a mailbox as if it had just arrived. The folder is a well-known name or a display name; empty: Inbox.
func (s *Server) DeliverMIME(address, folder string, raw []byte) error {
	_, user, err := s.mailboxOf(address)
	if err != nil {
		return err
	}
	return s.deliverRaw(user, folder, raw, s.world.Now())
}

func (s *Server) deliverRaw(user world.Object, folder string, raw []byte, at time.Time) error {
	box, userID := world.Mailbox(world.Text(user, "id")), world.Text(user, "id")
	key := s.world.FolderKey(userID, "inbox")
	for id, f := range s.world.Scan(box, world.MailFolders) {
		if folder != "" && (strings.EqualFold(folder, world.Text(f, "~wellKnown")) || strings.EqualFold(folder, world.Text(f, "displayName"))) {
			key = id
		}
	}
	m, err := s.parseMIME(raw, key)
	if err != nil {
		return fmt.Errorf("the message cannot be read: %w", err)
	}
	if !at.IsZero() {
		m.message["receivedDateTime"] = world.Stamp(at)
	}
	to := s.world.NewKey()
	if at.IsZero() || key != s.world.FolderKey(userID, "inbox") {
		s.storeParsed(box, to, m)
		return nil
	}
	a := s.receive(user, m.message, at)
	if !a.gone {
		s.storeParsed(box, to, m)
	}
	a.settle(to)
	return nil
}

// LoadMail fills mailboxes from files: DIR/<upn>/*.eml; loose files go to the first mailbox. They keep their own dates.
func LoadMail(w *world.World, dir string) error {
	s := &Server{world: w}
	return eachFile(w, dir, ".eml", func(user world.Object, raw []byte) error { return s.deliverRaw(user, "", raw, time.Time{}) })
}

// eachFile walks DIR/<upn>/* and the loose files.
func eachFile(w *world.World, dir, ext string, take func(user world.Object, raw []byte) error) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.EqualFold(filepath.Ext(path), ext) {
			return err
		}
		owner := filepath.Base(filepath.Dir(path))
		if filepath.Dir(path) == filepath.Clean(dir) {
			owner = firstMailbox(w)
		}
		_, user, err := (&Server{world: w}).mailboxOf(owner)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := take(user, raw); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
}

func firstMailbox(w *world.World) string {
	for _, t := range w.Tenants() {
		for u := range w.All(t.ID, world.Users) {
			if world.HasMailbox(u) {
				return world.Text(u, "userPrincipalName")
			}
		}
	}
	return ""
}
