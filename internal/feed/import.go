package feed

import (
	"context"
	"time"

	"seneschal/internal/store"
)

// Import is how far reading everything has come: the first import, or one started over because claims changed or a link was lost.
type Import struct {
	Feeds     int       `json:"feeds"`    // folders not read to their end yet
	Read      int64     `json:"read"`     // messages, of those folders and of the ones that were begun with them and are done
	Expected  int64     `json:"expected"` // as Microsoft counts them
	Since     time.Time `json:"since"`
	EndsAbout time.Time `json:"ends_about,omitzero"` // zero: cannot be foreseen yet

	counted bool // every mailbox has told how many messages it has
}

// soonest is how long an import is watched before its end is foreseen.
const soonest = 5 * time.Second

// importing sums up what is under way; nil when nothing is. A folder that was done after another one was wanted belongs to the same
// import. Folders that wait for somebody are left out: their end is that person's.
func (s *Service) importing(ctx context.Context, connectionID string) (*Import, error) {
	var out Import
	var open, since, uncounted int64
	err := s.Store.Reader().QueryRowContext(ctx, `select coalesce(sum(case when kind = $1 then 1 else 0 end), 0), coalesce(min(case when kind = $2 then wanted_at end), 0),
		coalesce(sum(case when kind = $3 then 1 else 0 end), 0) from feed_entry
		where (kind = $4 and state in ($5, $6) or kind = $7 and state = $8) and ($9 = '' or connection = $10)`,
		string(Mail), string(Mail), string(Folders), string(Mail), string(New), string(Backfill), string(Folders), string(New), connectionID, connectionID).Scan(&out.Feeds, &open, &uncounted)
	if err != nil || out.Feeds == 0 {
		return nil, err
	}
	err = s.Store.Reader().QueryRowContext(ctx, `select coalesce(sum(entries_read), 0), coalesce(sum(case when entries_read > expected then entries_read else expected end), 0), coalesce(min(wanted_at), 0)
		from feed_entry where kind = $1 and (state in ($2, $3) or state = $4 and read_at >= $5) and ($6 = '' or connection = $7)`,
		string(Mail), string(New), string(Backfill), string(Live), open, connectionID, connectionID).Scan(&out.Read, &out.Expected, &since)
	out.Since, out.counted = store.Time(since), uncounted == 0
	out.EndsAbout = out.foresee(s.Clock.Now())
	return &out, err
}

// foresee takes the pace so far for what is left.
func (i Import) foresee(now time.Time) time.Time {
	took := now.Sub(i.Since)
	if !i.counted || i.Read == 0 || took < soonest {
		return time.Time{}
	}
	left := time.Duration(float64(i.Expected-i.Read) / float64(i.Read) * float64(took))
	return now.Add(left).Truncate(time.Second)
}
