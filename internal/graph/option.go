package graph

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/wire"
)

// Option changes one call.
type Option func(*call)

// call is what options add up to.
type call struct {
	query      []parameter
	prefer     []string
	header     http.Header
	idempotent bool
	once       bool
	proof      *Proof
}

type parameter struct{ name, value string }

// immutableIDs is sent with every call: default ids change on every move (graph/FACTS §7).
const immutableIDs = `IdType="ImmutableId"`

func newCall(opts []Option) *call {
	k := &call{}
	for _, o := range opts {
		o(k)
	}
	return k
}

func (k *call) headers() http.Header {
	h := http.Header{}
	for name, values := range k.header {
		h[name] = values
	}
	h.Set("Prefer", strings.Join(append([]string{immutableIDs}, k.prefer...), ", "))
	return h
}

// queryString keeps $ as it is and writes blanks as %20: not every service reads + as a blank.
func (k *call) queryString() string {
	var b strings.Builder
	for i, p := range k.query {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(p.name)
		b.WriteByte('=')
		b.WriteString(strings.ReplaceAll(url.QueryEscape(p.value), "+", "%20"))
	}
	return b.String()
}

func (k *call) has(name string) (string, bool) {
	for _, p := range k.query {
		if p.name == name {
			return p.value, true
		}
	}
	return "", false
}

// parameterName can only be written as a constant.
type parameterName string

// Query sets any other query parameter.
func Query(name parameterName, value string) Option {
	return func(k *call) { k.query = append(k.query, parameter{string(name), value}) }
}

// Select asks for these fields only.
func Select(fields ...string) Option { return Query("$select", strings.Join(fields, ",")) }

// Filter asks for matching entries only. Quote what comes from outside with Quote.
func Filter(expression string) Option { return Query("$filter", expression) }

// Quote makes a string literal for Filter.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// OrderBy sorts. On messages the fields must stand in Filter too, first and in the same order (graph/FACTS §7).
func OrderBy(fields string) Option { return Query("$orderby", fields) }

// Search is a full-text search (KQL); it goes with neither Filter nor OrderBy on messages.
func Search(kql string) Option { return Query("$search", strconv.Quote(kql)) }

// Top is the page size of lists.
func Top(n int) Option { return Query("$top", strconv.Itoa(n)) }

// Window bounds a calendar view. The bounds carry their offset: the time zone preference does not touch them (graph/FACTS §8).
func Window(start, end time.Time) Option {
	return func(k *call) {
		k.query = append(k.query, parameter{"startDateTime", start.UTC().Format(time.RFC3339)}, parameter{"endDateTime", end.UTC().Format(time.RFC3339)})
	}
}

// PageSize is the page size of deltas.
func PageSize(n int) Option { return prefer("odata.maxpagesize=" + strconv.Itoa(n)) }

// TextBody asks for bodies as plain text.
func TextBody() Option { return prefer(`outlook.body-content-type="text"`) }

func prefer(value string) Option {
	return func(k *call) { k.prefer = append(k.prefer, value) }
}

// Eventual allows advanced queries on the directory: header and $count belong together, alone $count is silently ignored (graph/FACTS §12).
func Eventual() Option {
	return func(k *call) {
		k.set("ConsistencyLevel", "eventual")
		k.query = append(k.query, parameter{"$count", "true"})
	}
}

// IfMatch makes the call conditional on an unchanged entry. It also makes a PATCH repeatable; refused only after an answer was lost, its
// outcome is unclear.
func IfMatch(etag string) Option { return func(k *call) { k.set("If-Match", etag) } }

func (k *call) set(name, value string) {
	if k.header == nil {
		k.header = http.Header{}
	}
	k.header.Set(name, value)
}

// Idempotent says that sending it twice is as sending it once: a POST that only reads, or an event with a transactionId.
func Idempotent() Option { return func(k *call) { k.idempotent = true } }

// Once says that sending it twice has two effects although its method says otherwise: a file that is put under a new name each time.
func Once() Option { return func(k *call) { k.once = true } }

// Range asks for a part of the bytes: from first to last.
func Range(first, last int64) Option {
	return func(k *call) { k.set("Range", fmt.Sprintf("bytes=%d-%d", first, last)) }
}

// WithoutParents leaves the folders above what changed out of a drive's changes (driveitem-delta.md).
func WithoutParents() Option { return func(k *call) { k.set("deltaExcludeParent", "true") } }

// OnConflict says what shall become of a name that is taken: fail, rename or replace.
func OnConflict(behaviour string) Option {
	return Query("@microsoft.graph.conflictBehavior", behaviour)
}

// Proof is the evidence of a real answer.
type Proof struct {
	At        time.Time
	RequestID string
}

// Prove writes down the proof of the (last) successful answer.
func Prove(p *Proof) Option { return func(k *call) { k.proof = p } }

func (k *call) prove(a *wire.Answer) {
	if k.proof != nil {
		*k.proof = Proof{At: a.At, RequestID: a.RequestID}
	}
}
