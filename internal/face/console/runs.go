package console

import (
	"crypto/rand"
	"encoding/json"
	"net/http"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
)

// runData is the page of one run.
type runData struct {
	Run        action.Run
	Connection string // its name, where it is there and the reader may see it
	Deletes    bool
	Key        string
	Result     *repeated
	Problem    *fault.Problem
}

// repeated is what run.again answers.
type repeated struct {
	Run      string
	Replayed bool
	Output   json.RawMessage
}

func (f *Face) runPage(w http.ResponseWriter, r *http.Request, who access.Caller) {
	f.showRun(w, r, who, runData{}, nil)
}

// showRun shows a run, and what came of a button on its page.
func (f *Face) showRun(w http.ResponseWriter, r *http.Request, who access.Caller, d runData, failed error) {
	var err error
	if d.Run, err = ask[action.Run](f, r, who, "run.show", map[string]string{"id": r.PathValue("id")}); err != nil {
		f.fail(w, r, err)
		return
	}
	if c, err := ask[connection.Connection](f, r, who, "connection.show", map[string]string{"id": d.Run.Connection}); err == nil {
		d.Connection = c.Name
	}
	if a, ok := f.runner.Registry().Lookup(d.Run.Action); ok {
		d.Deletes = a.Effect == action.Deletes
	}
	if d.Key == "" || failed == nil {
		d.Key = "console-" + rand.Text() // it stays in the form, so that a reloaded answer is not a second effect
	}
	status := http.StatusOK
	if failed != nil {
		p := fault.As(failed).Problem()
		d.Problem, status = &p, p.Status
	}
	v := view{Title: string(d.Run.State) + " · " + d.Run.Action, Section: "activity", Data: d}
	if d.Run.EndedAt.IsZero() {
		v.Live = live{URL: r.URL.RequestURI()}
	}
	f.render(w, r, status, "run", v)
}

func (f *Face) runDo(w http.ResponseWriter, r *http.Request, who access.Caller) {
	id := r.PathValue("id")
	switch do := r.PathValue("do"); do {
	case "again":
		f.runAgain(w, r, who, id)
	case "reconcile":
		if _, err := ask[action.Run](f, r, who, "run.reconcile", map[string]string{"id": id}); err != nil {
			f.showRun(w, r, who, runData{}, err)
			return
		}
		http.Redirect(w, r, "/runs/"+id, http.StatusSeeOther)
	default:
		f.fail(w, r, fault.Missing("button", do))
	}
}

func (f *Face) runAgain(w http.ResponseWriter, r *http.Request, who access.Caller, id string) {
	d := runData{Key: r.FormValue("key")}
	run, err := ask[action.Run](f, r, who, "run.show", map[string]string{"id": id})
	if err == nil {
		a, _ := f.runner.Registry().Lookup(run.Action)
		err = sure(r, a)
	}
	var result action.Result
	if err == nil {
		text, _ := json.Marshal(map[string]string{"id": id}) // texts always encode
		result, err = f.runner.Do(r.Context(), action.Request{Action: "run.again", Caller: who, Input: text, Key: d.Key})
	}
	if err == nil {
		d.Result = &repeated{}
		err = json.Unmarshal(result.Output, d.Result)
	}
	f.showRun(w, r, who, d, err)
}

// sure wants a person to say twice that something shall be deleted.
func sure(r *http.Request, a action.Action) error {
	if a.Effect != action.Deletes || r.FormValue("sure") == "yes" {
		return nil
	}
	return fault.BadField("sure", "is not ticked: what goes does not simply come back")
}
