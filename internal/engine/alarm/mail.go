package alarm

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// Part is which of an alarm's mails it is.
type Part string

// The parts.
const (
	Raised   Part = "raised"
	Resolved Part = "resolved"
)

// MailState says how a mail stands in the ledger.
type MailState string

// The states.
const (
	Waiting MailState = "waiting" // to be sent when a way is there
	Claimed MailState = "claimed" // being sent by a way that can be asked about it, or that has nothing in hand yet
	Handed  MailState = "handed"  // in the hands of a mail server that cannot be asked
	Done    MailState = "done"
	Unclear MailState = "unclear" // it may have left; it is not sent again
	Failed  MailState = "failed"  // refused again and again
	Moot    MailState = "moot"    // the alarm was over before it left
)

// Mail is one mail to one person about one alarm.
type Mail struct {
	ID        string    `json:"id"`
	Part      Part      `json:"part"`
	Recipient string    `json:"recipient"`
	State     MailState `json:"state"`
	Via       string    `json:"via,omitempty"` // a connection's id, or smtp
	SentAt    time.Time `json:"sent_at,omitzero"`
	Problem   string    `json:"problem,omitempty"`

	alarm, sender string
	letter        letter // what it says since it was claimed: the ledger of effects refuses other words under the same key
	tries         int
	claimedAt     time.Time
}

const (
	maxTries   = 12
	askAfter   = time.Minute    // between two questions what became of a mail
	unclearFor = 24 * time.Hour // after which nobody is asked any more
	viaSMTP    = "smtp"
	sendAction = "mail.message.send"
)

// underWay says that it is not known yet what becomes of it.
func (m Mail) underWay() bool { return m.State == Waiting || m.State == Claimed || m.State == Handed }

const mailColumns = "id, alarm, part, recipient, state, via, sender, subject, body, tries, claimed_at, sent_at, problem"

func scanMail(s store.Scanner) (m Mail, err error) {
	var claimed, sent int64
	err = s.Scan(&m.ID, &m.alarm, &m.Part, &m.Recipient, &m.State, &m.Via, &m.sender, &m.letter.subject, &m.letter.body, &m.tries, &claimed, &sent, &m.Problem)
	m.claimedAt, m.SentAt = store.Time(claimed), store.Time(sent)
	return m, err
}

func mailsOf(ctx context.Context, q store.Querier, alarm string) ([]Mail, error) {
	return store.Select(ctx, q, scanMail, "select "+mailColumns+" from alarm_mail where alarm = $1 order by id", alarm)
}

// queue puts a mail into the ledger, once.
func (e *Engine) queue(ctx context.Context, tx *store.Tx, alarm string, p Part, recipient string) error {
	id := store.NewID(e.Clock.Now())
	n, err := store.Affected(ctx, tx, "insert into alarm_mail ("+mailColumns+") values ($1, $2, $3, $4, $5, '', '', '', '', 0, 0, 0, '') on conflict (alarm, part, recipient) do nothing", id, alarm, string(p), recipient, string(Waiting))
	if err != nil || n == 0 {
		return err
	}
	return e.Jobs.Schedule(ctx, tx, MailJob, id, e.Clock.Now())
}

// Send is the job: it sends one mail, or finds out what became of it.
func (e *Engine) Send(ctx context.Context, id string, _ int) (time.Time, error) {
	m, err := scanMail(e.Store.Reader().QueryRowContext(ctx, "select "+mailColumns+" from alarm_mail where id = $1", id))
	if store.IsNoRows(err) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	a, err := e.lookup(ctx, e.Store.Reader(), m.alarm)
	if err != nil {
		return time.Time{}, err
	}
	switch m.State {
	case Waiting:
		if m.Part == Raised && !a.ResolvedAt.IsZero() {
			return time.Time{}, e.end(ctx, m, Moot, "the alarm was over before this could leave")
		}
		if ok, err := e.claim(ctx, &m, a); err != nil || !ok {
			return e.Clock.Now().Add(askAfter), err
		}
	case Handed: // this process or another died while a mail server had it
		return time.Time{}, e.end(ctx, m, Unclear, "the hub stopped while the mail server had it; it is not sent again")
	case Claimed: // interrupted, or not clear yet
	default:
		return time.Time{}, nil
	}
	if m.Via == viaSMTP {
		err = e.Routes.SMTP.send(ctx, m, e.Clock.Now(), func() error { return e.set(ctx, m, Handed, "") })
	} else {
		err = e.throughConnection(ctx, m)
	}
	return e.outcome(ctx, m, err)
}

// claim chooses the way and the words and writes them down, before anything leaves.
func (e *Engine) claim(ctx context.Context, m *Mail, a Alarm) (bool, error) {
	via, sender, err := e.way(ctx, a.Connection)
	if err != nil || via == "" {
		return false, err
	}
	m.Via, m.sender, m.letter, m.claimedAt, m.tries, m.State = via, sender, e.message(a, *m), e.Clock.Now(), m.tries+1, Claimed
	return true, e.Store.InTx(ctx, "alarm.claim", func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "update alarm_mail set state = $1, via = $2, sender = $3, subject = $4, body = $5, claimed_at = $6, tries = $7 where id = $8",
			string(Claimed), via, sender, m.letter.subject, m.letter.body, store.Millis(m.claimedAt), m.tries, m.ID)
		return err
	})
}

// way finds what can send now: a healthy connection that lists a mailbox the settings name, never the one the alarm is about; else the
// mail server.
func (e *Engine) way(ctx context.Context, broken string) (via, sender string, err error) {
	all, err := e.Connections.List(ctx)
	if err != nil {
		return "", "", err
	}
	for _, from := range e.Routes.From {
		for _, c := range all {
			if c.ID != broken && e.maySend(c, from) {
				return c.ID, from, nil
			}
		}
	}
	if e.Routes.SMTP != nil {
		return viaSMTP, e.Routes.From[0], nil
	}
	return "", "", nil
}

func (e *Engine) maySend(c connection.Connection, from string) bool {
	state := c.Current(e.Clock.Now())
	m, listed := c.LookupMailbox(from)
	return listed && m.Has(connection.ForActions) && c.Kind == m365.Application && c.Serves(m365.Mail) && !c.ReadOnly && c.AllowsAction(sendAction) &&
		(state == connection.Healthy || state == connection.Degraded)
}

// throughConnection asks the corridor. The key is the mail's and the try's: the ledger of effects knows it after a crash.
func (e *Engine) throughConnection(ctx context.Context, m Mail) error {
	input, err := json.Marshal(map[string]any{"user": m.sender, "to": []string{m.Recipient}, "subject": m.letter.subject, "body": m.letter.body})
	if err != nil {
		return err
	}
	_, err = e.Runner.Do(ctx, action.Request{Action: sendAction, Connection: m.Via, Caller: access.System("alarm"), Input: input, Key: m.key()})
	return err
}

func (m Mail) key() string { return fmt.Sprintf("alarm/%s/%d", m.ID, m.tries) }

// mayHaveLeft reports whether an error leaves it open that the mail is sent: a run stands for it that was not refused.
func (e *Engine) mayHaveLeft(ctx context.Context, m Mail) (bool, error) {
	if m.Via == viaSMTP {
		return false, nil
	}
	run, err := e.Runner.RunOfKey(ctx, m.Via, m.key())
	return run != nil && run.State != action.Refused, err
}

// outcome writes down what became of a mail, and says when to look again.
func (e *Engine) outcome(ctx context.Context, m Mail, err error) (time.Time, error) {
	now := e.Clock.Now()
	switch {
	case err == nil:
		return time.Time{}, e.end(ctx, m, Done, "")
	case ctx.Err() != nil && m.Via != viaSMTP:
		return time.Time{}, ctx.Err() // whoever takes over asks with the same key
	case fault.KindOf(err) == fault.Unclear && m.Via == viaSMTP:
		return time.Time{}, e.end(ctx, m, Unclear, "the mail server's answer was lost; it is not sent again")
	}
	left, failed := e.mayHaveLeft(context.WithoutCancel(ctx), m)
	switch {
	case failed != nil:
		return now.Add(askAfter), failed
	case left:
		if now.Sub(m.claimedAt) > unclearFor {
			return time.Time{}, e.end(ctx, m, Unclear, "Microsoft's answer was lost, and nothing tells what became of it")
		}
		return now.Add(askAfter), nil
	case m.tries >= maxTries:
		return time.Time{}, e.end(ctx, m, Failed, err.Error())
	default:
		e.Log.WarnContext(ctx, "an alarm's mail was refused and will be tried again", "mail", m.ID, "tries", m.tries, "error", err)
		return now.Add(min(askAfter<<min(m.tries-1, 6), time.Hour)), e.set(context.WithoutCancel(ctx), m, Waiting, fault.As(err).Message)
	}
}

func (e *Engine) end(ctx context.Context, m Mail, s MailState, problem string) error {
	return e.set(context.WithoutCancel(ctx), m, s, problem)
}

func (e *Engine) set(ctx context.Context, m Mail, s MailState, problem string) error {
	sent := int64(0)
	if s == Done {
		sent = store.Millis(e.Clock.Now())
	}
	return e.Store.InTx(ctx, "alarm.mail", func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "update alarm_mail set state = $1, sent_at = $2, problem = $3 where id = $4", string(s), sent, problem, m.ID)
		return err
	})
}

// letter is a mail's text.
type letter struct{ subject, body string }

// message writes it from what stands when it is claimed.
func (e *Engine) message(a Alarm, m Mail) letter {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if m.Part == Resolved {
		line("This is over since %s: %s.", a.ResolvedAt.UTC().Format("2006-01-02 15:04 UTC"), a.Title)
		line("Nothing is to be done.\n\n%s", e.Base())
		return letter{"[Seneschal] Resolved: " + a.Title, b.String()}
	}
	line("%s.\nSince %s.\n", a.Title, a.RaisedAt.UTC().Format("2006-01-02 15:04 UTC"))
	for _, part := range []struct{ head, text string }{{"Why", a.Cause}, {"What to do", a.Fix}, {"Who can", a.Who}} {
		if part.text != "" {
			line("%s: %s", part.head, part.text)
		}
	}
	line("\n%s/connections/%s\n\nYou get this because you administer this hub or own the connection. There is one mail about it, and one when it is over.", e.Base(), a.Connection)
	return letter{"[Seneschal] " + a.Title, b.String()}
}
