package console

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/customer"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
)

// customersData is the list of customers, and the form below it.
type customersData struct {
	Customers []customer.Customer
	Form      customerForm
	Problem   *fault.Problem
}

// customerForm is a customer as typed in.
type customerForm struct{ Name, Domains, Addresses, Tenant string }

func readCustomerForm(r *http.Request) customerForm {
	return customerForm{r.FormValue("name"), r.FormValue("domains"), r.FormValue("addresses"), r.FormValue("tenant_id")}
}

// input splits what people paste: commas, semicolons, blanks and lines.
func (c customerForm) input() map[string]any {
	split := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(",; \t\r\n", r) })
	}
	return map[string]any{"name": c.Name, "domains": split(c.Domains), "addresses": split(c.Addresses), "tenant_id": strings.TrimSpace(c.Tenant)}
}

func (f *Face) customerList(w http.ResponseWriter, r *http.Request, who access.Caller) {
	f.showCustomers(w, r, who, http.StatusOK, customersData{})
}

func (f *Face) showCustomers(w http.ResponseWriter, r *http.Request, who access.Caller, status int, d customersData) {
	all, err := ask[struct{ Customers []customer.Customer }](f, r, who, "customer.list", struct{}{})
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d.Customers = all.Customers
	f.render(w, r, status, "customers", view{Title: "Customers", Section: "customers", Data: d})
}

func (f *Face) customerAdd(w http.ResponseWriter, r *http.Request, who access.Caller) {
	form := readCustomerForm(r)
	c, err := ask[customer.Customer](f, r, who, "customer.add", form.input())
	if err != nil {
		p := fault.As(err).Problem()
		f.showCustomers(w, r, who, p.Status, customersData{Form: form, Problem: &p})
		return
	}
	f.flash(r, c.Name+" is added. Mail that was read before is looked at again.")
	http.Redirect(w, r, "/customers/"+c.ID, http.StatusSeeOther)
}

// customerData is a customer's page.
type customerData struct {
	C        customer.Customer
	Upcoming []timeline.Communication
	Days     []day
	Filtered bool
	Search   string
	Cursor   string // where this page of the list begins
	Next     string // where an older one would
	Open     string // the communication that is open
	Body     template.HTML
	Links    []timeline.Link
	Problem  *fault.Problem
	Feeds    feed.Summary // without any, there is nothing to see
}

// day is what happened on one day, newest first.
type day struct {
	Date time.Time
	List []timeline.Communication
}

func (f *Face) customerPage(w http.ResponseWriter, r *http.Request, who access.Caller) {
	d, err := f.readCustomer(r, who)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	f.showCustomer(w, r, http.StatusOK, d)
}

func (f *Face) showCustomer(w http.ResponseWriter, r *http.Request, status int, d customerData) {
	f.render(w, r, status, "customer", view{Title: lastWord(d, f.clock.Now()) + " · " + d.C.Name, Section: "customers", Data: d,
		Live: live{URL: d.address(d.Cursor), Types: string(event.MailReceived) + " " + string(event.EventChanged), Customer: d.C.ID}})
}

// address is the page of the same search that begins at a cursor.
func (d customerData) address(cursor string) string {
	q := url.Values{}
	if d.Search != "" {
		q.Set("q", d.Search)
	}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	return (&url.URL{Path: "/customers/" + d.C.ID, RawQuery: q.Encode()}).String()
}

// Newest is the page of the same search that begins now.
func (d customerData) Newest() string { return d.address("") }

// Older is the page that goes on where this one ends; empty where this one is the last.
func (d customerData) Older() string {
	if d.Next == "" {
		return ""
	}
	return d.address(d.Next)
}

// lastWord names the state in the title: a technician reads the tab before the page.
func lastWord(d customerData, now time.Time) string {
	if d.Cursor != "" {
		return "Older"
	}
	if len(d.Days) == 0 {
		return "Nothing lately"
	}
	last := d.Days[0].List[0]
	return "Last " + string(last.Kind) + " " + age(now, last.At)
}

func (f *Face) readCustomer(r *http.Request, who access.Caller) (customerData, error) {
	d := customerData{Search: r.FormValue("q"), Cursor: r.FormValue("cursor")}
	out, err := ask[timeline.Result](f, r, who, "communication.list", map[string]any{"customer": r.PathValue("id"), "search": d.Search, "cursor": d.Cursor, "limit": 100})
	if err != nil {
		return d, err
	}
	d.C, d.Filtered, d.Next = out.Customer, out.Hidden, out.NextCursor
	now := f.clock.Now()
	for _, c := range out.Communications {
		if c.Kind == timeline.Meeting && c.EndsAt.After(now) {
			d.Upcoming = append([]timeline.Communication{c}, d.Upcoming...) // the next one first
			continue
		}
		date := c.At.UTC().Truncate(24 * time.Hour)
		if n := len(d.Days); n == 0 || !d.Days[n-1].Date.Equal(date) {
			d.Days = append(d.Days, day{Date: date})
		}
		d.Days[len(d.Days)-1].List = append(d.Days[len(d.Days)-1].List, c)
	}
	d.Feeds = out.Summary
	return d, nil
}

// customerOpen shows one body in place. It is a button and not a link: whoever opens it is recorded, and browsers fetch links ahead.
func (f *Face) customerOpen(w http.ResponseWriter, r *http.Request, who access.Caller) {
	d, err := f.readCustomer(r, who)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	d.Open = r.FormValue("communication")
	status := http.StatusOK
	body, err := ask[timeline.Body](f, r, who, "communication.body", map[string]any{"id": d.Open, "reason": "opened on the page of " + d.C.Name})
	if err != nil {
		p := fault.As(err).Problem()
		d.Problem, status = &p, p.Status
	}
	d.Body, d.Links = template.HTML(body.HTML), body.Links //nolint:gosec // the engine's sanitiser lets formatting through and nothing else, and the page's policy forbids the rest
	f.showCustomer(w, r, status, d)
}

func (f *Face) customerDo(w http.ResponseWriter, r *http.Request, who access.Caller) {
	id := r.PathValue("id")
	var err error
	back := "/customers/" + id
	switch do := r.PathValue("do"); do {
	case "change":
		in := readCustomerForm(r).input()
		in["customer"] = id
		_, err = ask[any](f, r, who, "customer.change", in)
		f.flash(r, "Saved. Mail that was read before is looked at again.")
	case "sync":
		if err = f.syncCustomer(r, who, id); err == nil {
			f.flash(r, "The mailboxes that have mail or meetings with them are being walked.")
		}
	case "remove":
		_, err = ask[any](f, r, who, "customer.remove", map[string]string{"customer": id})
		back = "/customers"
	default:
		err = fault.Missing("button", do)
	}
	if err != nil {
		f.fail(w, r, err)
		return
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// syncCustomer has the mailboxes walked in which the customer's communications lie.
func (f *Face) syncCustomer(r *http.Request, who access.Caller, id string) error {
	out, err := ask[timeline.Result](f, r, who, "communication.list", map[string]any{"customer": id, "limit": 500})
	if err != nil {
		return err
	}
	done := map[string]bool{}
	for _, c := range out.Communications {
		for _, k := range c.Copies {
			if done[k.Mailbox] {
				continue
			}
			done[k.Mailbox] = true
			if _, err := ask[any](f, r, who, "feed.sync", map[string]string{"mailbox": k.Mailbox}); err != nil {
				return err
			}
		}
	}
	if len(done) == 0 {
		return &fault.Error{Kind: fault.Conflict, Code: "nothing_known", Message: "No mailbox is known to have mail with this customer yet", Fix: "Choose Sync now on the page Feeds", Who: "an admin of this hub"}
	}
	return nil
}
