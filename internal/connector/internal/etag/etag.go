package etag

import (
	"regexp"

	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// Of says whose versions are meant.
type Of struct {
	Thing  string // such as "event"
	Read   string // the action that gives the etag
	Change string // what else makes another version, behind "Somebody else changed it"
}

// form is what an etag looks like (RFC 9110, 8.8.3); Outlook's are weak.
var form = regexp.MustCompile(`^(W/)?"[\x21\x23-\x7E]+"$`)

// Wrong finds an if_match that is none.
func (o Of) Wrong(ifMatch string) []fault.Field {
	if ifMatch == "" || form.MatchString(ifMatch) {
		return nil
	}
	return []fault.Field{{Name: "if_match", Message: "is not an etag of " + o.Read + "; it has quotes, like W/\"CQAAABYAAAC\""}}
}

// Options have Microsoft compare.
func Options(ifMatch string) []graph.Option {
	if ifMatch == "" {
		return nil
	}
	return []graph.Option{graph.IfMatch(ifMatch)}
}

const changed = "changed_meanwhile"

// Changed is the refusal of a version that is no more.
func (o Of) Changed(upstream *fault.Upstream) error {
	return &fault.Error{Kind: fault.Conflict, Code: changed, Message: "The " + o.Thing + " has changed since the version in if_match; nothing was done",
		Cause: "Somebody else changed it" + o.Change, Fix: "Read it with " + o.Read + ", decide on what it says now, and give its new etag", Who: "you", Upstream: upstream}
}

// Refused says of Microsoft's refusal what to do; other faults stay as they are.
func (o Of) Refused(ifMatch string, err error) error {
	if f := fault.As(err); ifMatch != "" && f != nil && f.Code == changed {
		return o.Changed(f.Upstream)
	}
	return err
}
