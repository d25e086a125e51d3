package wire

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter reads how long an answer asks to wait: seconds, also with a fraction, or an HTTP date (graph/FACTS §3.2).
// What cannot be read counts as not said. A date in the past means "now", and the bound keeps a senseless value from stopping us for years.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		if math.IsNaN(seconds) || seconds < 0 {
			return 0, false
		}
		return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second)), true
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter), true
	}
	return 0, false
}

const maxRetryAfter = 24 * time.Hour

// maxBackoff bounds the waits that nobody told us.
const maxBackoff = 30 * time.Second

// backoff doubles with each attempt and is drawn from its upper half, so that those who failed together do not come back together.
func (x *exchange) backoff(first time.Duration) time.Duration {
	d := min(first<<min(x.attempt-1, 10), maxBackoff)
	return d/2 + time.Duration(x.c.Random()%uint64(d/2+1))
}
