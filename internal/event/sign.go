package event

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/vault"
)

// The headers of Standard Webhooks (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, version 1.0.0).
const (
	idHeader        = "Webhook-Id"
	timestampHeader = "Webhook-Timestamp"
	signatureHeader = "Webhook-Signature"
)

func encodeSecret(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// letter is the body of a call: type, timestamp and data as the standard has them, and beside them what names the event.
type letter struct {
	Type       Type           `json:"type"`
	Timestamp  time.Time      `json:"timestamp"`
	ID         string         `json:"id"`
	Number     int64          `json:"number,omitempty"`
	Connection string         `json:"connection,omitempty"`
	About      string         `json:"about,omitempty"`
	Data       map[string]any `json:"data"`
}

// bodyOf is the same bytes at every attempt.
func bodyOf(e Event) ([]byte, error) {
	return json.Marshal(letter{e.Type, e.At, e.ID, e.Number, e.Connection, e.About, e.Data})
}

// sign sets the headers: one signature for each secret, the present one first.
func sign(h http.Header, id string, at time.Time, body []byte, secrets ...vault.Secret) error {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	var signatures []string
	for _, s := range secrets {
		signature, err := signature(id, timestamp, body, s)
		if err != nil {
			return err
		}
		signatures = append(signatures, signature)
	}
	h.Set(idHeader, id)
	h.Set(timestampHeader, timestamp)
	h.Set(signatureHeader, strings.Join(signatures, " "))
	return nil
}

// signature is a call's own. Signed is id.timestamp.body.
func signature(id, timestamp string, body []byte, secret vault.Secret) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret.Reveal(), secretPrefix))
	if err != nil {
		return "", fmt.Errorf("a webhook's secret is not base64") // without the text of the error: it quotes the secret
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body) // a hash never fails
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

const (
	freshness = 5 * time.Minute // either way, as the standard's own libraries have it
	maxID     = 256
)

// Verify checks a call that somebody signed with one of the secrets, and gives its id, by which a repeated one is known. It says what is
// missing or wrong, never what would have been right.
func Verify(h http.Header, body []byte, now time.Time, secrets ...vault.Secret) (id string, err error) {
	refused := func(code, message, fix string) (string, error) {
		return "", &fault.Error{Kind: fault.Unauthenticated, Code: code, Message: message, Fix: fix, Who: "whoever runs the calling system"}
	}
	id, timestamp := h.Get(idHeader), h.Get(timestampHeader)
	if id == "" || len(id) > maxID || timestamp == "" || h.Get(signatureHeader) == "" {
		return refused("signature_missing", "The call is not signed", "Send the headers webhook-id, webhook-timestamp and webhook-signature of Standard Webhooks (standardwebhooks.com has libraries)")
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return refused("signature_missing", "webhook-timestamp is no number of seconds", "Send the seconds since 1970 at which the call is made")
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > freshness || off < -freshness {
		return refused("signature_old", fmt.Sprintf("The call says that it was made %s", away(off)), "Sign each attempt with its own time, and set the clock of the calling system: it may be five minutes off")
	}
	for _, s := range secrets {
		want, err := signature(id, timestamp, body, s)
		if err != nil {
			return "", err
		}
		for given := range strings.FieldsSeq(h.Get(signatureHeader)) {
			if hmac.Equal([]byte(given), []byte(want)) {
				return id, nil
			}
		}
	}
	return refused("signature_wrong", "The call is not signed with the secret of this address", "Sign the body as it is sent, byte for byte, with the secret that was shown when the address was made; make a new one where it is lost")
}

func away(off time.Duration) string {
	if off < 0 {
		return (-off).Round(time.Second).String() + " from now"
	}
	return off.Round(time.Second).String() + " ago"
}
