package access

import (
	"context"
	"time"

	"seneschal/internal/custody"
	"seneschal/internal/store"
)

// Classes say what access keeps.
func (a *Access) Classes() []custody.Class {
	return []custody.Class{
		{Name: "people", Title: "People and keys", What: "Names, roles, when last seen, the Microsoft account, addresses verified at sign-in; API keys with scopes and last use, as hashes", Whose: "the people who sign in",
			Tables: []string{"access_person", "access_identity", "access_address", "access_contested", "access_apikey"}, Seen: "admins; each person their own", Ends: "until removed",
			Export: custody.InExport, Erase: "the person goes with everything; keys they made stay, without the name"},
		{Name: "sessions", Title: "Sign-ins", What: "Signed-in browsers, what they call themselves, since when; one-time links and sign-ins under way, as hashes", Whose: "the people who sign in",
			Tables: []string{"access_session", "access_person_session", "access_login", "access_attempt"}, Seen: "admins; each person their own", Ends: "12 hours after the sign-in at the latest; links after 15 minutes",
			Export: custody.InExport, Erase: "they go", Prune: a.pruneOver},
		{Name: "agents", Title: "Agents", What: "Programs that registered themselves, what people allowed them, their tokens as hashes; how often each agent asked in the last hour it did, and who stopped it", Whose: "the people they act for",
			Tables: []string{"access_client", "access_grant", "access_token", "access_agent"}, Seen: "admins; each person their own", Ends: "when revoked, and with the person; tokens when they expire, programs that nobody allowed anything after a day",
			Export: custody.InExport, Erase: "what the person allowed goes, with its tokens", Prune: a.pruneTokens},
	}
}

// pruneOver forgets what has ended by itself.
func (a *Access) pruneOver(ctx context.Context, tx *store.Tx, before time.Time, _ int) (sum int64, err error) {
	for _, table := range []string{"access_session", "access_person_session", "access_login", "access_attempt"} {
		n, err := store.Affected(ctx, tx, "delete from "+table+" where expires_at < $1", store.Millis(before))
		if err != nil {
			return sum, err
		}
		sum += n
	}
	return sum, nil
}

// pruneTokens forgets tokens that expired, and grants that none is left of: their program has to ask anew.
func (a *Access) pruneTokens(ctx context.Context, tx *store.Tx, before time.Time, _ int) (int64, error) {
	n, err := store.Affected(ctx, tx, "delete from access_token where expires_at < $1", store.Millis(before))
	if err != nil {
		return n, err
	}
	k, err := store.Affected(ctx, tx, "delete from access_grant where id not in (select grant_id from access_token)")
	if err != nil {
		return n, err
	}
	return n + k, forgetClients(ctx, tx, before)
}
