package timeline

import (
	"context"
	"fmt"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/connector/mail"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/wire"
)

// Question asks why a message is, or is not, on a customer's page.
type Question struct {
	Message string `json:"message" doc:"The mail's Message-ID header, an id of Microsoft's, or a communication's id"`
	Person  string `json:"person,omitempty" doc:"Also: may this person see it, and why"`
}

// Explanation is the answer, in sentences.
type Explanation struct {
	Kept          bool     `json:"kept"`
	Communication string   `json:"communication,omitempty"`
	Customers     []string `json:"customers,omitempty"`
	Reasons       []string `json:"reasons"`
	Person        *Sight   `json:"person,omitempty"`
}

// Sight is whether a person may see a communication.
type Sight struct {
	Name string `json:"name"`
	Sees bool   `json:"sees"`
	Why  string `json:"why"`
}

// mostMailboxes bounds how many mailboxes are asked for a message nobody here knows.
const mostMailboxes = 50

// Explain tells why. It is for admins: it says of any message whether it exists.
func (e *Engine) Explain(ctx context.Context, by access.Caller, q Question) (Explanation, error) {
	out := Explanation{Reasons: []string{}}
	id, err := e.known(ctx, q.Message)
	if err != nil {
		return out, err
	}
	if id != "" {
		err = e.explainKept(ctx, id, &out)
	} else {
		err = e.explainMissing(ctx, by, q.Message, &out)
	}
	if err != nil || q.Person == "" {
		return out, err
	}
	out.Person, err = e.explainSight(ctx, q.Person, out.Communication)
	return out, err
}

// known finds the communication of a message that was kept. A mail's Message-ID is not stored; its communication is found by its copies.
func (e *Engine) known(ctx context.Context, message string) (string, error) {
	var id string
	err := e.Store.Reader().QueryRowContext(ctx, "select id from timeline_communication where id = $1 union all select communication from timeline_copy where item = $2 limit 1", message, message).Scan(&id)
	if store.IsNoRows(err) {
		return "", nil
	}
	return id, err
}

func (e *Engine) explainKept(ctx context.Context, id string, out *Explanation) error {
	out.Kept, out.Communication = true, id
	names, err := e.customerNames(ctx)
	if err != nil {
		return err
	}
	ids, err := store.Select(ctx, e.Store.Reader(), func(r store.Scanner) (c string, err error) { return c, r.Scan(&c) }, "select distinct customer from timeline_customer where communication = $1 order by customer", id)
	if err != nil {
		return err
	}
	for _, c := range ids {
		out.Customers = append(out.Customers, names[c])
	}
	out.Reasons = append(out.Reasons, "It is kept for "+strings.Join(out.Customers, ", ")+": a participant's address is theirs, or it lies in their own tenant.")
	copies, err := store.Select(ctx, e.Store.Reader(), func(r store.Scanner) (m string, err error) { return m, r.Scan(&m) }, "select mailbox from timeline_copy where communication = $1 order by mailbox", id)
	out.Reasons = append(out.Reasons, fmt.Sprintf("It was found in %s.", strings.Join(copies, ", ")))
	return err
}

func (e *Engine) customerNames(ctx context.Context) (map[string]string, error) {
	all, err := e.Customers.List(ctx)
	names := map[string]string{}
	for _, c := range all {
		names[c.ID] = c.Name
	}
	return names, err
}

// explainMissing looks for the message where it could be, and judges it anew.
func (e *Engine) explainMissing(ctx context.Context, by access.Caller, message string, out *Explanation) error {
	ctx = wire.WithPriority(ctx, wire.Interactive)
	all, err := e.Connections.List(ctx)
	if err != nil {
		return err
	}
	asked, found := 0, false
	for _, c := range all {
		if !c.Serves(m365.Timeline) {
			continue
		}
		if !c.UsableBy(by) {
			out.Reasons = append(out.Reasons, fmt.Sprintf("%s was not asked: it is a person's own connection, and used for its owner alone.", c.Name))
			continue
		}
		bound, err := e.Connections.Bind(ctx, c.ID, connection.ForTimeline)
		if err != nil {
			out.Reasons = append(out.Reasons, fmt.Sprintf("The mailboxes of %s could not be asked: %s.", c.Name, fault.As(err).Message))
			continue
		}
		for _, m := range c.For(connection.ForTimeline) {
			if asked++; asked > mostMailboxes {
				out.Reasons = append(out.Reasons, fmt.Sprintf("Only the first %d listed mailboxes were asked.", mostMailboxes))
				return nil
			}
			here, err := e.explainIn(ctx, bound, m.Address, message, out)
			if err != nil {
				out.Reasons = append(out.Reasons, fmt.Sprintf("%s could not be asked: %s.", m.Address, fault.As(err).Message))
			}
			found = found || here
		}
	}
	switch {
	case asked == 0:
		out.Reasons = append(out.Reasons, "No connection has a mailbox with the purpose timeline, so nothing is followed.")
	case !found:
		out.Reasons = append(out.Reasons, fmt.Sprintf("None of the %d listed mailboxes has it: it is in a mailbox that is not listed, was deleted, or never arrived.", asked))
	}
	return nil
}

// explainIn judges the message as it lies in one mailbox.
func (e *Engine) explainIn(ctx context.Context, b connection.Bound, mailbox, message string, out *Explanation) (bool, error) {
	m, err := mail.FindOne(ctx, b.Graph, mailboxOf(b, feed.Feed{Mailbox: mailbox}), message)
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if id, err := e.known(ctx, m.ID); err != nil || id != "" {
		if err == nil && !out.Kept {
			err = e.explainKept(ctx, id, out)
		}
		return true, err
	}
	book, err := e.Customers.Book(ctx)
	if err != nil {
		return true, err
	}
	k, why := judgeMail(m, b.Connection.Home(), book)
	if why == "" {
		unwanted, err := e.Unwanted(ctx, e.Store.Reader())
		if err != nil {
			return true, err
		}
		why = e.unkept(k, unwanted)
	}
	f, followed := e.Feeds.Of(ctx, b.Connection.ID, mailbox, m.ParentFolderID)
	switch {
	case why == IsDraft:
		out.Reasons = append(out.Reasons, fmt.Sprintf("In %s it is a draft: it was not sent.", mailbox))
	case why == NoCustomer:
		out.Reasons = append(out.Reasons, fmt.Sprintf("In %s it is, but none of its participants belongs to a customer: %s. Add the domain or the address to the customer it is from.", mailbox, addressesOf(m)))
	case why == TooOld:
		out.Reasons = append(out.Reasons, fmt.Sprintf("In %s it is, but from %s: communications are kept for %d days here (SENESCHAL_RETENTION_COMMUNICATIONS).", mailbox, k.at.Format(time.DateOnly), int(e.Keep.Hours()/24)))
	case why == Erased:
		out.Reasons = append(out.Reasons, fmt.Sprintf("In %s it is, but somebody takes part who was erased: seneschal privacy allow ADDRESS lets them come back.", mailbox))
	case !followed:
		out.Reasons = append(out.Reasons, fmt.Sprintf("In %s it lies in a folder that is not followed: drafts, outbox, junk, deleted items, or one made a moment ago.", mailbox))
	case f.State != feed.Live:
		out.Reasons = append(out.Reasons, fmt.Sprintf("In %s it will be kept; the folder %s is not up to date: %s.", mailbox, f.Title, f.State))
	default:
		out.Reasons = append(out.Reasons, fmt.Sprintf("In %s it will be kept with the next walk of the folder %s; the last was at %s.", mailbox, f.Title, f.WalkedAt.Format("15:04:05 MST")))
	}
	return true, nil
}

func addressesOf(m graph.Message) string {
	k := kept{}
	k.add(From, m.From.EmailAddress)
	for _, list := range [][]graph.Recipient{m.ToRecipients, m.CcRecipients, m.BccRecipients} {
		for _, r := range list {
			k.add(To, r.EmailAddress)
		}
	}
	var all []string
	for _, p := range k.participants {
		all = append(all, p.Address)
	}
	return strings.Join(all, ", ")
}

func (e *Engine) explainSight(ctx context.Context, idOrName, communication string) (*Sight, error) {
	p, err := e.Access.LookupPerson(ctx, idOrName)
	if err != nil {
		return nil, err
	}
	out := &Sight{Name: p.Name}
	if p.Role == access.Admin {
		out.Sees, out.Why = communication != "", "Admins see all communications that are kept."
		return out, nil
	}
	sight, err := e.sees(ctx, p.Caller())
	if err != nil {
		return nil, err
	}
	if len(sight.addresses) == 0 {
		out.Why = "No address is known to be theirs: add one with seneschal technician add, or have them sign in with Microsoft."
		return out, nil
	}
	if communication == "" {
		out.Why = "It is not kept, so nobody sees it."
		return out, nil
	}
	people, err := e.participants(ctx, []Communication{{ID: communication}})
	if err != nil {
		return nil, err
	}
	for _, one := range people[communication] {
		for _, a := range sight.addresses {
			if one.Address == a {
				out.Sees, out.Why = true, fmt.Sprintf("Their address %s takes part as %s.", a, one.Role)
				return out, nil
			}
		}
	}
	out.Why = fmt.Sprintf("None of their addresses (%s) takes part; the role %s sees only what its own addresses take part in.", strings.Join(sight.addresses, ", "), p.Role)
	return out, nil
}
