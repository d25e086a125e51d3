package audit

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

const (
	headID      = 1
	headColumns = "seq, hash, retired, checkpoints, seal"
	keyRef      = "audit/signing"
	brokenSeal  = "broken" // what a head is sealed with that followed one of somebody else's: it never holds again
)

// head is the end of the chain: how far it goes, up to where entries were retired, and how many checkpoints there are.
type head struct {
	seq         int64
	hash        string
	retired     int64
	checkpoints int64
	seal        string
}

func scanHead(s store.Scanner) (h head, err error) {
	return h, s.Scan(&h.seq, &h.hash, &h.retired, &h.checkpoints, &h.seal)
}

// sign makes the signature of some fields for a purpose.
func (l *Log) sign(purpose string, fields ...any) string {
	text, _ := json.Marshal(append([]any{purpose}, fields...)) // strings and numbers always encode
	mac := hmac.New(sha256.New, []byte(l.Key.Reveal()))
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}

func (l *Log) sealOf(h head) string { return l.sign("head", h.seq, h.hash, h.retired, h.checkpoints) }

// holds reports whether the hub wrote this head. A record that nobody has written to has none yet.
func (l *Log) holds(h head) bool {
	if h == (head{}) {
		return true
	}
	return hmac.Equal([]byte(h.seal), []byte(l.sealOf(h)))
}

// setHead moves the head on. Work goes on after a head that was not ours, but the fault stays visible for good: a new seal on it would hide it.
func (l *Log) setHead(ctx context.Context, tx *store.Tx, before, after head) error {
	if l.Key.IsZero() {
		return fmt.Errorf("the audit record has no signing key")
	}
	after.seal = brokenSeal
	if l.holds(before) {
		after.seal = l.sealOf(after)
	}
	_, err := tx.ExecContext(ctx, "update audit_head set seq = $1, hash = $2, retired = $3, checkpoints = $4, seal = $5 where id = $6",
		after.seq, after.hash, after.retired, after.checkpoints, after.seal, headID)
	return err
}

// OpenKey takes the signing key from the vault. On its first use it makes one, and begins to sign a record that was only chained until then:
// from that entry on nothing can be changed unseen.
func (l *Log) OpenKey(ctx context.Context, v *vault.Vault) (err error) {
	if l.Key, err = v.Get(ctx, l.Store.Reader(), keyRef); fault.KindOf(err) != fault.NotFound {
		return err
	}
	return l.Store.InTx(ctx, "audit.key", func(tx *store.Tx) error {
		key, made, err := v.Once(ctx, tx, keyRef, vault.NewSecret(rand.Text()+rand.Text()))
		if err != nil {
			return fmt.Errorf("opening the audit record's key: %w", err)
		}
		l.Key = key
		if !made {
			return nil
		}
		h, err := scanHead(tx.QueryRowContext(ctx, "select "+headColumns+" from audit_head where id = $1", headID))
		if err != nil || h.seq == 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, "update audit_head set seal = $1 where id = $2", l.sealOf(h), headID); err != nil {
			return err
		}
		return l.Record(ctx, tx, Entry{Actor: "system:audit", Action: "audit.signing", Target: "audit", Outcome: "begun"})
	})
}
