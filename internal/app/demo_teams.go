package app

import (
	"context"
	"encoding/json"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/fault"
)

// post has the person write into a channel, and lets the app try, which Microsoft does not have: the hub says so before any call.
func (d *demo) post(ctx context.Context, person access.Caller) {
	q := func(name string) action.Request {
		return action.Request{Action: name, Connection: "contoso-person", Caller: person}
	}
	var teams struct{ Teams []struct{ ID string } }
	if json.Unmarshal(d.ask(ctx, q("teams.team.list"), map[string]any{}), &teams) != nil || len(teams.Teams) == 0 {
		return // the summary says why
	}
	var channels struct{ Channels []struct{ ID string } }
	if json.Unmarshal(d.ask(ctx, q("teams.channel.list"), map[string]any{"team": teams.Teams[0].ID}), &channels) != nil || len(channels.Channels) == 0 {
		return
	}
	message := map[string]any{"team": teams.Teams[0].ID, "channel": channels.Channels[0].ID, "text": "Hello from Seneschal"}
	d.ask(ctx, q("teams.channel_message.send"), message)
	asApp := q("teams.channel_message.send")
	asApp.Connection = "contoso"
	if _, err := d.once(ctx, asApp, message); err != nil {
		f := fault.As(err)
		d.refused = append(d.refused, demoRefusal{asApp.Action, asApp.Connection, f.Code, f.Message, f.Alternatives})
	}
}
