package custody

import (
	"context"
	"time"

	"seneschal/internal/store"
)

// Class is one class of data. Every table belongs to exactly one.
type Class struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	What    string   `json:"what"`
	Whose   string   `json:"whose"` // whose personal data is in it
	Tables  []string `json:"tables"`
	Seen    string   `json:"seen_by"`
	Setting string   `json:"setting,omitempty"` // how long it is kept, without the prefix: RETENTION_AUDIT
	Ends    string   `json:"ends"`              // what ends it besides, or instead
	Export  string   `json:"export"`            // how a person's part is handed out
	Erase   string   `json:"erase"`             // what privacy.erase does to it

	// Prune removes what is older than before, at most about limit rows, and counts them; nil where nothing grows old. Without a setting
	// before is now, and it removes what is over.
	Prune func(ctx context.Context, tx *store.Tx, before time.Time, limit int) (int64, error) `json:"-"`
}

// The usual ends of the sentences.
const (
	AdminsOnly = "admins"
	Nobody     = "nobody"
	NotAbout   = "nobody's"
	InExport   = "privacy export"
	NotIn      = "not in exports"
	Untouched  = "stays: nothing in it is about people"
)
