package sim

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const ada = "/users/ada@contoso.example"

func draft(to string) map[string]any {
	return map[string]any{"subject": "Test", "body": map[string]any{"contentType": "HTML", "content": "<p>Hello <b>you</b></p>"}, "toRecipients": []any{map[string]any{"emailAddress": map[string]any{"address": to}}}}
}

// settle lets everything due happen.
func (c *cloud) settle(d time.Duration) {
	c.t.Helper()
	if err := c.Advance(d); err != nil {
		c.t.Fatal(err)
	}
}

func TestReadingMail(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	inbox := c.graph(token, "GET", ada+"/mailFolders/inbox", nil)
	if inbox.str("totalItemCount") != "12" {
		t.Fatalf("inbox: got %s", inbox.raw)
	}
	all := 0
	for next := ada + "/mailFolders/inbox/messages?$top=5&$select=subject,from,receivedDateTime"; next != ""; {
		a := c.graph(token, "GET", next, nil)
		all += len(a.list())
		next = a.str("@odata.nextLink")
	}
	if all != 12 {
		t.Errorf("pages: got %d messages, want 12", all)
	}
	if a := c.graph(token, "GET", ada+"/messages", nil); len(a.list()) != 10 {
		t.Errorf("default page: got %d", len(a.list()))
	}
	first := c.graph(token, "GET", ada+"/mailFolders/inbox/messages?$top=1", nil).list()[0]
	id := first["id"].(string)
	for _, tt := range []struct {
		name, path string
		header     []string
		status     int
		code       string
		check      func(answerOf) bool
	}{
		{"no headers without select", ada + "/messages/" + id, nil, 200, "", func(a answerOf) bool {
			return a.json["internetMessageHeaders"] == nil && a.str("body", "contentType") == "html"
		}},
		{"headers with select", ada + "/messages/" + id + "?$select=internetMessageHeaders", nil, 200, "", func(a answerOf) bool {
			return strings.Contains(string(a.raw), "Authentication-Results") && a.json["subject"] == nil
		}},
		{"text body", ada + "/messages/" + id, []string{"Prefer", `outlook.body-content-type="text"`}, 200, "", func(a answerOf) bool {
			return a.str("body", "contentType") == "text" && strings.Contains(a.header.Get("Preference-Applied"), "text")
		}},
		{"MIME", ada + "/messages/" + id + "/$value", nil, 200, "", func(a answerOf) bool { return bytes.Contains(a.raw, []byte("MIME-Version: 1.0")) }},
		{"by internet message id", ada + "/messages?$filter=internetMessageId eq '" + url.QueryEscape(first["internetMessageId"].(string)) + "'", nil, 200, "", func(a answerOf) bool { return len(a.list()) == 1 }},
		{"inefficient filter", ada + "/messages?$filter=isRead eq false&$orderby=receivedDateTime", nil, 400, "InefficientFilter", nil},
		{"filter and order", ada + "/messages?$filter=receivedDateTime ge 2020-01-01T00:00:00Z and isRead eq true&$orderby=receivedDateTime", nil, 200, "", func(a answerOf) bool { return len(a.list()) > 0 }},
		{"search", ada + "/messages?$search=\"from:northwind\"", nil, 200, "", func(a answerOf) bool { return len(a.list()) > 0 }},
		{"search in pages", ada + "/messages?$search=\"from:northwind\"&$top=1", nil, 200, "", func(a answerOf) bool { return strings.Contains(a.str("@odata.nextLink"), "$skiptoken=") }},
		{"search with skip", ada + "/messages?$search=\"x\"&$skip=1", nil, 400, "SearchWithSkip", nil},
		{"search with filter", ada + "/messages?$search=\"x\"&$filter=isRead eq true", nil, 400, "SearchWithOrderBy", nil},
		{"too long a page", ada + "/messages?$top=1001", nil, 400, "BadRequest", nil},
		{"id in other case", ada + "/messages/" + strings.ToLower(id), nil, 400, "ErrorInvalidIdMalformed", nil},
		{"unlicensed", "/users/intern@contoso.example/messages", nil, 404, "MailboxNotEnabledForRESTAPI", nil},
		{"unknown mailbox", "/users/nobody@contoso.example/messages", nil, 404, "ErrorInvalidUser", nil},
		{"count", ada + "/mailFolders/inbox/messages/$count", nil, 200, "", func(a answerOf) bool { return string(a.raw) == "12" }},
		{"settings", ada + "/mailboxSettings", nil, 200, "", func(a answerOf) bool { return a.str("userPurpose") == "user" }},
	} {
		a := c.graph(token, "GET", spaces(tt.path), nil, tt.header...)
		if a.status != tt.status || a.str("error", "code") != tt.code || tt.check != nil && !tt.check(a) {
			t.Errorf("%s: got %d %s", tt.name, a.status, a.raw)
		}
	}
}

func TestMovesAndIDs(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	const immutable = `IdType="ImmutableId"`
	m := c.graph(token, "POST", ada+"/messages", draft("nora@northwind.example"), "Prefer", immutable)
	lasting := m.str("id")
	byDefault := c.graph(token, "GET", ada+"/messages/"+lasting, nil).str("id")
	if m.status != 201 || lasting == byDefault {
		t.Fatalf("got %d %s and %s", m.status, lasting, byDefault)
	}
	moved := c.graph(token, "POST", ada+"/messages/"+byDefault+"/move", map[string]any{"DestinationId": "archive"})
	if moved.status != 201 || moved.str("id") == byDefault {
		t.Errorf("move: got %d, id %s", moved.status, moved.str("id"))
	}
	if a := c.graph(token, "GET", ada+"/messages/"+byDefault, nil); a.status != 404 || a.str("error", "code") != "ErrorItemNotFound" {
		t.Errorf("old default id: got %d", a.status)
	}
	if a := c.graph(token, "GET", ada+"/messages/"+lasting, nil); a.status != 200 {
		t.Errorf("immutable id: got %d", a.status)
	}
	tr := c.graph(token, "POST", ada+"/translateExchangeIds", map[string]any{"inputIds": []string{moved.str("id")}, "sourceIdType": "restId", "targetIdType": "restImmutableEntryId"})
	if l := tr.list(); len(l) != 1 || l[0]["targetId"] != lasting {
		t.Errorf("translate: got %s", tr.raw)
	}
	old := c.graph(token, "GET", ada+"/messages/"+lasting, nil).str("@odata.etag")
	if a := c.graph(token, "PATCH", ada+"/messages/"+lasting, map[string]any{"isRead": false}, "If-Match", old); a.status != 200 || a.str("isRead") != "false" {
		t.Errorf("patch: got %d %s", a.status, a.raw)
	}
	if a := c.graph(token, "PATCH", ada+"/messages/"+lasting, map[string]any{"isRead": true}, "If-Match", old); a.status != 412 || a.str("error", "code") != "ErrorIrresolvableConflict" {
		t.Errorf("old etag: got %d %s", a.status, a.raw)
	}
	if a := c.graph(token, "DELETE", ada+"/messages/"+lasting, nil); a.status != 204 {
		t.Errorf("delete: got %d", a.status)
	}
	if a := c.graph(token, "GET", ada+"/mailFolders/deleteditems/messages", nil); len(a.list()) != 1 {
		t.Errorf("deleted items: got %d", len(a.list()))
	}
}

func TestSending(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	const immutable = `IdType="ImmutableId"`
	in := draft("ben@contoso.example")
	in["singleValueExtendedProperties"] = []any{map[string]any{"id": "String {66f5a359-4659-4830-9070-00040ec6ac6e} Name Key", "value": "k-1"}}
	in["attachments"] = []any{map[string]any{"@odata.type": "#microsoft.graph.fileAttachment", "name": "a.txt", "contentType": "text/plain", "contentBytes": base64.StdEncoding.EncodeToString([]byte("hello"))}}
	m := c.graph(token, "POST", ada+"/messages", in, "Prefer", immutable)
	id := m.str("id")
	if m.json["singleValueExtendedProperties"] != nil {
		t.Error("extended properties are echoed on create")
	}
	if a := c.graph(token, "POST", ada+"/messages/"+id+"/send", nil); a.status != 202 || len(a.raw) != 0 {
		t.Fatalf("send: got %d %s", a.status, a.raw)
	}
	c.settle(2 * time.Second)
	sent := c.graph(token, "GET", ada+"/messages/"+id+"?$expand=singleValueExtendedProperties($filter=id%20eq%20'String%20%7B66f5a359-4659-4830-9070-00040ec6ac6e%7D%20Name%20Key')", nil)
	folder := c.graph(token, "GET", ada+"/mailFolders/sentitems", nil).str("id")
	if sent.str("parentFolderId") != folder || sent.str("isDraft") != "false" || !strings.Contains(string(sent.raw), `"k-1"`) {
		t.Errorf("sent item: got %s", sent.raw)
	}
	byMarker := c.graph(token, "GET", spaces(ada+"/messages?$filter=singleValueExtendedProperties/any(ep: ep/id eq 'String {66f5a359-4659-4830-9070-00040ec6ac6e} Name Key' and ep/value eq 'k-1')"), nil)
	if len(byMarker.list()) != 1 {
		t.Errorf("by marker: got %s", byMarker.raw)
	}
	got := c.graph(token, "GET", "/users/ben@contoso.example/mailFolders/inbox/messages?$top=1&$expand=attachments", nil).list()
	if len(got) != 1 || got[0]["subject"] != "Test" || !strings.Contains(fmt.Sprint(got[0]["attachments"]), "a.txt") || got[0]["isRead"] != false {
		t.Errorf("recipient: got %v", got)
	}
	mimeText := "From: ada@contoso.example\r\nTo: nobody@contoso.example\r\nSubject: By MIME\r\nMessage-ID: <m1@contoso.example>\r\n\r\nHello\r\n"
	send := func(body string) answerOf {
		return c.do("POST", c.ready.GraphURL+"/v1.0"+ada+"/sendMail", strings.NewReader(body), http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"text/plain"}})
	}
	if a := send(base64.StdEncoding.EncodeToString([]byte(mimeText))); a.status != 202 {
		t.Errorf("MIME: got %d %s", a.status, a.raw)
	}
	if a := send("not base64!"); a.status != 400 || a.str("error", "code") != "ErrorMimeContentInvalidBase64String" {
		t.Errorf("bad base64: got %d %s", a.status, a.raw)
	}
	c.settle(2 * time.Second)
	if a := c.graph(token, "GET", ada+"/mailFolders/inbox/messages?$top=1", nil); !strings.HasPrefix(a.list()[0]["subject"].(string), "Undeliverable") {
		t.Errorf("bounce: got %s", a.raw)
	}
	six := []any{}
	for i := range 6 {
		six = append(six, map[string]any{"name": fmt.Sprintf("x-%d", i), "value": "1"})
	}
	many := draft("x@northwind.example")
	many["internetMessageHeaders"] = six
	if a := c.graph(token, "POST", ada+"/messages", many); a.str("error", "code") != "InvalidInternetMessageHeaderCollection" {
		t.Errorf("six headers: got %d %s", a.status, a.raw)
	}
	if err := c.Fault(Fault{Kind: "accept_then_nothing", Times: 1}); err != nil {
		t.Fatal(err)
	}
	lost := c.graph(token, "POST", ada+"/messages", draft("ben@contoso.example"), "Prefer", immutable).str("id")
	if a := c.graph(token, "POST", ada+"/messages/"+lost+"/send", nil); a.status != 202 {
		t.Errorf("lost: got %d", a.status)
	}
	c.settle(5 * time.Second)
	if a := c.graph(token, "GET", ada+"/messages/"+lost, nil); a.str("isDraft") != "true" {
		t.Errorf("lost mail: got %s, want it still a draft", a.raw)
	}
}

func TestRepliesAndForwards(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	id := c.graph(token, "GET", ada+"/mailFolders/inbox/messages?$top=1", nil).list()[0]["id"].(string)
	both := map[string]any{"comment": "x", "message": map[string]any{"body": map[string]any{"content": "y"}}}
	if a := c.graph(token, "POST", ada+"/messages/"+id+"/reply", both); a.status != 400 {
		t.Errorf("comment and body: got %d", a.status)
	}
	r := c.graph(token, "POST", ada+"/messages/"+id+"/createReply", map[string]any{"Comment": "thanks"})
	if r.status != 201 || !strings.HasPrefix(r.str("subject"), "Re: ") || r.str("isDraft") != "true" {
		t.Errorf("createReply: got %d %s", r.status, r.raw)
	}
	f := c.graph(token, "POST", ada+"/messages/"+id+"/forward", map[string]any{"comment": "see below", "toRecipients": []any{map[string]any{"emailAddress": map[string]any{"address": "ben@contoso.example"}}}})
	if f.status != 202 {
		t.Fatalf("forward: got %d %s", f.status, f.raw)
	}
	c.settle(2 * time.Second)
	if a := c.graph(token, "GET", "/users/ben@contoso.example/mailFolders/inbox/messages?$top=1", nil); !strings.HasPrefix(a.list()[0]["subject"].(string), "Fw: ") {
		t.Errorf("forwarded: got %s", a.raw)
	}
}

func TestUploadSession(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	id := c.graph(token, "POST", ada+"/messages", draft("nora@northwind.example")).str("id")
	const size = 5 << 20
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	s := c.graph(token, "POST", ada+"/messages/"+id+"/attachments/createUploadSession", map[string]any{"AttachmentItem": map[string]any{"attachmentType": "file", "name": "big.bin", "size": size}})
	if s.status != 201 {
		t.Fatalf("session: got %d %s", s.status, s.raw)
	}
	put := func(from, to int, auth string) answerOf {
		h := http.Header{"Content-Range": {fmt.Sprintf("bytes %d-%d/%d", from, to-1, size)}, "Content-Type": {"application/octet-stream"}}
		if auth != "" {
			h.Set("Authorization", auth)
		}
		return c.do("PUT", s.str("uploadUrl"), bytes.NewReader(content[from:to]), h)
	}
	if a := put(0, 3<<20, "Bearer "+token); a.status != 401 {
		t.Errorf("with a token: got %d", a.status)
	}
	if a := put(3<<20, size, ""); a.status != 416 {
		t.Errorf("out of order: got %d", a.status)
	}
	if a := put(0, 3<<20, ""); a.status != 200 || fmt.Sprint(a.json["NextExpectedRanges"]) != "[3145728-]" {
		t.Errorf("first range: got %d %s", a.status, a.raw)
	}
	last := put(3<<20, size, "")
	if last.status != 201 || len(last.raw) != 0 || last.header.Get("Location") == "" {
		t.Fatalf("last range: got %d %s", last.status, last.raw)
	}
	got := c.graph(token, "GET", last.header.Get("Location")+"/$value", nil)
	if !bytes.Equal(got.raw, content) {
		t.Errorf("the attachment differs: %d bytes", len(got.raw))
	}
	if a := c.graph(token, "POST", ada+"/messages/"+id+"/attachments", map[string]any{"@odata.type": "#microsoft.graph.fileAttachment", "name": "x", "contentBytes": base64.StdEncoding.EncodeToString(content[:3<<20-1])}); a.status != 413 && a.status != 201 {
		t.Errorf("small attachment: got %d", a.status)
	}
}

func TestMessageDelta(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	base := ada + "/mailFolders/inbox/messages/delta?$select=subject,isRead"
	seen, link := map[string]bool{}, ""
	for next := base; next != ""; {
		a := c.graph(token, "GET", next, nil, "Prefer", "odata.maxpagesize=5")
		for _, m := range a.list() {
			seen[m["id"].(string)] = true
		}
		if a.json["@odata.nextLink"] != nil && a.json["@odata.deltaLink"] != nil {
			t.Fatal("a page has both links")
		}
		next, link = a.str("@odata.nextLink"), a.str("@odata.deltaLink")
	}
	if len(seen) != 12 {
		t.Fatalf("first round: got %d messages", len(seen))
	}
	var ids []string
	for id := range seen {
		ids = append(ids, id)
	}
	c.graph(token, "PATCH", ada+"/messages/"+ids[0], map[string]any{"isRead": true})
	c.graph(token, "POST", ada+"/messages/"+ids[1]+"/move", map[string]any{"destinationId": "archive"})
	if err := c.DeliverMail("ada@contoso.example", "", []byte("From: nora@northwind.example\r\nTo: ada@contoso.example\r\nSubject: New\r\n\r\nHi\r\n")); err != nil {
		t.Fatal(err)
	}
	a := c.graph(token, "GET", link, nil)
	var kinds []string
	for _, m := range a.list() {
		switch {
		case m["@removed"] != nil && m["id"] == ids[1]:
			kinds = append(kinds, "removed")
		case m["id"] == ids[0]:
			kinds = append(kinds, "changed")
		case m["subject"] == "New":
			kinds = append(kinds, "created")
		}
	}
	if strings.Join(kinds, " ") != "changed removed created" {
		t.Errorf("second round: got %v: %s", kinds, a.raw)
	}
	if again := c.graph(token, "GET", a.str("@odata.deltaLink"), nil); len(again.list()) != 0 || again.str("@odata.deltaLink") == "" {
		t.Errorf("third round: got %s", again.raw)
	}
	if err := c.Fault(Fault{Kind: "delta_gone", Times: 1}); err != nil {
		t.Fatal(err)
	}
	if gone := c.graph(token, "GET", link, nil); gone.status != 410 || gone.str("error", "code") != "syncStateNotFound" {
		t.Errorf("forgotten link: got %d %s", gone.status, gone.raw)
	}
}

func TestThrottling(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	if err := c.SetLimits(Limits{MailboxRequests: 3, MailboxWindow: "10s"}); err != nil {
		t.Fatal(err)
	}
	last := answerOf{}
	for range 4 {
		last = c.graph(token, "GET", ada+"/mailFolders/inbox", nil)
	}
	if last.status != 429 || last.header.Get("Retry-After") == "" || last.str("error", "code") != "ApplicationThrottled" {
		t.Errorf("fourth request: got %d %s", last.status, last.raw)
	}
	if a := c.graph(token, "GET", "/users/ben@contoso.example/mailFolders/inbox", nil); a.status != 200 {
		t.Errorf("another mailbox: got %d", a.status)
	}
	c.settle(11 * time.Second)
	if a := c.graph(token, "GET", ada+"/mailFolders/inbox", nil); a.status != 200 {
		t.Errorf("next window: got %d", a.status)
	}
	if err := c.SetLimits(Limits{MailboxRequests: 1000, Latency: "200ms"}); err != nil {
		t.Fatal(err)
	}
	statuses := make(chan int, 8)
	for range 8 {
		go func() {
			req, err := http.NewRequest("GET", c.ready.GraphURL+"/v1.0"+ada+"/mailFolders/inbox", nil)
			if err != nil {
				statuses <- 0
				return
			}
			req.Header.Set("Authorization", "Bearer "+token)
			resp, err := c.client.Do(req)
			if err != nil {
				statuses <- 0
				return
			}
			_ = resp.Body.Close()
			statuses <- resp.StatusCode
		}()
	}
	count := map[int]int{}
	for range 8 {
		count[<-statuses]++
	}
	if count[200] < 4 || count[429] == 0 || count[200]+count[429] != 8 {
		t.Errorf("eight at once: got %v, want four to pass", count)
	}
	if c.Counters()["throttled"] != 1+count[429] {
		t.Errorf("counters: got %v", c.Counters())
	}
	found := false
	for _, r := range c.Requests() {
		found = found || r.Mailbox == "ada@contoso.example" && r.Concurrency == 1 && r.Tenant == c.tenant("contoso").TenantID
	}
	if !found {
		t.Error("the record names no mailbox")
	}
}

// What is played of a mail that Microsoft took: it leaves late, or a report comes back in its place.
func TestWhatBecomesOfAcceptedMail(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	send := func(subject string, f Fault) answerOf {
		f.Match.Path, f.Times = "/sendMail", 1
		if err := c.Fault(f); err != nil {
			t.Fatal(err)
		}
		m := draft("ben@contoso.example")
		m["subject"] = subject
		return c.graph(token, "POST", ada+"/sendMail", map[string]any{"message": m})
	}
	found := func(folder, subject string) []map[string]any {
		return c.graph(token, "GET", ada+"/mailFolders/"+folder+"/messages?$filter="+url.QueryEscape("subject eq '"+subject+"'"), nil).list()
	}
	if a := send("Slow", Fault{Kind: "accept_retry_after", RetryAfter: "30"}); a.status != 202 || a.header.Get("Retry-After") != "30" {
		t.Errorf("got %d %v", a.status, a.header)
	}
	send("Late", Fault{Kind: "sent_late", Delay: "20m"})
	send("Back", Fault{Kind: "mail_returned", Code: "5.1.8", Message: "Access denied, bad outbound sender"})
	c.settle(10 * time.Minute)
	if len(found("sentitems", "Slow")) != 1 || len(found("sentitems", "Late")) != 0 {
		t.Error("after ten minutes Sent Items shows what is late, or not what is not")
	}
	c.settle(11 * time.Minute)
	if len(found("sentitems", "Late")) != 1 {
		t.Error("what is late never comes")
	}
	reports := found("inbox", "Undeliverable: Back")
	if len(reports) != 1 {
		t.Fatalf("%d reports", len(reports))
	}
	whole := string(c.graph(token, "GET", ada+"/messages/"+reports[0]["id"].(string)+"/$value", nil).raw)
	for _, want := range []string{"multipart/report; report-type=delivery-status", "Final-Recipient: rfc822;ben@contoso.example\r\n", "\r\nStatus: 5.1.8\r\n"} {
		if !strings.Contains(whole, want) {
			t.Errorf("the report lacks %q:\n%s", want, whole)
		}
	}
}
