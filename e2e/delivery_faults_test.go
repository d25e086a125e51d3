package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/fault"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// mishap is what goes wrong with a mail.
type mishap struct {
	on     func(p *post) []sim.Fault // what Microsoft does; nil for nothing
	in     fields                    // besides the usual letter
	file   int                       // the size of a file that goes along, in bytes
	before func(p *post)             // what happens before it is handed in
	after  func(p *post)             // how that ends again
}

// post is a hub that delivers in one mode.
type post struct {
	*app.Hub
	t    *testing.T
	mode delivery.Mode
}

// asks is how the mode asks Microsoft to send.
func (p *post) asks() string {
	if p.mode == delivery.SendOnly {
		return "/v1.0/users/*/sendMail"
	}
	return "/v1.0/users/*/messages/*/send"
}

// makes is the first request of the mode that carries the mail.
func (p *post) makes() string {
	if p.mode == delivery.SendOnly {
		return p.asks()
	}
	return "/v1.0/users/*/messages"
}

// atSend has Microsoft do something when it is asked to send.
func atSend(f sim.Fault) func(*post) []sim.Fault {
	return func(p *post) []sim.Fault {
		f.Match = matching("POST", p.asks())
		return []sim.Fault{f}
	}
}

// refusing has Microsoft refuse to send.
func refusing(status int, code string, times int) func(*post) []sim.Fault {
	return atSend(sim.Fault{Kind: "status", Status: status, Code: code, Times: times})
}

func reported(status, text string) func(*post) []sim.Fault {
	return atSend(sim.Fault{Kind: "mail_returned", Code: status, Message: text, Times: 1})
}

// atFile has something become of a file on its way: by request, or by upload session.
func atFile(f sim.Fault, method, path string) func(*post) []sim.Fault {
	f.Match = matching(method, path)
	return func(*post) []sim.Fault { return []sim.Fault{f} }
}

const large = 8 << 20

var mishaps = map[string]mishap{
	"the mailbox is on no list":                   {in: fields{"from": ben}},
	"the connection does not list it for sending": {in: fields{"from": ben, "connection": "post"}},
	"more recipients than the setting allows":     {in: fields{"to": []string{"a@x.example", "b@x.example", "c@x.example"}}},
	"a file that is too large for one request":    {file: large},
	"202 with Retry-After":                        {on: atSend(sim.Fault{Kind: "accept_retry_after", RetryAfter: "30", Times: 1})},
	"the answer to the draft is lost": {on: func(p *post) []sim.Fault {
		return []sim.Fault{{Kind: "timeout_after_accept", Times: 1, Match: matching("POST", p.makes())}}
	}},
	"202 followed by nothing":                       {on: atSend(sim.Fault{Kind: "accept_then_nothing", Times: 1})},
	"Microsoft takes it, and the answer is lost":    {on: atSend(sim.Fault{Kind: "timeout_after_accept", Times: 1})},
	"the connection breaks before Microsoft has it": {on: atSend(sim.Fault{Kind: "reset", Times: 1})},
	"throttled at the send":                         {on: atSend(sim.Fault{Kind: "429", RetryAfter: "7", Times: 8})},
	"Sent Items is 20 minutes late":                 {on: atSend(sim.Fault{Kind: "sent_late", Delay: "20m", Times: 1})},
	"an address that Microsoft does not take":       {on: refusing(http.StatusBadRequest, "ErrorInvalidRecipients", 0)},
	"the mailbox's sending limit is reached":        {on: refusing(http.StatusForbidden, "ErrorExceededMessageLimit", 3)},
	"the mailbox is blocked from sending":           {on: refusing(http.StatusForbidden, "ErrorMessageSubmissionBlocked", 0)},
	"Microsoft takes the mail for spam":             {on: refusing(http.StatusForbidden, "ErrorMessageBlocked", 0)},
	"the mail is larger than the tenant allows":     {on: refusing(http.StatusRequestEntityTooLarge, "ErrorMessageSizeExceeded", 0)},
	"the mailbox may not be used by the app":        {on: refusing(http.StatusForbidden, "ExtensionError", 0)},
	"a report says that the sender is blocked":      {on: reported("5.1.8", "Access denied, bad outbound sender")},
	"a report says that the day's limit is reached": {on: reported("5.1.90", "Your message can't be sent because you've reached your daily limit for message recipients")},
	"a report says that there are too many":         {on: reported("5.5.3", "RESOLVER.ADR.RecipLimit; too many recipients")},
	"a report says that a rule refuses the file":    {on: reported("5.7.1", "TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy"), file: 1000},
	"a report says that there is no such recipient": {on: reported("5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup")},
	"a policy takes the file off the draft":         {on: atFile(sim.Fault{Kind: "attachment_spoiled", Code: "removed"}, "POST", "/v1.0/users/*/messages/*/attachments"), file: 1000},
	"Microsoft ends up with less than the file":     {on: atFile(sim.Fault{Kind: "attachment_spoiled", Code: "shortened"}, "PUT", "/outlook-upload/*"), file: large},
	"the upload of a file breaks off":               {on: atFile(sim.Fault{Kind: "reset", After: 1, Times: 2}, "PUT", "/outlook-upload/*"), file: large},
	"the upload of a file is forgotten half-way":    {on: atFile(sim.Fault{Kind: "status", Status: http.StatusNotFound, Code: "ErrorItemNotFound", After: 1, Times: 1}, "PUT", "/outlook-upload/*"), file: large},
	"the upload of a file is forgotten each time":   {on: atFile(sim.Fault{Kind: "status", Status: http.StatusNotFound, Code: "ErrorItemNotFound"}, "PUT", "/outlook-upload/*"), file: large},
	"the answer to the upload's last piece is lost": {on: atFile(sim.Fault{Kind: "timeout_after_accept", After: 2, Times: 1}, "PUT", "/outlook-upload/*"), file: large},
	"the mailbox is full": {on: func(p *post) []sim.Fault {
		return []sim.Fault{{Kind: "status", Status: http.StatusInsufficientStorage, Code: "ErrorQuotaExceeded", Match: matching("POST", p.makes())}}
	}},
	"Microsoft is down for a while": {on: func(p *post) []sim.Fault {
		return []sim.Fault{{Kind: "status", Status: http.StatusServiceUnavailable, Times: 3, Match: matching("POST", p.makes())}}
	}},
	"the account of the mailbox is deleted": {before: func(p *post) { play(p.t, p.Hub, sim.Fault{Kind: "user_deleted", User: ada}) }, after: func(p *post) { play(p.t, p.Hub, sim.Fault{Kind: "user_restored", User: ada}) }},
	"the mailbox's licence is taken away":   {before: func(p *post) { play(p.t, p.Hub, sim.Fault{Kind: "mailbox_removed", User: ada}) }, after: func(p *post) { play(p.t, p.Hub, sim.Fault{Kind: "mailbox_returned", User: ada}) }},
}

// hurry passes time as fast as the hub follows until something is so: at once to what is due next, while something is under way slowly.
func hurry(t *testing.T, a *app.App, now *clock.Adjustable, what string, ok func() bool) {
	t.Helper()
	waitUntil(t, what, func() bool {
		if ok() {
			return true
		}
		rows, err := a.Jobs.Rows(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		step := underWay
		if len(rows) > 0 {
			step = max(step, min(rows[0].Due.Sub(now.Now()), time.Minute))
		}
		now.Advance(step)
		return false
	})
}

func (p *post) hurry(what string, ok func() bool) {
	p.t.Helper()
	hurry(p.t, p.App, p.Time, what, ok)
}

// suffer has a mail meet its mishap, and gives how it ended, and the problem that it had on the way.
func (p *post) suffer(m mishap, key string, ends delivery.State) (string, *fault.Problem) {
	p.t.Helper()
	if m.before != nil {
		m.before(p)
	}
	if m.on != nil {
		for _, f := range m.on(p) {
			play(p.t, p.Hub, f)
		}
	}
	in := letterTo(ben, key)
	for name, v := range m.in {
		in[name] = v
	}
	var files []string
	if m.file > 0 {
		files = append(files, pdf(p.t, key+".pdf", m.file))
	}
	d, err := handIn(p.t, p.App, key, in, files...)
	if err != nil {
		return "not taken", problemOf(err)
	}
	if m.after != nil {
		defer m.after(p)
	}
	var had *fault.Problem
	p.hurry(key+" is "+string(ends), func() bool {
		now := showDelivery(p.t, p.App, d.ID)
		if now.Problem != nil {
			had = now.Problem
		}
		return now.State == ends
	})
	until := p.Time.Now().Add(2 * time.Minute)
	if had != nil && (ends == delivery.Sent || ends == delivery.Unsure) {
		until = until.Add(18 * time.Minute) // whatever was under way could still come
	}
	p.hurry("it stays so", func() bool { return p.Time.Now().After(until) })
	return p.story(d.ID, key, m.file > 0), had
}

// story is what became of a mail, in the table's words.
func (p *post) story(id, subject string, file bool) string {
	p.t.Helper()
	d, out := showDelivery(p.t, p.App, id), []string{}
	for i, s := range d.Steps {
		word := string(s.State)
		if s.State == delivery.Queued {
			word = "waiting"
		}
		if i > 0 && s.State != delivery.Sending && !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	n := copies(p.t, p.Cloud, "ben@", subject)
	if got := arrivedFiles(p.t, p.Hub, subject+".pdf"); file && got != n {
		p.t.Errorf("%d mails with %d files", n, got)
	}
	return strings.Join(out, ", then ") + fmt.Sprintf("; %d", n)
}

// ending is the state that a story ends in.
func ending(story string) delivery.State {
	words := strings.Split(strings.Split(story, ";")[0], ", then ")
	return delivery.State(words[len(words)-1])
}

func TestFaultsOfDeliveries(t *testing.T) {
	t.Parallel()
	rows := table(t, "situation of a delivery | mode | what becomes of it; mails that arrive | code | what it says to do | who")
	known := map[string]bool{}
	for _, row := range rows {
		known[row[0]] = true
		if _, ok := mishaps[row[0]]; !ok {
			t.Errorf("the test does not know how to make this happen: %s", row[0])
		}
	}
	for name := range mishaps {
		if !known[name] {
			t.Errorf("docs/faults.md has no row %q", name)
		}
	}
	for mode, by := range map[delivery.Mode]string{delivery.Verified: "Seneschal", delivery.SendOnly: sendingAlone} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			p := &post{delivering(t, store.SQLite, by, func(s map[string]string) { s["DELIVERY_RECIPIENTS"] = "2" }), t, mode}
			for _, row := range rows {
				if row[1] != "both" && row[1] != string(mode) {
					continue
				}
				t.Run(row[0], func(t *testing.T) {
					p.t = t
					defer p.Cloud.ClearFaults()
					story, problem := p.suffer(mishaps[row[0]], "k "+row[0], ending(row[2]))
					got, want := story, strings.Join(row[2:], " | ")
					if problem != nil {
						got += fmt.Sprintf(" | %s | %s | %s", problem.Code, advice(problem), problem.Who)
					}
					if got != want || problem != nil && (problem.Fix == "" || problem.Who == "" || problem.Title == "") {
						t.Errorf("got\n| %s | %s | %s |\nwant\n| %s | %s | %s |", row[0], row[1], got, row[0], row[1], want)
					}
				})
			}
		})
	}
}
