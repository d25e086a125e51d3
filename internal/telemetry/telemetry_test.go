package telemetry

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestLogLinesCarryTheIDsOfTheirContext(t *testing.T) {
	var out strings.Builder
	log := NewLog(&out, "json", slog.LevelInfo).With("tenant", "t1")
	log.InfoContext(WithRun(WithRequest(t.Context(), "req-1"), "run-1"), "mail sent")
	for _, want := range []string{`"request":"req-1"`, `"run":"run-1"`, `"tenant":"t1"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %s, want %s in it", out.String(), want)
		}
	}
}

func TestMetricsAreServed(t *testing.T) {
	m := NewMetrics()
	m.Outgoing("GET /users", 200, time.Second)
	m.Run("mail.message.send", "done")
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{`seneschal_outgoing_request_seconds_count{operation="GET /users",status="200"} 1`, `seneschal_runs_total{action="mail.message.send",outcome="done"} 1`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is missing", want)
		}
	}
}
