package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
)

// A setting that Microsoft refused in the end is not set later by the hub itself: somebody may have said another meanwhile.
func TestALaterWordIsNotUndone(t *testing.T) {
	t.Parallel()
	h := app.StartForTest(t, app.TestOptions{})
	h.Connect(h.Form("c", "Seneschal", m365.Mail, m365.MailSettings))
	set := func(text string) error {
		_, err := runOn(t, h, access.Local("test"), "mail.auto_reply.set", "c", map[string]any{"user": ada, "status": "always", "internal_message": text})
		return err
	}
	f := sim.Fault{Kind: "status", Status: http.StatusServiceUnavailable, Times: 6}
	f.Match.Method = http.MethodPatch
	play(t, h, f)
	if err := set("older"); err == nil {
		t.Fatal("it was set")
	}
	h.Cloud.ClearFaults()
	if err := set("newer"); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		h.Time.Advance(time.Minute)
		time.Sleep(5 * time.Millisecond) // whatever the hub still does by itself
	}
	r, err := runOn(t, h, access.Local("test"), "mail.auto_reply.get", "c", map[string]any{"user": ada})
	var got struct {
		InternalMessage string `json:"internal_message"`
	}
	if err == nil {
		err = json.Unmarshal(r.Output, &got)
	}
	if err != nil || !strings.Contains(got.InternalMessage, "newer") {
		t.Errorf("it says %q: %v %s", got.InternalMessage, err, r.Output)
	}
}
