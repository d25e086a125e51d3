package e2e

import (
	"strings"
	"time"

	"seneschal/internal/sim"
)

// A storm that waits for chance seldom dies where a hub seldom passes. So whoever plans to die at such a place also brings about what leads
// there; the storm goes on beside it.
var provocations = []struct {
	at  []string // parts of crash points
	how func(s *storm)
}{
	{[]string{"feed.notice", "feed.hurry"}, func(s *storm) { s.arrive(ada); s.pass(time.Minute) }},
	{[]string{"feed.refused"}, func(s *storm) {
		s.play(sim.Fault{Kind: "wrong_content", Code: "token_signature", Times: 3})
		s.arrive(ada)
		s.pass(2 * time.Minute)
	}},
	{[]string{"feed.suspect"}, func(s *storm) {
		s.play(sim.Fault{Kind: "expire_token", Times: 1})
		s.play(sim.Fault{Kind: "aadsts", Code: "7000215", Times: 2}) // the credential is refused: the connection is looked at
		s.arrive(ada)
		s.pass(70 * time.Minute)
	}},
	{[]string{"feed.look_soon", "feed.looked", "GET /subscriptions"}, func(s *storm) {
		lost := sim.Fault{Kind: "timeout_after_accept", Times: 2}
		lost.Match.Method, lost.Match.Path = "POST", "/subscriptions"
		s.play(lost)
		s.relist()
		s.pass(10 * time.Minute)
	}},
	{[]string{"feed.certificate", "feed.retired"}, func(s *storm) {
		if s.hub != nil {
			_, _ = s.hub.rest("POST", "/feeds/certificate", nil, nil) // the hub may die of it
		}
		s.pass(15 * time.Hour)
		s.pass(15 * time.Hour)
	}},
	{[]string{"PATCH /subscriptions", "feed.renewed"}, func(s *storm) { s.pass(13 * time.Hour) }},
	{[]string{"feed.count", "feed.repair"}, func(s *storm) {
		for range 40 { // whenever the day's count comes, something has just arrived
			s.arrive(ada)
			s.pass(40 * time.Minute)
			if s.plan == "" {
				return
			}
		}
	}},
	{[]string{"subscri", "feed.sync", "feed.tidied", "feed.excused", "/delta()"}, func(s *storm) { s.relist(); s.pass(2 * time.Hour) }},
}

// toldOnly are the crash points that only a hub passes which Microsoft can reach.
var toldOnly = []string{"subscri", "feed.notice", "feed.hurry", "feed.refused", "feed.renewed", "feed.look", "feed.certificate", "feed.retired", "feed.tidied"}

func isAt(point string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(point, p) {
			return true
		}
	}
	return false
}

// provoke brings about what leads to the place where the hub shall die, a few times if need be.
func (s *storm) provoke() {
	s.t.Helper()
	for _, p := range provocations {
		if !isAt(s.plan, p.at) {
			continue
		}
		for range 3 {
			if s.plan == "" || s.hub == nil {
				return
			}
			p.how(s)
		}
		return
	}
}

func (s *storm) play(f sim.Fault) {
	s.t.Helper()
	if err := s.cloud.Fault(f); err != nil {
		s.t.Fatal(err)
	}
}
