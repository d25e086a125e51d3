package delivery

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/mail"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// ReportsJob is the kind of job that looks into a mailbox for reports of mail that was not delivered. Its id is the mailbox's lane.
const ReportsJob = "delivery.reports"

const (
	watched = 48 * time.Hour // servers give up trying after a day or two
	overlap = 5 * time.Minute
	patient = 10 * time.Minute // with a report that cannot be read
)

func laneID(connection, mailbox string) string { return connection + "/" + mailbox }

// watch has the mailbox looked into, where it can be.
func (e *Engine) watch(ctx context.Context, tx *store.Tx, d Delivery) error {
	if d.State != Sent || d.Mode != Verified || d.InternetMessageID == "" {
		return nil
	}
	return e.Jobs.ScheduleBy(ctx, tx, ReportsJob, laneID(d.Connection, d.Mailbox), e.Clock.Now().Add(time.Minute))
}

// Reports is the job. A report may come a minute after its mail, or days.
func (e *Engine) Reports(ctx context.Context, id string, _ int) (time.Time, error) {
	connection, mailbox, _ := strings.Cut(id, "/")
	now := e.Clock.Now()
	var first, latest int64
	err := e.Store.Reader().QueryRowContext(ctx, "select coalesce(min(started_at), 0), coalesce(max(started_at), 0) from delivery_entry where connection = $1 and mailbox = $2 and state in ($3, $4) and mode = $5 and started_at > $6",
		connection, mailbox, string(Sent), string(Bounced), string(Verified), store.Millis(now.Add(-watched))).Scan(&first, &latest)
	if err != nil || latest == 0 {
		return time.Time{}, err
	}
	found, err := e.reports(ctx, connection, mailbox, store.Time(first).Add(-overlap))
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	if err != nil {
		// What keeps us out is told by the connection's own state; the mail has been sent all the same.
		e.Log.WarnContext(ctx, "a mailbox could not be looked into for reports of undelivered mail", "connection", connection, "error", err)
		return now.Add(seldom), nil
	}
	for _, r := range found {
		if err := e.bounce(ctx, connection, mailbox, r); err != nil {
			return time.Time{}, err
		}
	}
	return now.Add(min(max(now.Sub(store.Time(latest))/2, time.Minute), time.Hour)), nil
}

func (e *Engine) reports(ctx context.Context, connection, mailbox string, since time.Time) ([]mail.Report, error) {
	in := mail.ReportsIn{Since: since}
	in.User = mailbox
	input, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	result, err := e.Runner.Do(ctx, action.Request{Action: "mail.report.list", Connection: connection, Caller: system(), For: m365.Send, Input: input})
	if err != nil {
		return nil, err
	}
	var out mail.Reports
	return out.Reports, json.Unmarshal(result.Output, &out)
}

// bounce marks the deliveries that a report is about. Where it cannot be read why, it is asked again for a while; that the mail came back is told
// all the same then.
func (e *Engine) bounce(ctx context.Context, connection, mailbox string, r mail.Report) error {
	about, err := e.about(ctx, connection, mailbox, r)
	if err != nil || len(about) == 0 {
		return err
	}
	status, err := e.status(ctx, connection, mailbox, r.ID)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		e.Log.WarnContext(ctx, "a report of undelivered mail could not be read", "connection", connection, "error", err)
		if e.Clock.Now().Sub(r.Received) < patient {
			return nil
		}
	}
	for _, d := range about {
		if err := e.cameBack(ctx, d, r, status); err != nil {
			return err
		}
	}
	return nil
}

// named is how a delivery's history names a report.
func named(r mail.Report) string { return "the report is message " + r.ID }

// about are the deliveries that a report is about and that it has not been told of. It may name others than the mail was written to, as behind a
// forwarding or in a group: those are not repeated, as anybody who got the mail can write such a report.
func (e *Engine) about(ctx context.Context, connection, mailbox string, r mail.Report) ([]Delivery, error) {
	if len(r.Of) == 0 {
		return nil, nil
	}
	var w store.Where
	w.And("connection = ? and mailbox = ?", connection, mailbox)
	w.And("state in (?, ?, ?)", string(Sent), string(Unsure), string(Bounced))
	w.And("internet_message_id in (" + store.List(&w.Args, r.Of) + ")")
	w.And("not exists (select 1 from delivery_step s where s.delivery = delivery_entry.id and s.note = ?)", named(r))
	return store.Select(ctx, e.Store.Reader(), scan, "select "+columns+" from delivery_entry where "+w.String(), w.Args...)
}

// cameBack writes down that a report came, with everybody whom this and earlier ones name.
func (e *Engine) cameBack(ctx context.Context, d Delivery, r mail.Report, status string) error {
	return e.Store.InTx(context.WithoutCancel(ctx), "delivery.outcome", func(tx *store.Tx) error {
		if len(r.Failed) > 0 {
			a := store.Args{store.Millis(e.Clock.Now()), d.ID}
			in := store.List(&a, r.Failed)
			if _, err := tx.ExecContext(ctx, "update delivery_recipient set failed_at = $1 where delivery = $2 and failed_at = 0 and address in ("+in+")", a...); err != nil {
				return err
			}
		}
		failed, err := store.Select(ctx, tx, func(s store.Scanner) (address string, err error) { return address, s.Scan(&address) }, "select address from delivery_recipient where delivery = $1 and failed_at > 0 order by address", d.ID)
		if err == nil {
			_, err = e.move(ctx, tx, d, d.because(Bounced, undelivered(failed, status)), system(), named(r))
		}
		return err
	})
}

// status asks a report why its mail was not delivered; "" where it does not say, or is gone.
func (e *Engine) status(ctx context.Context, connection, mailbox, report string) (string, error) {
	input, err := json.Marshal(map[string]string{"user": mailbox, "message": report})
	if err != nil {
		return "", err
	}
	result, err := e.Runner.Do(ctx, action.Request{Action: "mail.report.get", Connection: connection, Caller: system(), For: m365.Send, Input: input})
	if fault.KindOf(err) == fault.NotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var out mail.Reason
	return out.Status, json.Unmarshal(result.Output, &out)
}

// undelivered is the problem by a report's status code.
func undelivered(failed []string, status string) *fault.Error {
	f := reasons[status]
	if f == (reason{}) {
		f = reason{"not_delivered", "A report came back that the mail was not delivered", "The address does not exist, its mailbox is full, or its server refuses the mail: the report in the mailbox's Inbox says which",
			"Correct the address and hand the mail in again under a new key", "you"}
	}
	out := &fault.Error{Kind: fault.UpstreamRefused, Code: f.code, Message: f.message, Cause: f.cause, Fix: f.fix, Who: f.who}
	if len(failed) > 0 {
		out.Message += " to " + strings.Join(failed, ", ")
	}
	if status != "" {
		out.Cause += " (" + status + ")"
	}
	return out
}

type reason struct{ code, message, cause, fix, who string }

// reasons are what Exchange's own reports say (learn.microsoft.com/troubleshoot/exchange/email-delivery/ndr/non-delivery-reports-in-exchange-online,
// and for 5.5.3 the limit of recipients that an administrator sets). Other servers use the codes in their own ways, so only these are told apart.
var reasons = map[string]reason{
	"5.1.8": {"sender_blocked", "Exchange blocks the mailbox from sending: the mail was not delivered", "It sent more than the outbound limits allow, or the account looks taken over",
		"See that nobody else uses the account, have it unblocked in Microsoft Defender on the page Restricted entities (security.microsoft.com/restrictedentities), and hand the mail in again under a new key", "an administrator of the tenant"},
	"5.1.90": {"sending_limit", "The mailbox has reached its recipients of a day: the mail was not delivered", "Exchange counts what other programs and people send from the mailbox, too",
		"Wait a day, or send from another mailbox, and hand the mail in again under a new key; lower SENESCHAL_DELIVERY_PER_DAY where others send from the mailbox", "you"},
	"5.5.3": {"too_many_recipients", "The mail has more recipients than the tenant allows: it was not delivered", "The mailbox's limit of recipients is lower than SENESCHAL_DELIVERY_RECIPIENTS",
		"Hand it in as several mails, or have the mailbox's limit of recipients raised (Set-Mailbox -RecipientLimits)", "an Exchange administrator of the tenant"},
	"5.7.1": {"refused_by_policy", "A server's rules refuse the mail: it was not delivered", "A mail flow rule or a policy of the sender's or the recipient's organisation: of its attachment, for instance",
		"Look into the report in the mailbox's Inbox for who refused it; send what the rule allows, or have the rule changed", "an Exchange administrator of the tenant"},
}
