package mail

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// ListIn asks for messages.
type ListIn struct {
	Mailbox
	Folder  string    `json:"folder,omitempty" doc:"Folder by id or well-known name, or all for the whole mailbox; inbox without"`
	Unread  bool      `json:"unread,omitempty" doc:"Only unread messages"`
	From    string    `json:"from,omitempty" doc:"Only messages from this address"`
	Subject string    `json:"subject,omitempty" maxLength:"255" doc:"Only messages with these words in the subject"`
	Since   time.Time `json:"since,omitzero" doc:"Only messages received at this time or later"`
	Until   time.Time `json:"until,omitzero" doc:"Only messages received before this time"`
	Search  string    `json:"search,omitempty" maxLength:"500" doc:"Words anywhere in the message, as in Outlook's search box; goes with folder and limit only, and has one page"`
	Limit   int       `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many; 25 without"`
	Cursor  string    `json:"cursor,omitempty" doc:"next_cursor of the page before"`
}

// List is a page of messages.
type List struct {
	Messages   []Summary `json:"messages"`
	NextCursor string    `json:"next_cursor,omitempty"`
}

// Check refuses what Outlook cannot combine: a search goes with neither filter nor order (graph/FACTS §7).
func (in ListIn) Check() error {
	var wrong []fault.Field
	if in.Search != "" {
		for name, given := range map[string]bool{"unread": in.Unread, "from": in.From != "", "subject": in.Subject != "", "since": !in.Since.IsZero(),
			"until": !in.Until.IsZero(), "cursor": in.Cursor != ""} {
			if given {
				wrong = append(wrong, fault.Field{Name: name, Message: "does not go with search: write it into the search, such as from:ada subject:printer"})
			}
		}
	}
	if !in.Until.IsZero() && !in.Until.After(in.Since) {
		wrong = append(wrong, fault.Field{Name: "until", Message: "must lie after since"})
	}
	if _, err := readCursor(in.Cursor); err != nil {
		wrong = append(wrong, fault.Field{Name: "cursor", Message: "is not a next_cursor of this action"})
	}
	slices.SortFunc(wrong, func(a, b fault.Field) int { return strings.Compare(a.Name, b.Name) })
	if len(wrong) > 0 {
		return fault.BadFields(wrong...)
	}
	return nil
}

func messagesOf(ctx context.Context, c action.Call, in ListIn) (List, error) {
	out := List{Messages: []Summary{}}
	box, err := in.in(c)
	if err != nil {
		return out, err
	}
	after, err := readCursor(in.Cursor)
	if err != nil {
		return out, err
	}
	limit := in.Limit
	if limit == 0 {
		limit = 25
	}
	// One more than asked for tells whether there is a next page.
	for m, err := range graph.List[graph.Message](ctx, box.g, in.path(box), append(in.query(after), graph.Select(summaryFields...), graph.Top(limit+1+len(after.Seen)))...) {
		if err != nil {
			return List{}, err
		}
		if slices.Contains(after.Seen, m.ID) {
			continue
		}
		if len(out.Messages) == limit {
			if in.Search == "" {
				out.NextCursor = after.behind(out.Messages).String()
			}
			break
		}
		out.Messages = append(out.Messages, summaryOf(m))
	}
	return out, nil
}

func (in ListIn) path(box place) graph.Path {
	switch in.Folder {
	case "":
		return box.MailFolder("inbox").Sub("messages")
	case "all":
		return box.Messages()
	}
	return box.MailFolder(in.Folder).Sub("messages")
}

// query writes the filter with the time first: what is ordered by must stand first in the filter, else it is refused as inefficient
// (graph/FACTS §7).
func (in ListIn) query(after cursor) []graph.Option {
	if in.Search != "" {
		return []graph.Option{graph.Search(in.Search)}
	}
	var rest []string
	if !in.Until.IsZero() {
		rest = append(rest, "receivedDateTime lt "+stamp(in.Until))
	}
	if !after.Until.IsZero() {
		rest = append(rest, "receivedDateTime le "+stamp(after.Until))
	}
	if in.Unread {
		rest = append(rest, "isRead eq false")
	}
	if in.From != "" {
		rest = append(rest, "from/emailAddress/address eq "+graph.Quote(in.From))
	}
	if in.Subject != "" {
		rest = append(rest, "contains(subject,"+graph.Quote(in.Subject)+")")
	}
	opts := []graph.Option{graph.OrderBy("receivedDateTime desc")}
	if !in.Since.IsZero() || len(rest) > 0 {
		since := in.Since
		if since.IsZero() {
			since = time.Unix(0, 0) // before any mail
		}
		opts = append(opts, graph.Filter(strings.Join(append([]string{"receivedDateTime ge " + stamp(since)}, rest...), " and ")))
	}
	return opts
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// cursor is a place in the order of messages: everything newer than Until was handed out, and of those received at Until the Seen ones.
// A count of messages to skip would repeat some whenever new mail arrives between two pages.
type cursor struct {
	Until time.Time `json:"until,omitzero"`
	Seen  []string  `json:"seen,omitempty"`
}

func (a cursor) behind(page []Summary) cursor {
	next := cursor{Until: page[len(page)-1].Received}
	if next.Until.Equal(a.Until) {
		next.Seen = slices.Clone(a.Seen)
	}
	for _, m := range page {
		if m.Received.Equal(next.Until) {
			next.Seen = append(next.Seen, m.ID)
		}
	}
	return next
}

// String is the cursor's opaque form.
func (a cursor) String() string {
	text, _ := json.Marshal(a) // times and strings always encode
	return base64.RawURLEncoding.EncodeToString(text)
}

func readCursor(text string) (cursor, error) {
	var a cursor
	if text == "" {
		return a, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(raw, &a)
}
