package app

import (
	"context"
	"encoding/json"
)

// workOrders puts an item into a list of a site, and reads it back.
func (d *demo) workOrders(ctx context.Context) {
	list := func(more map[string]any) map[string]any {
		more["site"], more["list"] = demoSite, "Work orders"
		return more
	}
	var made struct {
		ID string `json:"id"`
	}
	text := d.do(ctx, "sharepoint.list_item.create", list(map[string]any{"fields": map[string]any{"Title": "Try Seneschal", "Hours": 1, "State": "planned"}}))
	if json.Unmarshal(text, &made) != nil {
		return // the summary says why
	}
	d.do(ctx, "sharepoint.list_item.get", list(map[string]any{"item": made.ID}))
}
