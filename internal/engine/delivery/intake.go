package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/audit"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

const maxKey = 200

// Take takes a mail for its key: once. The same request again gives the same delivery.
func (e *Engine) Take(ctx context.Context, c action.Call, in SendIn) (Delivery, error) {
	if !in.DryRun && (c.Key == "" || len(c.Key) > maxKey) {
		return Delivery{}, fault.BadField("Idempotency-Key", "must have 1 to %d characters: a mail needs a key, so that a repeated request is not a second mail", maxKey)
	}
	given, err := e.accepts(in, c.Files)
	if err != nil {
		return Delivery{}, err
	}
	d := Delivery{ID: store.NewID(e.Clock.Now()), State: Queued, Key: c.Key, Caller: c.Caller.String(), CreatedAt: e.Clock.Now(), recipients: len(in.recipients()), Mailbox: address(in.From)}
	if d.digest, err = in.digest(given); err != nil {
		return d, err
	}
	if !in.DryRun {
		if earlier, err := e.earlier(ctx, c.Caller, d); err != nil || earlier != nil {
			return orNone(earlier), err
		}
	}
	letter, files, err := e.written(in, given)
	if err != nil {
		return d, err
	}
	if len(files) > len(given) {
		defer func() { _ = files[len(given)].Close() }() // those that came belong to the caller
	}
	d.Head, d.size = letter.head(files), letter.size(files)
	for i, f := range files {
		d.Head.Files[i].ContentID = in.contentID(c.Files, f)
	}
	through, err := e.through(ctx, c.Caller, in.Connection, d.Mailbox)
	if err != nil {
		return d, err
	}
	sender, _ := through.LookupMailbox(d.Mailbox)
	d.Connection, d.ChangedAt, d.mailboxID = through.ID, d.CreatedAt, sender.ObjectID
	if in.SendAt.After(d.CreatedAt) {
		d.SendAt = in.SendAt
	}
	if d.Mode, err = e.mode(ctx, through); err != nil {
		return d, err
	}
	if err := fits(d); err != nil || in.DryRun {
		return d, err
	}
	return e.queue(ctx, c.Caller, d, letter, files)
}

func orNone(d *Delivery) Delivery {
	if d == nil {
		return Delivery{}
	}
	return *d
}

// accepts checks what the settings and the files decide, and puts the files in their order.
func (e *Engine) accepts(in SendIn, given map[string]*action.Content) ([]*action.Content, error) {
	var wrong []fault.Field
	if n := len(in.recipients()); n > e.Limits.Recipients {
		wrong = append(wrong, fault.Field{Name: "to", Message: fmt.Sprintf("has %d recipients with cc and bcc; one mail takes %d (SENESCHAL_DELIVERY_RECIPIENTS)", n, e.Limits.Recipients)})
	}
	if in.SendAt.After(e.Clock.Now().Add(maxAhead)) {
		wrong = append(wrong, fault.Field{Name: "send_at", Message: "lies more than a year ahead"})
	}
	for _, name := range slices.Sorted(maps.Keys(in.Inline)) {
		if given[name] == nil {
			wrong = append(wrong, fault.Field{Name: "inline." + name, Message: "names no attachment of this request"})
		}
	}
	var files []*action.Content
	total := int64(0)
	for i := range maxFiles {
		f := given[fileName(i)]
		if f == nil {
			continue
		}
		if f.Name == "" {
			wrong = append(wrong, fault.Field{Name: fileName(i), Message: "has no file name, by which recipients would see it"})
		}
		total += f.Size
		files = append(files, f)
	}
	if total > maxFile {
		wrong = append(wrong, fault.Field{Name: "attachment_1", Message: fmt.Sprintf("and the others have %d bytes together; Exchange takes no mail over %d", total, int64(maxFile))})
	}
	return files, fault.OfFields(wrong)
}

// earlier finds what was taken for the key before.
func (e *Engine) earlier(ctx context.Context, by access.Caller, d Delivery) (*Delivery, error) {
	old, err := scan(e.Store.Reader().QueryRowContext(ctx, "select "+columns+" from delivery_entry where idempotency = $1", d.Key))
	switch {
	case store.IsNoRows(err):
		return nil, nil
	case err != nil:
		return nil, err
	case !may(by, access.ActionWrite, old.Connection):
		return nil, &fault.Error{Kind: fault.Conflict, Code: "key_reused", Message: "This idempotency key was used for a mail that is not yours to see", Fix: "Use a new key", Who: "you"}
	case old.digest != d.digest:
		return nil, &fault.Error{Kind: fault.Conflict, Code: "key_reused", Message: "This idempotency key was used for another mail",
			Cause: "The first request with it is delivery " + old.ID, Fix: "Use a new key for a new mail", Who: "you"}
	}
	old, err = e.shown(ctx, old)
	return &old, err
}

// queue seals the mail and commits it with its job.
func (e *Engine) queue(ctx context.Context, by access.Caller, d Delivery, l Letter, files []*action.Content) (Delivery, error) {
	text, err := json.Marshal(d.Head)
	if err != nil {
		return d, err
	}
	if d.headSealed, err = e.Vault.Seal(headRef(d.ID), text); err != nil {
		return d, err
	}
	if err := e.keep(ctx, d.ID, l, files); err != nil {
		return d, err
	}
	err = e.Store.InTx(ctx, "delivery.queue", func(tx *store.Tx) error {
		if err := e.reserve(ctx, tx, &d); err != nil {
			return err
		}
		if err := insert(ctx, tx, d, l.recipients()); err != nil {
			return err
		}
		if err := e.step(ctx, tx, d, Step{State: Queued, By: d.Caller}); err != nil {
			return err
		}
		// The chain outlives every erasure, so it has ids alone: no address, no subject.
		if err := e.Audit.Record(ctx, tx, audit.Entry{Actor: d.Caller, Action: "delivery.send", Target: d.ID, Outcome: "taken", Detail: map[string]any{"connection": d.Connection, "mailbox": d.mailboxID}}); err != nil {
			return err
		}
		if err := e.emit(ctx, tx, d, ""); err != nil {
			return err
		}
		return e.Jobs.Schedule(ctx, tx, PostJob, d.ID, d.due())
	})
	if !store.IsDuplicate(err) {
		return e.foreseen(d), err
	}
	if err := e.Store.InTx(ctx, "delivery.forget", func(tx *store.Tx) error { return forgetContent(ctx, tx, d.ID) }); err != nil {
		return d, err
	}
	earlier, err := e.earlier(ctx, by, d)
	return orNone(earlier), err
}

func insert(ctx context.Context, tx *store.Tx, d Delivery, recipients []string) error {
	_, err := tx.ExecContext(ctx, "insert into delivery_entry ("+columns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, $9, $10, $11, $12, $13, $14, 0, $15, 0, '', '', '', '', '', 0, 0)`,
		d.ID, d.Connection, d.Mailbox, d.Key, d.digest, d.Caller, string(d.State), string(d.Mode), d.size, d.recipients, d.headSealed, store.Millis(d.CreatedAt), store.Millis(d.SendAt), store.Millis(d.slotAt), store.Millis(d.ChangedAt))
	for _, a := range recipients {
		if err == nil {
			_, err = tx.ExecContext(ctx, "insert into delivery_recipient (delivery, address) values ($1, $2)", d.ID, a)
		}
	}
	return err
}

// through finds the connection: the one that is named, or the only one of the caller's to use that serves send for the mailbox.
func (e *Engine) through(ctx context.Context, by access.Caller, named, mailbox string) (connection.Connection, error) {
	if named != "" {
		c, err := e.Connections.Lookup(ctx, named)
		if err == nil {
			err = access.Allow(by, access.Want{Scope: access.ActionWrite, Connection: c.ID})
		}
		if err != nil {
			return c, err
		}
		return c, refuses(c, mailbox)
	}
	all, err := e.Connections.List(ctx)
	if err != nil {
		return connection.Connection{}, err
	}
	var found []connection.Connection
	for _, c := range all {
		if may(by, access.ActionWrite, c.ID) && refuses(c, mailbox) == nil {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return connection.Connection{}, &fault.Error{Kind: fault.Invalid, Code: "no_sender", Message: "No connection that is yours to use sends from this mailbox",
			Fields: []fault.Field{{Name: "from", Message: "is not listed with the purpose send on a connection that has the capability send"}},
			Fix:    "List the mailbox: seneschal mailbox add CONNECTION ADDRESS --purposes send", Who: "an admin of this hub"}
	}
	return connection.Connection{}, fault.BadField("connection", "is missing: %d connections send from this mailbox, name one of them", len(found))
}

// refuses says why a connection does not send from a mailbox; nil where it does.
func refuses(c connection.Connection, mailbox string) error {
	m, listed := c.LookupMailbox(mailbox)
	switch {
	case c.Kind != m365.Application:
		return &fault.Error{Kind: fault.NotSupported, Code: "mode_not_supported", Mode: string(c.Kind), Message: "Deliveries need an application connection: they leave while nobody is signed in",
			Fix: "Name an application connection", Who: "you"}
	case !c.Serves(m365.Send):
		return action.NotChosen(c, m365.Send)
	case c.ReadOnly:
		return &fault.Error{Kind: fault.Forbidden, Code: "read_only", Message: "The connection " + c.Name + " is set to read only", Fix: "Switch read-only off for the connection, if it may send", Who: "an admin of this hub"}
	case !listed || !m.Has(connection.ForSend):
		return &fault.Error{Kind: fault.Forbidden, Code: "mailbox_not_listed", Message: "The connection " + c.Name + " does not send from this mailbox",
			Fields: []fault.Field{{Name: "from", Message: "is not listed with the purpose send"}}, Fix: "List the mailbox: seneschal mailbox add " + c.Name + " ADDRESS --purposes send", Who: "an admin of this hub"}
	}
	return nil
}

// due is when there is something to do for a queued delivery.
func (d Delivery) due() time.Time {
	if d.slotAt.IsZero() {
		return later(d.SendAt, d.waitsUntil)
	}
	return d.slotAt
}
