package admin

import (
	"context"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/event"
	"seneschal/internal/fault"
)

type webhooksOut struct {
	Webhooks []event.Webhook `json:"webhooks"`
}

type webhookIn struct {
	Name         string   `json:"name" doc:"What the webhook is called here"`
	URL          string   `json:"url" doc:"The https address to call"`
	Types        []string `json:"types,omitempty" doc:"Events it is told of, such as message.received; all without"`
	Connection   string   `json:"connection,omitempty" doc:"Only events of this connection, by id or name"`
	AllowPrivate bool     `json:"allow_private,omitempty" doc:"Let it lie on this host or in a private network"`
}

type webhookName struct {
	Name string `json:"name" doc:"Name or id of the webhook"`
}

type webhookMade struct {
	event.Webhook
	Secret string `json:"secret" doc:"Signs every call; shown once"`
}

type webhookPause struct {
	Name   string `json:"name" doc:"Name or id of the webhook"`
	Resume bool   `json:"resume,omitempty" doc:"Go on instead"`
}

type webhookRotate struct {
	Name    string `json:"name" doc:"Name or id of the webhook"`
	Overlap string `json:"overlap,omitempty" doc:"How long the old secret signs as well, such as 48h; 24h without"`
}

type deliveriesIn struct {
	Name  string              `json:"name" doc:"Name or id of the webhook"`
	State event.DeliveryState `json:"state,omitempty" enum:"waiting,sending,delivered,dead" doc:"Only these"`
	Limit int                 `json:"limit,omitempty" minimum:"1" maximum:"500" doc:"At most so many; 50 without"`
}

type deliveriesOut struct {
	Deliveries []event.Delivery `json:"deliveries"`
}

type deadIn struct {
	Limit int `json:"limit,omitempty" minimum:"1" maximum:"500" doc:"At most so many; 50 without"`
}

type replayIn struct {
	Name  string    `json:"name" doc:"Name or id of the webhook"`
	Event string    `json:"event,omitempty" doc:"Id of one event; the dead letters without event and since"`
	Since time.Time `json:"since,omitzero" doc:"Everything from then on that is still kept"`
}

type replayed struct {
	Queued int64 `json:"queued"`
}

const defaultOverlap = 24 * time.Hour

func (h *Hub) webhookActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "webhook.list", Summary: "List the webhooks, with what waits for each.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite, Route: "GET /webhooks"},
			func(ctx context.Context, _ action.Call, _ none) (webhooksOut, error) {
				all, err := h.Webhooks.List(ctx)
				return webhooksOut{append([]event.Webhook{}, all...)}, err
			}),
		action.Define(action.Spec{Name: "webhook.show", Summary: "Show a webhook.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite, Route: "GET /webhooks/{name}", Args: []string{"name"}},
			func(ctx context.Context, _ action.Call, in webhookName) (event.Webhook, error) {
				return h.Webhooks.Lookup(ctx, in.Name)
			}),
		action.Define(action.Spec{Name: "webhook.add", Summary: "Have an address told of events by signed calls; its secret is shown once.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "POST /webhooks", Args: []string{"name", "url"}}, h.addWebhook),
		action.Define(action.Spec{Name: "webhook.remove", Summary: "Remove a webhook with what was still to be delivered.", Effect: action.Deletes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "DELETE /webhooks/{name}", Args: []string{"name"}}, func(ctx context.Context, c action.Call, in webhookName) (none, error) {
			return none{}, h.Webhooks.Remove(ctx, c.Caller.String(), in.Name)
		}),
		action.Define(action.Spec{Name: "webhook.pause", Summary: "Stop calling a webhook, or go on; events wait meanwhile.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "POST /webhooks/{name}/pause", Args: []string{"name"}}, func(ctx context.Context, c action.Call, in webhookPause) (event.Webhook, error) {
			return h.Webhooks.Pause(ctx, c.Caller.String(), in.Name, !in.Resume)
		}),
		action.Define(action.Spec{Name: "webhook.test", Summary: "Call a webhook once, and tell what it answers.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "POST /webhooks/{name}/test", Args: []string{"name"}}, func(ctx context.Context, c action.Call, in webhookName) (event.Delivery, error) {
			return h.Webhooks.Test(ctx, c.Caller.String(), in.Name)
		}),
		action.Define(action.Spec{Name: "webhook.rotate", Summary: "Give a webhook a new secret, shown once; for a while calls carry both signatures.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "POST /webhooks/{name}/rotate", Args: []string{"name"}}, h.rotateWebhook),
		action.Define(action.Spec{Name: "webhook.deliveries", Summary: "List what was sent to a webhook, and what came of it.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite,
			Route: "GET /webhooks/{name}/deliveries", Args: []string{"name"}}, func(ctx context.Context, _ action.Call, in deliveriesIn) (deliveriesOut, error) {
			hook, err := h.Webhooks.Lookup(ctx, in.Name)
			if err != nil {
				return deliveriesOut{}, err
			}
			all, err := h.Webhooks.Deliveries(ctx, event.DeliveryQuery{Webhook: hook.ID, State: in.State, Limit: orDefault(in.Limit)})
			return deliveriesOut{append([]event.Delivery{}, all...)}, err
		}),
		action.Define(action.Spec{Name: "webhook.dead", Summary: "List the events that were given up, of all webhooks.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite, Route: "GET /webhooks/dead"},
			func(ctx context.Context, _ action.Call, in deadIn) (deliveriesOut, error) {
				all, err := h.Webhooks.Deliveries(ctx, event.DeliveryQuery{State: event.Dead, Limit: orDefault(in.Limit)})
				return deliveriesOut{append([]event.Delivery{}, all...)}, err
			}),
		action.Define(action.Spec{Name: "webhook.replay", Summary: "Deliver events to a webhook again: its dead letters, one event, or all since a time.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "POST /webhooks/{name}/replay", Args: []string{"name"}}, func(ctx context.Context, c action.Call, in replayIn) (replayed, error) {
			if in.Event != "" && !in.Since.IsZero() {
				return replayed{}, fault.BadField("since", "does not go with event: give one of them")
			}
			n, err := h.Webhooks.Replay(ctx, c.Caller.String(), in.Name, event.ReplayQuery{Event: in.Event, Since: in.Since})
			return replayed{n}, err
		}),
	}
}

func (h *Hub) addWebhook(ctx context.Context, c action.Call, in webhookIn) (webhookMade, error) {
	types, err := event.ParseTypes(in.Types)
	if err != nil {
		return webhookMade{}, err
	}
	id, err := h.connectionID(ctx, in.Connection)
	if err != nil {
		return webhookMade{}, err
	}
	hook, secret, err := h.Webhooks.Add(ctx, c.Caller.String(), event.WebhookForm{Name: in.Name, URL: in.URL, Types: types, Connection: id, AllowPrivate: in.AllowPrivate})
	if err != nil {
		return webhookMade{}, err
	}
	return webhookMade{hook, secret.Reveal()}, nil
}

func (h *Hub) rotateWebhook(ctx context.Context, c action.Call, in webhookRotate) (webhookMade, error) {
	overlap := defaultOverlap
	if in.Overlap != "" {
		var err error
		if overlap, err = time.ParseDuration(in.Overlap); err != nil {
			return webhookMade{}, fault.BadField("overlap", "%q is not a duration such as 48h", in.Overlap)
		}
	}
	hook, secret, err := h.Webhooks.Rotate(ctx, c.Caller.String(), in.Name, overlap)
	if err != nil {
		return webhookMade{}, err
	}
	return webhookMade{hook, secret.Reveal()}, nil
}
