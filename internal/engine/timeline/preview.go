package timeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/connector/mail"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/m365"
	"seneschal/internal/wire"
)

// PreviewQuery asks what a first import would keep.
type PreviewQuery struct {
	Connection string `json:"connection" doc:"Id or name of the connection"`
	Mailbox    string `json:"mailbox,omitempty" doc:"Only this listed mailbox; without, all with the purpose timeline, or all for actions where none has it yet"`
	Most       int    `json:"most,omitempty" minimum:"100" maximum:"50000" doc:"Read at most so many messages; 5000 without"`
}

// Preview is what would be kept. Nothing of it is.
type Preview struct {
	Summary string           `json:"summary"` // "Would keep 312 of 4,120 messages"
	Read    int              `json:"read"`
	Keep    int              `json:"keep"`
	Dropped map[Reason]int   `json:"dropped"`
	ByName  map[string]int   `json:"customers"` // messages by customer
	Whole   bool             `json:"whole" doc:"False: there are more messages than were read"`
	Boxes   []MailboxPreview `json:"mailboxes"`
}

// MailboxPreview is one mailbox's part of it.
type MailboxPreview struct {
	Mailbox string `json:"mailbox"`
	Read    int    `json:"read"`
	Keep    int    `json:"keep"`
}

const previewMost = 5000

// Preview reads the mailboxes as a first import would, and keeps nothing.
func (e *Engine) Preview(ctx context.Context, by access.Caller, q PreviewQuery) (Preview, error) {
	out := Preview{Dropped: map[Reason]int{}, ByName: map[string]int{}, Whole: true, Boxes: []MailboxPreview{}}
	if q.Most == 0 {
		q.Most = previewMost
	}
	if err := e.mayPreview(ctx, by, q.Connection); err != nil {
		return out, err
	}
	bound, boxes, err := e.candidates(ctx, q)
	if err != nil {
		return out, err
	}
	ctx = wire.WithPriority(ctx, wire.Backfill)
	for _, m := range boxes {
		box, err := e.previewOf(ctx, bound, m.Address, q.Most, &out)
		if err != nil {
			return out, err
		}
		out.Boxes = append(out.Boxes, box)
	}
	out.Summary = fmt.Sprintf("Would keep %s of %s messages", Thousands(out.Keep), Thousands(out.Read))
	return out, nil
}

// mayPreview lets whoever configures look through app-only connections, and a person through their own.
func (e *Engine) mayPreview(ctx context.Context, by access.Caller, idOrName string) error {
	c, _, err := e.Connections.Through(ctx, by, idOrName)
	if err != nil {
		return err
	}
	if c.Kind == m365.Delegated {
		return access.Allow(by, access.Want{Scope: access.ActionRead, Connection: c.ID, Owner: c.Owner})
	}
	return access.Allow(by, access.Want{Scope: access.HubWrite})
}

// candidates are the mailboxes a preview is about. One that is listed for actions alone may be looked at before it is followed.
func (e *Engine) candidates(ctx context.Context, q PreviewQuery) (connection.Bound, []connection.Mailbox, error) {
	for _, purpose := range []connection.Purpose{connection.ForTimeline, connection.ForActions} {
		bound, err := e.Connections.Bind(ctx, q.Connection, purpose)
		if err != nil {
			return bound, nil, err
		}
		all := bound.Connection.For(purpose)
		if q.Mailbox != "" {
			m, ok := bound.Connection.LookupMailbox(q.Mailbox)
			all = slices.DeleteFunc(all, func(one connection.Mailbox) bool {
				return (!ok || one.Address != m.Address) && !strings.EqualFold(one.Address, q.Mailbox)
			})
		}
		if len(all) > 0 {
			return bound, all, nil
		}
	}
	if q.Mailbox != "" {
		return connection.Bound{}, nil, fault.BadField("mailbox", "%s is not listed on this connection for timeline or actions", q.Mailbox)
	}
	return connection.Bound{}, nil, fault.BadField("connection", "it lists no mailbox for timeline or actions; add mailboxes first, or have its owner sign in")
}

func (e *Engine) previewOf(ctx context.Context, b connection.Bound, address string, most int, out *Preview) (MailboxPreview, error) {
	box := MailboxPreview{Mailbox: address}
	book, err := e.Customers.Book(ctx)
	if err != nil {
		return box, err
	}
	names, err := e.customerNames(ctx)
	if err != nil {
		return box, err
	}
	unwanted, err := e.Unwanted(ctx, e.Store.Reader())
	if err != nil {
		return box, err
	}
	mailbox := mailboxOf(b, feed.Feed{Mailbox: address})
	folders, err := mail.Followed(ctx, b.Graph, mailbox)
	if err != nil {
		return box, err
	}
	for _, folder := range folders {
		for p, err := range mail.WalkMessages(ctx, b.Graph, mailbox, folder, "") {
			if err != nil {
				return box, err
			}
			for _, m := range p.Items {
				if out.Read == most {
					out.Whole = false
					return box, nil
				}
				box.Read++
				out.Read++
				k, why := judgeMail(m, b.Connection.Home(), book)
				if why == "" {
					why = e.unkept(k, unwanted)
				}
				if why != "" {
					out.Dropped[why]++
					continue
				}
				box.Keep++
				out.Keep++
				for _, id := range k.customers {
					out.ByName[names[id]]++
				}
			}
		}
	}
	return box, nil
}

// Thousands writes 4120 as 4,120.
func Thousands[N int | int64](n N) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
