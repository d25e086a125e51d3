package admin

import (
	"context"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/connection"
)

// KeyReview is an API key under review.
type KeyReview struct {
	access.APIKey
	State string `json:"state" doc:"used, unused in 30 days, never used, or expired"`
}

type reviewOut struct {
	At          time.Time             `json:"at"`
	Days        int                   `json:"days" doc:"How far back it looks"`
	Connections []connection.Reviewed `json:"connections"`
	People      []access.Profile      `json:"people"`
	APIKeys     []KeyReview           `json:"apikeys"`
	Agents      []access.AgentState   `json:"agents"`
}

func (h *Hub) reviewActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "access.review", Summary: "Show who and what has access: connections with grants and their use, people, API keys, agents; and how to remove what is not used.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite,
			Route: "GET /access-review"}, h.review),
	}
}

func (h *Hub) review(ctx context.Context, _ action.Call, _ none) (reviewOut, error) {
	out := reviewOut{At: h.Clock.Now(), Days: connection.ReviewDays, APIKeys: []KeyReview{}}
	var err error
	if out.Connections, err = h.Connections.Review(ctx); err != nil {
		return out, err
	}
	if out.People, err = h.Access.Profiles(ctx); err != nil {
		return out, err
	}
	if out.Agents, err = h.Access.Agents(ctx, ""); err != nil {
		return out, err
	}
	keys, err := h.Access.APIKeys(ctx)
	for _, k := range keys {
		out.APIKeys = append(out.APIKeys, KeyReview{k, stateOf(k, out.At)})
	}
	return out, err
}

func stateOf(k access.APIKey, now time.Time) string {
	switch {
	case !k.ExpiresAt.IsZero() && now.After(k.ExpiresAt):
		return "expired"
	case k.LastUsed.IsZero():
		return "never_used"
	case now.Sub(k.LastUsed) > connection.ReviewDays*24*time.Hour:
		return "unused"
	}
	return "used"
}
