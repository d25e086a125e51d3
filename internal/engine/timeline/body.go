package timeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/store"
	"seneschal/internal/wire"
)

// Body is a communication opened. It is fetched anew at every look and never kept.
type Body struct {
	ID    string           `json:"id"`
	HTML  string           `json:"html" doc:"Sanitised: no script, nothing loaded from elsewhere, links told with their real target"`
	Links []Link           `json:"links" doc:"Where its links really lead"`
	Proof connection.Proof `json:"proof"`
}

// BodyQuery asks for one body.
type BodyQuery struct {
	ID     string `json:"id" doc:"Id of the communication"`
	Reason string `json:"reason,omitempty" maxLength:"200" doc:"Why it is opened; it stands in the audit record"`
}

// Open fetches a body for a caller. The look is recorded first; if it cannot be recorded, nothing is fetched.
func (e *Engine) Open(ctx context.Context, by access.Caller, q BodyQuery) (Body, error) {
	kind, copies, err := e.visible(ctx, by, q.ID)
	if err != nil {
		return Body{}, err
	}
	usable, owners, err := e.usable(ctx, by, copies)
	if err != nil {
		return Body{}, err
	}
	var last error
	for _, c := range usable {
		bound, err := e.Connections.Bind(ctx, c.connection, connection.ForTimeline)
		if err != nil {
			last = moreTelling(last, err)
			continue
		}
		if err := e.recordLook(ctx, by, q, c); err != nil {
			return Body{}, fmt.Errorf("nothing was fetched, as the look could not be recorded: %w", err)
		}
		content, proof, err := bodyOf(wire.WithPriority(ctx, wire.Interactive), bound, c, kind)
		if err == nil {
			html, links := sanitise(content)
			return Body{ID: q.ID, HTML: html, Links: links, Proof: connection.Proof(proof)}, nil
		}
		last = moreTelling(last, err) // another mailbox may still give it
	}
	switch {
	case gone(last) && len(owners) > 0:
		return Body{}, onlyTheOwner(owners)
	case gone(last):
		return Body{}, missingCopy()
	}
	return Body{}, last
}

// moreTelling keeps what says why a copy that may still be there was not given.
func moreTelling(before, err error) error {
	if gone(before) {
		return err
	}
	return before
}

// gone says that a copy is not where it was: nil, too, as there was none to ask for.
func gone(err error) bool {
	return err == nil || (fault.KindOf(err) == fault.NotFound && !graph.NoMailbox(err))
}

// usable leaves the copies that may be fetched for the caller: through a person's own connection for that person alone, whoever else may see
// the communication. It gives the names of those who could open the others.
func (e *Engine) usable(ctx context.Context, by access.Caller, copies []copyRow) (usable []copyRow, owners []string, err error) {
	for _, c := range copies {
		through, may, err := e.Connections.Through(ctx, by, c.connection)
		if fault.KindOf(err) == fault.NotFound {
			continue // disconnected; its feeds end in a moment
		}
		if err != nil {
			return nil, nil, err
		}
		if may {
			usable = append(usable, c)
			continue
		}
		name := through.Account // an operator on the host owns connections, too, and is no person of the hub
		owner, err := e.Access.LookupPerson(ctx, through.Owner)
		if err == nil {
			name = owner.Name
		} else if fault.KindOf(err) != fault.NotFound {
			return nil, nil, err
		}
		owners = append(owners, name)
	}
	slices.Sort(owners)
	return usable, slices.Compact(owners), nil
}

func onlyTheOwner(owners []string) error {
	who := strings.Join(owners, " or ")
	return &fault.Error{Kind: fault.Forbidden, Code: "only_the_owner", Message: "Only " + who + " can open this here",
		Cause: "Every copy that is left lies in a mailbox that its owner had followed through a connection of their own; Microsoft was not asked for it",
		Fix:   "Ask " + who + " to open it, or list one of the mailboxes on an app-only connection", Who: who}
}

// visible gives the copies of a communication that the caller may see. What may not be seen does not exist for them: a guessed id tells nothing.
func (e *Engine) visible(ctx context.Context, by access.Caller, id string) (Kind, []copyRow, error) {
	sight, err := e.sees(ctx, by)
	if err != nil {
		return "", nil, err
	}
	var w store.Where
	w.And("c.id = ?", id)
	sight.restrict(&w, "c.id")
	var kind Kind
	err = e.Store.Reader().QueryRowContext(ctx, "select c.kind from timeline_communication c where "+w.String(), w.Args...).Scan(&kind)
	if store.IsNoRows(err) {
		return "", nil, fault.Missing("communication", id)
	}
	if err != nil {
		return "", nil, err
	}
	copies, err := store.Select(ctx, e.Store.Reader(), func(r store.Scanner) (c copyRow, err error) {
		return c, r.Scan(&c.connection, &c.mailbox, &c.item, &c.webLink)
	}, "select connection, mailbox, item, web_link from timeline_copy where communication = $1 order by connection, mailbox, item", id)
	return kind, copies, err
}

// Visible tells which of the communications the caller would find on a customer's page.
func (e *Engine) Visible(ctx context.Context, by access.Caller, ids []string) (map[string]bool, error) {
	sight, err := e.sees(ctx, by)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for chunk := range slices.Chunk(ids, 300) {
		var w store.Where
		w.And("c.id in (" + store.List(&w.Args, chunk) + ")")
		sight.restrict(&w, "c.id")
		found, err := store.Select(ctx, e.Store.Reader(), func(r store.Scanner) (id string, err error) { return id, r.Scan(&id) },
			"select c.id from timeline_communication c where "+w.String(), w.Args...)
		if err != nil {
			return nil, err
		}
		for _, id := range found {
			out[id] = true
		}
	}
	return out, nil
}

func (e *Engine) recordLook(ctx context.Context, by access.Caller, q BodyQuery, c copyRow) error {
	reason := q.Reason
	if reason == "" {
		reason = "opened"
	}
	return e.Store.InTx(ctx, "timeline.look", func(tx *store.Tx) error {
		return e.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "communication.body", Target: q.ID, Outcome: "asked",
			Detail: map[string]any{"connection": c.connection, "message": c.item, "reason": reason}})
	})
}
