package console

import (
	"net/http"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/fault"
)

// intakesData is every address to which planning systems post slots, and the form below as it was filled in.
type intakesData struct {
	Intakes     []intakeShown
	Made        *dispatch.IntakeMade // its secret is in this answer and nowhere else
	Connections []connection.Connection
	Form        struct{ Name, Connection, Source string }
	Problem     *fault.Problem
}

// intakeShown is an intake with its proof: a call that was taken, and none that was refused since.
type intakeShown struct {
	dispatch.Intake
	State string
}

func (f *Face) intakes(w http.ResponseWriter, r *http.Request, who access.Caller) {
	f.showIntakes(w, r, who, http.StatusOK, intakesData{})
}

func (f *Face) showIntakes(w http.ResponseWriter, r *http.Request, who access.Caller, status int, d intakesData) {
	all, err := ask[struct{ Intakes []dispatch.Intake }](f, r, who, "dispatch.intake.list", struct{}{})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	for _, i := range all.Intakes {
		state := "intake_unknown"
		switch {
		case i.RefusedAt.After(i.CalledAt):
			state = "intake_refuses"
		case !i.CalledAt.IsZero():
			state = "intake_works"
		}
		d.Intakes = append(d.Intakes, intakeShown{i, state})
	}
	connections, err := ask[struct{ Connections []connection.Connection }](f, r, who, "connection.list", struct{}{})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d.Connections = connections.Connections
	f.render(w, r, status, "intakes", view{Title: "Planning systems", Section: "dispatch", Data: d})
}

// intakeDo is every button of the page. Making and rotating answer with the page itself and no redirect, as the secret is shown once.
func (f *Face) intakeDo(w http.ResponseWriter, r *http.Request, who access.Caller) {
	var d intakesData
	var err error
	d.Form.Name, d.Form.Connection, d.Form.Source = r.FormValue("name"), r.FormValue("connection"), r.FormValue("source")
	switch do := r.PathValue("do"); do {
	case "add":
		d.Made, err = made(ask[dispatch.IntakeMade](f, r, who, "dispatch.intake.add", map[string]any{"name": d.Form.Name, "connection": d.Form.Connection, "source": d.Form.Source}))
	case "rotate":
		d.Made, err = made(ask[dispatch.IntakeMade](f, r, who, "dispatch.intake.rotate", map[string]any{"name": r.FormValue("id")}))
	case "remove":
		if _, err = ask[any](f, r, who, "dispatch.intake.remove", map[string]any{"name": r.FormValue("id")}); err == nil {
			f.flash(r, "Ended; what it brought stays in the plan.")
			http.Redirect(w, r, "/dispatch/intakes", http.StatusSeeOther)
			return
		}
	default:
		err = fault.Missing("button", do)
	}
	if err != nil {
		p := fault.As(err).Problem()
		d.Problem = &p
		f.showIntakes(w, r, who, p.Status, d)
		return
	}
	f.showIntakes(w, r, who, http.StatusOK, d)
}

func made(m dispatch.IntakeMade, err error) (*dispatch.IntakeMade, error) { return &m, err }
