package console

import (
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/customer"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
)

// hue is how a state looks: one of the four state hues, an icon and a word (UI.md: never colour alone).
type hue struct{ Class, Icon, Word string }

var hues = map[string]hue{
	"healthy": {"good", "✓", "healthy"}, "ok": {"good", "✓", "works"}, "done": {"good", "✓", "done"}, "resolved": {"good", "✓", "found"}, "alias": {"good", "✓", "alias"},
	"degraded": {"attention", "!", "partly works"}, "throttled": {"attention", "!", "throttled"}, "attention": {"attention", "!", "soon"}, "superfluous": {"attention", "!", "too much"},
	"verifying": {"attention", "…", "verifying"}, "pending_consent": {"attention", "…", "waits for consent"}, "claimed": {"attention", "…", "running"}, "sent": {"attention", "…", "running"},
	"unclear": {"attention", "?", "not clear yet"}, "handed": {"attention", "…", "running"}, "moot": {"unknown", "‖", "not needed any more"}, "cannot_tell": {"unknown", "?", "cannot tell"}, "unchecked": {"unknown", "?", "not looked up"},
	"needs_reauth": {"bad", "✕", "needs a sign-in"}, "needs_admin": {"bad", "✕", "needs an administrator"}, "failed": {"bad", "✕", "failed"}, "missing": {"bad", "✕", "permission missing"},
	"refused": {"bad", "✕", "refused"}, "unlicensed": {"bad", "✕", "no mailbox"}, "denied": {"bad", "✕", "not let in"}, "ambiguous": {"bad", "✕", "several of the name"}, "paused": {"unknown", "‖", "paused"},
	"used": {"good", "✓", "used"}, "sign_in": {"good", "✓", "signing in"}, "unused": {"attention", "!", "not used in 30 days"}, "not_yet": {"unknown", "?", "not seen yet"}, "cannot_match": {"unknown", "?", "cannot tell"},
	"never_used": {"attention", "!", "never used"}, "expired": {"unknown", "‖", "expired"},
	"webhook_works": {"good", "✓", "reached"}, "webhook_fails": {"bad", "✕", "not reached"}, "webhook_unknown": {"unknown", "?", "not called yet"},
	"intake_works": {"good", "✓", "taken"}, "intake_refuses": {"bad", "✕", "refused"}, "intake_unknown": {"unknown", "?", "not called yet"},
	"delivery_waiting": {"attention", "…", "waits"}, "delivery_sending": {"attention", "…", "being sent"}, "delivery_delivered": {"good", "✓", "delivered"}, "delivery_dead": {"bad", "✕", "given up"},
	"slot_planned": {"unknown", "…", "planned"}, "slot_placing": {"attention", "…", "placing"}, "slot_placed": {"good", "✓", "placed"}, "slot_drifted": {"attention", "!", "changed by hand"}, "slot_held": {"attention", "‖", "held back"},
	"slot_failed": {"bad", "✕", "failed"}, "slot_withdrawn": {"unknown", "‖", "withdrawn"},
	"mail_queued": {"attention", "…", "queued"}, "mail_sending": {"attention", "…", "being sent"}, "mail_sent": {"good", "✓", "sent"}, "mail_unsure": {"attention", "?", "unsure"}, "mail_failed": {"bad", "✕", "failed"},
	"mail_cancelled": {"unknown", "‖", "taken back"}, "mail_bounced": {"bad", "✕", "bounced"},
	"live": {"good", "✓", "up to date"}, "new": {"unknown", "…", "not walked yet"}, "backfill": {"attention", "…", "importing"}, "waiting": {"bad", "✕", "waits for somebody"}, "failing": {"attention", "!", "trying again"}, "unknown": {"unknown", "?", "unknown"},
}

func (f *Face) functions() template.FuncMap {
	return template.FuncMap{
		"hue": func(state any) hue {
			if h, ok := hues[fmt.Sprint(state)]; ok {
				return h
			}
			return hue{"unknown", "?", fmt.Sprint(state)}
		},
		"age":   func(t time.Time) string { return age(f.clock.Now(), t) },
		"when":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"date":  func(t time.Time) string { return t.UTC().Format("Monday, 2 January 2006") },
		"clock": func(t time.Time) string { return t.UTC().Format("15:04") },
		"span":  span,
		"names": names,
		"roles": access.Roles,
		"item":  opened,
		"formOf": func(c customer.Customer) customerForm {
			return customerForm{c.Name, strings.Join(c.Domains, "\n"), strings.Join(c.Addresses, "\n"), string(c.TenantID)}
		},
		"thousands": thousands,
		"more":      func(h delivery.Head) int { return countOf(h) - 1 },
		"reason":    func(why timeline.Reason) string { return reasons[why] },
		"refusal": func(code string) string {
			if words, ok := refusals[code]; ok {
				return words
			}
			return code
		},
		"day": func(from time.Time, steps, span int) string { return from.AddDate(0, 0, steps*span).Format(dayFormat) },
		"board": func(d boardData, form *slotForm) formView {
			return formView{d, form, []string{"planned", "tentative", "confirmed", "cancelled"}}
		},
		"onboard": func(d boardData, s dispatch.Slot) slotView { return slotView{d, s} },
		"group":   func(id, title string, list []shown) group { return group{id, title, list} },
		"join":    func(list any) string { return joined(list) },
		"json": func(v any) string {
			text, err := json.MarshalIndent(v, "", "  ")
			if err != nil {
				return ""
			}
			return string(text)
		},
	}
}

// group is one list of connections on the overview.
type group struct {
	ID, Title string
	List      []shown
}

// age is a time in words, relative to now.
func age(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	if d < 0 {
		return "in " + span(-d)
	}
	return span(d) + " ago"
}

func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return plural(int(d.Seconds()), "second")
	case d < time.Hour:
		return plural(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return plural(int(d.Hours()), "hour")
	default:
		return plural(int(d.Hours()/24), "day")
	}
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

func joined(list any) string {
	text, err := json.Marshal(list)
	if err != nil {
		return ""
	}
	var items []string
	if json.Unmarshal(text, &items) != nil {
		return ""
	}
	return strings.Join(items, ", ")
}

// names are the participants of a role, as people know them.
func names(all []timeline.Participant, roles ...string) string {
	var out []string
	for _, p := range all {
		if !slices.Contains(roles, string(p.Role)) {
			continue
		}
		if p.Name == "" || p.Name == p.Address {
			out = append(out, p.Address)
			continue
		}
		out = append(out, p.Name+" <"+p.Address+">")
	}
	return strings.Join(out, ", ")
}

// reasons say in words why an entry was not kept.
var reasons = map[timeline.Reason]string{
	timeline.NoCustomer: "no participant belongs to a customer", timeline.IsDraft: "a draft", timeline.IsPrivate: "marked as private", timeline.IsMaster: "a series itself; its meetings are kept one by one",
	timeline.OutOfView: "outside the two weeks ahead and the one behind",
	timeline.TooOld:    "further back than communications are kept", timeline.Erased: "somebody takes part who was erased",
}

// refusals say in words why what a notification carried was not believed.
var refusals = map[string]string{
	"token_signature": "signed by nobody Microsoft knows", "token_expired": "vouched for by a token that is too old", "token_issuer": "vouched for in another tenant's name",
	"token_sender": "sent by another application than Microsoft's", feed.TokenMissing: "vouched for by nobody", feed.TokenAudience: "meant for another application", feed.TokenTenant: "about another tenant",
	feed.CertificateUnknown: "encrypted for a key that was never ours", feed.CertificateRetired: "encrypted for a key that is retired", feed.KeyUnopened: "encrypted for another key than it says",
	feed.DataSignature: "changed on the way", feed.DataUnreadable: "not readable", feed.Repeated: "came before",
}

// line is one communication on a customer's page, open or not.
type line struct {
	C        timeline.Communication
	Customer string
	Search   string
	Cursor   string
	Open     bool
	Body     template.HTML
	Links    []timeline.Link
	Problem  *fault.Problem
}

func opened(d customerData, c timeline.Communication) line {
	l := line{C: c, Customer: d.C.ID, Search: d.Search, Cursor: d.Cursor}
	if c.ID == d.Open {
		l.Open, l.Body, l.Links, l.Problem = true, d.Body, d.Links, d.Problem
	}
	return l
}

// thousands writes a count with commas.
func thousands(n any) string {
	switch n := n.(type) {
	case int:
		return timeline.Thousands(n)
	case *int:
		return timeline.Thousands(*n)
	case int64:
		return timeline.Thousands(n)
	default:
		return fmt.Sprint(n)
	}
}
