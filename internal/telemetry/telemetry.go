package telemetry

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

type idKey int

const (
	requestKey idKey = iota
	runKey
)

// WithRequest marks ctx with the id of the request that came in at a face.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey, id)
}

// WithRun marks ctx with the id of the run it serves: the one id that follows a caller's work everywhere.
func WithRun(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, runKey, id)
}

// RequestOf gives the request's id, or "".
func RequestOf(ctx context.Context) string { return idOf(ctx, requestKey) }

// RunOf gives the run's id, or "".
func RunOf(ctx context.Context) string { return idOf(ctx, runKey) }

func idOf(ctx context.Context, k idKey) string {
	id, _ := ctx.Value(k).(string)
	return id
}

// NewLog makes the program's logger: text or json lines, each with the ids of its context.
func NewLog(w io.Writer, format string, level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(ids{slog.NewJSONHandler(w, o)})
	}
	return slog.New(ids{slog.NewTextHandler(w, o)})
}

type ids struct{ slog.Handler }

// Handle adds the context's ids to the line.
func (h ids) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestOf(ctx); id != "" {
		r.AddAttrs(slog.String("request", id))
	}
	if id := RunOf(ctx); id != "" {
		r.AddAttrs(slog.String("run", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the ids.
func (h ids) WithAttrs(a []slog.Attr) slog.Handler { return ids{h.Handler.WithAttrs(a)} }

// WithGroup keeps the ids.
func (h ids) WithGroup(name string) slog.Handler { return ids{h.Handler.WithGroup(name)} }

// Metrics is the registry and the few metrics that several packages share.
type Metrics struct {
	registry *prometheus.Registry
	outgoing *prometheus.HistogramVec
	incoming *prometheus.HistogramVec
	runs     *prometheus.CounterVec
}

// NewMetrics makes an empty registry with the process's own figures.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		outgoing: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "seneschal_outgoing_request_seconds",
			Help: "Requests to Microsoft by operation and status.", Buckets: prometheus.ExponentialBuckets(0.01, 3, 8)}, []string{"operation", "status"}),
		incoming: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "seneschal_incoming_request_seconds",
			Help: "Requests to the hub by route and status.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 8)}, []string{"route", "status"}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "seneschal_runs_total", Help: "Runs of actions by name and outcome."}, []string{"action", "outcome"}),
	}
	m.registry.MustRegister(m.outgoing, m.incoming, m.runs, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Register adds a package's own collector.
func (m *Metrics) Register(c prometheus.Collector) error { return m.registry.Register(c) }

// Outgoing counts one request to Microsoft.
func (m *Metrics) Outgoing(operation string, status int, took time.Duration) {
	m.outgoing.WithLabelValues(operation, strconv.Itoa(status)).Observe(took.Seconds())
}

// Incoming counts one request to the hub.
func (m *Metrics) Incoming(route string, status int, took time.Duration) {
	m.incoming.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Run counts one run of an action.
func (m *Metrics) Run(action, outcome string) { m.runs.WithLabelValues(action, outcome).Inc() }

// Handler serves the figures in Prometheus's text form.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
