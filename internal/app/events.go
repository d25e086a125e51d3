package app

import (
	"context"
	"net/http"

	"seneschal/internal/event"
)

// joinWebhooks makes what calls others when something happened.
func (a *App) joinWebhooks(s Surroundings) error {
	roots, err := certificates(a.Config.CAFile)
	if err != nil {
		return err
	}
	a.Webhooks = &event.Webhooks{Log: a.Events, Store: a.Store, Clock: s.Clock, Vault: a.Vault, Audit: a.Audit, Jobs: scheduler{a}, Random: random,
		Client: event.NewClients(event.ClientConfig{RootCAs: roots, Proxy: http.ProxyFromEnvironment, Around: func(next http.RoundTripper) http.RoundTripper { return hooked{next, s.Hook, "webhook"} }})}
	return nil
}

// tellEvents numbers events and wakes those who follow them, until ctx ends.
func (s *Server) tellEvents(ctx context.Context) {
	s.outliving.Go(func() { s.app.Events.Run(ctx) })
}
