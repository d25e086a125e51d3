package mail

import (
	"context"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/attachment"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ReportsIn asks for reports of mail that was not delivered.
type ReportsIn struct {
	place.Mailbox
	Since time.Time `json:"since" doc:"Only reports received at this time or later"`
}

// Report says of which mail it was that somebody did not get it. Its text is not handed out.
type Report struct {
	ID       string    `json:"id"`
	Received time.Time `json:"received"`
	Of       []string  `json:"of" doc:"Message-IDs that it names"`
	Failed   []string  `json:"failed_recipients,omitempty" doc:"Who did not get it, where the report says so in its head"`
}

// Reports are those in the inbox.
type Reports struct {
	Reports []Report `json:"reports"`
	Cut     bool     `json:"cut,omitempty" doc:"There are more than are read at once"`
}

// A report's class (PidTagMessageClass): Exchange gives it to its own reports and to those of other servers (MS-OXCMAIL; docs/fidelity.md).
const (
	classProperty = "String 0x001A"
	classReport   = "REPORT.IPM.Note.NDR"
	maxReports    = 500
)

func reportActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "mail.report.list", Summary: "List the reports of undelivered mail in an inbox by the mails they are about.", Effect: action.Reads,
			Operations: []m365.OperationKey{listInFolder, readMIME}, Capability: m365.Mail}, reports),
		action.Define(action.Spec{Name: "mail.report.get", Summary: "Read from a report of undelivered mail why it was not delivered; its text is not handed out.", Effect: action.Reads,
			Operations: []m365.OperationKey{readMIME}, Capability: m365.Mail, Args: []string{"message"}}, reasonOf),
	}
}

// Reason is why a mail was not delivered, as far as the report says it to programs.
type Reason struct {
	Status string `json:"status,omitempty" doc:"Enhanced status code (RFC 3463), such as 5.1.1; none where the report has no such part"`
}

// statusLine is the field of RFC 3464 §2.3.4.
var statusLine = regexp.MustCompile(`(?im)^status:[ \t]*([245]\.[0-9]{1,3}\.[0-9]{1,3})\b`)

func reasonOf(ctx context.Context, c action.Call, in MessageIn) (Reason, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Reason{}, err
	}
	text, err := attachment.Bytes(ctx, box.Graph, path.MIME())
	if k := fault.KindOf(err); err != nil && k != fault.TooLarge {
		return Reason{}, err
	}
	var out Reason
	if found := statusLine.FindSubmatch(text); found != nil {
		out.Status = string(found[1])
	}
	return out, nil
}

func reports(ctx context.Context, c action.Call, in ReportsIn) (Reports, error) {
	out := Reports{Reports: []Report{}}
	box, err := in.In(c)
	if err != nil {
		return out, err
	}
	read := 0
	filter := graph.Filter("singleValueExtendedProperties/any(ep: ep/id eq " + graph.Quote(classProperty) + " and ep/value eq " + graph.Quote(classReport) + ")")
	for m, err := range graph.List[graph.Message](ctx, box.Graph, box.MailFolder("inbox").Sub("messages"), filter, graph.Select("id", "receivedDateTime", "internetMessageHeaders"), graph.Top(50)) {
		if err != nil {
			return out, err
		}
		if read++; read > maxReports {
			out.Cut = true
			break
		}
		if m.ReceivedDateTime.Before(in.Since) {
			continue
		}
		r, err := reportOf(ctx, box, m)
		if err != nil {
			return out, err
		}
		out.Reports = append(out.Reports, r)
	}
	return out, nil
}

func reportOf(ctx context.Context, box place.Place, m graph.Message) (Report, error) {
	r := Report{ID: m.ID, Received: m.ReceivedDateTime}
	for _, h := range m.InternetMessageHeaders {
		switch strings.ToLower(h.Name) {
		case "in-reply-to", "references":
			r.Of = append(r.Of, messageIDs.FindAllString(h.Value, -1)...)
		case "x-failed-recipients":
			if list, err := mail.ParseAddressList(h.Value); err == nil {
				for _, a := range list {
					r.Failed = append(r.Failed, strings.ToLower(a.Address))
				}
			}
		}
	}
	if len(r.Of) == 0 {
		if err := r.readWhole(ctx, box); err != nil {
			return r, err
		}
	}
	slices.Sort(r.Of)
	r.Of = slices.Compact(r.Of)
	return r, nil
}

var (
	messageIDs = regexp.MustCompile(`<[^<>\s]+@[^<>\s]+>`)
	ofMessage  = regexp.MustCompile(`(?im)^(?:message-id|original-message-id):[ \t]*\r?\n?[ \t]*(<[^<>\s]+>)`)
)

// readWhole finds what the report is about in the part that holds the head of the mail (RFC 3462), where its own head does not say. A report
// that is too large to be read, gone, or that Exchange cannot write as MIME tells nothing, and the others are told all the same.
func (r *Report) readWhole(ctx context.Context, box place.Place) error {
	text, err := attachment.Bytes(ctx, box.Graph, box.Message(r.ID).MIME())
	if err != nil && (ctx.Err() != nil || ofAll[fault.KindOf(err)]) {
		return err
	}
	for _, found := range ofMessage.FindAllSubmatch(text, -1) {
		r.Of = append(r.Of, string(found[1]))
	}
	return nil
}

// ofAll are refusals that are about the mailbox, not about the one message that was asked for.
var ofAll = map[fault.Kind]bool{fault.Throttled: true, fault.NeedsReauth: true, fault.NeedsAdmin: true}
