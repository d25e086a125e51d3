package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/feed"
	"seneschal/internal/store"
)

// What was answered with 202 is done after any kill: Microsoft will not say it again.
func TestAnAcceptedNotificationSurvivesAKill(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			s := storming(t, engine, 1, &stormLog{})
			address := freeAddress(t)
			s.env = append(s.env, "SENESCHAL_LISTEN="+address, "SENESCHAL_PUBLIC_URL=http://"+address)
			s.hub = s.start(s.env, "")
			s.prepare(s.hub)
			s.rest(s.hub)
			note := s.inboxNote()
			for range 8 {
				s.ahead += time.Minute // so that the walk tells itself from those before
				s.time.Advance(time.Minute)
				s.hub.advance(time.Minute)
				told := s.time.Now()
				resp, err := http.Post(s.hub.url+"/notify/graph", "application/json", bytes.NewReader(note))
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusAccepted {
					t.Fatalf("answered %d", resp.StatusCode)
				}
				s.hub.kill()
				s.hub = s.start(s.env, "")
				waitUntil(t, "the feed that was told of is walked", func() bool {
					s.ahead += 100 * time.Millisecond
					s.time.Advance(100 * time.Millisecond)
					s.hub.advance(100 * time.Millisecond)
					return s.inbox().WalkedAt.After(told)
				})
			}
			s.hub.end()
		})
	}
}

// inbox is the feed of Ada's inbox.
func (s *storm) inbox() feed.Feed {
	s.t.Helper()
	var list struct{ Feeds []feed.Feed }
	if _, err := s.hub.rest("GET", "/feeds", nil, &list); err != nil {
		s.t.Fatal(err)
	}
	i := slices.IndexFunc(list.Feeds, func(f feed.Feed) bool { return f.Mailbox == ada && f.Title == "Inbox" })
	if i < 0 {
		s.t.Fatal("no inbox")
	}
	return list.Feeds[i]
}

// inboxNote is a notification about it, as Microsoft would send it.
func (s *storm) inboxNote() (note []byte) {
	s.t.Helper()
	tenant := s.cloud.Ready().Tenants[0].TenantID
	waitUntil(s.t, "the inbox has a subscription", func() bool {
		const step = 200 * time.Millisecond // a self-test during which three seconds pass fails
		s.ahead += step
		s.time.Advance(step)
		s.hub.advance(step)
		all, err := s.cloud.State(tenant, "subscriptions")
		if err != nil {
			s.t.Fatal(err)
		}
		f := s.inbox()
		for _, n := range all {
			if f.Push != nil && strings.Contains(n["resource"].(string), f.Resource) {
				note, err = json.Marshal(map[string]any{"value": []any{map[string]any{"subscriptionId": n["id"], "clientState": n["clientState"], "changeType": "created", "resource": n["resource"], "tenantId": tenant}}})
			}
		}
		return err == nil && note != nil
	})
	return note
}
