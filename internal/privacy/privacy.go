package privacy

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/custody"
	"seneschal/internal/customer"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// Migrations are the table of what must not come back.
//
//go:embed migrations
var Migrations embed.FS

// Owner is whoever keeps data about people.
type Owner interface {
	Export(ctx context.Context, person string) (any, error)
	// Erase forgets a person and counts what went or was made anonymous.
	Erase(ctx context.Context, tx *store.Tx, person string) (int64, error)
}

// Service asks the owners.
type Service struct {
	Store     *store.Store
	Clock     clock.Clock
	Log       *slog.Logger
	Audit     *audit.Log
	Vault     *vault.Vault
	Access    *access.Access
	Customers *customer.Service
	Owners    map[string]Owner
	Classes   []custody.Class
	Keep      map[string]time.Duration // by setting; 0: for ever
	// Leaving is told before somebody's own connections go, while their credentials still work.
	Leaving func(ctx context.Context, person string)
	// Welcome is told in the transaction in which an address may come back.
	Welcome func(ctx context.Context, tx *store.Tx) error
}

// Subject is whom a request means.
type Subject struct {
	Kind      string   `json:"kind"` // staff, outside
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"`

	person string   // id; of staff
	names  []string // under which owners keep something
}

// Whom finds out whom somebody means: a person of the hub by name, id or an address of theirs, or an outside contact by address.
func (s *Service) Whom(ctx context.Context, who string) (Subject, error) {
	who = strings.TrimSpace(who)
	p, err := s.Access.LookupPerson(ctx, who)
	if err == nil {
		return s.staff(ctx, p)
	}
	if fault.KindOf(err) != fault.NotFound {
		return Subject{}, err
	}
	address, ok := customer.Address(who)
	if !ok {
		return Subject{}, fault.BadField("person", "%q is nobody who signs in here, and no e-mail address: of outside contacts the address alone is certain", who)
	}
	owner, err := s.Customers.EnteredFor(ctx, s.Store.Reader(), address)
	if err == nil && owner == "" {
		owner, err = s.Access.Verified(ctx, s.Store.Reader(), address)
	}
	if err != nil {
		return Subject{}, err
	}
	if owner == "" {
		return Subject{Kind: "outside", Name: address, Addresses: []string{address}, names: []string{address, "microsoft:" + address}}, nil
	}
	if p, err = s.Access.LookupPerson(ctx, owner); err != nil {
		return Subject{}, err
	}
	return s.staff(ctx, p)
}

func (s *Service) staff(ctx context.Context, p access.Person) (Subject, error) {
	entered, err := s.Customers.AddressesOf(ctx, p.ID)
	if err != nil {
		return Subject{}, err
	}
	verified, err := s.Access.AddressesOf(ctx, p.ID)
	all := slices.Concat(entered, verified)
	slices.Sort(all)
	out := Subject{Kind: "staff", Name: p.Name, Addresses: append([]string{}, slices.Compact(all)...), person: p.ID, names: []string{p.ID, p.Caller().String(), "person:" + p.ID}}
	for _, a := range out.Addresses {
		out.names = append(out.names, a, "microsoft:"+a)
	}
	return out, err
}

// Export is everything the hub keeps about somebody, by owner.
type Export struct {
	Subject
	At   time.Time        `json:"at"`
	Data map[string][]any `json:"data"`
}

// Export asks every owner. That it was asked is in the record first.
func (s *Service) Export(ctx context.Context, by access.Caller, who string) (Export, error) {
	subject, err := s.Whom(ctx, who)
	if err != nil {
		return Export{}, err
	}
	ref, err := s.reference(ctx, subject)
	if err != nil {
		return Export{}, err
	}
	if err := s.Audit.Note(ctx, audit.Entry{Actor: by.String(), Action: "privacy.export", Target: ref, Outcome: "asked", Detail: map[string]any{"kind": subject.Kind}}); err != nil {
		return Export{}, err
	}
	out := Export{Subject: subject, At: s.Clock.Now(), Data: map[string][]any{}}
	for _, owner := range slices.Sorted(maps.Keys(s.Owners)) {
		out.Data[owner] = []any{}
		for _, name := range subject.names {
			v, err := s.Owners[owner].Export(ctx, name)
			if err != nil {
				return out, err
			}
			if text, err := json.Marshal(v); err != nil || string(text) != "null" && string(text) != "[]" {
				out.Data[owner] = append(out.Data[owner], v)
			}
		}
	}
	return out, nil
}

// Erased says what an erasure took away, or would.
type Erased struct {
	Subject
	DryRun    bool             `json:"dry_run"`
	Counts    map[string]int64 `json:"counts"`     // by owner
	MayReturn bool             `json:"may_return"` // the next walk may bring communications back
}

// errPreview takes a preview back.
var errPreview = errors.New("only a preview")

// Erase has every owner forget somebody, in one transaction. A preview is the same, taken back at its end: its counts are exact.
func (s *Service) Erase(ctx context.Context, by access.Caller, who string, mayReturn, preview bool) (Erased, error) {
	subject, err := s.Whom(ctx, who)
	if err != nil {
		return Erased{}, err
	}
	ref, err := s.reference(ctx, subject)
	if err != nil {
		return Erased{}, err
	}
	entry := audit.Entry{Actor: by.String(), Action: "privacy.erase", Target: ref, Outcome: "done", Detail: map[string]any{"kind": subject.Kind, "may_return": mayReturn}}
	counts, err := s.forget(ctx, subject, entry, true) // what cannot be, the last admin's say, is refused before anything happens
	if err == nil && !preview {
		if subject.person != "" {
			s.Leaving(ctx, subject.person)
		}
		if !mayReturn { // before anything goes, so that a walk under way brings nothing back
			err = s.suppress(ctx, subject.Addresses)
		}
		if err == nil {
			counts, err = s.forget(ctx, subject, entry, false)
		}
	}
	return Erased{Subject: subject, DryRun: preview, Counts: counts, MayReturn: mayReturn}, err
}

func (s *Service) forget(ctx context.Context, subject Subject, entry audit.Entry, preview bool) (map[string]int64, error) {
	counts := map[string]int64{}
	err := s.Store.InTx(ctx, "privacy.erase", func(tx *store.Tx) error {
		// The entry comes first: whoever erases themselves is a pseudonym in it, too.
		if err := s.Audit.Record(ctx, tx, entry); err != nil {
			return err
		}
		for _, owner := range slices.Sorted(maps.Keys(s.Owners)) {
			for _, name := range subject.names {
				n, err := s.Owners[owner].Erase(ctx, tx, name)
				if err != nil {
					return err
				}
				counts[owner] += n
			}
		}
		if preview {
			return errPreview
		}
		return nil
	})
	if errors.Is(err, errPreview) {
		err = nil
	}
	return counts, err
}

const keyRef = "privacy/suppression"

// key is what addresses are hashed under.
func (s *Service) key(ctx context.Context) ([]byte, error) {
	key, err := s.Vault.Get(ctx, s.Store.Reader(), keyRef)
	if fault.KindOf(err) == fault.NotFound {
		err = s.Store.InTx(ctx, "privacy.key", func(tx *store.Tx) (err error) {
			key, _, err = s.Vault.Once(ctx, tx, keyRef, vault.NewSecret(rand.Text()+rand.Text()))
			return err
		})
	}
	return []byte(key.Reveal()), err
}

func hashed(key []byte, text string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// reference names a subject in the record without telling who it is: whoever knows the person can have it computed again, by asking once more.
func (s *Service) reference(ctx context.Context, subject Subject) (string, error) {
	key, err := s.key(ctx)
	if subject.person != "" {
		return subject.person, err
	}
	return "h-" + hashed(key, subject.Addresses[0])[:16], err
}
