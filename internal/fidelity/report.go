package fidelity

import (
	"fmt"
	"strings"
	"time"
)

// Report is what a comparison found.
type Report struct {
	At       time.Time
	Version  string
	Mode     string
	Compared []Compared
}

// Differences are all of them, in the order of the probes.
func (r Report) Differences() []Difference {
	out := []Difference{}
	for _, c := range r.Compared {
		out = append(out, c.Differences...)
	}
	return out
}

// Markdown writes the report for a person. It names operations, properties, kinds, status and error codes: nobody, and nothing of theirs.
func (r Report) Markdown() string {
	var b strings.Builder
	asked, found := 0, r.Differences()
	for _, c := range r.Compared {
		if c.NotAsked == "" {
			asked++
		}
	}
	fmt.Fprintf(&b, "# How the simulated cloud differs from a tenant\n\nOn %s, by %s, as %s: %d requests compared, %d differences.\nIt shows operations, names of properties, kinds of values, status and error codes. It names nobody and shows no value.\n\n",
		r.At.UTC().Format(time.DateOnly), r.Version, r.Mode, asked, len(found))
	if len(found) > 0 {
		b.WriteString("| read | request | where | the tenant | the simulator |\n|---|---|---|---|---|\n")
		for _, d := range found {
			fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s |\n", d.Probe, d.Operation, d.Place, d.Tenant, d.Simulator)
		}
		b.WriteString("\n")
	}
	b.WriteString("## What was read\n\n| read | request | status | differences | could not be compared |\n|---|---|---|---|---|\n")
	for _, c := range r.Compared {
		if c.NotAsked != "" {
			fmt.Fprintf(&b, "| %s | %s | not compared | | %s |\n", c.Probe, operation(c.Operation), c.NotAsked)
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s |\n", c.Probe, operation(c.Operation), c.Status, len(c.Differences), strings.Join(c.Unknown, ", "))
	}
	return b.String()
}

func operation(o string) string {
	if o == "" {
		return ""
	}
	return "`" + o + "`"
}
