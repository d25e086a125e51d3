package mail

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// ListIn asks for messages.
type ListIn struct {
	place.Mailbox
	Folder  string    `json:"folder,omitempty" doc:"Folder by id or well-known name, or all for the whole mailbox; inbox without"`
	Unread  bool      `json:"unread,omitempty" doc:"Only unread messages"`
	From    string    `json:"from,omitempty" doc:"Only messages from this address"`
	Subject string    `json:"subject,omitempty" maxLength:"255" doc:"Only messages with these words in the subject"`
	Since   time.Time `json:"since,omitzero" doc:"Only messages received at this time or later"`
	Until   time.Time `json:"until,omitzero" doc:"Only messages received before this time"`
	Search  string    `json:"search,omitempty" maxLength:"500" doc:"Words anywhere in the message, as in Outlook's search box; goes with folder and limit only. Outlook finds 1,000 at most, by when they were sent"`
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
			"until": !in.Until.IsZero()} {
			if given {
				wrong = append(wrong, fault.Field{Name: name, Message: "does not go with search: write it into the search, such as from:ada subject:printer"})
			}
		}
	}
	if !in.Until.IsZero() && !in.Until.After(in.Since) {
		wrong = append(wrong, fault.Field{Name: "until", Message: "must lie after since"})
	}
	wrong = append(wrong, in.wrongCursor()...)
	slices.SortFunc(wrong, func(a, b fault.Field) int { return strings.Compare(a.Name, b.Name) })
	if len(wrong) > 0 {
		return fault.BadFields(wrong...)
	}
	return nil
}

func (in ListIn) wrongCursor() []fault.Field {
	after, err := readCursor(in.Cursor)
	switch {
	case in.Cursor == "":
		return nil
	case err != nil:
		return []fault.Field{{Name: "cursor", Message: "is not a next_cursor of this action"}}
	case after.Search != in.question() || after.Thread != "":
		return []fault.Field{{Name: "cursor", Message: "is of another search: repeat its user, folder, search and limit"}}
	}
	return nil
}

// question tells a search apart from every other: a place in its results means nothing in another's. It is empty without a search.
func (in ListIn) question() string {
	if in.Search == "" {
		return ""
	}
	text, _ := json.Marshal([]any{in.User, in.Folder, in.Search, in.Limit}) // texts and numbers always encode
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

func messagesOf(ctx context.Context, c action.Call, in ListIn) (List, error) {
	out := List{Messages: []Summary{}}
	box, err := in.In(c)
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
	if in.Search != "" {
		return in.found(ctx, box, limit, after)
	}
	// One more than asked for tells whether there is a next page.
	for m, err := range graph.List[graph.Message](ctx, box.Graph, in.path(box), append(in.query(after), graph.Select(summaryFields...), graph.Top(limit+1+len(after.Seen)))...) {
		if err != nil {
			return List{}, err
		}
		if after.has(m.ID) {
			continue
		}
		if len(out.Messages) == limit {
			out.NextCursor = after.behind(out.Messages).String()
			break
		}
		out.Messages = append(out.Messages, summaryOf(m))
	}
	return out, nil
}

// found gives one page of a search. Its order is Outlook's own, so only Outlook knows where the next page begins.
func (in ListIn) found(ctx context.Context, box place.Place, limit int, after position) (List, error) {
	out := List{Messages: []Summary{}}
	opts := []graph.Option{graph.Search(in.Search), graph.Select(summaryFields...), graph.Top(limit)}
	page, next, err := cursor.Filled[graph.Message](ctx, box.Graph, in.path(box), after.Page, opts...)
	if err != nil {
		return List{}, err
	}
	for _, m := range page {
		out.Messages = append(out.Messages, summaryOf(m))
	}
	if next != "" {
		out.NextCursor = position{Search: in.question(), Page: next}.String()
	}
	return out, nil
}

func (in ListIn) path(box place.Place) graph.Path {
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
func (in ListIn) query(after position) []graph.Option {
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

// position is a place in the order of messages: everything newer than Until was handed out, in a conversation everything older, and of those
// received at Until the Seen ones. A count of messages to skip would repeat some whenever new mail arrives between two pages. In a search it is
// Microsoft's own place.
type position struct {
	Until  time.Time       `json:"until,omitzero"`
	Seen   []string        `json:"seen,omitempty"`
	Search string          `json:"search,omitempty"` // the question
	Page   graph.PageToken `json:"page,omitempty"`
	Thread string          `json:"thread,omitempty"` // the conversation
}

func (a position) has(id string) bool { return slices.Contains(a.Seen, id) }

func (a position) behind(page []Summary) position {
	next := position{Until: page[len(page)-1].Received}
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

// String is its opaque form, a cursor.
func (a position) String() string {
	text, _ := json.Marshal(a) // times and strings always encode
	return base64.RawURLEncoding.EncodeToString(text)
}

func readCursor(text string) (position, error) {
	var a position
	if text == "" {
		return a, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(raw, &a)
}
