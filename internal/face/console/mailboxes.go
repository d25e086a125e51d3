package console

import (
	"net/http"
	"strings"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// mailboxesData is whose addresses are whose, and which mailboxes are listed where.
type mailboxesData struct {
	Technicians []technician
	People      []access.Profile // for the form; of admins
	Person      string           // as chosen
	Address     string           // as typed in
	Mailboxes   []listedMailbox
	Search      string
	All, More   int // listed altogether, and not shown
	Problem     *fault.Problem
}

type technician struct {
	Address string
	Name    string
	Person  string
}

// listedMailbox is a mailbox with the connection that lists it, and the technician whose it is.
type listedMailbox struct {
	connection.Mailbox
	Connection, ConnectionID string
	Technician               string
}

const mailboxesShown = 200

func (f *Face) mailboxList(w http.ResponseWriter, r *http.Request, who access.Caller) {
	f.showMailboxes(w, r, who, http.StatusOK, mailboxesData{Search: r.FormValue("q")})
}

func (f *Face) showMailboxes(w http.ResponseWriter, r *http.Request, who access.Caller, status int, d mailboxesData) {
	err := f.readTechnicians(r, who, &d)
	if err == nil {
		err = f.readMailboxes(r, who, &d)
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.render(w, r, status, "mailboxes", view{Title: "Technicians and mailboxes", Section: "mailboxes", Data: d})
}

func (f *Face) readTechnicians(r *http.Request, who access.Caller, d *mailboxesData) error {
	out, err := ask[struct{ Technicians []technician }](f, r, who, "technician.list", struct{}{})
	if err != nil || who.Role != access.Admin {
		d.Technicians = out.Technicians
		return err
	}
	people, err := f.people(r, who)
	d.Technicians, d.People = out.Technicians, people.People
	return err
}

func (f *Face) readMailboxes(r *http.Request, who access.Caller, d *mailboxesData) error {
	all, err := ask[listed](f, r, who, "connection.list", struct{}{})
	if err != nil {
		return err
	}
	whose := map[string]string{}
	for _, t := range d.Technicians {
		whose[t.Address] = t.Name
	}
	part := strings.ToLower(strings.TrimSpace(d.Search))
	for _, c := range all.Connections {
		if c.Kind == m365.Delegated && c.Account != "" && c.Serves(m365.Timeline) {
			c.Mailboxes = append(c.Mailboxes, connection.Mailbox{Address: c.Account, Purposes: []connection.Purpose{connection.ForTimeline}, Status: connection.Resolved, Note: "their own connection"})
		}
		for _, m := range c.Mailboxes {
			one := listedMailbox{m, c.Name, c.ID, whose[strings.ToLower(m.Address)]}
			if d.All++; !strings.Contains(strings.ToLower(m.Address+" "+m.DisplayName+" "+one.Technician+" "+c.Name), part) {
				continue
			}
			if len(d.Mailboxes) == mailboxesShown {
				d.More++
				continue
			}
			d.Mailboxes = append(d.Mailboxes, one)
		}
	}
	return nil
}

func (f *Face) technicianDo(w http.ResponseWriter, r *http.Request, who access.Caller) {
	person, address := r.FormValue("person"), r.FormValue("mailbox")
	switch do := r.PathValue("do"); do {
	case "add":
		if _, err := ask[any](f, r, who, "technician.add", map[string]string{"person": person, "mailbox": address}); err != nil {
			p := fault.As(err).Problem()
			f.showMailboxes(w, r, who, p.Status, mailboxesData{Person: person, Address: address, Problem: &p})
			return
		}
		f.flash(r, "Whose address takes part, sees the communication.")
	case "remove":
		if _, err := ask[any](f, r, who, "technician.remove", map[string]string{"mailbox": address}); err != nil {
			f.fail(w, r, err)
			return
		}
		f.flash(r, address+" is nobody's own any more.")
	default:
		f.fail(w, r, fault.Missing("button", do))
		return
	}
	http.Redirect(w, r, "/mailboxes", http.StatusSeeOther)
}
