package fidelity

import (
	"fmt"
	"slices"
	"strings"
)

// Difference is one thing that the tenant does and the simulator does otherwise.
type Difference struct {
	Probe     string `json:"probe"`
	Operation string `json:"operation"`
	Place     string `json:"place"` // status, error code, media type, a header, or a property
	Tenant    string `json:"tenant"`
	Simulator string `json:"simulator"`
}

// Compared is one probe's result.
type Compared struct {
	Probe, Operation string
	Status           int
	Differences      []Difference
	Unknown          []string // places that one side showed nothing of
	NotAsked         string
}

// Compare holds the simulator's answers against a tenant's, probe by probe and operation by operation.
func Compare(tenant, simulator []Seen) []Compared {
	var out []Compared
	for i, t := range tenant {
		s := simulator[i]
		if len(t.Answers) == 0 || len(s.Answers) == 0 {
			out = append(out, Compared{Probe: t.Probe, NotAsked: why(t, s)})
			continue
		}
		done := map[string]bool{}
		for _, a := range t.Answers {
			if done[a.Operation] {
				continue
			}
			done[a.Operation] = true
			c := Compared{Probe: t.Probe, Operation: a.Operation, Status: a.Status}
			j := slices.IndexFunc(s.Answers, func(b Answer) bool { return b.Operation == a.Operation })
			if j < 0 {
				c.NotAsked = "the simulator was not asked this: its answers before led elsewhere"
			} else {
				c.against(a, s.Answers[j])
			}
			out = append(out, c)
		}
	}
	return out
}

func why(tenant, simulator Seen) string {
	if len(tenant.Answers) == 0 {
		return "the tenant: " + tenant.NotAsked
	}
	return "the simulator: " + simulator.NotAsked
}

func (c *Compared) differ(place, tenant, simulator string) {
	c.Differences = append(c.Differences, Difference{Probe: c.Probe, Operation: c.Operation, Place: place, Tenant: tenant, Simulator: simulator})
}

const (
	present = "there"
	absent  = "not there"
)

func (c *Compared) against(t, s Answer) {
	if t.Status != s.Status {
		c.differ("status", fmt.Sprint(t.Status), fmt.Sprint(s.Status))
	}
	if t.Code != s.Code {
		c.differ("error code", orNone(t.Code), orNone(s.Code))
	}
	if t.Media != s.Media {
		c.differ("media type", orNone(t.Media), orNone(s.Media))
	}
	for _, h := range watched {
		inTenant, inSimulator := slices.Contains(t.Headers, h), slices.Contains(s.Headers, h)
		if inTenant != inSimulator {
			c.differ("header "+h, thereIf(inTenant), thereIf(inSimulator))
		}
	}
	if t.Status/100 == s.Status/100 {
		c.shapes(t.Shape, s.Shape)
	}
}

// shapes compares property by property. What one side shows no object of is unknown; a property that only some of the simulator's
// objects have may be missing from the few that the tenant showed.
func (c *Compared) shapes(t, s Shape) {
	for _, path := range union(t, s) {
		inT, inS := t.Properties[path], s.Properties[path]
		parent := parentOf(inT, inS)
		switch {
		case t.Objects[parent] == 0 || s.Objects[parent] == 0:
			c.Unknown = append(c.Unknown, path)
		case inS == nil:
			c.differ("property "+path, present, absent)
		case inT == nil && inS.Has == s.Objects[parent]:
			c.differ("property "+path, absent, present)
		case inT == nil || len(inT.Kinds) == 0 || len(inS.Kinds) == 0:
			c.Unknown = append(c.Unknown, path)
		case !slices.ContainsFunc(inT.Kinds, func(k string) bool { return slices.Contains(inS.Kinds, k) }):
			c.differ("property "+path, strings.Join(inT.Kinds, " or "), strings.Join(inS.Kinds, " or "))
		}
	}
}

func parentOf(t, s *Property) string {
	if t != nil {
		return t.Parent
	}
	return s.Parent
}

// union are the paths of both, in order.
func union(t, s Shape) []string {
	var out []string
	for path := range t.Properties {
		out = append(out, path)
	}
	for path := range s.Properties {
		if t.Properties[path] == nil {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

func thereIf(yes bool) string {
	if yes {
		return present
	}
	return absent
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
