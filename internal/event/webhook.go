package event

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// Webhook is an address that is told of events.
type Webhook struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	URL          string    `json:"url"`
	Types        []Type    `json:"types"`                   // empty: all
	Connection   string    `json:"connection,omitempty"`    // id; empty: all
	AllowPrivate bool      `json:"allow_private,omitempty"` // may lie on loopback or in a private network
	Paused       bool      `json:"paused,omitempty"`
	Reason       string    `json:"reason,omitempty"` // why it is paused
	Failures     int       `json:"failures"`         // failed calls since the last one that worked
	RestUntil    time.Time `json:"rest_until,omitzero"`
	TwoSecrets   time.Time `json:"both_secrets_until,omitzero"` // until then calls are signed with the old secret as well
	CreatedAt    time.Time `json:"created_at"`
	CreatedBy    string    `json:"created_by"`
	Waiting      int       `json:"waiting"`
	Dead         int       `json:"dead"`
}

func (h Webhook) wants(e Event) bool {
	if e.Type == WebhookTest {
		return false // it has its delivery already
	}
	return (h.Connection == "" || e.Connection == h.Connection) && (len(h.Types) == 0 || slices.Contains(h.Types, e.Type))
}

// WebhookForm is a webhook as entered.
type WebhookForm struct {
	Name         string
	URL          string
	Types        []Type
	Connection   string
	AllowPrivate bool
}

// Webhooks keeps webhooks and calls them.
type Webhooks struct {
	Log   *Log
	Store *store.Store
	Clock clock.Clock
	Vault *vault.Vault
	Audit *audit.Log
	Jobs  Scheduler
	// Client gives what calls a webhook; see NewClient.
	Client func(allowPrivate bool) *http.Client
	Random func() uint64
}

const (
	secretPrefix = "whsec_"
	secretBytes  = 32 // the standard asks for 24 to 64
	maxName      = 100
	maxURL       = 2000
)

func secretRef(id string) string   { return "webhook/" + id + "/secret" }
func previousRef(id string) string { return "webhook/" + id + "/previous" }

// NewSecret makes what calls are signed with, out or in.
func NewSecret() vault.Secret {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return vault.NewSecret(secretPrefix + encodeSecret(b))
}

// Add makes a webhook. Its secret is given once.
func (w *Webhooks) Add(ctx context.Context, by string, f WebhookForm) (Webhook, vault.Secret, error) {
	f.Name, f.URL = strings.TrimSpace(f.Name), strings.TrimSpace(f.URL)
	if err := f.check(); err != nil {
		return Webhook{}, vault.Secret{}, err
	}
	now := w.Clock.Now()
	h := Webhook{ID: store.NewID(now), Name: f.Name, URL: f.URL, Types: append([]Type{}, f.Types...), Connection: f.Connection, AllowPrivate: f.AllowPrivate, CreatedAt: now, CreatedBy: by}
	types, err := json.Marshal(h.Types)
	if err != nil {
		return h, vault.Secret{}, err
	}
	secret := NewSecret()
	err = w.Store.InTx(ctx, "event.webhook", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, `insert into event_webhook (id, name, url, types, connection, allow_private, paused, reason, failures, rest_until, previous_until, created_at, created_by)
			values ($1, $2, $3, $4, $5, $6, 0, '', 0, 0, 0, $7, $8)`, h.ID, h.Name, h.URL, string(types), h.Connection, flag(h.AllowPrivate), store.Millis(now), by); err != nil {
			return err
		}
		if err := w.Vault.Put(ctx, tx, secretRef(h.ID), secret); err != nil {
			return err
		}
		return w.record(ctx, tx, by, "webhook.add", h)
	})
	if store.IsDuplicate(err) {
		err = &fault.Error{Kind: fault.Conflict, Code: "name_taken", Message: "There is a webhook of that name already", Fix: "Use another name", Who: "you"}
	}
	return h, secret, err
}

// record writes who did what to a webhook. Of its address only the host is named: path and query of some are secrets themselves.
func (w *Webhooks) record(ctx context.Context, tx *store.Tx, by, what string, h Webhook) error {
	host := ""
	if u, err := url.Parse(h.URL); err == nil {
		host = u.Host
	}
	return w.Audit.Record(ctx, tx, audit.Entry{Actor: by, Action: what, Target: h.ID, Outcome: "done", Detail: map[string]any{"host": host}})
}

func (f WebhookForm) check() error {
	var wrong []fault.Field
	if f.Name == "" || len(f.Name) > maxName || strings.ContainsAny(f.Name, "/\x00") {
		wrong = append(wrong, fault.Field{Name: "name", Message: fmt.Sprintf("must have 1 to %d characters, without a slash", maxName)})
	}
	if problem := badURL(f.URL, f.AllowPrivate); problem != "" {
		wrong = append(wrong, fault.Field{Name: "url", Message: problem})
	}
	if len(wrong) > 0 {
		return fault.BadFields(wrong...)
	}
	return nil
}

// badURL tells what is wrong with an address before anything is sent there. Names are looked up at every call: see guard.
func badURL(text string, allowPrivate bool) string {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return "is missing: give the https address to call"
	case err != nil || u.Host == "" || len(text) > maxURL:
		return "is not an address such as https://example.com/hook"
	case u.Scheme != "https":
		return "must be https: what happens with your customers would travel in the clear"
	case u.User != nil:
		return "carries a user name or password; calls are signed instead"
	case u.Fragment != "":
		return "has a fragment (#…), which is never sent"
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !allowPrivate && !public(a) {
		return "lies in a private network or on this host; if that is meant, allow it: allow_private"
	}
	return ""
}

const webhookColumns = "id, name, url, types, connection, allow_private, paused, reason, failures, rest_until, previous_until, created_at, created_by"

func scanWebhook(s store.Scanner) (h Webhook, err error) {
	var types string
	var private, paused, rest, previous, created int64
	if err = s.Scan(&h.ID, &h.Name, &h.URL, &types, &h.Connection, &private, &paused, &h.Reason, &h.Failures, &rest, &previous, &created, &h.CreatedBy); err != nil {
		return h, err
	}
	h.AllowPrivate, h.Paused, h.RestUntil, h.TwoSecrets, h.CreatedAt = private != 0, paused != 0, store.Time(rest), store.Time(previous), store.Time(created)
	return h, json.Unmarshal([]byte(types), &h.Types)
}

func webhooks(ctx context.Context, q store.Querier) ([]Webhook, error) {
	return store.Select(ctx, q, scanWebhook, "select "+webhookColumns+" from event_webhook order by name")
}

// List gives all webhooks by name, with how many events wait for each and how many were given up.
func (w *Webhooks) List(ctx context.Context) ([]Webhook, error) {
	all, err := webhooks(ctx, w.Store.Reader())
	for i := range all {
		if err == nil {
			err = w.count(ctx, &all[i])
		}
	}
	return all, err
}

func (w *Webhooks) count(ctx context.Context, h *Webhook) error {
	return w.Store.Reader().QueryRowContext(ctx, `select coalesce(sum(case when state in ($1, $2) then 1 else 0 end), 0), coalesce(sum(case when state = $3 then 1 else 0 end), 0)
		from event_delivery where webhook = $4 and once = 0`, string(Waiting), string(Sending), string(Dead), h.ID).Scan(&h.Waiting, &h.Dead)
}

// Lookup finds a webhook by id or name.
func (w *Webhooks) Lookup(ctx context.Context, idOrName string) (Webhook, error) {
	h, err := w.find(ctx, idOrName)
	if err == nil {
		err = w.count(ctx, &h)
	}
	return h, err
}

// find is Lookup without the counts, which take long where much is kept.
func (w *Webhooks) find(ctx context.Context, idOrName string) (Webhook, error) {
	h, err := scanWebhook(w.Store.Reader().QueryRowContext(ctx, "select "+webhookColumns+" from event_webhook where id = $1 or name = $2", idOrName, idOrName))
	if store.IsNoRows(err) {
		return h, fault.Missing("webhook", idOrName)
	}
	return h, err
}

// Remove forgets a webhook, its secrets, and what was still to be delivered to it.
func (w *Webhooks) Remove(ctx context.Context, by, idOrName string) error {
	return w.change(ctx, by, "webhook.remove", idOrName, func(tx *store.Tx, h Webhook) error {
		for _, query := range []string{"delete from event_delivery where webhook = $1", "delete from event_webhook where id = $1"} {
			if _, err := tx.ExecContext(ctx, query, h.ID); err != nil {
				return err
			}
		}
		if err := w.Vault.Delete(ctx, tx, "webhook/"+h.ID); err != nil {
			return err
		}
		return w.Jobs.Cancel(ctx, tx, DeliverJob, h.ID)
	})
}

// Pause stops calling a webhook, or goes on: events wait meanwhile, as long as they are kept.
func (w *Webhooks) Pause(ctx context.Context, by, idOrName string, pause bool) (Webhook, error) {
	word, reason := "webhook.resume", ""
	if pause {
		word, reason = "webhook.pause", "paused by an admin; the audit record names who"
	}
	err := w.change(ctx, by, word, idOrName, func(tx *store.Tx, h Webhook) error {
		if _, err := tx.ExecContext(ctx, "update event_webhook set paused = $1, reason = $2, failures = 0, rest_until = 0 where id = $3", flag(pause), reason, h.ID); err != nil {
			return err
		}
		return w.Jobs.Schedule(ctx, tx, DeliverJob, h.ID, w.Clock.Now())
	})
	if err != nil {
		return Webhook{}, err
	}
	return w.Lookup(ctx, idOrName)
}

// MaxOverlap is the longest that an old secret is good beside the new one.
const MaxOverlap = 30 * 24 * time.Hour

// RotateSecret puts a new secret in the place of the present one, which stays as the previous one.
func RotateSecret(ctx context.Context, tx *store.Tx, v *vault.Vault, present, previous string) (vault.Secret, error) {
	old, err := v.Get(ctx, tx, present)
	if err != nil {
		return vault.Secret{}, err
	}
	secret := NewSecret()
	if err := v.Put(ctx, tx, previous, old); err != nil {
		return vault.Secret{}, err
	}
	return secret, v.Put(ctx, tx, present, secret)
}

// Rotate gives a webhook a new secret. Calls are signed with both until the overlap ends, so that the receiver can change over in peace.
func (w *Webhooks) Rotate(ctx context.Context, by, idOrName string, overlap time.Duration) (Webhook, vault.Secret, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return Webhook{}, vault.Secret{}, fault.BadField("overlap", "must be between 0 and %s", MaxOverlap)
	}
	var secret vault.Secret
	err := w.change(ctx, by, "webhook.rotate", idOrName, func(tx *store.Tx, h Webhook) error {
		var err error
		if secret, err = RotateSecret(ctx, tx, w.Vault, secretRef(h.ID), previousRef(h.ID)); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "update event_webhook set previous_until = $1 where id = $2", store.Millis(w.Clock.Now().Add(overlap)), h.ID)
		return err
	})
	if err != nil {
		return Webhook{}, vault.Secret{}, err
	}
	h, err := w.Lookup(ctx, idOrName)
	return h, secret, err
}

// change does something to a webhook and records who did it, together.
func (w *Webhooks) change(ctx context.Context, by, what, idOrName string, do func(*store.Tx, Webhook) error) error {
	h, err := w.find(ctx, idOrName)
	if err != nil {
		return err
	}
	return w.Store.InTx(ctx, "event.webhook", func(tx *store.Tx) error {
		if err := do(tx, h); err != nil {
			return err
		}
		return w.record(ctx, tx, by, what, h)
	})
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
