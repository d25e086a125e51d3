package e2e

import (
	"encoding/json"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// What an app cannot do is not allowed to it by name, either: the refusal comes when the connection is set up, and is the one of the call.
func TestWhatMicrosoftDoesNotOfferIsNotAllowedByName(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	h.Connect(h.Form("contoso", "Seneschal", m365.Teams))
	for _, tt := range []struct {
		allowed []string
		code    string
	}{
		{[]string{"teams.channel_message.send"}, "mode_not_supported"},
		{[]string{"teams.channel_message.list", "teams.workflow.post"}, ""},
		{[]string{"teams.*"}, ""},
	} {
		input, err := json.Marshal(map[string]any{"id": "contoso", "allowed_actions": tt.allowed})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.Runner.Do(t.Context(), action.Request{Action: "connection.change", Caller: access.Local("test"), Input: input})
		if fault.CodeOf(err) != tt.code || tt.code != "" && len(fault.As(err).Alternatives) == 0 {
			t.Errorf("%v: got %v, want %q", tt.allowed, err, tt.code)
		}
	}
}
