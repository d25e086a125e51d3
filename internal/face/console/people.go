package console

import (
	"net/http"

	"seneschal/internal/access"
	"seneschal/internal/fault"
)

// peopleData is everybody, and the form below.
type peopleData struct {
	People    []access.Profile
	Names     map[string]string // by id
	Name      string            // as typed in
	Role      string
	Problem   *fault.Problem
	Microsoft bool
}

// personData is one person's page, or one's own account.
type personData struct {
	P         access.Profile
	Current   string // the session that looks at the page
	Own       bool
	Names     map[string]string
	Microsoft bool
	Link      string // to Microsoft, for adding an account
	Changes   []roleChange
}

// roleChange is a button with what it brings about.
type roleChange struct {
	Role access.Role
	Then string
}

// consequences say what a role means, as a sentence about somebody.
var consequences = map[access.Role]string{
	access.Viewer: "reads the hub, and communications with an own address. Runs nothing and configures nothing; own connections stay, and are only read.",
	access.Member: "reads the hub and communications with an own address, and acts through own connections. Configures nothing, and sees no other people's communications.",
	access.Admin:  "configures everything, acts through app-only connections, and sees all communications and the audit record.",
}

func (f *Face) people(r *http.Request, who access.Caller) (peopleData, error) {
	all, err := ask[struct{ People []access.Profile }](f, r, who, "person.list", struct{}{})
	d := peopleData{People: all.People, Names: map[string]string{}, Role: string(access.Viewer), Microsoft: f.sso != nil}
	for _, p := range all.People {
		d.Names[p.ID] = p.Name
	}
	return d, err
}

func (f *Face) peopleList(w http.ResponseWriter, r *http.Request, who access.Caller) {
	d, err := f.people(r, who)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.showPeople(w, r, http.StatusOK, d)
}

func (f *Face) showPeople(w http.ResponseWriter, r *http.Request, status int, d peopleData) {
	title := plural(len(d.People), "person")
	if len(d.People) != 1 {
		title = "People"
	}
	for _, p := range d.People {
		if len(p.Contested) > 0 {
			title = "An address to settle · People"
		}
	}
	f.render(w, r, status, "people", view{Title: title, Section: "people", Data: d})
}

func (f *Face) personAdd(w http.ResponseWriter, r *http.Request, who access.Caller) {
	p, err := ask[access.Person](f, r, who, "person.add", map[string]string{"name": r.FormValue("name"), "role": r.FormValue("role")})
	if err == nil {
		f.flash(r, p.Name+" is added. The page says how the first sign-in goes.")
		http.Redirect(w, r, "/people/"+p.ID, http.StatusSeeOther)
		return
	}
	d, e := f.people(r, who)
	if e != nil {
		f.fail(w, r, e)
		return
	}
	problem := fault.As(err).Problem()
	d.Problem, d.Name, d.Role = &problem, r.FormValue("name"), r.FormValue("role")
	f.showPeople(w, r, problem.Status, d)
}

func (f *Face) personPage(w http.ResponseWriter, r *http.Request, who access.Caller) {
	all, err := f.people(r, who)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	for _, p := range all.People {
		if p.ID == r.PathValue("id") {
			f.showPerson(w, r, personData{P: p, Names: all.Names, Own: p.ID == who.ID})
			return
		}
	}
	f.fail(w, r, fault.Missing("person", r.PathValue("id")))
}

func (f *Face) showPerson(w http.ResponseWriter, r *http.Request, d personData) {
	d.Current, d.Microsoft = f.sessions.GetString(r.Context(), sessionKey), f.sso != nil
	for _, role := range access.Roles() {
		if role != d.P.Role {
			d.Changes = append(d.Changes, roleChange{role, consequences[role]})
		}
	}
	section, title := "people", string(d.P.Role)+" · "+d.P.Name
	if d.Names == nil {
		section, title = "account", "Your account"
	}
	f.render(w, r, http.StatusOK, "person", view{Title: title, Section: section, Data: d})
}

func (f *Face) personDo(w http.ResponseWriter, r *http.Request, who access.Caller) {
	id := r.PathValue("id")
	back, said := "/people/"+id, ""
	var err error
	switch do := r.PathValue("do"); do {
	case "role":
		_, err = ask[any](f, r, who, "person.role", map[string]string{"name": id, "role": r.FormValue("role")})
		said = "The role counts from the next click on."
	case "remove":
		_, err = ask[any](f, r, who, "person.remove", map[string]string{"name": id})
		back, said = "/people", "Removed, and signed out everywhere."
	case "end-sessions":
		_, err = ask[any](f, r, who, "person.end_sessions", map[string]string{"name": id})
		said = "Signed out everywhere."
	case "revoke":
		_, err = ask[any](f, r, who, "session.revoke", map[string]string{"id": r.FormValue("session")})
		said = "That browser is signed out."
	case "move-address":
		_, err = ask[any](f, r, who, "person.move_address", map[string]string{"name": id, "address": r.FormValue("address")})
		said = r.FormValue("address") + " is this person's now."
	default:
		err = fault.Missing("button", do)
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.flash(r, said)
	http.Redirect(w, r, back, http.StatusSeeOther)
}

func (f *Face) account(w http.ResponseWriter, r *http.Request, who access.Caller) {
	p, err := ask[access.Profile](f, r, who, "person.me", struct{}{})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.showPerson(w, r, personData{P: p, Own: true})
}

func (f *Face) accountDo(w http.ResponseWriter, r *http.Request, who access.Caller) {
	var err error
	switch do := r.PathValue("do"); do {
	case "revoke":
		_, err = ask[any](f, r, who, "session.revoke", map[string]string{"id": r.FormValue("session")})
		f.flash(r, "That browser is signed out.")
	case "microsoft":
		f.addMicrosoft(w, r, who)
		return
	default:
		err = fault.Missing("button", do)
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

// addMicrosoft begins to add a Microsoft account to the person who is signed in. It is a button's request, which other sites cannot make,
// and shows a link: the page's policy lets no form lead away from the hub.
func (f *Face) addMicrosoft(w http.ResponseWriter, r *http.Request, who access.Caller) {
	if f.sso == nil {
		f.fail(w, r, errNoSSO)
		return
	}
	p, err := ask[access.Profile](f, r, who, "person.me", struct{}{})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	link, err := f.sso.Begin(r.Context(), access.Attempt{Browser: f.browser(w, r), Person: who.ID, ReturnTo: "/account"})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.showPerson(w, r, personData{P: p, Own: true, Link: link})
}
