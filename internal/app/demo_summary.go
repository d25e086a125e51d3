package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"seneschal/internal/connection"
	"seneschal/internal/m365"
)

// demoSummary is what demo --once prints (CONTRACT).
type demoSummary struct {
	Connections []demoConnection `json:"connections"`
	Actions     []demoAction     `json:"actions"`
	Refusals    []demoRefusal    `json:"refusals"`
	Doctor      []demoFinding    `json:"doctor"`
	Customers   []demoCustomer   `json:"customers"`
	Slots       []demoSlot       `json:"slots"`
	Invoice     *demoDelivery    `json:"invoice,omitempty"`
	Seconds     float64          `json:"seconds"`
}

type demoConnection struct {
	Name   string           `json:"name"`
	Kind   m365.Mode        `json:"kind"`
	Tenant string           `json:"tenant"`
	State  connection.State `json:"state"`
	Proof  connection.Proof `json:"proof"`
}

type demoAction struct {
	Name      string `json:"name"`
	OK        bool   `json:"ok"`
	Items     int    `json:"items"`
	RequestID string `json:"request_id"`
	Problem   string `json:"problem,omitempty"`
}

// demoRefusal is what the hub refused before Microsoft was asked, and what to do instead.
type demoRefusal struct {
	Name         string   `json:"name"`
	Connection   string   `json:"connection"`
	Code         string   `json:"code"`
	Message      string   `json:"message"`
	Alternatives []string `json:"alternatives"`
}

type demoFinding struct {
	Connection string `json:"connection"`
	Capability string `json:"capability"`
	State      string `json:"state"`
	Fix        string `json:"fix"`
	Who        string `json:"who"`
	Link       string `json:"link,omitempty"`
}

// items counts what an action answered with: the entries of its list, or the one thing it made.
func items(output json.RawMessage) int {
	var fields map[string]json.RawMessage
	if json.Unmarshal(output, &fields) != nil {
		return 0
	}
	if _, one := fields["id"]; one {
		return 1
	}
	for _, v := range fields {
		var list []json.RawMessage
		if json.Unmarshal(v, &list) == nil && list != nil {
			return len(list)
		}
	}
	return 1
}

func (d *demo) summarise(ctx context.Context) (demoSummary, error) {
	s := demoSummary{Actions: d.actions, Refusals: d.refused, Doctor: []demoFinding{}}
	all, err := d.app.Connections.List(ctx)
	if err != nil {
		return s, err
	}
	for _, c := range all {
		s.Connections = append(s.Connections, demoConnection{c.Name, c.Kind, c.TenantName, c.Current(d.app.Clock.Now()), c.Proof})
		lines, err := d.app.Connections.LastLines(ctx, c.ID)
		if err != nil {
			return s, err
		}
		for _, l := range lines {
			if l.State != connection.LineOK && l.State != connection.LineSuperfluous {
				s.Doctor = append(s.Doctor, demoFinding{c.Name, l.Capability, string(l.State), l.Fix, l.Who, l.Link})
			}
		}
	}
	return s, nil
}

func (p *process) printSummary(s demoSummary, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(p.io.Out)
		out.SetIndent("", "  ")
		return out.Encode(s)
	}
	w := tabwriter.NewWriter(p.io.Out, 2, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "CONNECTION\tKIND\tTENANT\tSTATE\tPROOF")
	for _, c := range s.Connections {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", c.Name, c.Kind, c.Tenant, c.State, c.Proof.RequestID)
	}
	_, _ = fmt.Fprintln(w, "\nACTION\tOK\tITEMS\tREQUEST ID\t")
	for _, a := range s.Actions {
		_, _ = fmt.Fprintf(w, "%s\t%v\t%d\t%s\t%s\n", a.Name, a.OK, a.Items, a.RequestID, a.Problem)
	}
	for _, r := range s.Refusals {
		_, _ = fmt.Fprintf(w, "\n%s through %s was refused: %s. Instead: %s\n", r.Name, r.Connection, r.Message, strings.Join(r.Alternatives, ", "))
	}
	_, _ = fmt.Fprintln(w, "\nCUSTOMER\tSEEN BY ADMIN\tBY ADA (MEMBER)\tBY BEN (VIEWER)\tLAST MAIL")
	for _, c := range s.Customers {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\n", c.Name, c.Sees["admin"], c.Sees[demoPeople[0].name], c.Sees[demoPeople[1].name], c.Last)
	}
	_, _ = fmt.Fprintln(w, "\nSLOT\tTECHNICIAN\tSTATE\t")
	for _, one := range s.Slots {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", one.Slot, one.Technician, one.State, one.Problem)
	}
	if i := s.Invoice; i != nil {
		_, _ = fmt.Fprintf(w, "\nThe invoice is %s (%s): %s\n", i.State, i.Mode, i.Proof)
	}
	for _, f := range s.Doctor {
		_, _ = fmt.Fprintf(w, "\nDoctor: %s, %s: %s\n  %s\n  who can: %s\n  %s\n", f.Connection, f.Capability, f.State, f.Fix, f.Who, f.Link)
	}
	return w.Flush()
}
