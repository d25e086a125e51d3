package place

import (
	"time"

	"seneschal/internal/graph"
)

// Age says how old an answer may be that is good enough.
type Age struct {
	MaxAge int `json:"max_age_seconds,omitempty" minimum:"0" maximum:"3600" doc:"An answer that the hub got at most so long ago is good enough (never older than its setting LOOKUP_AGE); Microsoft is asked without"`
}

// Most is that time.
func (a Age) Most() time.Duration { return time.Duration(a.MaxAge) * time.Second }

// Seen tells from when an answer is.
type Seen struct {
	ReadAt time.Time `json:"read_at" doc:"When Microsoft answered so"`
	ETag   string    `json:"etag,omitempty" doc:"Version, where Microsoft tells one"`
}

// SeenAt is the same, as graph has it.
func SeenAt(s graph.Seen) Seen { return Seen{s.At, s.ETag} }
