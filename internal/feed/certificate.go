package feed

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"sync"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

const (
	keyBits = 2048
	// certificateLife is how long new subscriptions name the same certificate.
	certificateLife = 30 * 24 * time.Hour
	// certificateOverlap is how long a replaced certificate still opens: no subscription that names it lives longer than a day, and what it
	// encrypted is sent for at most four hours (graph/FACTS §6.2, §6.3).
	certificateOverlap = richLife + 4*time.Hour
)

// certificate is what Microsoft encrypts for; its private key lies in the vault. All hubs on a database share it.
type certificate struct {
	id     string
	der    string // base64
	madeAt time.Time
}

// keyring remembers opened private keys. Whether one may still be used is asked of the database each time.
type keyring struct {
	mu   sync.Mutex
	keys map[string]*rsa.PrivateKey
}

func keyRef(id string) string { return "feed/certificate/" + id }

// certificate gives the one that new subscriptions name, and makes it where there is none that is young enough.
func (s *Service) certificate(ctx context.Context) (certificate, error) {
	c, err := scanCertificate(s.Store.Reader().QueryRowContext(ctx, "select id, der, made_at from feed_certificate where replaced_at = 0 order by made_at desc, id desc limit 1"))
	if err == nil && s.Clock.Now().Sub(c.madeAt) < certificateLife {
		return c, nil
	}
	if err != nil && !store.IsNoRows(err) {
		return c, err
	}
	return s.replaceCertificate(ctx, "system:feed")
}

func scanCertificate(r store.Scanner) (c certificate, err error) {
	var made int64
	err = r.Scan(&c.id, &c.der, &made)
	c.madeAt = store.Time(made)
	return c, err
}

// ReplaceCertificate has subscriptions name a new certificate from their next renewal on. Those before still open what comes until no
// subscription can name them.
func (s *Service) ReplaceCertificate(ctx context.Context, by string) error {
	_, err := s.replaceCertificate(ctx, by)
	return err
}

// replaceCertificate makes a new one. Two hubs that do it at once make two: both open, and the one that nothing names is retired like any other.
func (s *Service) replaceCertificate(ctx context.Context, by string) (certificate, error) {
	now := s.Clock.Now()
	c := certificate{id: store.NewID(now), madeAt: now}
	private, der, err := newCertificate(c.id, now)
	if err != nil {
		return c, fmt.Errorf("making a certificate for notifications: %w", err)
	}
	c.der = base64.StdEncoding.EncodeToString(der)
	err = s.Store.InTx(ctx, "feed.certificate", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "update feed_certificate set replaced_at = $1 where replaced_at = 0", store.Millis(now)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "insert into feed_certificate (id, der, made_at, replaced_at, retired_at) values ($1, $2, $3, 0, 0)", c.id, c.der, store.Millis(now)); err != nil {
			return err
		}
		if err := s.Vault.Put(ctx, tx, keyRef(c.id), vault.NewSecret(string(private))); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: by, Action: "feed.certificate_replaced", Target: c.id, Outcome: "done"})
	})
	return c, err
}

// newCertificate makes a key and a certificate that it signs itself, which is all that Microsoft asks for.
func newCertificate(name string, now time.Time) (private, der []byte, err error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "Seneschal notifications " + name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(2 * certificateLife),
		KeyUsage: x509.KeyUsageKeyEncipherment | x509.KeyUsageDataEncipherment}
	if der, err = x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key); err != nil {
		return nil, nil, err
	}
	private, err = x509.MarshalPKCS8PrivateKey(key)
	return private, der, err
}

// privateKey gives the key of a certificate of ours that is not retired.
func (s *Service) privateKey(ctx context.Context, id string) (*rsa.PrivateKey, error) {
	var retired int64
	err := s.Store.Reader().QueryRowContext(ctx, "select retired_at from feed_certificate where id = $1", id).Scan(&retired)
	switch {
	case store.IsNoRows(err):
		return nil, refusal(CertificateUnknown, "It is encrypted for a certificate that is not ours")
	case err != nil:
		return nil, err
	case retired != 0:
		return nil, refusal(CertificateRetired, "It is encrypted for a certificate that was retired")
	}
	s.keys.mu.Lock()
	have := s.keys.keys[id]
	s.keys.mu.Unlock()
	if have != nil {
		return have, nil
	}
	secret, err := s.Vault.Get(ctx, s.Store.Reader(), keyRef(id))
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey([]byte(secret.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("the private key of certificate %s cannot be read", id) // the parser's own words might quote it
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the private key of certificate %s is no RSA key", id)
	}
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	if s.keys.keys == nil {
		s.keys.keys = map[string]*rsa.PrivateKey{}
	}
	s.keys.keys[id] = key
	return key, nil
}

// retire erases the private keys of certificates that nothing can name any more; that they existed is remembered, so that whoever still uses
// one is told apart from a stranger.
func (s *Service) retire(ctx context.Context) error {
	now := s.Clock.Now()
	old, err := store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (id string, err error) { return id, r.Scan(&id) }, `select id from feed_certificate
		where retired_at = 0 and replaced_at > 0 and replaced_at <= $1 and id not in (select certificate from feed_subscription where expires_at > $2)`,
		store.Millis(now.Add(-certificateOverlap)), store.Millis(now))
	if err != nil || len(old) == 0 {
		return err
	}
	return s.Store.InTx(ctx, "feed.retired", func(tx *store.Tx) error {
		for _, id := range old {
			if _, err := tx.ExecContext(ctx, "update feed_certificate set retired_at = $1 where id = $2", store.Millis(now), id); err != nil {
				return err
			}
			if err := s.Vault.Delete(ctx, tx, keyRef(id)); err != nil {
				return err
			}
			s.keys.mu.Lock()
			delete(s.keys.keys, id)
			s.keys.mu.Unlock()
		}
		return nil
	})
}
