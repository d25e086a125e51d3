package graph

import (
	"cmp"
	"encoding/base64"
	"iter"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"

	"seneschal/internal/sim/odata"
	"seneschal/internal/sim/world"
)

func mailHandlers() map[string]handler {
	const m = "/users/{user-id}/messages/{message-id}"
	const f = "/users/{user-id}/mailFolders/{mailFolder-id}"
	out := map[string]handler{
		"GET /users/{user-id}/mailFolders":         childFolders,
		"POST /users/{user-id}/mailFolders":        createFolder,
		"GET /users/{user-id}/mailFolders/delta()": deltaFolders,
		"GET " + f:                                          getFolder,
		"PATCH " + f:                                        patchFolder,
		"DELETE " + f:                                       deleteFolder,
		"GET " + f + "/childFolders":                        childFolders,
		"POST " + f + "/childFolders":                       createFolder,
		"GET " + f + "/messages":                            listMessages,
		"GET " + f + "/messages/$count":                     countMessages,
		"POST " + f + "/messages":                           createMessage,
		"GET " + f + "/messages/delta()":                    deltaMessages,
		"GET /users/{user-id}/messages":                     listMessages,
		"GET /users/{user-id}/messages/$count":              countMessages,
		"POST /users/{user-id}/messages":                    createMessage,
		"GET " + m:                                          getMessage,
		"PATCH " + m:                                        patchMessage,
		"DELETE " + m:                                       deleteMessage,
		"GET " + m + "/$value":                              messageMIME,
		"POST " + m + "/move":                               moveMessage,
		"POST " + m + "/copy":                               copyMessage,
		"POST " + m + "/send":                               sendDraft,
		"POST " + m + "/reply":                              answerNow(asReply),
		"POST " + m + "/replyAll":                           answerNow(asReplyAll),
		"POST " + m + "/forward":                            answerNow(asForward),
		"POST " + m + "/createReply":                        answerDraft(asReply),
		"POST " + m + "/createReplyAll":                     answerDraft(asReplyAll),
		"POST " + m + "/createForward":                      answerDraft(asForward),
		"GET " + m + "/attachments":                         listAttachments,
		"POST " + m + "/attachments":                        addAttachment,
		"POST " + m + "/attachments/createUploadSession":    createUpload,
		"GET " + m + "/attachments/{attachment-id}":         getAttachment,
		"DELETE " + m + "/attachments/{attachment-id}":      deleteAttachment,
		"GET " + m + "/attachments/{attachment-id}/$value":  attachmentValue,
		"POST /users/{user-id}/sendMail":                    sendMail,
		"POST /users/{user-id}/translateExchangeIds":        translateIDs,
		"GET /users/{user-id}/outlook/supportedTimeZones()": supportedZones,
	}
	for _, same := range []string{"GET ", "PATCH ", "DELETE "} {
		out[same+f+"/messages/{message-id}"] = out[same+m]
	}
	out["POST "+f+"/messages/{message-id}/move"] = moveMessage
	out["GET "+f+"/messages/{message-id}/$value"] = messageMIME
	return out
}

// cursor is a place in a folder's order: newest first, then by key.
type cursor struct {
	Received string `json:"r"`
	Key      string `json:"k"`
}

func (a cursor) before(b cursor) bool {
	if a.Received != b.Received {
		return a.Received > b.Received
	}
	return a.Key < b.Key
}

func place(key string, o world.Object) cursor { return cursor{world.Text(o, "receivedDateTime"), key} }

// messages yields a folder's messages (all folders' when it is ""), newest first, from behind a place. What is generated is made one by one.
func (s *Server) messages(box, folder string, behind *cursor) iter.Seq2[string, world.Object] {
	return func(yield func(string, world.Object) bool) {
		live, gone := s.world.Touched(box, world.Messages)
		touched := make(map[string]bool, len(live))
		var mine []world.Item
		for _, it := range live {
			touched[it.ID] = true
			if (folder == "" || world.Text(it.Object, world.Partition) == folder) && (behind == nil || behind.before(place(it.ID, it.Object))) {
				mine = append(mine, it)
			}
		}
		slices.SortFunc(mine, func(a, b world.Item) int {
			if place(a.ID, a.Object).before(place(b.ID, b.Object)) {
				return -1
			}
			return 1
		})
		for id, o := range generated(s.world.Generated(box, world.Messages), folder, behind) {
			if touched[id] || gone[id] {
				continue
			}
			for len(mine) > 0 && place(mine[0].ID, mine[0].Object).before(place(id, o)) {
				if !yield(mine[0].ID, mine[0].Object) {
					return
				}
				mine = mine[1:]
			}
			if !yield(id, o) {
				return
			}
		}
		for _, it := range mine {
			if !yield(it.ID, it.Object) {
				return
			}
		}
	}
}

// generated yields the generated messages behind a place; they lie in one folder, newest first.
func generated(base world.Base, folder string, behind *cursor) iter.Seq2[string, world.Object] {
	return func(yield func(string, world.Object) bool) {
		if base == nil || base.Len() == 0 {
			return
		}
		if _, first := base.At(0); folder != "" && world.Text(first, world.Partition) != folder {
			return
		}
		from := 0
		if behind != nil {
			if i, ok := base.Index(behind.Key); ok {
				from = i + 1
			} else {
				from = sort.Search(base.Len(), func(i int) bool { id, o := base.At(i); return behind.before(place(id, o)) })
			}
		}
		for i := from; i < base.Len(); i++ {
			if id, o := base.At(i); !yield(id, o) {
				return
			}
		}
	}
}

func (c *call) messageFolder() (string, *problem) {
	id := c.params["mailFolder-id"]
	if id == "" {
		return "", nil
	}
	key, _, p := c.folder(id)
	return key, p
}

func listMessages(c *call) (reply, *problem) {
	folder, p := c.messageFolder()
	if p != nil {
		return reply{}, p
	}
	if p := c.efficient(); p != nil {
		return reply{}, p
	}
	l := c.mailPage("messages")
	l.sorted = len(c.q.OrderBy) == 0 || len(c.q.OrderBy) == 1 && c.q.OrderBy[0].Desc && strings.EqualFold(c.q.OrderBy[0].Path, "receivedDateTime")
	if c.q.Search != "" {
		return c.searchMessages(l, folder)
	}
	if c.q.Filter == nil && l.sorted {
		l.window = func(skip, top int) ([]world.Object, int, bool) { return c.untouched(folder, skip, top) }
	}
	return c.page(l, c.rendered(folder), itself)
}

// untouched cuts a page out of a generated folder that nobody changed, by index.
func (c *call) untouched(folder string, skip, top int) ([]world.Object, int, bool) {
	base := c.s.world.Generated(c.box, world.Messages)
	if base == nil || base.Len() == 0 {
		return nil, 0, false
	}
	_, touched := c.s.world.Size(c.box, world.Messages)
	if _, first := base.At(0); touched > 0 || folder != "" && world.Text(first, world.Partition) != folder {
		return nil, 0, false
	}
	var out []world.Object
	for i := skip; i < min(skip+top, base.Len()); i++ {
		key, o := base.At(i)
		out = append(out, c.renderMessage(key, o))
	}
	return out, base.Len(), true
}

func (c *call) rendered(folder string) iter.Seq[world.Object] {
	return func(yield func(world.Object) bool) {
		for key, o := range c.s.messages(c.box, folder, nil) {
			if !yield(c.renderMessage(key, o)) {
				return
			}
		}
	}
}

// efficient is Outlook's rule: what is ordered by must stand in $filter, first and in the same order: graph/FACTS §7.
func (c *call) efficient() *problem {
	if c.q.Filter == nil || len(c.q.OrderBy) == 0 {
		return nil
	}
	var paths []string
	c.q.Filter.Paths(func(p, _ string) {
		if !slices.Contains(paths, strings.ToLower(p)) {
			paths = append(paths, strings.ToLower(p))
		}
	})
	for i, o := range c.q.OrderBy {
		if i >= len(paths) || paths[i] != strings.ToLower(o.Path) {
			return fail(http.StatusBadRequest, "InefficientFilter", "The restriction or sort order is too complex for this operation.")
		}
	}
	return nil
}

// searchLimit is the most a $search of messages gives: concepts/search-query-parameter.md (2022-12).
const searchLimit = 1000

// searchMessages gives its pages by $skiptoken, sorted by when the messages were sent.
func (c *call) searchMessages(l listing, folder string) (reply, *problem) {
	if c.q.Filter != nil || len(c.q.OrderBy) > 0 {
		return reply{}, fail(http.StatusBadRequest, "SearchWithOrderBy", "The query parameter '$search' cannot be used together with '$filter' or '$orderby'.")
	}
	if c.q.Skip > 0 {
		return reply{}, fail(http.StatusBadRequest, "SearchWithSkip", "The query parameter '$search' cannot be used together with '$skip'.")
	}
	l.skipToken = true
	var hits []world.Object
	for key, o := range c.s.messages(c.box, folder, nil) {
		if len(hits) == searchLimit {
			break
		}
		if found(o, strings.Trim(c.q.Search, `"`)) {
			hits = append(hits, c.renderMessage(key, o))
		}
	}
	slices.SortStableFunc(hits, func(a, b world.Object) int {
		return cmp.Compare(world.Text(b, "sentDateTime"), world.Text(a, "sentDateTime"))
	})
	return c.page(l, slices.Values(hits), itself)
}

// found plays the part of KQL that people use: words, and subject: from: to: body: before one.
func found(o world.Object, kql string) bool {
	body, _ := o["body"].(world.Object)
	fields := map[string]string{"subject": world.Text(o, "subject"), "body": world.Text(body, "content"), "from": people(o, "from", "sender"), "to": people(o, "toRecipients"), "participants": people(o, "from", "toRecipients", "ccRecipients")}
	all := strings.ToLower(strings.Join([]string{fields["subject"], fields["body"], fields["participants"]}, " "))
	for term := range strings.FieldsSeq(strings.ToLower(kql)) {
		if term == "and" {
			continue
		}
		name, text, named := strings.Cut(term, ":")
		if value, known := fields[name]; named && known {
			if !strings.Contains(strings.ToLower(value), strings.Trim(text, `"'`)) {
				return false
			}
		} else if !strings.Contains(all, strings.Trim(term, `"'*`)) {
			return false
		}
	}
	return true
}

func people(o world.Object, names ...string) string {
	var b strings.Builder
	for _, n := range names {
		list := world.Objects(o[n])
		if one, ok := o[n].(world.Object); ok {
			list = append(list, one)
		}
		for _, r := range list {
			name, address := world.Address(r)
			b.WriteString(name + " " + address + " ")
		}
	}
	return b.String()
}

func countMessages(c *call) (reply, *problem) {
	folder, p := c.messageFolder()
	if p != nil {
		return reply{}, p
	}
	n := 0
	for o := range c.rendered(folder) {
		if c.q.Filter == nil || c.q.Filter.Match(o) {
			n++
		}
	}
	return plainText(strconv.Itoa(n)), nil
}

// message finds the message of the path. A default id of before a move is no id any more.
func (c *call) message() (string, world.Object, *problem) {
	ref, p := parseItemID(c.params["message-id"])
	if p != nil {
		return "", nil, p
	}
	o, found := c.s.world.Get(world.Key{Scope: c.box, Collection: world.Messages, ID: ref.key})
	if !found || ref.moves >= 0 && ref.moves != world.Number(o, "~moves") {
		return "", nil, itemNotFound()
	}
	return ref.key, o, nil
}

func getMessage(c *call) (reply, *problem) {
	key, o, p := c.message()
	if p != nil {
		return reply{}, p
	}
	rep, p := c.one("users('"+c.userID()+"')/messages", c.renderMessage(key, o))
	return rep, p
}

// basicOnly tells whether the token sees no bodies: graph/FACTS §7, ReadBasic.
func (c *call) basicOnly() bool {
	return !slices.ContainsFunc(c.held(), func(h string) bool {
		return strings.HasPrefix(h, "Mail.Read") && !strings.HasPrefix(h, "Mail.ReadBasic")
	})
}

// renderMessage shows a message as the request wants it.
func (c *call) renderMessage(key string, o world.Object) world.Object {
	out := public(o)
	out["id"] = itemID(key, world.Number(o, "~moves"), c.immutable)
	out["changeKey"], out["@odata.etag"] = changeKey(key, o), etag(key, o)
	out["parentFolderId"] = stableID(folderPrefix, world.Text(o, world.Partition))
	out["conversationIndex"] = base64.StdEncoding.EncodeToString([]byte(world.Text(o, "conversationId")))
	out["webLink"] = "https://outlook.office365.com/owa/?ItemID=" + out["id"].(string) + "&exvsurl=1&viewmodel=ReadMessageItem"
	c.bodyForm(out)
	if odata.Selected(c.q.Select, "internetMessageHeaders") {
		out["internetMessageHeaders"] = c.s.headers(key, o)
	}
	if odata.Selected(c.q.Select, "uniqueBody") {
		out["uniqueBody"] = out["body"]
	}
	c.expandMessage(out, key, o)
	if c.basicOnly() {
		for _, hidden := range []string{"body", "bodyPreview", "uniqueBody", "attachments", "internetMessageHeaders", "singleValueExtendedProperties"} {
			delete(out, hidden)
		}
	}
	return out
}

// bodyForm honours Prefer: outlook.body-content-type: graph/FACTS §7.
func (c *call) bodyForm(out world.Object) {
	want := strings.ToLower(c.prefer("outlook.body-content-type"))
	body, _ := out["body"].(world.Object)
	if want == "" || body == nil {
		return
	}
	note := `outlook.body-content-type="` + want + `"`
	if !slices.Contains(c.preferenceApplied, note) {
		c.preferenceApplied = append(c.preferenceApplied, note)
	}
	switch {
	case want == "text" && world.Text(body, "contentType") != "text":
		out["body"] = world.Object{"contentType": "text", "content": plainOf(body)}
	case want == "html" && world.Text(body, "contentType") == "text":
		out["body"] = world.Body(world.Text(body, "content"))
	}
}

// plainOf gives a body's text.
func plainOf(body world.Object) string {
	content := world.Text(body, "content")
	if !strings.EqualFold(world.Text(body, "contentType"), "html") {
		return content
	}
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(content))
	skip := false
	for {
		switch z.Next() {
		case html.ErrorToken:
			return strings.TrimSpace(b.String())
		case html.TextToken:
			if !skip {
				b.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			switch string(name) {
			case "br", "p", "div", "tr", "li":
				b.WriteByte('\n')
			case "style", "script":
				skip = true
			}
		case html.EndTagToken:
			skip = false
		}
	}
}

func (c *call) expandMessage(out world.Object, key string, o world.Object) {
	for _, e := range c.q.Expand {
		name, options, _ := strings.Cut(e, "(")
		switch strings.ToLower(name) {
		case "attachments":
			list := []any{}
			for id, a := range c.s.attachments(c.box, key) {
				list = append(list, c.s.renderAttachment(id, a, true))
			}
			out["attachments"] = list
		case "singlevalueextendedproperties":
			if l := extended(o, options); len(l) > 0 {
				out["singleValueExtendedProperties"] = l
			}
		}
	}
	if strings.Contains(strings.ToLower(c.q.FilterRaw), "singlevalueextendedproperties") && out["singleValueExtendedProperties"] == nil {
		out["~filterOnly"] = true
		out["singleValueExtendedProperties"] = extended(o, "")
	}
}

// extended lists the extended properties that an $expand's options name; without options all, for filters.
func extended(o world.Object, options string) []any {
	var cond *odata.Filter
	if _, f, ok := strings.Cut(options, "$filter="); ok {
		f, _, _ = strings.Cut(f, ";")
		cond, _ = odata.ParseFilter(strings.TrimSuffix(f, ")")) // a broken inner filter selects everything
	}
	out := []any{}
	for _, p := range world.Objects(o["~properties"]) {
		if cond == nil || cond.Match(p) {
			out = append(out, p)
		}
	}
	return out
}

// enforcedFrom is when changing a received message needs Mail-Advanced: graph/FACTS §7, §13.
var enforcedFrom = time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)

var (
	// always are the properties that Mail.ReadWrite may change on any message.
	always = []string{"isRead", "flag", "categories", "importance", "inferenceClassification"}
	// sensitive are those of drafts; on received mail they need Mail-Advanced.ReadWrite.
	sensitive = []string{"subject", "body", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "from", "sender", "internetMessageId", "isDeliveryReceiptRequested", "isReadReceiptRequested"}
)

func patchMessage(c *call) (reply, *problem) {
	key, o, p := c.message()
	if p != nil {
		return reply{}, p
	}
	if p := c.ifMatch(key, o); p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	n := c.changed(o)
	if p := c.applyMessage(n, in, world.Flag(o, "isDraft")); p != nil {
		return reply{}, p
	}
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.Messages, ID: key}, n)
	return c.one("users('"+c.userID()+"')/messages", c.renderMessage(key, n))
}

// applyMessage writes what a client may set.
func (c *call) applyMessage(n, in world.Object, draft bool) *problem {
	for _, name := range always {
		if v := param(in, name); v != nil {
			n[name] = v
		}
	}
	for _, name := range sensitive {
		v := param(in, name)
		if v == nil {
			continue
		}
		if !draft && !c.mayRewrite() {
			return fail(http.StatusForbidden, "ErrorAccessDenied", "Updating '"+name+"' of a message that is not a draft needs Mail-Advanced.ReadWrite.")
		}
		n[name] = v
	}
	if body, ok := param(in, "body").(world.Object); ok {
		kind := strings.ToLower(paramText(body, "contentType"))
		if kind == "" {
			kind = "text"
		}
		n["body"] = world.Object{"contentType": kind, "content": paramText(body, "content")}
		n["bodyPreview"] = world.Preview(plainOf(n["body"].(world.Object)))
	}
	delete(n, "~mime") // what was sent as MIME is no longer what the message says
	if p := setHeaders(n, in); p != nil {
		return p
	}
	setProperties(n, in)
	return nil
}

func (c *call) mayRewrite() bool {
	if c.s.world.Now().Before(enforcedFrom) {
		return true
	}
	return slices.ContainsFunc(c.held(), func(h string) bool { return strings.HasPrefix(h, "Mail-Advanced.ReadWrite") })
}

// setHeaders keeps the rule of graph/FACTS §7: names begin with x-, at most five.
func setHeaders(n, in world.Object) *problem {
	v := param(in, "internetMessageHeaders")
	if v == nil {
		return nil
	}
	hs := world.Objects(v)
	if len(hs) > 5 {
		return fail(http.StatusBadRequest, "InvalidInternetMessageHeaderCollection", "Maximum number of headers in one message should be less than or equal to 5.")
	}
	kept := []any{}
	for _, h := range hs {
		if !strings.HasPrefix(strings.ToLower(paramText(h, "name")), "x-") {
			return fail(http.StatusBadRequest, "InvalidInternetMessageHeader", "The internet message header name '"+paramText(h, "name")+"' should start with 'x-' or 'X-'.")
		}
		kept = append(kept, world.Object{"name": paramText(h, "name"), "value": paramText(h, "value")})
	}
	n["~headers"] = kept
	return nil
}

func setProperties(n, in world.Object) {
	given := world.Objects(param(in, "singleValueExtendedProperties"))
	if len(given) == 0 {
		return
	}
	kept := []any{}
	for _, p := range world.Objects(n["~properties"]) {
		if !slices.ContainsFunc(given, func(g world.Object) bool { return strings.EqualFold(paramText(g, "id"), world.Text(p, "id")) }) {
			kept = append(kept, p)
		}
	}
	for _, g := range given {
		kept = append(kept, world.Object{"id": paramText(g, "id"), "value": paramText(g, "value")})
	}
	n["~properties"] = kept
}

// newMessage makes a message of the mailbox's owner from a client's JSON.
func (c *call) newMessage(in world.Object, folder string) (world.Object, *problem) {
	w := c.s.world
	me := world.Recipient(world.Text(c.user, "displayName"), world.Text(c.user, "mail"))
	_, domain, _ := strings.Cut(world.Text(c.user, "userPrincipalName"), "@")
	o := world.Message(world.Mail{Folder: folder, From: me, At: w.Now(), InternetID: "<" + w.NewGUID() + "@" + domain + ">", Conversation: w.NewKey(), Read: true, Draft: true})
	return o, c.applyMessage(o, in, true)
}

func createMessage(c *call) (reply, *problem) {
	folder, p := c.messageFolder()
	if p != nil {
		return reply{}, p
	}
	if folder == "" {
		folder = c.s.world.FolderKey(c.userID(), "drafts")
	}
	if strings.HasPrefix(c.r.Header.Get("Content-Type"), "text/plain") {
		return c.createFromMIME(folder)
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	o, p := c.newMessage(in, folder)
	if p != nil {
		return reply{}, p
	}
	key := c.s.world.NewKey()
	if p := c.storeMessage(key, o, world.Objects(param(in, "attachments"))); p != nil {
		return reply{}, p
	}
	stored, _ := c.s.world.Get(world.Key{Scope: c.box, Collection: world.Messages, ID: key})
	rep, p := c.one("users('"+c.userID()+"')/messages", c.renderMessage(key, stored))
	rep.status = http.StatusCreated
	return rep, p
}

// storeMessage puts a message and its attachments in one step.
func (c *call) storeMessage(key string, o world.Object, attachments []world.Object) *problem {
	var parts []world.Object
	for _, a := range attachments {
		part, p := c.newAttachment(key, a)
		if p != nil {
			return p
		}
		parts = append(parts, part)
	}
	o["hasAttachments"] = slices.ContainsFunc(parts, func(a world.Object) bool { return !world.Flag(a, "isInline") })
	keys := make([]string, len(parts))
	for i := range parts {
		keys[i] = c.s.world.NewKey()
	}
	c.s.world.Update(func(tx *world.Tx) {
		tx.Put(world.Key{Scope: c.box, Collection: world.Messages, ID: key}, o)
		for i, a := range parts {
			tx.Put(world.Key{Scope: c.box, Collection: world.Attachments, ID: keys[i]}, a)
		}
	})
	return nil
}

// deleteMessage moves to Deleted Items; what lies there already becomes recoverable, and from there it is gone (recall, graph/FACTS §7).
func deleteMessage(c *call) (reply, *problem) {
	key, o, p := c.message()
	if p != nil {
		return reply{}, p
	}
	if p := c.ifMatch(key, o); p != nil {
		return reply{}, p
	}
	w, id := c.s.world, c.userID()
	k := world.Key{Scope: c.box, Collection: world.Messages, ID: key}
	switch world.Text(o, world.Partition) {
	case w.FolderKey(id, "recoverableitemsdeletions"):
		w.Delete(k)
	case w.FolderKey(id, "deleteditems"):
		w.Put(k, c.moved(o, w.FolderKey(id, "recoverableitemsdeletions")))
	default:
		w.Put(k, c.moved(o, w.FolderKey(id, "deleteditems")))
	}
	return empty(http.StatusNoContent), nil
}

func (c *call) moved(o world.Object, folder string) world.Object {
	n := c.changed(o)
	n[world.Partition] = folder
	n["~moves"] = world.Number(o, "~moves") + 1
	return n
}

func (c *call) destination() (string, *problem) {
	in, p := c.json()
	if p != nil {
		return "", p
	}
	id := paramText(in, "destinationId")
	if id == "" {
		return "", fail(http.StatusBadRequest, "ErrorInvalidRequest", "DestinationId is required.")
	}
	key, _, p := c.folder(id)
	return key, p
}

func moveMessage(c *call) (reply, *problem) {
	key, o, p := c.message()
	if p != nil {
		return reply{}, p
	}
	folder, p := c.destination()
	if p != nil {
		return reply{}, p
	}
	n := c.moved(o, folder)
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.Messages, ID: key}, n)
	return created(c.renderMessage(key, n)), nil
}

func copyMessage(c *call) (reply, *problem) {
	key, o, p := c.message()
	if p != nil {
		return reply{}, p
	}
	folder, p := c.destination()
	if p != nil {
		return reply{}, p
	}
	n := c.changed(o)
	n[world.Partition], n["~moves"] = folder, 0
	to := c.s.world.NewKey()
	c.s.copyAttachments(c.box, key, c.box, to)
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.Messages, ID: to}, n)
	return created(c.renderMessage(to, n)), nil
}

// mailToken is the state in a mail delta link.
type mailToken struct {
	Since  uint64  `json:"s"`
	First  bool    `json:"i,omitempty"`
	At     *cursor `json:"c,omitempty"` // first round: behind which message the next page begins
	Select string  `json:"q,omitempty"`
	Filter string  `json:"f,omitempty"`
	Change string  `json:"t,omitempty"`
	Sent   int     `json:"n,omitempty"` // with a filter at most 5,000
}

func syncLost() *problem {
	return fail(http.StatusGone, "syncStateNotFound", "The sync state generation is not found; synchronization must restart.")
}

const filteredDelta = 5000 // graph/FACTS §5

// deltaMessages plays message delta of one folder: graph/FACTS §5.
func deltaMessages(c *call) (reply, *problem) {
	folder, p := c.messageFolder()
	if p != nil {
		return reply{}, p
	}
	if c.q.Search != "" {
		return reply{}, badRequest("$search is not supported on a delta query.")
	}
	t := mailToken{Since: c.s.world.Point(), First: true, Select: strings.Join(c.q.Select, ","), Filter: c.q.FilterRaw, Change: strings.ToLower(c.r.URL.Query().Get("changeType"))}
	if raw, given := c.tokenOf(); given {
		t = mailToken{}
		if !decodeToken(raw, &t) || c.deltaGone() {
			return reply{}, syncLost()
		}
	}
	filter, p := deltaFilter(t.Filter)
	if p != nil {
		return reply{}, p
	}
	if t.Select != "" {
		c.q.Select = strings.Split(t.Select, ",")
	}
	if t.First && t.Change != "updated" && t.Change != "deleted" {
		return c.firstRound(t, folder, filter)
	}
	return c.laterRound(t, folder, filter)
}

// deltaFilter takes what message delta takes: receivedDateTime ge or gt.
func deltaFilter(raw string) (*odata.Filter, *problem) {
	if raw == "" {
		return nil, nil
	}
	f, err := odata.ParseFilter(raw)
	if err != nil {
		return nil, badRequest(errorText(err))
	}
	var p *problem
	f.Paths(func(path, op string) {
		if !strings.EqualFold(path, "receivedDateTime") || op != "ge" && op != "gt" {
			p = badRequest("The filter of a delta query may only be receivedDateTime ge or gt.")
		}
	})
	return f, p
}

func (c *call) deltaPage() int {
	size := 10
	if n, err := strconv.Atoi(c.prefer("odata.maxpagesize")); err == nil && n > 0 {
		size = n
		c.preferenceApplied = append(c.preferenceApplied, "odata.maxpagesize="+strconv.Itoa(n))
	}
	if c.q.Top > 0 {
		size = c.q.Top
	}
	return c.s.throttle.pageSize(min(size, 1000))
}

func (c *call) deltaBody(value []any) world.Object {
	return world.Object{"@odata.context": c.context("Collection(message)"), "value": value}
}

func (c *call) nextLink(t any) string {
	return strings.Replace(c.deltaLink(t), "$deltatoken=", "$skiptoken=", 1)
}

func (c *call) firstRound(t mailToken, folder string, filter *odata.Filter) (reply, *problem) {
	value, size := []any{}, c.deltaPage()
	for key, o := range c.s.messages(c.box, folder, t.At) {
		if filter != nil && !filter.Match(o) {
			continue
		}
		if filter != nil && t.Sent >= filteredDelta {
			break
		}
		if len(value) == size {
			body := c.deltaBody(value)
			body["@odata.nextLink"] = c.nextLink(t)
			return ok(body), nil
		}
		at := place(key, o)
		t.At, t.Sent = &at, t.Sent+1
		value = append(value, odata.Project(c.renderMessage(key, o), c.q.Select))
	}
	t.First, t.At, t.Sent = false, nil, 0
	body := c.deltaBody(value)
	body["@odata.deltaLink"] = c.deltaLink(t)
	return ok(body), nil
}

func (c *call) laterRound(t mailToken, folder string, filter *odata.Filter) (reply, *problem) {
	value, size := []any{}, c.deltaPage()
	changes, now := c.s.world.Since(c.box, world.Messages, t.Since)
	t.First = false
	for _, d := range changes {
		if d.Partition != folder {
			continue
		}
		item := c.deltaItem(t, d, filter)
		if item == nil {
			continue
		}
		if len(value) >= size && d.Seq != t.Since { // one transaction is never torn apart
			body := c.deltaBody(value)
			body["@odata.nextLink"] = c.nextLink(t)
			return ok(body), nil
		}
		value = append(value, item)
		t.Since = d.Seq
	}
	t.Since = now
	body := c.deltaBody(value)
	body["@odata.deltaLink"] = c.deltaLink(t)
	return ok(body), nil
}

// deltaItem shows one change. Deletions and changes come even if they miss the filter: graph/FACTS §5.
func (c *call) deltaItem(t mailToken, d world.Delta, filter *odata.Filter) any {
	switch {
	case d.Object == nil:
		if t.Change == "" || t.Change == "deleted" {
			return removed(itemID(d.ID, d.Moves, c.immutable))
		}
	case t.Change == "created" && !d.Created, t.Change == "updated" && d.Created, t.Change == "deleted":
	case d.Created && filter != nil && !filter.Match(d.Object):
	default:
		return odata.Project(c.renderMessage(d.ID, d.Object), c.q.Select)
	}
	return nil
}
