package graph

import (
	"slices"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

// arrival is a message on its way into an inbox, and what the mailbox's rules make of it.
type arrival struct {
	s    *Server
	user world.Object
	box  string
	m    world.Object
	now  time.Time

	gone    bool           // deleted for good
	copies  []string       // folders
	forward []world.Object // recipients
}

// receive runs what a mailbox does with a message by itself, before it stands in a folder.
func (s *Server) receive(user, m world.Object, now time.Time) *arrival {
	a := &arrival{s: s, user: user, box: world.Mailbox(world.Text(user, "id")), m: m, now: now}
	s.classify(a.box, m)
	for _, r := range s.rules(a.box) {
		if !world.Flag(r.object, "isEnabled") || !a.meets(r.object["conditions"], true) || a.meets(r.object["exceptions"], false) {
			continue
		}
		doing, _ := r.object["actions"].(world.Object)
		a.do(doing)
		if world.Flag(doing, "stopProcessingRules") {
			break
		}
	}
	return a
}

// meets tells whether the message is all that a rule's conditions or exceptions say; none says otherwise. What the simulator cannot see in
// its messages (encryption, voice mail and their like) no message is.
func (a *arrival) meets(of any, otherwise bool) bool {
	k, _ := of.(world.Object)
	if len(k) == 0 {
		return otherwise
	}
	for name, want := range k {
		if !a.is(name, want) {
			return false
		}
	}
	return true
}

func (a *arrival) is(name string, want any) bool {
	m := a.m
	body, _ := m["body"].(world.Object)
	text := map[string]string{"bodyContains": plainOf(body), "bodyOrSubjectContains": plainOf(body) + "\n" + world.Text(m, "subject"), "subjectContains": world.Text(m, "subject"),
		"senderContains": people(m, "from"), "recipientContains": people(m, "toRecipients", "ccRecipients"), "headerContains": headerText(m)}
	if where, ofWords := text[name]; ofWords {
		return slices.ContainsFunc(world.Strings(want), func(w string) bool { return strings.Contains(strings.ToLower(where), strings.ToLower(w)) })
	}
	switch name {
	case "fromAddresses":
		return anyAddress(want, addressesOf(m, "from"))
	case "sentToAddresses":
		return anyAddress(want, addressesOf(m, "toRecipients", "ccRecipients"))
	case "categories":
		return slices.ContainsFunc(world.Strings(want), func(w string) bool { return slices.Contains(world.Strings(m["categories"]), w) })
	case "importance":
		return want == m["importance"]
	}
	return want == a.mark(name)
}

// mark answers the conditions that are yes or no.
func (a *arrival) mark(name string) bool {
	me := strings.ToLower(world.Text(a.user, "mail"))
	to, cc := addressesOf(a.m, "toRecipients"), addressesOf(a.m, "ccRecipients")
	switch name {
	case "hasAttachments":
		return world.Flag(a.m, "hasAttachments")
	case "sentToMe":
		return slices.Contains(to, me)
	case "sentCcMe":
		return slices.Contains(cc, me)
	case "sentOnlyToMe":
		return len(to) == 1 && len(cc) == 0 && to[0] == me
	case "sentToOrCcMe":
		return slices.Contains(to, me) || slices.Contains(cc, me)
	case "notSentToMe":
		return !slices.Contains(to, me) && !slices.Contains(cc, me)
	case "isAutomaticReply":
		return strings.Contains(headerText(a.m), "auto-submitted: auto-replied")
	}
	return false
}

func headerText(m world.Object) string {
	var b strings.Builder
	for _, h := range world.Objects(m["~headers"]) {
		b.WriteString(world.Text(h, "name") + ": " + world.Text(h, "value") + "\n")
	}
	return strings.ToLower(b.String())
}

func addressesOf(m world.Object, names ...string) []string {
	var out []string
	for _, n := range names {
		list := world.Objects(m[n])
		if one, ok := m[n].(world.Object); ok {
			list = append(list, one)
		}
		for _, r := range list {
			_, a := world.Address(r)
			out = append(out, strings.ToLower(a))
		}
	}
	return out
}

func anyAddress(want any, have []string) bool {
	return slices.ContainsFunc(world.Objects(want), func(r world.Object) bool {
		_, a := world.Address(r)
		return slices.Contains(have, strings.ToLower(a))
	})
}

// do changes the message as a rule says.
func (a *arrival) do(doing world.Object) {
	folder := func(id string) string { key, _ := parseStable(folderPrefix, id); return key }
	if id := world.Text(doing, "moveToFolder"); id != "" {
		a.m[world.Partition] = folder(id)
	}
	if id := world.Text(doing, "copyToFolder"); id != "" {
		a.copies = append(a.copies, folder(id))
	}
	if world.Flag(doing, "delete") {
		a.m[world.Partition] = a.s.world.FolderKey(world.Text(a.user, "id"), "deleteditems")
	}
	a.gone = a.gone || world.Flag(doing, "permanentDelete")
	if world.Flag(doing, "markAsRead") {
		a.m["isRead"] = true
	}
	if word := world.Text(doing, "markImportance"); word != "" {
		a.m["importance"] = word
	}
	categories := world.Strings(a.m["categories"])
	for _, k := range world.Strings(doing["assignCategories"]) {
		if !slices.Contains(categories, k) {
			categories = append(categories, k)
		}
	}
	list := []any{}
	for _, k := range categories {
		list = append(list, k)
	}
	a.m["categories"] = list
	for _, name := range []string{"forwardTo", "forwardAsAttachmentTo", "redirectTo"} {
		a.forward = append(a.forward, world.Objects(doing[name])...)
	}
}

// settle does what follows when the message stands under a key: copies, what is passed on, the automatic reply.
func (a *arrival) settle(key string) {
	for _, folder := range a.copies {
		n, to := world.Clone(a.m), a.s.world.NewKey()
		n[world.Partition] = folder
		a.s.copyAttachments(a.box, key, a.box, to)
		a.s.world.Put(world.Key{Scope: a.box, Collection: world.Messages, ID: to}, n)
	}
	if automatic(a.m) {
		return // what came by itself is neither passed on nor answered: nothing goes round in circles
	}
	for _, r := range a.forward {
		a.passOn(key, r)
	}
	a.reply()
}

// automatic says that a program sent the message.
func automatic(m world.Object) bool { return strings.Contains(headerText(m), "auto-submitted: auto-") }

// passOn forwards to one recipient. Out of the organisation nothing goes by itself: the outbound spam filter policy's "Automatic -
// System-controlled" forbids it, and the mailbox hears so (outbound-spam-policies-external-email-forwarding).
func (a *arrival) passOn(key string, to world.Object) {
	_, address := world.Address(to)
	m := world.Clone(a.m)
	m["subject"], m["from"], m["sender"] = "FW: "+world.Text(m, "subject"), a.owner(), a.owner()
	m["toRecipients"], m["ccRecipients"] = []any{to}, []any{}
	m["~headers"] = []any{world.Object{"name": "Auto-Submitted", "value": "auto-generated"}}
	if !a.colleague(address) {
		a.s.bounce(a.box, m, address, a.now, "550 5.7.520 Access denied, Your organization does not allow external forwarding.")
		return
	}
	a.s.deliver(a.box, key, m, address, a.now)
}

func (a *arrival) owner() world.Object {
	return world.Recipient(world.Text(a.user, "displayName"), world.Text(a.user, "mail"))
}

// reply sends the automatic reply, once to each sender as long as it is on (support.microsoft.com, "Send automatic replies": once per sender).
func (a *arrival) reply() {
	k := world.Key{Scope: a.box, Collection: world.Settings, ID: "settings"}
	settings, _ := a.s.world.Get(k)
	r := paramObject(settings, "automaticRepliesSetting")
	_, from := world.Address(a.m["from"])
	from = strings.ToLower(from)
	answered := world.Strings(settings["~answered"])
	if !a.replying(r) || from == "" || slices.Contains(answered, from) {
		return
	}
	text := world.Text(r, "internalReplyMessage")
	if !a.colleague(from) {
		text = world.Text(r, "externalReplyMessage")
		if !a.outsiders(r, from) {
			return
		}
	}
	n := world.Clone(settings)
	n["~answered"] = append(untyped(answered), from)
	a.s.world.Put(k, n)
	m := world.Message(world.Mail{Subject: "Automatic reply: " + world.Text(a.m, "subject"), From: a.owner(), To: []world.Object{world.Recipient("", from)}, At: a.now,
		InternetID: "<" + a.s.world.NewGUID() + "@auto>", Conversation: world.Text(a.m, "conversationId")})
	m["body"] = world.Object{"contentType": "html", "content": text}
	m["bodyPreview"] = world.Preview(plainOf(m["body"].(world.Object)))
	m["~headers"] = []any{world.Object{"name": "Auto-Submitted", "value": "auto-replied"}}
	a.s.record.Count("automatic_replies", 1)
	a.s.deliver(a.box, "", m, from, a.now)
}

// colleague tells whether an address is of the mailbox's organisation.
func (a *arrival) colleague(address string) bool {
	home, _ := a.s.world.TenantOfAddress(world.Text(a.user, "mail"))
	t, inside := a.s.world.TenantOfAddress(address)
	return inside && t.ID == home.ID
}

func untyped(list []string) []any {
	out := make([]any, 0, len(list)+1)
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

func (a *arrival) replying(r world.Object) bool {
	switch world.Text(r, "status") {
	case "alwaysEnabled":
		return true
	case "scheduled":
		return !a.now.Before(world.Instant(r["scheduledStartDateTime"])) && a.now.Before(world.Instant(r["scheduledEndDateTime"]))
	}
	return false
}

// outsiders tells whether somebody outside the organisation is answered: resources/automaticrepliessetting.md.
func (a *arrival) outsiders(r world.Object, from string) bool {
	switch world.Text(r, "externalAudience") {
	case "all":
		return true
	case "contactsOnly":
		for _, k := range a.s.world.Scan(a.box, world.Contacts) {
			for _, e := range world.Objects(k["emailAddresses"]) {
				if strings.EqualFold(world.Text(e, "address"), from) {
					return true
				}
			}
		}
	}
	return false
}
