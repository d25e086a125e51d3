package delivery

import (
	"context"
	"fmt"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/engine/delivery/document"
)

// SendIn is a mail to be delivered.
type SendIn struct {
	Letter
	Template string            `json:"template,omitempty" maxLength:"60" doc:"Has subject, text and HTML written, and a PDF drawn unless one is attached: quote, invoice, or another of the operator's templates"`
	Data     *document.Data    `json:"data,omitempty" doc:"What the template's document says"`
	Inline   map[string]string `json:"inline,omitempty" doc:"Which attachments are shown inside the HTML, and what its cid: says for each: {\"attachment_1\": \"logo\"}"`
	DryRun   bool              `json:"dry_run,omitempty" doc:"Check everything that can be checked, and take nothing"`
}

type oneIn struct {
	ID string `json:"id" minLength:"1" doc:"Id of the delivery"`
}

// ResolveIn is a person's word on a delivery.
type ResolveIn struct {
	ID   string `json:"id" minLength:"1" doc:"Id of the delivery"`
	As   Word   `json:"as" enum:"sent,send_again,give_up" doc:"sent: the mail left, as somebody saw; send_again: it did not, and shall; give_up: it did not, and shall not"`
	Note string `json:"note,omitempty" maxLength:"500" doc:"How you know"`
}

func attachments() []action.File {
	out := make([]action.File, maxFiles)
	for i := range out {
		out[i] = action.File{Name: fileName(i), Doc: fmt.Sprintf("Attachment %d, up to 150 MB; it keeps its name", i+1), Max: maxFile}
	}
	return out
}

// Actions are the engine's ways in for every face.
func (e *Engine) Actions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "delivery.send", Summary: "Deliver a mail, once, with proof: it is queued, sent at its mailbox's pace, and looked after until its end is known.", Effect: action.Writes, Target: action.OnHub,
			Scope: access.ActionWrite, Narrows: true, Keyed: true, Route: "POST /deliveries", Files: attachments()}, func(ctx context.Context, c action.Call, in SendIn) (Delivery, error) {
			return e.Take(ctx, c, in)
		}),
		action.Define(action.Spec{Name: "delivery.preview", Summary: "Show the mail that a template makes of a quote's or an invoice's data; nothing is taken.", Effect: action.Reads, Target: action.OnHub, Scope: access.ActionRead, Narrows: true,
			Route: "POST /deliveries/preview"}, func(_ context.Context, _ action.Call, in PreviewIn) (Preview, error) {
			return e.preview(in)
		}),
		action.Define(action.Spec{Name: "delivery.pdf", Summary: "Draw the PDF of a quote or an invoice; nothing is taken.", Effect: action.Reads, Target: action.OnHub, Scope: access.ActionRead, Narrows: true, Streams: []string{pdfMedia},
			Route: "POST /deliveries/pdf"}, func(_ context.Context, c action.Call, in PreviewIn) (PDF, error) {
			return e.draw(c, in)
		}),
		action.Define(action.Spec{Name: "delivery.list", Summary: "List deliveries, how many stand where, and when the queues end.", Effect: action.Reads, Target: action.OnHub, Scope: access.ActionRead, Narrows: true, Route: "GET /deliveries"},
			func(ctx context.Context, c action.Call, in Query) (Page, error) {
				in.within = within(c.Caller)
				return e.List(ctx, in)
			}),
		action.Define(action.Spec{Name: "delivery.show", Summary: "Show one delivery with its proof and its history.", Effect: action.Reads, Target: action.OnHub, Scope: access.ActionRead, Narrows: true, Route: "GET /deliveries/{id}", Args: []string{"id"}},
			func(ctx context.Context, c action.Call, in oneIn) (Detail, error) {
				if err := e.reaches(ctx, c.Caller, access.ActionRead, in.ID); err != nil {
					return Detail{}, err
				}
				return e.Show(ctx, in.ID)
			}),
		action.Define(action.Spec{Name: "delivery.cancel", Summary: "Take back a delivery that has not left yet.", Effect: action.Writes, Target: action.OnHub, Scope: access.ActionWrite, Narrows: true, Route: "POST /deliveries/{id}/cancel", Args: []string{"id"}},
			func(ctx context.Context, c action.Call, in oneIn) (Detail, error) {
				if err := e.reaches(ctx, c.Caller, access.ActionWrite, in.ID); err != nil {
					return Detail{}, err
				}
				return e.Cancel(ctx, c.Caller, in.ID)
			}),
		action.Define(action.Spec{Name: "delivery.resolve", Summary: "Say what became of a delivery that nobody can tell by itself, or have a failed one sent again.", Effect: action.Writes, Target: action.OnHub, Scope: access.ActionWrite, Narrows: true,
			Route: "POST /deliveries/{id}/resolve", Args: []string{"id", "as"}}, func(ctx context.Context, c action.Call, in ResolveIn) (Detail, error) {
			if err := e.reaches(ctx, c.Caller, access.ActionWrite, in.ID); err != nil {
				return Detail{}, err
			}
			return e.Resolve(ctx, c.Caller, in)
		}),
	}
}
