package calendar

import (
	"seneschal/internal/connector/internal/etag"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// Version ties an action to the event as its caller saw it.
type Version struct {
	IfMatch string `json:"if_match,omitempty" maxLength:"500" doc:"The etag that a read gave: an event that has changed since is left alone, and the fault says so"`
}

var ofEvent = etag.Of{Thing: "event", Read: "calendar.event.get", Change: ", or answered the invitation"}

func (v Version) wrong() []fault.Field { return ofEvent.Wrong(v.IfMatch) }

// matches compares with an event just read. Microsoft compares again where it takes the header; that it does so for events is practice and
// on no page (dav/FACTS §3, docs/fidelity.md).
func (v Version) matches(e graph.Event) error {
	if v.IfMatch == "" || v.IfMatch == e.ETag {
		return nil
	}
	return ofEvent.Changed(nil)
}

func (v Version) options() []graph.Option { return etag.Options(v.IfMatch) }

func (v Version) refused(err error) error { return ofEvent.Refused(v.IfMatch, err) }
