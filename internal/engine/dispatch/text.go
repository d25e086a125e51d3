package dispatch

import (
	"strings"

	"seneschal/internal/fault"
)

// body is the text of the event.
func (c Content) body() string {
	var parts []string
	if c.Customer != "" {
		parts = append(parts, "Customer: "+c.Customer)
	}
	if c.Notes != "" {
		parts = append(parts, c.Notes)
	}
	return strings.Join(parts, "\n\n")
}

// wroteBody says that a text is this content's, and not the one before, whatever Exchange made of its blanks and lines.
func (c Content) wroteBody(text string, before Content) bool {
	there, now, was := words(text), words(c.body()), words(before.body())
	return strings.Contains(there, now) && (was == now || !strings.Contains(was, now) || !strings.Contains(there, was))
}

func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// changing is what an event holds once it is changed to this content: an online meeting keeps the text it had. Teams' own block stands in there,
// and a body without it ends the meeting (learn.microsoft.com/graph/api/event-update, "body"); how the block is told from our text is on no page.
func (c Content) changing(before Content) *Content {
	if c.OnlineMeeting {
		c.Customer, c.Notes = before.Customer, before.Notes
	}
	return &c
}

// unwritten says what the calendar does not hold although nothing is to be done: the newer text of an online meeting. Somebody may write it there.
func (r *row) unwritten() *fault.Problem {
	if r.withdrawn || r.placed == nil || !r.want.OnlineMeeting || r.want.body() == r.placed.body() {
		return nil
	}
	p := (&fault.Error{Kind: fault.NotSupported, Code: "notes_not_written", Message: "The calendar holds older customer and notes than the plan",
		Cause: "The event is an online meeting: what Teams wrote into its text must stay there, so the hub writes the text only when it makes the event", Fix: "Write them into the event's text in Outlook; the slot sees that", Who: "whoever plans"}).Problem()
	return &p
}
