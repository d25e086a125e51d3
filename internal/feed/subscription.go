package feed

import "time"

// Subscription is Microsoft's promise to tell of changes. It only ever wakes a feed.
type Subscription struct {
	ID        string    `json:"id"`
	ExpiresAt time.Time `json:"expires_at"`
	HeardAt   time.Time `json:"heard_at,omitzero"` // the last notification
}
