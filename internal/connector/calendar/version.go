package calendar

import (
	"regexp"

	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// Version ties an action to the event as its caller saw it.
type Version struct {
	IfMatch string `json:"if_match,omitempty" maxLength:"500" doc:"The etag that a read gave: an event that has changed since is left alone, and the fault says so"`
}

// etagForm is what an etag looks like (RFC 9110, 8.8.3); Outlook's are weak.
var etagForm = regexp.MustCompile(`^(W/)?"[\x21\x23-\x7E]+"$`)

func (v Version) wrong() []fault.Field {
	if v.IfMatch == "" || etagForm.MatchString(v.IfMatch) {
		return nil
	}
	return []fault.Field{{Name: "if_match", Message: "is not an etag of calendar.event.get; it has quotes, like W/\"CQAAABYAAAC\""}}
}

// matches compares with an event just read. Microsoft compares again where it takes the header; that it does so for events is practice and
// on no page (dav/FACTS §3, docs/fidelity.md).
func (v Version) matches(e graph.Event) error {
	if v.IfMatch == "" || v.IfMatch == e.ETag {
		return nil
	}
	return changedSince(nil)
}

func (v Version) options() []graph.Option {
	if v.IfMatch == "" {
		return nil
	}
	return []graph.Option{graph.IfMatch(v.IfMatch)}
}

// refused says of Microsoft's refusal what to do; other faults stay as they are.
func (v Version) refused(err error) error {
	if f := fault.As(err); v.IfMatch != "" && f != nil && f.Code == changed {
		return changedSince(f.Upstream)
	}
	return err
}

const changed = "changed_meanwhile"

func changedSince(upstream *fault.Upstream) error {
	return &fault.Error{Kind: fault.Conflict, Code: changed, Message: "The event has changed since the version in if_match; nothing was done",
		Cause: "Somebody else changed it, or answered the invitation", Fix: "Read it with calendar.event.get, decide on what it says now, and give its new etag", Who: "you", Upstream: upstream}
}
