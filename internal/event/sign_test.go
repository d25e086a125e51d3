package event

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/vault"
)

// The call, its secret and its signature are those of the standard's own libraries (standard-webhooks, libraries/go/webhook_test.go).
var (
	theirSecret = vault.NewSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	theirTime   = time.Unix(1614265330, 0)
)

const (
	theirID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	theirBody      = `{"test": 2432232314}`
	theirSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func headers(id, timestamp, signature string) http.Header {
	h := http.Header{}
	for name, v := range map[string]string{"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature} {
		if v != "" {
			h.Set(name, v)
		}
	}
	return h
}

func TestVerify(t *testing.T) {
	other := NewSecret()
	for _, tt := range []struct {
		name    string
		h       http.Header
		body    string
		now     time.Time
		secrets []vault.Secret
		code    string
	}{
		{"the standard's own call", headers(theirID, "1614265330", theirSignature), theirBody, theirTime, []vault.Secret{theirSecret}, ""},
		{"among signatures of other versions and secrets", headers(theirID, "1614265330", "v1a,abc v1,AAAA "+theirSignature), theirBody, theirTime, []vault.Secret{theirSecret}, ""},
		{"by the older of two secrets", headers(theirID, "1614265330", theirSignature), theirBody, theirTime, []vault.Secret{other, theirSecret}, ""},
		{"almost five minutes late", headers(theirID, "1614265330", theirSignature), theirBody, theirTime.Add(5*time.Minute - time.Second), []vault.Secret{theirSecret}, ""},
		{"six minutes late", headers(theirID, "1614265330", theirSignature), theirBody, theirTime.Add(6 * time.Minute), []vault.Secret{theirSecret}, "signature_old"},
		{"six minutes early", headers(theirID, "1614265330", theirSignature), theirBody, theirTime.Add(-6 * time.Minute), []vault.Secret{theirSecret}, "signature_old"},
		{"another body", headers(theirID, "1614265330", theirSignature), theirBody + " ", theirTime, []vault.Secret{theirSecret}, "signature_wrong"},
		{"another id", headers(theirID+"1", "1614265330", theirSignature), theirBody, theirTime, []vault.Secret{theirSecret}, "signature_wrong"},
		{"another time", headers(theirID, "1614265331", theirSignature), theirBody, theirTime, []vault.Secret{theirSecret}, "signature_wrong"},
		{"another secret", headers(theirID, "1614265330", theirSignature), theirBody, theirTime, []vault.Secret{other}, "signature_wrong"},
		{"no secret at all", headers(theirID, "1614265330", theirSignature), theirBody, theirTime, nil, "signature_wrong"},
		{"no signature", headers(theirID, "1614265330", ""), theirBody, theirTime, []vault.Secret{theirSecret}, "signature_missing"},
		{"no id", headers("", "1614265330", theirSignature), theirBody, theirTime, []vault.Secret{theirSecret}, "signature_missing"},
		{"an endless id", headers(strings.Repeat("x", 300), "1614265330", theirSignature), theirBody, theirTime, []vault.Secret{theirSecret}, "signature_missing"},
		{"a time in words", headers(theirID, "now", theirSignature), theirBody, theirTime, []vault.Secret{theirSecret}, "signature_missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, err := Verify(tt.h, []byte(tt.body), tt.now, tt.secrets...)
			if tt.code == "" && (err != nil || id != theirID) {
				t.Errorf("got %q, %v", id, err)
			}
			if tt.code != "" {
				if f := fault.As(err); f == nil || f.Code != tt.code || f.Fix == "" || strings.Contains(f.Error(), "v1,") {
					t.Errorf("got %+v", f)
				}
			}
		})
	}
}

// What strangers send is refused, and never breaks anything.
func FuzzVerify(f *testing.F) {
	f.Add(theirID, "1614265330", theirSignature, theirBody)
	f.Add("", "-1", "v1,", "")
	f.Fuzz(func(t *testing.T, id, timestamp, signature, body string) {
		got, err := Verify(headers(id, timestamp, signature), []byte(body), theirTime, theirSecret)
		if err == nil && (got != theirID || timestamp != "1614265330" || body != theirBody) {
			t.Errorf("%q at %s with %q is taken", id, timestamp, body)
		}
	})
}
