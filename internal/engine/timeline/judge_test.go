package timeline

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"seneschal/internal/customer"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

const tenant m365.TenantID = "11111111-0000-4000-8000-00000000000a"

// Each row is a meeting that somebody's program made; it is kept, dropped for a reason, or an item to set aside, and never more than that.
func TestAbsurdMeetings(t *testing.T) {
	from := time.Date(2026, 11, 14, 0, 0, 0, 0, time.UTC)
	to := from.Add(21 * 24 * time.Hour)
	at := func(text string) graph.DateTimeTimeZone {
		return graph.DateTimeTimeZone{DateTime: text, TimeZone: "UTC"}
	}
	nora := []graph.Attendee{{EmailAddress: graph.EmailAddress{Address: "nora@northwind.example"}}}
	for _, tt := range []struct {
		name string
		e    graph.Event
		want string
	}{
		{"a usual one", graph.Event{Start: at("2026-11-20T09:00:00.0000000"), End: at("2026-11-20T10:00:00.0000000"), Attendees: nora}, "kept"},
		{"no times", graph.Event{Attendees: nora}, "set aside"},
		{"a time that is none", graph.Event{Start: at("soon"), End: at("later"), Attendees: nora}, "set aside"},
		{"a zone that nobody knows", graph.Event{Start: graph.DateTimeTimeZone{DateTime: "2026-11-20T09:00:00", TimeZone: "Middle-earth"}, End: at("2026-11-20T10:00:00"), Attendees: nora}, "set aside"},
		{"in the year 1", graph.Event{Start: at("0001-01-01T00:00:00"), End: at("0001-01-01T01:00:00"), Attendees: nora}, string(OutOfView)},
		{"in the year 9999", graph.Event{Start: at("9999-12-31T23:59:59"), End: at("9999-12-31T23:59:59"), Attendees: nora}, string(OutOfView)},
		{"from the year 1 to 9999", graph.Event{Start: at("0001-01-01T00:00:00"), End: at("9999-12-31T23:59:59"), Attendees: nora}, "kept"},
		{"it ends before it begins", graph.Event{Start: at("2026-11-20T10:00:00"), End: at("2026-11-20T09:00:00"), Attendees: nora}, "kept"},
		{"nobody takes part", graph.Event{Start: at("2026-11-20T09:00:00"), End: at("2026-11-20T10:00:00")}, string(NoCustomer)},
		{"addresses that are none", graph.Event{Start: at("2026-11-20T09:00:00"), End: at("2026-11-20T10:00:00"), Attendees: []graph.Attendee{{}, {EmailAddress: graph.EmailAddress{Address: "/O=X/CN=NORA@northwind.example\x00"}}}}, string(NoCustomer)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, why, err := judgeMeeting(tt.e, from, to, tenant, customer.ForTest(map[string]string{"northwind.example": "Northwind"}))
			got := string(why)
			switch {
			case err != nil:
				got = "set aside"
			case why == "":
				got = "kept"
			}
			if got != tt.want {
				t.Errorf("%s (%v), want %s", got, err, tt.want)
			}
		})
	}
}

// Of a mailing the customer is found whoever is named last, and those stay by whom it is found and seen.
func TestAMailingKeepsWhoMatters(t *testing.T) {
	book := customer.ForTest(map[string]string{"northwind.example": "Northwind"})
	m := graph.Message{ID: "1", SentDateTime: time.Now(), ReceivedDateTime: time.Now(), From: graph.Recipient{EmailAddress: graph.EmailAddress{Address: "list@lists.example"}}}
	add := func(n int, domain string) {
		for i := range n {
			m.ToRecipients = append(m.ToRecipients, graph.Recipient{EmailAddress: graph.EmailAddress{Address: fmt.Sprintf("p%d@%s", i, domain)}})
		}
	}
	add(10_000, "elsewhere.example")
	add(100, "contoso.example")
	add(2, "northwind.example")
	k, why := judgeMail(m, tenant, book)
	if why != "" {
		t.Fatal(why)
	}
	k.narrow("ada@contoso.example", book)
	if len(k.participants) != maxParticipants || k.participants[0].Role != From {
		t.Errorf("%d participants, the first of them %+v", len(k.participants), k.participants[0])
	}
	for _, who := range []string{"p0@contoso.example", "p99@contoso.example", "p0@northwind.example", "p1@northwind.example"} {
		if !slices.ContainsFunc(k.participants, func(p Participant) bool { return p.Address == who }) {
			t.Errorf("%s is not among them", who)
		}
	}
}
