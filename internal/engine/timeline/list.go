package timeline

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/customer"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/store"
)

// Communication is one mail or meeting with a customer, as a caller may see it.
type Communication struct {
	ID           string        `json:"id"`
	Kind         Kind          `json:"kind"`
	At           time.Time     `json:"at"`
	EndsAt       time.Time     `json:"ends_at,omitzero"`
	AllDay       bool          `json:"all_day,omitempty"`
	Cancelled    bool          `json:"cancelled,omitempty"`
	Direction    string        `json:"direction,omitempty" enum:"received,sent,internal" doc:"Of mail: received from the customer, sent to them, or between others"`
	Subject      string        `json:"subject"`
	Preview      string        `json:"preview,omitempty"`
	Place        string        `json:"place,omitempty"`
	Thread       string        `json:"thread,omitempty"`
	Attachments  bool          `json:"has_attachments,omitempty"`
	Participants []Participant `json:"participants"`
	Copies       []Copy        `json:"copies"`
}

// Copy is where a communication lies.
type Copy struct {
	Mailbox string `json:"mailbox"`
	WebLink string `json:"web_link,omitempty"`
}

// Query asks for a customer's communications.
type Query struct {
	Customer string    `json:"customer" doc:"Id or name of the customer"`
	Kind     Kind      `json:"kind,omitempty" enum:"mail,meeting" doc:"Only these; both without"`
	Search   string    `json:"search,omitempty" maxLength:"200" doc:"Words in subject, preview or a participant's name or address"`
	Since    time.Time `json:"since,omitzero" doc:"From then on; 14 days back without"`
	Until    time.Time `json:"until,omitzero" doc:"Until then; meetings of the next 14 days included without"`
	Limit    int       `json:"limit,omitempty" minimum:"1" maximum:"500" doc:"At most so many; 50 without"`
	Cursor   string    `json:"cursor,omitempty" doc:"next_cursor of the page before"`
}

// Result is one page of communications, newest first.
type Result struct {
	Customer       customer.Customer `json:"customer"`
	Communications []Communication   `json:"communications"`
	Hidden         bool              `json:"filtered,omitempty" doc:"Only what your own addresses take part in is shown"`
	Summary        feed.Summary      `json:"feeds" doc:"How fresh this is"`
	NextCursor     string            `json:"next_cursor,omitempty"`
}

const (
	shown     = 14 * 24 * time.Hour
	pageSize  = 50
	afterMark = "|"
)

// List gives what the caller may see of a customer's communications.
func (e *Engine) List(ctx context.Context, by access.Caller, q Query) (Result, error) {
	sight, err := e.sees(ctx, by)
	if err != nil {
		return Result{}, err
	}
	c, err := e.Customers.Lookup(ctx, q.Customer)
	if err != nil {
		return Result{}, err
	}
	out := Result{Customer: c, Communications: []Communication{}, Hidden: !sight.all}
	text, args, err := e.query(c.ID, q, sight)
	if err != nil {
		return out, err
	}
	rows, err := store.Select(ctx, e.Store.Reader(), scanCommunication, text, args...)
	if err != nil {
		return out, err
	}
	if limit := limitOf(q); len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		out.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprint(store.Millis(last.At), afterMark, last.ID)))
	}
	if err := e.complete(ctx, rows, sight, c); err != nil {
		return out, err
	}
	out.Communications = append(out.Communications, rows...)
	out.Summary, err = e.Feeds.Summary(ctx, "")
	return out, err
}

func limitOf(q Query) int {
	if q.Limit == 0 {
		return pageSize
	}
	return q.Limit
}

// query writes the statement. The customer's own index bounds it by time before anything else is looked at.
func (e *Engine) query(customerID string, q Query, s sight) (string, []any, error) {
	now := e.Clock.Now()
	if q.Since.IsZero() {
		q.Since = now.Add(-shown)
	}
	if q.Until.IsZero() {
		q.Until = now.Add(shown)
	}
	var w store.Where
	w.And("t.customer = ?", customerID)
	w.And("t.at >= ?", store.Millis(q.Since))
	w.And("t.at < ?", store.Millis(q.Until))
	if q.Cursor != "" {
		at, id, err := readCursor(q.Cursor)
		if err != nil {
			return "", nil, err
		}
		w.And("(t.at < ? or (t.at = ? and t.communication < ?))", at, at, id)
	}
	also := "" // the index alone answers where nothing of the communication itself is asked for
	if q.Kind != "" || q.Search != "" {
		also = " join timeline_communication c on c.id = t.communication"
	}
	if q.Kind != "" {
		w.And("c.kind = ?", string(q.Kind))
	}
	for _, word := range strings.Fields(strings.ToLower(q.Search)) {
		like := "%" + likeEscape.Replace(word) + "%"
		w.And(`(lower(c.subject) like ? escape '\' or lower(c.preview) like ? escape '\' or exists (select 1 from timeline_participant p
			where p.communication = t.communication and p.role <> 'bcc' and (p.address like ? escape '\' or lower(p.name) like ? escape '\')))`, like, like, like, like)
	}
	s.restrict(&w, "t.communication")
	text := `select c.id, c.kind, c.subject, c.preview, c.at, c.ends_at, c.all_day, c.cancelled, c.thread, c.place, c.attachments
		from (select distinct t.at as at, t.communication as communication from timeline_customer t` + also + `
		where ` + w.String() + fmt.Sprintf(" order by t.at desc, t.communication desc limit %d", limitOf(q)+1) + `) found
		join timeline_communication c on c.id = found.communication order by found.at desc, found.communication desc`
	return text, w.Args, nil
}

var likeEscape = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

// restrict narrows to what may be seen. Nobody's address takes part in nothing.
func (s sight) restrict(w *store.Where, communication string) {
	if s.all {
		return
	}
	if len(s.addresses) == 0 {
		w.And("1 = 0")
		return
	}
	// The offset keeps PostgreSQL from joining all that an address ever took part in: few communications are looked at, and each has few participants.
	w.And("exists (select 1 from timeline_participant o where o.communication = " + communication + " and o.address in (" + store.List(&w.Args, s.addresses) + ") limit 1 offset 0)")
}

func readCursor(cursor string) (at int64, id string, err error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		when, id, ok := strings.Cut(string(text), afterMark)
		at, err := strconv.ParseInt(when, 10, 64)
		if ok && err == nil && store.IsID(id) {
			return at, id, nil
		}
	}
	return 0, "", fault.BadField("cursor", "is not one that this list gave")
}

func scanCommunication(r store.Scanner) (c Communication, err error) {
	var at, ends, allDay, cancelled, attachments int64
	err = r.Scan(&c.ID, &c.Kind, &c.Subject, &c.Preview, &at, &ends, &allDay, &cancelled, &c.Thread, &c.Place, &attachments)
	c.At, c.EndsAt, c.AllDay, c.Cancelled, c.Attachments = store.Time(at), store.Time(ends), allDay != 0, cancelled != 0, attachments != 0
	c.Participants, c.Copies = []Participant{}, []Copy{}
	return c, err
}

// complete adds participants and copies to a page.
func (e *Engine) complete(ctx context.Context, rows []Communication, s sight, of customer.Customer) error {
	if len(rows) == 0 {
		return nil
	}
	book, err := e.Customers.Book(ctx)
	if err != nil {
		return err
	}
	people, err := e.participants(ctx, rows)
	if err != nil {
		return err
	}
	copies, err := e.copies(ctx, rows)
	if err != nil {
		return err
	}
	for i := range rows {
		c := &rows[i]
		c.Participants, c.Copies = append(c.Participants, s.shown(people[c.ID])...), append(c.Copies, copies[c.ID]...)
		c.Direction = direction(*c, book, of)
	}
	return nil
}

// among writes "column in (…)" for the page's communications.
func among(column string, rows []Communication) (text string, args store.Args) {
	ids := make([]string, len(rows))
	for i, c := range rows {
		ids[i] = c.ID
	}
	text = column + " in (" + store.List(&args, ids) + ")"
	return text, args
}

// participants gives everybody who takes part, by communication.
func (e *Engine) participants(ctx context.Context, rows []Communication) (map[string][]Participant, error) {
	where, args := among("communication", rows)
	out := map[string][]Participant{}
	_, err := store.Select(ctx, e.Store.Reader(), func(r store.Scanner) (p Participant, err error) {
		var of string
		err = r.Scan(&of, &p.Role, &p.Address, &p.Name)
		out[of] = append(out[of], p)
		return p, err
	}, "select communication, role, address, max(name) from timeline_participant where "+where+" group by communication, role, address order by communication, role, address", args...)
	return out, err
}

// copies gives where each communication lies.
func (e *Engine) copies(ctx context.Context, rows []Communication) (map[string][]Copy, error) {
	where, args := among("communication", rows)
	out := map[string][]Copy{}
	_, err := store.Select(ctx, e.Store.Reader(), func(r store.Scanner) (k Copy, err error) {
		var of string
		err = r.Scan(&of, &k.Mailbox, &k.WebLink)
		out[of] = append(out[of], k)
		return k, err
	}, "select communication, mailbox, web_link from timeline_copy where "+where+" order by communication, mailbox, item", args...)
	return out, err
}

// shown leaves out blind copies, but for their sender, for whoever got them, and for those who see all; the author comes first.
func (s sight) shown(all []Participant) []Participant {
	mine := func(a string) bool { return s.all || slices.Contains(s.addresses, a) }
	author := slices.ContainsFunc(all, func(p Participant) bool { return p.Role == From && mine(p.Address) })
	all = slices.DeleteFunc(all, func(p Participant) bool { return p.Role == Bcc && !author && !mine(p.Address) })
	slices.SortStableFunc(all, func(a, b Participant) int { return order[a.Role] - order[b.Role] })
	return all
}

var order = map[Role]int{From: 0, Organizer: 0, To: 1, Attendee: 1, Cc: 2, Bcc: 3}

// direction says which way a mail went, seen from us.
func direction(c Communication, book customer.Book, of customer.Customer) string {
	if c.Kind != Mail {
		return ""
	}
	for _, p := range c.Participants {
		if p.Role != From {
			continue
		}
		if id, ok := book.OfAddress(p.Address); ok && id == of.ID {
			return "received"
		}
		return "sent"
	}
	return "internal"
}
