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

// sign sets the headers: one signature for each secret, the present one first. Signed is id.timestamp.body.
func sign(h http.Header, id string, at time.Time, body []byte, secrets ...vault.Secret) error {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	var signatures []string
	for _, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), secretPrefix))
		if err != nil {
			return fmt.Errorf("a webhook's secret is not base64") // without the text of the error: it quotes the secret
		}
		mac := hmac.New(sha256.New, key)
		_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body) // a hash never fails
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	h.Set(idHeader, id)
	h.Set(timestampHeader, timestamp)
	h.Set(signatureHeader, strings.Join(signatures, " "))
	return nil
}
