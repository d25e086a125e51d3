package delivery

import (
	"context"
	"fmt"
	"slices"

	"seneschal/internal/action"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
)

// maxSubmitted is what one request of send-only mode takes: under 3 MB, so that it stays under 4 MB in base64 (graph/FACTS §7).
const maxSubmitted = 3_000_000

// mode follows from what the tenant granted: with drafts a mail can be looked for, with Mail.Send alone it cannot. What is granted is what the
// connection's last look saw; before it, what it asks for.
func (e *Engine) mode(ctx context.Context, c connection.Connection) (Mode, error) {
	granted, err := e.Connections.Granted(ctx, c.ID)
	if err != nil {
		return "", err
	}
	if slices.Contains(granted, "Mail.Send") && !slices.Contains(granted, "Mail.ReadWrite") {
		return SendOnly, nil
	}
	return Verified, nil
}

// adapted gives a queued delivery the mode that the grants allow now. Each mode sends by an action of its own, and what was refused under one
// cannot be asked of the other under the same key: so a new round begins. Where something of the round may have left, it stays as it was, and
// the ledger answers.
func (e *Engine) adapted(ctx context.Context, c connection.Connection, d Delivery) (Delivery, error) {
	mode, err := e.mode(ctx, c)
	if err != nil || mode == d.Mode {
		return d, err
	}
	run, err := e.Runner.RunOfKey(ctx, d.Connection, d.key())
	switch {
	case err != nil:
		return d, err
	case run == nil:
		d.Mode = mode
	case run.State == action.Refused:
		d.Mode, d.round = mode, d.round+1
	}
	return d, nil
}

// fits refuses what a mode cannot carry.
func fits(d Delivery) error {
	if d.Mode != SendOnly || d.size < maxSubmitted {
		return nil
	}
	return &fault.Error{Kind: fault.TooLarge, Code: "too_large_for_send_only", Mode: string(d.Mode), Message: "The mail is larger than the connection can send",
		Fields: []fault.Field{{Name: "attachment_1", Message: fmt.Sprintf("and the rest of the mail have %d bytes; with Mail.Send alone one request carries less than %d", d.size, maxSubmitted)}},
		Cause:  "Larger files need a draft, for which the tenant has not granted Mail.ReadWrite", Fix: "Grant Mail.ReadWrite to the app, or send a smaller file", Who: "an administrator of the tenant"}
}
