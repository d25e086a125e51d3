package e2e

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/store"
)

// A look at a connection that began with its older app, and ends after the app was replaced, says nothing of the new one.
func TestALookAtTheOlderAppIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			armed, answered, goOn := atomic.Bool{}, make(chan struct{}), make(chan struct{})
			h := app.StartForTest(t, app.TestOptions{Engine: engine, Hook: func(p clock.Point, detail string) {
				if p == clock.AfterAnswer && strings.HasPrefix(detail, "GET") && armed.CompareAndSwap(true, false) {
					close(answered)
					<-goOn
				}
			}})
			c := h.Connect(sender(h, "post", sendingAlone))
			armed.Store(true)
			looked := make(chan error, 1)
			go func() {
				_, err := h.Connections.Doctor(t.Context(), c.ID)
				looked <- err
			}()
			<-answered
			replaceApp(t, h, "Seneschal")
			close(goOn)
			if err := <-looked; err != nil {
				t.Fatal(err)
			}
			if granted, err := h.Connections.Granted(t.Context(), c.ID); err != nil || !slices.Contains(granted, "Mail.ReadWrite") {
				t.Errorf("the new app is said to have %v: %v", granted, err)
			}
		})
	}
}
