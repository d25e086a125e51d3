package graph

import (
	"context"
)

// Subscribe asks to be notified. Microsoft calls both addresses before it answers. An answer that is lost leaves a subscription that
// nobody knows; the listing finds it.
func Subscribe(ctx context.Context, c *Client, s Subscription) (Subscription, error) {
	return Post[Subscription](ctx, c, At("subscriptions"), s)
}

// Renew puts a subscription's end off, which also reauthorises it; a certificate in it takes the place of the one before.
func Renew(ctx context.Context, c *Client, id string, s Subscription) (Subscription, error) {
	return Patch[Subscription](ctx, c, At("subscriptions").Item("subscription-id", id), s, Idempotent())
}

// Unsubscribe ends a subscription.
func Unsubscribe(ctx context.Context, c *Client, id string) error {
	return Delete(ctx, c, At("subscriptions").Item("subscription-id", id))
}

// Subscriptions lists the app's own.
func Subscriptions(ctx context.Context, c *Client) ([]Subscription, error) {
	var out []Subscription
	for s, err := range List[Subscription](ctx, c, At("subscriptions")) {
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}
