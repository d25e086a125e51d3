package connection

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"seneschal/internal/graph"
	"seneschal/internal/store"
)

// Traffic is what a connection asked one of Microsoft's services in a time, and how that went.
type Traffic struct {
	Connection string    `json:"connection" doc:"Name of the connection"`
	Service    string    `json:"service" doc:"mail, calendar, files and so on"`
	Requests   int64     `json:"requests" doc:"All that left, repetitions and parts of batches too"`
	Throttled  int64     `json:"throttled" doc:"Microsoft asked for patience (429)"`
	Failed     int64     `json:"failed" doc:"No answer came, or one that Microsoft's service had failed (5xx)"`
	Since      time.Time `json:"since" doc:"Counted from this hour on"`
}

// Trouble is a service of Microsoft's that failed several times within minutes.
type Trouble struct {
	Service     string    `json:"service"`
	Connections []string  `json:"connections" doc:"Names of the connections that met it"`
	Failures    int       `json:"failures"`
	Since       time.Time `json:"since"`
	StatusPage  string    `json:"status_page" doc:"Where Microsoft tells how its services are"`
}

// StatusPage is Microsoft's public page; incidents of a tenant stand in its admin centre (learn.microsoft.com/microsoft-365/enterprise/view-service-health).
const StatusPage = "https://status.cloud.microsoft"

const (
	hourMillis = int64(time.Hour / time.Millisecond)
	// troubleAfter failures within troubleWithin are no accident any more.
	troubleAfter  = 5
	troubleWithin = 10 * time.Minute
)

type trafficKey struct {
	connection, service string
	hour                int64
}

type traffic struct{ requests, throttled, failed int64 }

func (t traffic) plus(o traffic) traffic {
	return traffic{t.requests + o.requests, t.throttled + o.throttled, t.failed + o.failed}
}

type failure struct {
	connection string
	at         time.Time
}

// went counts how one attempt went. The lock is held.
func (u *Uses) went(connection, operation string, status int, now time.Time) {
	t := traffic{requests: 1}
	switch {
	case status == http.StatusTooManyRequests:
		t.throttled = 1
	case status == 0 || status >= 500:
		t.failed = 1
	}
	service := graph.Service(operation)
	k := trafficKey{connection, service, store.Millis(now) / hourMillis}
	if u.traffic == nil {
		u.traffic = map[trafficKey]traffic{}
	}
	if u.failures == nil {
		u.failures = map[string][]failure{}
	}
	u.traffic[k] = u.traffic[k].plus(t)
	if status >= 500 {
		last := append(u.failures[service], failure{connection, now})
		u.failures[service] = last[max(0, len(last)-100):]
	}
}

// flushTraffic writes counts down, in one order.
func flushTraffic(ctx context.Context, tx *store.Tx, counts map[trafficKey]traffic) error {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b trafficKey) int {
		return cmp.Or(cmp.Compare(a.connection, b.connection), cmp.Compare(a.service, b.service), cmp.Compare(a.hour, b.hour))
	})
	for _, k := range keys {
		t := counts[k]
		if _, err := tx.ExecContext(ctx, `insert into connection_traffic (connection, service, hour, requests, throttled, failed)
			select cast($1 as text), cast($2 as text), cast($3 as bigint), cast($4 as bigint), cast($5 as bigint), cast($6 as bigint) where exists (select 1 from connection_entry where id = $7)
			on conflict (connection, service, hour) do update set requests = connection_traffic.requests + excluded.requests,
			throttled = connection_traffic.throttled + excluded.throttled, failed = connection_traffic.failed + excluded.failed`,
			k.connection, k.service, k.hour, t.requests, t.throttled, t.failed, k.connection); err != nil {
			return err
		}
	}
	return nil
}

// Traffic sums up what was asked since a time, by connection and service; the hub's own last minute is in it, other hubs' may be missing.
func (s *Service) Traffic(ctx context.Context, since time.Time) ([]Traffic, error) {
	names, err := s.names(ctx)
	if err != nil {
		return nil, err
	}
	from := store.Millis(since) / hourMillis
	sums := map[trafficKey]traffic{}
	_, err = store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (_ struct{}, err error) {
		var k trafficKey
		var t traffic
		err = r.Scan(&k.connection, &k.service, &t.requests, &t.throttled, &t.failed)
		sums[k] = t
		return struct{}{}, err
	}, "select connection, service, sum(requests), sum(throttled), sum(failed) from connection_traffic where hour >= $1 group by connection, service", from)
	if err != nil {
		return nil, err
	}
	for k, t := range s.Uses.unwritten() {
		if k.hour >= from {
			k.hour = 0
			sums[k] = sums[k].plus(t)
		}
	}
	out := []Traffic{}
	for k, t := range sums {
		if name, ok := names[k.connection]; ok {
			out = append(out, Traffic{Connection: name, Service: k.service, Requests: t.requests, Throttled: t.throttled, Failed: t.failed, Since: store.Time(from * hourMillis)})
		}
	}
	slices.SortFunc(out, func(a, b Traffic) int {
		return cmp.Or(cmp.Compare(a.Connection, b.Connection), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Service, b.Service))
	})
	return out, nil
}

func (u *Uses) unwritten() map[trafficKey]traffic {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.traffic)
}

// Troubles lists the services that fail now, as this hub sees them.
func (s *Service) Troubles(ctx context.Context) ([]Trouble, error) {
	names, err := s.names(ctx)
	if err != nil {
		return nil, err
	}
	out := []Trouble{}
	for service, failures := range s.Uses.failing() {
		t := Trouble{Service: service, Failures: len(failures), Since: failures[0].at, StatusPage: StatusPage}
		for _, f := range failures {
			if name, ok := names[f.connection]; ok && !slices.Contains(t.Connections, name) {
				t.Connections = append(t.Connections, name)
			}
		}
		if len(t.Connections) > 0 {
			slices.Sort(t.Connections)
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b Trouble) int { return cmp.Compare(a.Service, b.Service) })
	return out, nil
}

// failing gives the failures of services in trouble, oldest first, and forgets what is long over.
func (u *Uses) failing() map[string][]failure {
	now := u.Clock.Now()
	u.mu.Lock()
	defer u.mu.Unlock()
	out := map[string][]failure{}
	for service, failures := range u.failures {
		failures = slices.DeleteFunc(failures, func(f failure) bool { return now.Sub(f.at) > troubleWithin })
		u.failures[service] = failures
		if len(failures) >= troubleAfter {
			out[service] = slices.Clone(failures)
		}
	}
	return out
}

// names gives the connections' names by id.
func (s *Service) names(ctx context.Context) (map[string]string, error) {
	names := map[string]string{}
	_, err := store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (_ struct{}, err error) {
		var id, name string
		err = r.Scan(&id, &name)
		names[id] = name
		return struct{}{}, err
	}, "select id, name from connection_entry")
	return names, err
}

func (s *Service) pruneTraffic(ctx context.Context, tx *store.Tx, before time.Time, _ int) (int64, error) {
	return store.Affected(ctx, tx, "delete from connection_traffic where hour < $1", store.Millis(before)/hourMillis)
}
