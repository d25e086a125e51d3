package graph_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"seneschal/internal/graph"
)

// BenchmarkListMessages reads 1,000 messages in pages of 100, server included. The comparison with Microsoft's SDK is in bench.
func BenchmarkListMessages(b *testing.B) {
	var base string
	message := `{"@odata.etag":"W/\"CQAAABYAAAB\"","id":"AAMkAGI1AAAoZCfHAAA=%d","createdDateTime":"2026-11-01T08:00:00Z","lastModifiedDateTime":"2026-11-01T08:00:01Z","changeKey":"CQAAABYAAAB","categories":[],"receivedDateTime":"2026-11-01T08:00:00Z","sentDateTime":"2026-11-01T07:59:58Z","hasAttachments":false,"internetMessageId":"<MWHPR6E1BE060@example.com>","subject":"Heating at Main Street 5","bodyPreview":"Dear team, the heating does not start since this morning and the display shows E17.","importance":"normal","parentFolderId":"AQMkAGI1AAAAAAEMAAAA","conversationId":"AAQkAGI1yAAQ","isRead":true,"isDraft":false,"webLink":"https://outlook.office365.com/owa/?ItemID=AAMkAGI1","inferenceClassification":"focused","body":{"contentType":"html","content":"<html><body><p>Dear team, the heating does not start since this morning.</p></body></html>"},"sender":{"emailAddress":{"name":"Ada","address":"ada@contoso.example"}},"from":{"emailAddress":{"name":"Ada","address":"ada@contoso.example"}},"toRecipients":[{"emailAddress":{"name":"Bob","address":"bob@contoso.example"}}],"ccRecipients":[],"bccRecipients":[],"replyTo":[],"flag":{"flagStatus":"notFlagged"}}`
	pages := make([]string, 10)
	cfg := serve(b, func(w http.ResponseWriter, r *http.Request) {
		n := 0
		_, _ = fmt.Sscanf(r.URL.Query().Get("p"), "%d", &n)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, pages[n])
	})
	base = cfg.URL
	for p := range pages {
		var entries []string
		for i := range 100 {
			entries = append(entries, fmt.Sprintf(message, i))
		}
		next := ""
		if p < 9 {
			next = fmt.Sprintf(`,"@odata.nextLink":"%s/v1.0/me/messages?p=%d"`, base, p+1)
		}
		pages[p] = `{"value":[` + strings.Join(entries, ",") + `]` + next + `}`
	}
	c := graph.NewDelegated(cfg)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range graph.List[graph.Message](b.Context(), c.Client, me(c).Messages()) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 1000 {
			b.Fatal(n)
		}
	}
}
