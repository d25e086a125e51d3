package console

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/fault"
)

// agentsData is what acts for people, and what it wants done.
type agentsData struct {
	Waiting []waitingPlan
	Past    []action.Plan
	Agents  []access.AgentState
	Rules   []action.Rule
	Names   map[string]string // of connections and agents, by id
	Decides bool
	Address string // where agents connect to
}

// waitingPlan is a plan with what it would do, field by field: whoever approves it reads it.
type waitingPlan struct {
	action.Plan
	Does []plannedField
}

type plannedField struct {
	Name, Text string
	Long       bool // of several lines
}

// planned lists a plan's fields: texts as they are, lists of texts a line each, the rest as JSON.
func planned(p action.Plan) (waitingPlan, error) {
	out, fields := waitingPlan{Plan: p}, map[string]any{}
	if err := json.Unmarshal(p.Input, &fields); err != nil {
		return out, err
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text, err := readable(fields[name])
		if err != nil {
			return out, err
		}
		out.Does = append(out.Does, plannedField{name, text, strings.Contains(text, "\n")})
	}
	return out, nil
}

func readable(v any) (string, error) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var lines []string
	for _, e := range list {
		text, ok := e.(string)
		if !ok {
			var b strings.Builder
			j := json.NewEncoder(&b)
			j.SetEscapeHTML(false)
			j.SetIndent("", "  ")
			if err := j.Encode(e); err != nil {
				return "", err
			}
			text = strings.TrimSpace(b.String())
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n"), nil
}

const plansShown = 50

func (f *Face) agentList(w http.ResponseWriter, r *http.Request, who access.Caller) {
	d := agentsData{Names: map[string]string{}, Decides: access.Allow(who, access.Want{Scope: access.Decide}) == nil, Address: f.resource()}
	if err := f.plansFor(r, who, &d); err != nil {
		f.fail(w, r, err)
		return
	}
	agents, err := ask[struct{ Agents []access.AgentState }](f, r, who, "agent.list", struct{}{})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d.Agents = agents.Agents
	for _, g := range d.Agents {
		d.Names[g.ID] = g.Name
	}
	all, err := ask[listed](f, r, who, "connection.list", struct{}{})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	for _, c := range all.Connections {
		d.Names[c.ID] = c.Name
	}
	title := "Agents"
	if len(d.Waiting) > 0 {
		title = plural(len(d.Waiting), "plan") + " waiting · Agents"
	}
	f.render(w, r, http.StatusOK, "agents", view{Title: title, Section: "agents", Data: d})
}

// plansFor lists the plans, those that wait with what they would do.
func (f *Face) plansFor(r *http.Request, who access.Caller, d *agentsData) error {
	all, err := ask[struct{ Plans []action.Plan }](f, r, who, "plan.list", map[string]int{"limit": plansShown})
	if err != nil {
		return err
	}
	for _, p := range all.Plans {
		if p.State != action.PlanWaiting {
			d.Past = append(d.Past, p)
			continue
		}
		whole, err := ask[action.Plan](f, r, who, "plan.show", map[string]string{"id": p.ID})
		if err != nil {
			return err
		}
		shown, err := planned(whole)
		if err != nil {
			return err
		}
		d.Waiting = append(d.Waiting, shown)
	}
	if !d.Decides {
		return nil
	}
	rules, err := ask[struct{ Rules []action.Rule }](f, r, who, "plan.rule.list", struct{}{})
	d.Rules = rules.Rules
	return err
}

func (f *Face) agentDo(w http.ResponseWriter, r *http.Request, who access.Caller) {
	id, said := r.FormValue("id"), ""
	var err error
	switch do := r.PathValue("do"); do {
	case "approve":
		said, err = f.approve(r, who)
	case "reject":
		_, err = ask[any](f, r, who, "plan.reject", map[string]string{"id": id})
		said = "Rejected. It never happens."
	case "stop":
		_, err = ask[any](f, r, who, "agent.stop", map[string]string{"id": id})
		said = "Stopped. It is refused everything, and nothing that it proposed happens."
	case "start":
		_, err = ask[any](f, r, who, "agent.start", map[string]string{"id": id})
		said = "It may go on."
	case "revoke":
		_, err = ask[any](f, r, who, "agent.revoke", map[string]string{"grant": r.FormValue("grant")})
		said = "Taken back. Its tokens are worth nothing any more."
	case "rule":
		_, err = ask[any](f, r, who, "plan.rule.add", map[string]string{"agent": r.FormValue("agent"), "action": r.FormValue("action"), "connection": r.FormValue("connection")})
		said = "From now on that happens without asking."
	case "remove-rule":
		_, err = ask[any](f, r, who, "plan.rule.remove", map[string]string{"id": id})
		said = "From now on it is asked about again."
	default:
		err = fault.Missing("button", do)
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.flash(r, said)
	http.Redirect(w, r, "/agents", http.StatusSeeOther)
}

func (f *Face) approve(r *http.Request, who access.Caller) (string, error) {
	p, err := ask[action.Plan](f, r, who, "plan.approve", map[string]string{"id": r.FormValue("id"), "input_sha256": r.FormValue("digest")})
	switch {
	case err != nil:
		return "", err
	case p.Problem != nil && p.State == action.PlanRefused:
		return "Approved, and refused: " + p.Problem.Title + ". Nothing happened.", nil
	case p.State == action.PlanDone:
		return "Approved and done.", nil
	default:
		return "Approved. Whether it happened is being found out.", nil
	}
}
