package mail

import (
	"context"
	"slices"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/attachment"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// outgoing is what the ledger keeps of a mail on its way. It is written twice: when the draft exists, and when the send is about to leave.
type outgoing struct {
	Draft   string    `json:"draft"` // immutable id: the mail in Sent Items keeps it (graph/FACTS §7, safe retry)
	Sending time.Time `json:"sending,omitzero"`
}

// Sent is what became of a mail.
type Sent struct {
	MessageID         string `json:"message_id"`
	State             string `json:"state" enum:"sent,accepted" doc:"sent: seen in Sent Items; accepted: Microsoft took it and does not show it yet"`
	InternetMessageID string `json:"internet_message_id,omitempty"`
	ConversationID    string `json:"conversation_id,omitempty"`
}

var sentFields = []string{"id", "isDraft", "internetMessageId", "conversationId"}

func sentOf(m graph.Message, state string) Sent {
	return Sent{m.ID, state, m.InternetMessageID, m.ConversationID}
}

// sending is one mail on its way: the same for a new one, a reply and a forward.
type sending struct {
	place.Place
	c action.Call
}

// deliver brings a draft on its way. Microsoft's send answers 202 without an id and is not idempotent (graph/FACTS §7), so the draft's
// id is committed before it, and the send is asked for once.
func (s sending) deliver(ctx context.Context, draft graph.Message, proof graph.Proof, files []enclosed) (Sent, error) {
	if err := s.c.Checkpoint(ctx, outgoing{Draft: draft.ID}); err != nil {
		return Sent{}, err
	}
	if len(files) > 0 {
		var err error
		if proof, err = s.enclose(ctx, draft.ID, files); err != nil {
			return Sent{}, s.withdraw(ctx, draft.ID, err)
		}
	}
	if err := s.c.Checkpoint(ctx, outgoing{draft.ID, proof.At}); err != nil {
		return Sent{}, err
	}
	if err := graph.Call(ctx, s.Graph, s.Message(draft.ID).Sub("send"), nil); err != nil {
		return Sent{}, s.withdraw(ctx, draft.ID, err)
	}
	return s.accepted(ctx, draft)
}

// enclose adds the files and sees them on the draft: a mail that announces an attachment must not leave without it, nor with half of one. The
// look also gives the time from which the send counts.
func (s sending) enclose(ctx context.Context, draft string, files []enclosed) (graph.Proof, error) {
	for _, file := range files {
		item := graph.AttachmentItem{Name: file.Name, Size: file.Size, ContentType: file.ContentType, IsInline: file.contentID != "", ContentID: file.contentID}
		if err := attachment.Send(ctx, s.c, s.Graph, s.Message(draft), item, file.Content); err != nil {
			return graph.Proof{}, err
		}
	}
	there, p, err := attachment.Seen(ctx, s.Graph, s.Message(draft))
	if err != nil {
		return p, err
	}
	for _, file := range files {
		i := slices.IndexFunc(there, func(a attachment.Attachment) bool { return a.Name == file.Name && a.Size >= file.Size })
		if i < 0 {
			return p, &fault.Error{Kind: fault.UpstreamRefused, Code: "attachment_missing", Message: "Microsoft took the file, but the draft does not show it whole; nothing was sent",
				Cause: "A policy took it off, or it was changed on its way", Fix: "Look what the tenant does with such files, and have it changed", Who: "an Exchange administrator of the tenant"}
		}
		there = slices.Delete(there, i, i+1)
	}
	return p, nil
}

// accepted looks once after the 202. Not finding the mail is the ordinary case, as it shows in Sent Items with a delay. Finding it still
// a draft is not: the 202 was empty talk, or is not worked off yet, and the run must not be called done.
func (s sending) accepted(ctx context.Context, draft graph.Message) (Sent, error) {
	m, _, err := s.look(ctx, draft.ID)
	seen := err == nil
	switch {
	case seen && m.IsDraft:
		return Sent{}, &fault.Error{Kind: fault.Unclear, Code: "still_a_draft", Message: "Microsoft accepted the mail and still shows it as a draft"}
	case seen:
		return sentOf(m, "sent"), nil
	}
	return sentOf(draft, "accepted"), nil
}

func (s sending) look(ctx context.Context, id string) (graph.Message, graph.Proof, error) {
	var p graph.Proof
	m, err := graph.Get[graph.Message](ctx, s.Graph, s.Message(id), graph.Select(sentFields...), graph.Prove(&p))
	return m, p, err
}

// withdraw removes the draft of a mail that was certainly not sent, so that the caller's next try does not stand beside it. Where it is
// not certain the draft is evidence and stays; where it cannot be removed it stays too, and hurts nobody.
func (s sending) withdraw(ctx context.Context, draft string, why error) error {
	if k := fault.KindOf(why); k != fault.Unclear && k != fault.Internal && ctx.Err() == nil {
		_ = discard(ctx, s.Graph, s.Message(draft)) // the reason why it was not sent is the one to tell
		return fault.Certain(why)                   // a file of the draft may be there or not; the mail did not leave
	}
	return why
}

// reconcile answers what became of a mail.
func (s sending) reconcile(ctx context.Context) (Sent, action.Answer, error) {
	var o outgoing
	known, err := s.c.Recall(ctx, &o)
	if err != nil {
		return Sent{}, 0, err
	}
	if !known {
		return s.reconcileMarked(ctx)
	}
	m, proof, err := s.look(ctx, o.Draft)
	tried := !o.Sending.IsZero()
	switch {
	case fault.KindOf(err) == fault.NotFound && !tried:
		return Sent{}, action.NotStarted, nil // somebody removed the draft
	case fault.KindOf(err) == fault.NotFound:
		return Sent{}, action.StillOpen, nil // on its way into Sent Items
	case err != nil:
		return Sent{}, 0, err
	case !m.IsDraft:
		return sentOf(m, "sent"), action.Happened, nil
	case tried && proof.At.Sub(o.Sending) < once.Settled:
		return Sent{}, action.StillOpen, nil
	}
	return Sent{}, action.NotStarted, discard(ctx, s.Graph, s.Message(o.Draft))
}

// reconcileMarked is the way without a checkpoint: the draft's answer was lost, so the send was never asked for, and the marker leads to
// the draft if there is one. A mail found sent is believed all the same: the ledger may come from a backup.
func (s sending) reconcileMarked(ctx context.Context) (Sent, action.Answer, error) {
	found, err := marked(ctx, s.Place, s.c)
	if err != nil {
		return Sent{}, 0, err
	}
	for _, m := range found {
		if !m.IsDraft {
			return sentOf(m, "sent"), action.Happened, nil
		}
	}
	for _, m := range found {
		if err := discard(ctx, s.Graph, s.Message(m.ID)); err != nil {
			return Sent{}, 0, err
		}
	}
	return Sent{}, action.NotStarted, nil
}
