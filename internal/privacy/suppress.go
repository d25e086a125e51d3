package privacy

import (
	"context"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/custody"
	"seneschal/internal/customer"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// suppress keeps addresses from coming back. Of them only hashes stay.
func (s *Service) suppress(ctx context.Context, addresses []string) error {
	key, err := s.key(ctx)
	if err != nil {
		return err
	}
	return s.Store.InTx(ctx, "privacy.suppress", func(tx *store.Tx) error {
		for _, a := range addresses {
			if _, err := tx.ExecContext(ctx, "insert into privacy_suppressed (hash, since) values ($1, $2) on conflict (hash) do nothing", hashed(key, a), store.Millis(s.Clock.Now())); err != nil {
				return err
			}
		}
		return nil
	})
}

// Unwanted gives the judgement of which addresses were erased and shall not come back.
func (s *Service) Unwanted(ctx context.Context, q store.Querier) (func(address string) bool, error) {
	list, err := store.Select(ctx, q, func(r store.Scanner) (h string, err error) { return h, r.Scan(&h) }, "select hash from privacy_suppressed")
	if err != nil || len(list) == 0 {
		return func(string) bool { return false }, err
	}
	key, err := s.Vault.Get(ctx, q, keyRef) // on the caller's own connection: a second one may not be free before the caller is done
	if err != nil {
		return nil, err
	}
	hashes := map[string]bool{}
	for _, h := range list {
		hashes[h] = true
	}
	return func(address string) bool { return hashes[hashed([]byte(key.Reveal()), address)] }, nil
}

// Suppressed counts the addresses that are kept out.
func (s *Service) Suppressed(ctx context.Context) (n int64, err error) {
	err = s.Store.Reader().QueryRowContext(ctx, "select count(*) from privacy_suppressed").Scan(&n)
	return n, err
}

// Allow lets an address that was erased come back: with the next full walk, which begins now.
func (s *Service) Allow(ctx context.Context, by access.Caller, who string) error {
	address, ok := customer.Address(who)
	if !ok {
		return fault.BadField("address", "%q is no e-mail address", who)
	}
	key, err := s.key(ctx)
	if err != nil {
		return err
	}
	return s.Store.InTx(ctx, "privacy.allow", func(tx *store.Tx) error {
		n, err := store.Affected(ctx, tx, "delete from privacy_suppressed where hash = $1", hashed(key, address))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.BadField("address", "%s is not kept out", address)
		}
		if err := s.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "privacy.allow", Target: "h-" + hashed(key, address)[:16], Outcome: "done"}); err != nil {
			return err
		}
		return s.Welcome(ctx, tx)
	})
}

// Classes say what is kept of those who were erased.
func Classes() []custody.Class {
	return []custody.Class{{Name: "erased", Title: "Who was erased", What: "Hashes of erased addresses under a key of the vault, so that the next walk does not bring them back; they cannot be read back",
		Whose: "outside contacts and staff who were erased", Tables: []string{"privacy_suppressed"}, Seen: "nobody; admins their number", Ends: "until allowed back: privacy allow ADDRESS",
		Export: custody.NotIn, Erase: "is what an erasure leaves"}}
}
