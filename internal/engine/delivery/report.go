package delivery

import (
	"context"
	"encoding/json"
	"slices"
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
	err := e.Store.Reader().QueryRowContext(ctx, "select coalesce(min(started_at), 0), coalesce(max(started_at), 0) from delivery_entry where connection = $1 and mailbox = $2 and state = $3 and mode = $4 and started_at > $5",
		connection, mailbox, string(Sent), string(Verified), store.Millis(now.Add(-watched))).Scan(&first, &latest)
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

// bounce marks the deliveries that a report is about.
func (e *Engine) bounce(ctx context.Context, connection, mailbox string, r mail.Report) error {
	for _, id := range r.Of {
		found, err := store.Select(ctx, e.Store.Reader(), scan, "select "+columns+" from delivery_entry where connection = $1 and mailbox = $2 and internet_message_id = $3 and state in ($4, $5)", connection, mailbox, id, string(Sent), string(Unsure))
		if err != nil {
			return err
		}
		for _, from := range found {
			d := from
			p := undelivered(r.Failed).Problem()
			d.State, d.Problem = Bounced, &p
			if err := e.write(ctx, from, d, "the report is message "+r.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func undelivered(failed []string) *fault.Error {
	f := &fault.Error{Kind: fault.UpstreamRefused, Code: "not_delivered", Message: "A report came back that the mail was not delivered", Cause: "The address does not exist, its mailbox is full, or its server refuses the mail: the report in the mailbox's Inbox says which",
		Fix: "Correct the address and hand the mail in again under a new key", Who: "you"}
	if len(failed) > 0 {
		f.Message += " to " + strings.Join(slices.Compact(failed), ", ")
	}
	return f
}
