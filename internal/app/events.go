package app

import (
	"context"
	"net/http"

	"seneschal/internal/engine/alarm"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/engine/delivery/document"
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

// joinAlarms makes what tells people that something needs them.
func (a *App) joinAlarms(s Surroundings) error {
	routes := alarm.Routes{From: a.Config.AlarmFrom, To: a.Config.AlarmTo}
	if a.Config.AlarmSMTP != "" {
		roots, err := certificates(a.Config.CAFile)
		if err != nil {
			return err
		}
		routes.SMTP = &alarm.Server{Address: a.Config.AlarmSMTP, User: a.Config.AlarmSMTPUser, Password: a.Config.AlarmSMTPPassword, RootCAs: roots, Hook: s.Hook}
	}
	*a.Alarms = alarm.Engine{Store: a.Store, Clock: s.Clock, Log: s.Log, Audit: a.Audit, Events: a.Events, Access: a.Access, Connections: a.Connections, Feeds: a.Feeds, Runner: a.Runner, Jobs: scheduler{a},
		Addresses: a.Customers.AddressesOf, Routes: routes, Base: a.base}
	a.Events.Told = a.Alarms.Wake
	return nil
}

// joinDeliveries makes what sends mail.
func (a *App) joinDeliveries(s Surroundings) error {
	templates, err := document.Load(a.Config.Templates)
	if err != nil {
		return err
	}
	*a.Deliveries = delivery.Engine{Store: a.Store, Vault: a.Vault, Clock: s.Clock, Log: s.Log, Audit: a.Audit, Events: a.Events, Connections: a.Connections, Runner: a.Runner, Jobs: scheduler{a},
		Limits: delivery.Limits{PerMinute: a.Config.DeliveryPerMinute, PerDay: a.Config.DeliveryPerDay, Recipients: a.Config.DeliveryRecipients}, Templates: templates}
	return nil
}

// tellEvents numbers events and wakes those who follow them, until ctx ends.
func (s *Server) tellEvents(ctx context.Context) {
	s.outliving.Go(func() { s.app.Events.Run(ctx) })
}
