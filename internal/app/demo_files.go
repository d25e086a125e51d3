package app

import (
	"context"
	"strings"

	"seneschal/internal/access"
	"seneschal/internal/action"
)

// file puts a file into the mailbox owner's OneDrive, anew each time, and shows what lies there.
func (d *demo) file(ctx context.Context, user string) {
	text := "Written by Seneschal's demo.\n"
	content, err := action.Spool("Try Seneschal.txt", "text/plain", strings.NewReader(text), int64(len(text)))
	if err != nil {
		d.actions = append(d.actions, demoAction{Name: "drive.item.upload", Problem: err.Error()})
		return
	}
	defer func() { _ = content.Close() }()
	d.ask(ctx, action.Request{Action: "drive.item.upload", Connection: "contoso", Caller: access.Local("demo"), Files: map[string]*action.Content{"file": content}},
		map[string]any{"user": user, "name": "Try Seneschal.txt", "conflict": "replace"})
	d.do(ctx, "drive.item.list", map[string]any{"user": user})
}
