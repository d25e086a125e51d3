package graph

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"seneschal/internal/sim/trouble"
	"seneschal/internal/sim/world"
)

// outgoing is the collection of mail that was accepted and has not left yet: no folder shows it, graph/FACTS §7 "appears with a delay".
const outgoing = "outgoing"

// sendDelay is at most how long Sent Items takes to show a message.
const sendDelay = 1500 * time.Millisecond

// deferred is PidTagDeferredSendTime as an extended property's id.
const deferred = "0x3FEF"

func sendMail(c *call) (reply, *problem) {
	key := c.s.world.NewKey()
	var o world.Object
	var parts []world.Object
	save := true
	if strings.HasPrefix(c.r.Header.Get("Content-Type"), "text/plain") {
		raw, p := c.base64Body()
		if p != nil {
			return reply{}, p
		}
		m, err := c.s.parseMIME(raw, "")
		if err != nil {
			return reply{}, fail(http.StatusBadRequest, "ErrorMimeContentInvalid", "The MIME content cannot be read.")
		}
		o, parts = m.message, m.attachments
		c.sender(o)
	} else {
		in, p := c.json()
		if p != nil {
			return reply{}, p
		}
		msg := paramObject(in, "message")
		if msg == nil {
			return reply{}, badRequest("The parameter 'Message' is missing.")
		}
		save = paramBool(in, "saveToSentItems", true)
		if o, p = c.newMessage(msg, ""); p != nil {
			return reply{}, p
		}
		for _, a := range world.Objects(param(msg, "attachments")) {
			part, p := c.newAttachment(key, a)
			if p != nil {
				return reply{}, p
			}
			parts = append(parts, part)
		}
	}
	o["hasAttachments"] = slices.ContainsFunc(parts, func(a world.Object) bool { return !world.Flag(a, "isInline") })
	return c.accept(key, o, parts, save, false)
}

// sender fills in who sends when the MIME does not say.
func (c *call) sender(o world.Object) {
	if _, a := world.Address(o["from"]); a == "" {
		o["from"] = world.Recipient(world.Text(c.user, "displayName"), world.Text(c.user, "mail"))
		o["sender"] = o["from"]
	}
}

func sendDraft(c *call) (reply, *problem) {
	key, o, p := c.message()
	if p != nil {
		return reply{}, p
	}
	if !world.Flag(o, "isDraft") {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidOperation", "Cannot send a message that is not a draft.")
	}
	return c.accept(key, o, nil, true, true)
}

// accept answers 202 and lets the message leave later. Accepted is not delivered: graph/FACTS §7.
func (c *call) accept(key string, o world.Object, parts []world.Object, save, draft bool) (reply, *problem) {
	if len(everyone(o)) == 0 {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRecipients", "At least one recipient is not valid.")
	}
	for _, a := range everyone(o) {
		if at := strings.IndexByte(a, '@'); at <= 0 || at == len(a)-1 || strings.ContainsAny(a, " <>,;") {
			return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRecipients", "At least one recipient is not valid., Recipient address: "+a)
		}
	}
	if p := c.sendAs(o); p != nil {
		return reply{}, p
	}
	if _, lost := c.s.faults.Take(*c.note, trouble.AcceptedThenNothing); lost {
		return empty(http.StatusAccepted), nil
	}
	w := c.s.world
	due := w.Now().Add(time.Duration(w.Rand("send", key).Int64N(int64(sendDelay))))
	if at := deferredUntil(o); at.After(due) {
		due = at
	}
	if f, late := c.s.faults.Take(*c.note, trouble.SentLate); late {
		if d, err := time.ParseDuration(f.Delay); err == nil {
			due = due.Add(d)
		}
	}
	n := c.changed(o)
	if f, returned := c.s.faults.Take(*c.note, trouble.Returned); returned {
		n["~returned"] = "550 " + f.Code + " " + f.Message
	}
	n["~due"], n["~save"], n["~user"], n["~tenant"] = due.Format(time.RFC3339Nano), save, c.userID(), c.token.Tenant
	ids := make([]string, len(parts))
	for i := range ids {
		ids[i] = w.NewKey()
	}
	w.Update(func(tx *world.Tx) {
		if draft {
			tx.Delete(world.Key{Scope: c.box, Collection: world.Messages, ID: key})
		}
		tx.Put(world.Key{Collection: outgoing, ID: key}, n)
		for i, a := range parts {
			a["~owner"] = key
			tx.Put(world.Key{Scope: c.box, Collection: world.Attachments, ID: ids[i]}, a)
		}
	})
	out := empty(http.StatusAccepted)
	if f, slow := c.s.faults.Take(*c.note, trouble.AcceptedAndSlow); slow {
		out.header = http.Header{"Retry-After": {f.RetryAfter}}
	}
	return out, nil
}

// sendAs lets a person send from their own address and from mailboxes they have Send As of: outlook-send-mail-from-other-user.md.
func (c *call) sendAs(o world.Object) *problem {
	_, from := world.Address(o["from"])
	u, found := c.s.world.User(c.token.Tenant, from)
	if c.token.AppOnly || from == "" || found && (world.Text(u, "id") == c.token.ObjectID || c.delegate(u)) {
		return nil
	}
	return fail(http.StatusForbidden, "ErrorSendAsDenied", "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account. Cannot submit message.")
}

func deferredUntil(o world.Object) time.Time {
	for _, p := range world.Objects(o["~properties"]) {
		if strings.Contains(strings.ToLower(world.Text(p, "id")), strings.ToLower(deferred)) {
			return world.Time(p, "value")
		}
	}
	return time.Time{}
}

// everyone lists the addresses a message goes to.
func everyone(o world.Object) []string {
	var out []string
	for _, list := range []string{"toRecipients", "ccRecipients", "bccRecipients"} {
		for _, r := range world.Objects(o[list]) {
			_, a := world.Address(r)
			out = append(out, a)
		}
	}
	return out
}

// tickMail lets leave what is due.
func (s *Server) tickMail() {
	now := s.world.Now()
	for key, o := range s.world.Scan("", outgoing) {
		if !world.Time(o, "~due").After(now) {
			s.leave(key, o, now)
		}
	}
}

func (s *Server) leave(key string, o world.Object, now time.Time) {
	userID := world.Text(o, "~user")
	box := world.Mailbox(userID)
	sent := world.Clone(o)
	for _, private := range []string{"~due", "~save", "~user", "~tenant", "~returned"} {
		delete(sent, private)
	}
	stamp := world.Stamp(now)
	sent["isDraft"], sent["isRead"], sent["sentDateTime"], sent["receivedDateTime"] = false, true, stamp, stamp
	sent[world.Partition] = s.world.FolderKey(userID, "sentitems")
	sent["~moves"] = world.Number(o, "~moves") + 1 // the default id changes, the immutable one stays: graph/FACTS §7
	s.world.Update(func(tx *world.Tx) {
		tx.Delete(world.Key{Collection: outgoing, ID: key})
		if world.Flag(o, "~save") {
			tx.Put(world.Key{Scope: box, Collection: world.Messages, ID: key}, sent)
		}
	})
	s.record.Count("mail_sent", 1)
	seen := map[string]bool{}
	for _, a := range everyone(sent) {
		if seen[strings.ToLower(a)] {
			continue
		}
		seen[strings.ToLower(a)] = true
		if why := world.Text(o, "~returned"); why != "" {
			s.bounce(box, sent, a, now, why)
			continue
		}
		s.deliver(box, key, sent, a, now)
	}
}

// deliver brings a message to one recipient: into a mailbox of this world, back as undeliverable, or out of the world.
func (s *Server) deliver(fromBox, key string, sent world.Object, address string, now time.Time) {
	t, inside := s.world.TenantOfAddress(address)
	if !inside {
		s.record.Count("mail_left_the_world", 1)
		return
	}
	user, found := s.world.User(t.ID, address)
	if !found || !world.HasMailbox(user) {
		s.bounce(fromBox, sent, address, now, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient "+address+" not found by SMTP address lookup")
		return
	}
	userID := world.Text(user, "id")
	n := world.Clone(sent)
	n[world.Partition], n["isRead"], n["~moves"], n["~version"], n["bccRecipients"] = s.world.FolderKey(userID, "inbox"), false, 0, 1, []any{}
	n["createdDateTime"], n["lastModifiedDateTime"] = world.Stamp(now), world.Stamp(now)
	delete(n, "~properties") // extended properties do not travel
	to := s.world.NewKey()
	a := s.receive(user, n, now)
	if !a.gone {
		s.copyAttachments(fromBox, key, a.box, to)
		s.world.Put(world.Key{Scope: a.box, Collection: world.Messages, ID: to}, n)
	}
	s.record.Count("mail_delivered", 1)
	a.settle(to)
}

// bounce tells a mailbox that what it sent did not arrive, and why.
func (s *Server) bounce(fromBox string, sent world.Object, address string, now time.Time, why string) {
	userID := strings.TrimPrefix(fromBox, "mailbox:")
	_, from := world.Address(sent["from"])
	_, domain, _ := strings.Cut(from, "@")
	o := world.Message(world.Mail{
		Folder: s.world.FolderKey(userID, "inbox"), Subject: "Undeliverable: " + world.Text(sent, "subject"), At: now, InternetID: "<" + s.world.NewGUID() + "@" + domain + ">", Conversation: world.Text(sent, "conversationId"),
		Text: fmt.Sprintf("Your message to %s couldn't be delivered.\n\nRemote server returned '%s'", address, why),
		From: world.Recipient("Microsoft Outlook", "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@"+domain), To: []world.Object{world.Recipient("", from)},
	})
	o["~headers"] = []any{
		world.Object{"name": "In-Reply-To", "value": sent["internetMessageId"]}, world.Object{"name": "References", "value": sent["internetMessageId"]},
		world.Object{"name": "X-Failed-Recipients", "value": address}, world.Object{"name": "Auto-Submitted", "value": "auto-replied"},
	}
	o["~properties"] = reportClass
	o["~failed"], o["~why"] = address, why
	s.world.Put(world.Key{Scope: fromBox, Collection: world.Messages, ID: s.world.NewKey()}, o)
	s.record.Count("mail_bounced", 1)
}

// answerKind is reply, reply all or forward.
type answerKind struct {
	prefix   string
	to       func(c *call, o world.Object) []any
	cc       func(c *call, o world.Object) []any
	carries  bool // attachments come along
	relation string
}

var (
	asReply    = answerKind{prefix: "Re: ", to: replyTo, cc: nobody, relation: "In-Reply-To"}
	asReplyAll = answerKind{prefix: "Re: ", to: replyTo, cc: others, relation: "In-Reply-To"}
	asForward  = answerKind{prefix: "Fw: ", to: nobody, cc: nobody, carries: true, relation: "References"}
)

func nobody(*call, world.Object) []any { return []any{} }

func replyTo(_ *call, o world.Object) []any {
	if l := world.Objects(o["replyTo"]); len(l) > 0 {
		return anyList(l)
	}
	return []any{o["from"]}
}

func others(c *call, o world.Object) []any {
	out := []any{}
	for _, r := range slices.Concat(world.Objects(o["toRecipients"]), world.Objects(o["ccRecipients"])) {
		if _, a := world.Address(r); !strings.EqualFold(a, world.Text(c.user, "mail")) {
			out = append(out, r)
		}
	}
	return out
}

// answerDraft plays createReply and its sisters: 201 with the draft.
func answerDraft(kind answerKind) handler {
	return func(c *call) (reply, *problem) {
		key, o, p := c.answering(kind)
		if p != nil {
			return reply{}, p
		}
		return created(c.renderMessage(key, o)), nil
	}
}

// answerNow plays reply and its sisters: 202.
func answerNow(kind answerKind) handler {
	return func(c *call) (reply, *problem) {
		key, o, p := c.answering(kind)
		if p != nil {
			return reply{}, p
		}
		return c.accept(key, o, nil, true, true)
	}
}

func (c *call) answering(kind answerKind) (string, world.Object, *problem) {
	oldKey, old, p := c.message()
	if p != nil {
		return "", nil, p
	}
	in, p := c.json()
	if p != nil {
		return "", nil, p
	}
	msg, comment := paramObject(in, "message"), paramText(in, "comment")
	if comment != "" && msg != nil && param(msg, "body") != nil {
		return "", nil, badRequest("The parameters 'Comment' and 'Message.Body' cannot both be given.") // graph/FACTS §7
	}
	if param(in, "toRecipients") != nil && msg != nil && param(msg, "toRecipients") != nil {
		return "", nil, badRequest("The parameters 'ToRecipients' and 'Message.ToRecipients' cannot both be given.") // message-createforward.md
	}
	o, p := c.newMessage(world.Object{}, c.s.world.FolderKey(c.userID(), "drafts"))
	if p != nil {
		return "", nil, p
	}
	subject := world.Text(old, "subject")
	for _, known := range []string{"Re: ", "Fw: "} {
		subject = strings.TrimPrefix(subject, known)
	}
	o["subject"], o["conversationId"] = kind.prefix+subject, old["conversationId"]
	o["toRecipients"], o["ccRecipients"] = kind.to(c, old), kind.cc(c, old)
	if to := world.Objects(param(in, "toRecipients")); len(to) > 0 {
		o["toRecipients"] = anyList(to)
	}
	oldBody, _ := old["body"].(world.Object)
	quoted := comment + "\n\n________________________________\nFrom: " + addressList(old, "from") + "\nSent: " + world.Text(old, "sentDateTime") + "\nSubject: " + world.Text(old, "subject") + "\n\n" + plainOf(oldBody)
	o["body"], o["bodyPreview"] = world.Body(quoted), world.Preview(quoted)
	if msg != nil {
		if p := c.applyMessage(o, msg, true); p != nil {
			return "", nil, p
		}
	}
	o["~headers"] = append(anyList(world.Objects(o["~headers"])), world.Object{"name": kind.relation, "value": old["internetMessageId"]})
	key := c.s.world.NewKey()
	if kind.carries {
		c.s.copyAttachments(c.box, oldKey, c.box, key)
		o["hasAttachments"] = old["hasAttachments"]
	}
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.Messages, ID: key}, o)
	return key, o, nil
}
