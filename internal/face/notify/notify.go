package notify

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"seneschal/internal/feed"
	"seneschal/internal/m365"
)

// Path is the door's route.
const Path = "/notify/graph"

const (
	maxBody  = 10 << 20 // rich notifications come in batches
	maxToken = 2048     // of a handshake
)

// waker is all that the door needs of feeds.
type waker interface {
	Notice(ctx context.Context, notes []feed.Note) error
}

// Face is the door.
type Face struct {
	Feeds waker
	Log   *slog.Logger
}

// Mount adds the route.
func (f *Face) Mount(mux *http.ServeMux) { mux.HandleFunc("POST "+Path, f.receive) }

func (f *Face) receive(w http.ResponseWriter, r *http.Request) {
	if token := r.URL.Query().Get("validationToken"); token != "" {
		shakeHands(w, token)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			http.Error(w, "the notification is larger than 10 MB", http.StatusRequestEntityTooLarge)
			return
		}
		http.Error(w, "the notification was cut off", http.StatusBadRequest)
		return
	}
	notes, err := Decode(body)
	if err != nil {
		http.Error(w, "this is no notification", http.StatusBadRequest)
		return
	}
	if err := f.Feeds.Notice(r.Context(), notes); err != nil {
		f.Log.ErrorContext(r.Context(), "notifications were not kept; Microsoft sends them again", "notes", len(notes), "error", err)
		http.Error(w, "not kept", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// shakeHands gives the token back as plain text (graph/FACTS §6.1). It is a stranger's text: no browser may take it for a page.
func shakeHands(w http.ResponseWriter, token string) {
	if len(token) > maxToken {
		http.Error(w, "the token is too long", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	_, _ = io.WriteString(w, token)
}

// Decode reads a POST's notifications. What they carry is handed on as it came, encrypted.
func Decode(body []byte) ([]feed.Note, error) {
	var in struct {
		Value []struct {
			SubscriptionID string        `json:"subscriptionId"`
			ClientState    string        `json:"clientState"`
			TenantID       m365.TenantID `json:"tenantId"`
			LifecycleEvent string        `json:"lifecycleEvent"`
			Content        *struct {
				Data        string `json:"data"`
				Signature   string `json:"dataSignature"`
				Key         string `json:"dataKey"`
				Certificate string `json:"encryptionCertificateId"`
			} `json:"encryptedContent"`
		} `json:"value"`
		Tokens []string `json:"validationTokens"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	if in.Value == nil {
		return nil, errors.New("no value")
	}
	notes := make([]feed.Note, 0, len(in.Value))
	for _, v := range in.Value {
		n := feed.Note{Subscription: v.SubscriptionID, ClientState: v.ClientState, Tenant: v.TenantID, Lifecycle: v.LifecycleEvent, Tokens: in.Tokens}
		if c := v.Content; c != nil {
			n.Content = &feed.Content{Data: c.Data, Key: c.Key, Signature: c.Signature, Certificate: c.Certificate}
		}
		notes = append(notes, n)
	}
	return notes, nil
}
