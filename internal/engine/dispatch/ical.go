package dispatch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/emersion/go-ical"

	"seneschal/internal/action"
	"seneschal/internal/audit"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

type linkIn struct {
	Technician string `json:"technician" doc:"Address of the technician's mailbox"`
}

// Link is the secret address of a technician's slots. It is shown once.
type Link struct {
	Technician string `json:"technician"`
	URL        string `json:"url" doc:"Whoever has it reads the technician's slots; it is shown this once"`
}

// The part of the past and of the future that a technician's calendar feed shows.
const (
	icalPast  = 30 * 24 * time.Hour
	icalAhead = 365 * 24 * time.Hour
	icalMost  = 5000
)

func digestOf(secret string) string {
	sum := sha256.Sum256([]byte("dispatch link " + secret))
	return hex.EncodeToString(sum[:])
}

func (e *Engine) makeLink(ctx context.Context, c action.Call, in linkIn) (Link, error) {
	t, err := e.routes(ctx)
	if err != nil {
		return Link{}, err
	}
	mailbox := strings.ToLower(in.Technician)
	if len(t.byMailbox[mailbox]) == 0 {
		return Link{}, fault.BadField("technician", "%s is not known: no connection lists the mailbox for dispatch", in.Technician)
	}
	raw := make([]byte, 32)
	e.Random(raw)
	secret := base64.RawURLEncoding.EncodeToString(raw)
	err = e.Store.InTx(ctx, "dispatch.link", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert into dispatch_link (mailbox, digest, made_at, made_by) values ($1, $2, $3, $4) on conflict (mailbox) do update set digest = excluded.digest, made_at = excluded.made_at, made_by = excluded.made_by",
			mailbox, digestOf(secret), store.Millis(e.Clock.Now()), c.Caller.String()); err != nil {
			return err
		}
		return e.Audit.Record(ctx, tx, audit.Entry{Actor: c.Caller.String(), Action: "dispatch.link.make", Target: "dispatch", Outcome: "done", Detail: map[string]any{"technician": mailbox}})
	})
	return Link{mailbox, e.Base() + "/ical/" + secret}, err
}

func (e *Engine) endLink(ctx context.Context, c action.Call, in linkIn) (struct{}, error) {
	return struct{}{}, e.Store.InTx(ctx, "dispatch.unlink", func(tx *store.Tx) error {
		n, err := store.Affected(ctx, tx, "delete from dispatch_link where mailbox = $1", strings.ToLower(in.Technician))
		if err == nil && n == 0 {
			err = fault.Missing("link of", in.Technician)
		}
		if err != nil {
			return err
		}
		return e.Audit.Record(ctx, tx, audit.Entry{Actor: c.Caller.String(), Action: "dispatch.link.remove", Target: "dispatch", Outcome: "done", Detail: map[string]any{"technician": strings.ToLower(in.Technician)}})
	})
}

// ICal writes the slots of the technician whose secret it is (RFC 5545).
func (e *Engine) ICal(ctx context.Context, secret string) ([]byte, error) {
	var mailbox string
	err := e.Store.Reader().QueryRowContext(ctx, "select mailbox from dispatch_link where digest = $1", digestOf(secret)).Scan(&mailbox)
	if store.IsNoRows(err) {
		return nil, fault.Missing("calendar", "this address")
	}
	if err != nil {
		return nil, err
	}
	now := e.Clock.Now()
	slots, err := e.many(ctx, e.Store.Reader(), "mailbox = $1 and end_at > $2 and start_at < $3 and withdrawn = 0 order by start_at, id limit $4", mailbox, store.Millis(now.Add(-icalPast)), store.Millis(now.Add(icalAhead)), icalMost+1)
	if err != nil {
		return nil, err
	}
	if len(slots) > icalMost { // what is farthest ahead is left out
		e.Log.WarnContext(ctx, "a technician's calendar feed was cut", "slots", icalMost, "until", slots[icalMost].want.Start)
		slots = slots[:icalMost]
	}
	cal := ical.NewCalendar()
	cal.Props.SetText(ical.PropVersion, "2.0")
	cal.Props.SetText(ical.PropProductID, "-//Seneschal//Dispatch//EN")
	for _, r := range slots {
		cal.Children = append(cal.Children, r.shown().ical().Component)
	}
	if len(cal.Children) == 0 { // RFC 5545 wants one component at least, and clients an answer
		return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Seneschal//Dispatch//EN\r\nEND:VCALENDAR\r\n"), nil
	}
	var b bytes.Buffer
	err = ical.NewEncoder(&b).Encode(cal)
	return folded(b.Bytes()), err
}

func (s Slot) ical() *ical.Event {
	ev := ical.NewEvent()
	sum := sha256.Sum256([]byte(s.ExternalID))
	ev.Props.SetText(ical.PropUID, hex.EncodeToString(sum[:16])+"@seneschal")
	ev.Props.SetDateTime(ical.PropDateTimeStamp, s.ChangedAt.UTC()) // of the last revision, as there is no METHOD (RFC 5545 §3.8.7.2)
	ev.Props.SetText(ical.PropSummary, printable(s.Subject))
	if s.AllDay {
		in, _ := calendar.LookupZone(s.TimeZone)
		ev.Props.SetDate(ical.PropDateTimeStart, s.Start.In(in))
		ev.Props.SetDate(ical.PropDateTimeEnd, s.End.In(in))
	} else {
		ev.Props.SetDateTime(ical.PropDateTimeStart, s.Start.UTC())
		ev.Props.SetDateTime(ical.PropDateTimeEnd, s.End.UTC())
	}
	if s.Location != "" {
		ev.Props.SetText(ical.PropLocation, printable(s.Location))
	}
	if body := s.body(); body != "" {
		ev.Props.SetText(ical.PropDescription, printable(body))
	}
	status := "CONFIRMED"
	if s.Status == "tentative" {
		status = "TENTATIVE"
	}
	ev.Props.SetText(ical.PropStatus, status)
	return ev
}

// ask reads something of a connection through the corridor.
func ask[T any](ctx context.Context, e *Engine, connection, name string, in map[string]any) (out T, err error) {
	input, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	result, err := e.Runner.Do(ctx, action.Request{Action: name, Connection: connection, Caller: caller, Input: input, For: m365.Dispatch})
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(result.Output, &out)
}
