package connection

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/entra"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// ReviewDays is how far back an access review looks.
const ReviewDays = 30

// UseState says whether a granted permission is used.
type UseState string

// The words.
const (
	Used        UseState = "used"
	SignIn      UseState = "sign_in"      // belongs to every sign-in, and is not told from its use
	Unused      UseState = "unused"       // for 30 days, over which the connection was observed
	NotYet      UseState = "not_yet"      // not seen, and not observed for long enough
	CannotMatch UseState = "cannot_match" // not seen; but operations were used of which Microsoft's data do not say what they need
)

// PermissionUse is one granted permission with its use.
type PermissionUse struct {
	Permission string         `json:"permission"`
	State      UseState       `json:"state"`
	Why        string         `json:"why"`
	SeenAt     time.Time      `json:"seen_at"` // when the hub first saw it granted; since when it is, Microsoft knows
	LastUsed   time.Time      `json:"last_used,omitzero"`
	Uses       int64          `json:"uses"` // in the last 30 days
	Operations []string       `json:"operations,omitempty"`
	Remove     *entra.Removal `json:"remove,omitempty"` // of what is unused
}

// Consent is what is known of who allowed it. Empty: not known; Microsoft does not tell an app.
type Consent struct {
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"at,omitzero"`
	AskedBy string    `json:"asked_by,omitempty"` // who made the link
	AskedAt time.Time `json:"asked_at,omitzero"`
	Known   string    `json:"known"`
}

// Reviewed is one connection under review.
type Reviewed struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	Kind         m365.Mode         `json:"kind"`
	Tenant       string            `json:"tenant"`
	ClientID     m365.ClientID     `json:"client_id"`
	Owner        string            `json:"owner,omitempty"`
	State        State             `json:"state"`
	Capabilities []m365.Capability `json:"capabilities"`
	Consent      Consent           `json:"consent"`
	GrantsReadAt time.Time         `json:"grants_read_at,omitzero"`
	LastUsed     time.Time         `json:"last_used,omitzero"`
	ObservedDays int               `json:"observed_days"` // of the last 30
	Permissions  []PermissionUse   `json:"permissions"`
	Unmatched    []string          `json:"unmatched,omitempty"` // operations used that belong to no permission we know

	asks m365.Asking
}

// usedOperation is one operation over all days that are kept.
type usedOperation struct {
	name  string
	count int64 // in the last 30 days
	last  int64
}

// Review compares each connection's grants with what it used.
func (s *Service) Review(ctx context.Context) ([]Reviewed, error) {
	if err := s.Uses.Flush(ctx); err != nil {
		return nil, err
	}
	all, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Reviewed, 0, len(all))
	for _, c := range all {
		r, err := s.review(ctx, c)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (s *Service) review(ctx context.Context, c Connection) (Reviewed, error) {
	r := Reviewed{ID: c.ID, Name: c.Name, Kind: c.Kind, Tenant: c.TenantName, ClientID: c.ClientID, Owner: c.Owner, State: c.Current(s.Clock.Now()), Capabilities: c.Capabilities, asks: c.asks(), GrantsReadAt: c.grantsReadAt}
	var err error
	if r.Permissions, err = store.Select(ctx, s.Store.Reader(), func(q store.Scanner) (p PermissionUse, err error) {
		var seen int64
		err = q.Scan(&p.Permission, &seen)
		p.SeenAt = store.Time(seen)
		return p, err
	}, "select permission, seen_at from connection_grant where connection = $1 order by permission", c.ID); err != nil {
		return r, err
	}
	r.Permissions = append([]PermissionUse{}, r.Permissions...)
	if r.Consent, err = s.consentOf(ctx, c); err != nil {
		return r, err
	}
	operations, err := s.operationsOf(ctx, c.ID, &r)
	if err != nil {
		return r, err
	}
	r.attribute(operations, store.Millis(s.Clock.Now().Add(-ReviewDays*24*time.Hour)))
	for i := range r.Permissions {
		r.Permissions[i].judge(r)
		if r.Permissions[i].State == Unused {
			e, err := s.Endpoints(c.Cloud)
			if err != nil {
				return r, err
			}
			removal := entra.NewRemoval(entra.Granted{Mode: c.Kind, Tenant: c.TenantID, Client: c.ClientID, Permission: r.Permissions[i].Permission, Endpoints: e, Connection: c.Name, NeededFor: neededFor(c, r.Permissions[i].Permission)})
			r.Permissions[i].Remove = &removal
		}
	}
	return r, nil
}

// operationsOf reads what the connection used, and how many days it was seen at work.
func (s *Service) operationsOf(ctx context.Context, id string, r *Reviewed) ([]usedOperation, error) {
	since := store.Millis(s.Clock.Now())/dayMillis - ReviewDays + 1
	if err := s.Store.Reader().QueryRowContext(ctx, "select count(distinct day) from connection_use where connection = $1 and day >= $2", id, since).Scan(&r.ObservedDays); err != nil {
		return nil, err
	}
	return store.Select(ctx, s.Store.Reader(), func(q store.Scanner) (o usedOperation, err error) {
		err = q.Scan(&o.name, &o.count, &o.last)
		if at := store.Time(o.last); at.After(r.LastUsed) {
			r.LastUsed = at
		}
		return o, err
	}, "select operation, sum(case when day >= $1 then count else 0 end), max(last_at) from connection_use where connection = $2 group by operation order by operation", since, id)
}

// attribute says of each operation which granted permission let it through: the one that the capabilities ask for where several would, else
// the first that Microsoft names, which is the least. What only others could let through belongs to the others.
func (r *Reviewed) attribute(operations []usedOperation, since int64) {
	wanted := map[string]bool{}
	for _, n := range r.asks.All() {
		wanted[n.Permission] = true
	}
	granted, at := map[string]bool{}, map[string]*PermissionUse{}
	for i := range r.Permissions {
		granted[r.Permissions[i].Permission], at[r.Permissions[i].Permission] = true, &r.Permissions[i]
	}
	for _, o := range operations {
		if o.name == batchOperation {
			continue // its parts are counted each
		}
		op, known := m365.LookupOperation(m365.OperationKey(o.name))
		accepted := op.In(r.Kind)
		var through []string
		for _, p := range accepted.All {
			if granted[p] && accepted.Allows(map[string]bool{p: true}) {
				through = append(through, p)
			}
		}
		if len(through) == 0 && r.asks.LimitedMailboxes && slices.ContainsFunc(accepted.All, func(p string) bool { return m365.ExchangeRole(p) != "" }) {
			continue // Exchange let it through, by no permission of the token
		}
		if !known || !accepted.Known || len(through) == 0 {
			if o.last >= since {
				r.Unmatched = append(r.Unmatched, o.name)
			}
			continue
		}
		by := through[0]
		if i := slices.IndexFunc(through, func(p string) bool { return wanted[p] }); i >= 0 {
			by = through[i]
		}
		p := at[by]
		p.Uses += o.count
		if last := store.Time(o.last); last.After(p.LastUsed) {
			p.LastUsed = last
		}
		if o.last >= since {
			p.Operations = append(p.Operations, o.name)
		}
	}
}

const batchOperation = "POST /$batch"

// observedEnough is how many of the days the hub must have been at work to say that something is not used.
const observedEnough = 25

func (p *PermissionUse) judge(r Reviewed) {
	switch {
	case len(p.Operations) > 0:
		p.State, p.Why = Used, fmt.Sprintf("%d requests in %d days", p.Uses, ReviewDays)
	case slices.Contains([]string{"openid", "profile", "email", "offline_access", "User.Read"}, p.Permission):
		p.State, p.Why = SignIn, "belongs to every sign-in"
	case r.ObservedDays < observedEnough:
		p.State, p.Why = NotYet, fmt.Sprintf("not seen in use; the hub saw this connection at work on %d of the last %d days, which is too little to tell", r.ObservedDays, ReviewDays)
	case len(r.Unmatched) > 0:
		p.State, p.Why = CannotMatch, "not seen in use, but Microsoft's data do not say which permission let through "+strings.Join(r.Unmatched, ", ")
	default:
		p.State, p.Why = Unused, fmt.Sprintf("no request needed it in %d days; the doctor's own tries do not count", ReviewDays)
	}
}

// neededFor are the chosen capabilities that ask for a permission.
func neededFor(c Connection, permission string) []m365.Capability {
	var out []m365.Capability
	for _, k := range c.Capabilities {
		if slices.ContainsFunc(c.asks(k).All(), func(r m365.Required) bool { return r.Permission == permission }) {
			out = append(out, k)
		}
	}
	return out
}

// consentOf looks in the record for who consented. Of an administrator's consent Microsoft tells an app that it was given, never by whom.
func (s *Service) consentOf(ctx context.Context, c Connection) (Consent, error) {
	newest := func(action string) (audit.Entry, error) {
		list, err := s.Audit.Find(ctx, audit.Query{Action: action, Target: c.ID, Limit: 1})
		if err != nil || len(list) == 0 {
			return audit.Entry{}, err
		}
		return list[0], nil
	}
	asked, err := newest("connection.link")
	if err != nil {
		return Consent{}, err
	}
	out := Consent{AskedBy: asked.Actor, AskedAt: asked.At}
	word := "connection.consent"
	if c.Kind == m365.Delegated {
		word = "connection.sign_in"
	}
	given, err := newest(word)
	switch out.At = given.At; {
	case err != nil:
		return out, err
	case given.At.IsZero():
		out.Known = "not known: it was given outside the hub, or before its record begins"
	case c.Kind == m365.Delegated:
		out.By, out.Known = c.Account, "the person who signed in"
	default:
		out.Known = "an administrator of the tenant; Microsoft does not tell which: Entra admin center, Audit logs, activity Consent to application"
	}
	return out, nil
}
