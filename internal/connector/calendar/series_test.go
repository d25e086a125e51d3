package calendar_test

import (
	"slices"
	"testing"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
)

var fourDays = bench.In{"recurrence": bench.In{"frequency": "daily", "count": 4}}

// instances are the occurrences of a series in the days from nine on.
func instances(b *bench.Bench, through string, series string, days int) []calendar.Summary {
	b.Helper()
	return bench.Do[calendar.View](b, "calendar.event.instances", bench.Named(through, bench.In{"event": series, "start": rfc(nine), "end": rfc(nine.AddDate(0, 0, days))}), bench.Through(through)).Events
}

func ids(list []calendar.Summary) []string {
	var out []string
	for _, e := range list {
		out = append(out, e.ID)
	}
	return out
}

func TestASeriesIsReadWithItsOccurrencesInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			in := visit(fourDays)
			delete(in, "user")
			made := bench.Do[calendar.Event](b, "calendar.event.create", bench.Named(through, in), bench.Through(through))
			all := instances(b, through, made.ID, 10)
			if len(all) != 4 || all[0].Type != "occurrence" || all[3].SeriesID != made.ID || len(instances(b, through, made.ID, 2)) != 2 {
				t.Fatalf("got %+v", all)
			}
			of := func(i int, more bench.In) bench.In {
				more["event"] = all[i].ID
				return bench.Named(through, more)
			}
			bench.Do[calendar.Event](b, "calendar.event.update", of(1, bench.In{"subject": "Visit, with tools"}), bench.Through(through))
			bench.Do[calendar.Deleted](b, "calendar.event.delete", of(2, bench.In{}), bench.Through(through))
			after := instances(b, through, made.ID, 10)
			if len(after) != 3 || !slices.Contains(ids(after), all[0].ID) || slices.Contains(ids(after), all[2].ID) {
				t.Errorf("after a change and a deletion: got %+v", after)
			}
			for _, named := range []string{made.ID, all[3].ID} { // by itself, and by one of its occurrences
				got := bench.Do[calendar.Series](b, "calendar.series.get", bench.Named(through, bench.In{"event": named, "time_zone": "Europe/Berlin"}), bench.Through(through))
				if got.ID != made.ID || got.Recurrence == nil || got.Recurrence.Count != 4 || !slices.Equal(got.Cancelled, []string{"2031-03-05"}) {
					t.Errorf("the series: got %+v", got)
				}
				if len(got.Exceptions) != 1 || got.Exceptions[0].Subject != "Visit, with tools" || got.Exceptions[0].Type != "exception" || rfc(got.Exceptions[0].Start) != "2031-03-04T09:00:00+01:00" {
					t.Errorf("its exceptions: got %+v", got.Exceptions)
				}
			}
			bench.Do[calendar.Event](b, "calendar.event.update", bench.Named(through, bench.In{"event": made.ID, "show_as": "free"}), bench.Through(through))
			if got := instances(b, through, made.ID, 1); len(got) != 1 || got[0].ShowAs != "free" {
				t.Errorf("a change of the series: got %+v", got)
			}
			bench.Do[calendar.Deleted](b, "calendar.event.delete", bench.Named(through, bench.In{"event": made.ID}), bench.Through(through))
			if left := events(b, ada, 10); len(left) != 0 {
				t.Errorf("after deleting the series: %+v", left)
			}
		})
	}
}

func TestWhatBelongsToASeries(t *testing.T) {
	b := start(t)
	series := bench.Do[calendar.Event](b, "calendar.event.create", visit(fourDays))
	one := instances(b, bench.App, series.ID, 1)[0]
	f := b.Refused("calendar.event.update", bench.In{"user": ada, "event": one.ID, "recurrence": nil})
	if f.Kind != fault.Invalid || f.Fields[0].Name != "recurrence" {
		t.Errorf("another rhythm of one occurrence: got %v", f)
	}
	single := bench.Do[calendar.Event](b, "calendar.event.create", visit(nil))
	if f := b.Refused("calendar.series.get", bench.In{"user": ada, "event": single.ID}); f.Kind != fault.Invalid || f.Fields[0].Name != "event" {
		t.Errorf("no series: got %v", f)
	}
	if f := b.Refused("calendar.event.update_following", bench.In{}); f.Code != "not_offered" || f.Fix == "" || len(f.WrongFixes) == 0 {
		t.Errorf("this and following: got %+v", f)
	}
}

// What the people of a meeting do with one occurrence stays with that occurrence, on both sides.
func TestOneOccurrenceOfAMeeting(t *testing.T) {
	b := start(t)
	in := visit(fourDays)
	in["attendees"] = []bench.In{{"address": ben}}
	series := bench.Do[calendar.Event](b, "calendar.event.create", in)
	theirs := events(b, ben, 10)
	if len(theirs) != 4 || theirs[1].Type != "occurrence" {
		t.Fatalf("ben has %+v", theirs)
	}
	bench.Do[calendar.Responded](b, "calendar.event.respond", bench.In{"user": ben, "event": theirs[1].ID, "response": "tentative", "comment": "Perhaps"})
	bench.Do[calendar.Responded](b, "calendar.event.respond", bench.In{"user": ben, "event": theirs[2].ID, "response": "decline"})
	mine := events(b, ada, 10)
	var answers []string
	for _, e := range mine {
		answers = append(answers, bench.Do[calendar.Event](b, "calendar.event.get", bench.In{"user": ada, "event": e.ID}).Attendees[0].Response)
	}
	if !slices.Equal(answers, []string{"none", "tentativelyAccepted", "declined", "none"}) {
		t.Errorf("ada sees %v", answers)
	}
	theirs = events(b, ben, 10)
	if len(theirs) != 3 || theirs[1].Response != "tentativelyAccepted" || theirs[0].Response != "notResponded" {
		t.Errorf("ben has %+v", theirs)
	}
	bench.Do[calendar.Cancelled](b, "calendar.event.cancel", bench.In{"user": ada, "event": mine[3].ID, "comment": "Holiday"})
	theirs = events(b, ben, 10)
	if len(theirs) != 3 || !theirs[2].Cancelled || theirs[0].Cancelled {
		t.Errorf("after cancelling one, ben has %+v", theirs)
	}
	if got := bench.Do[calendar.Series](b, "calendar.series.get", bench.In{"user": ada, "event": series.ID}); !slices.Equal(got.Cancelled, []string{"2031-03-06"}) {
		t.Errorf("taken out: %v", got.Cancelled)
	}
	later := mine[0].Start.Add(time.Hour)
	bench.Do[calendar.Event](b, "calendar.event.update", bench.In{"user": ada, "event": mine[0].ID, "start": rfc(later), "end": rfc(later.Add(time.Hour))})
	if theirs = events(b, ben, 10); len(theirs) != 3 || !theirs[0].Start.Equal(later) || theirs[0].Type != "exception" {
		t.Errorf("after moving one, ben has %+v", theirs)
	}
}

func TestAnAnswerToOneOccurrenceWhoseAnswerIsLost(t *testing.T) {
	b := start(t)
	in := visit(fourDays)
	in["attendees"] = []bench.In{{"address": ben}}
	bench.Do[calendar.Event](b, "calendar.event.create", in)
	for i, loss := range bench.Losses("/accept") {
		b.Fault(loss.Fault)
		run := b.Unclear("calendar.event.respond", bench.In{"user": ben, "event": events(b, ben, 10)[i].ID, "response": "accept"})
		b.Becomes(run, loss.AtOnce, loss.AtLast)
	}
}

func TestAnotherTimeIsProposed(t *testing.T) {
	b := start(t)
	invite := func(more bench.In) (mine calendar.Event, theirs calendar.Summary) {
		in := visit(more)
		in["attendees"] = []bench.In{{"address": ben}}
		mine = bench.Do[calendar.Event](b, "calendar.event.create", in)
		list := events(b, ben, 1)
		return mine, list[len(list)-1]
	}
	mine, theirs := invite(nil)
	later := nine.AddDate(0, 0, 1)
	proposal := func(more bench.In) bench.In {
		in := bench.In{"user": ben, "event": theirs.ID, "response": "tentative", "propose_start": rfc(later), "propose_end": rfc(later.Add(time.Hour))}
		for k, v := range more {
			in[k] = v
		}
		return in
	}
	b.Silent(func() {
		b.Wrong("calendar.event.respond", proposal(bench.In{"response": "accept"}), "response", "decline or tentative")
		b.Wrong("calendar.event.respond", proposal(bench.In{"send_response": false}), "send_response", "must not be false")
		b.Wrong("calendar.event.respond", proposal(bench.In{"propose_end": rfc(later)}), "propose_end", "after propose_start")
		b.Wrong("calendar.event.respond", bench.In{"user": ben, "event": theirs.ID, "response": "decline", "propose_end": rfc(later)}, "propose_start", "missing")
	})
	bench.Do[calendar.Responded](b, "calendar.event.respond", proposal(nil))
	got := bench.Do[calendar.Event](b, "calendar.event.get", bench.In{"user": ada, "event": mine.ID})
	if a := got.Attendees[0]; a.Response != "tentativelyAccepted" || !a.ProposedStart.Equal(later) || !a.ProposedEnd.Equal(later.Add(time.Hour)) || !got.AllowsProposals {
		t.Errorf("ada sees %+v", got)
	}
	bench.Do[calendar.Responded](b, "calendar.event.respond", bench.In{"user": ben, "event": theirs.ID, "response": "accept"})
	if a := bench.Do[calendar.Event](b, "calendar.event.get", bench.In{"user": ada, "event": mine.ID}).Attendees[0]; a.Response != "accepted" || !a.ProposedStart.IsZero() {
		t.Errorf("after an acceptance ada sees %+v", a)
	}
	mine, theirs = invite(bench.In{"subject": "Fixed", "allows_proposals": false, "asks_for_answers": false})
	if mine.AllowsProposals || mine.AsksForAnswers {
		t.Errorf("got %+v", mine)
	}
	if f := b.Refused("calendar.event.respond", proposal(nil)); f.Code != "proposals_not_allowed" || b.Sent("POST", "/tentativelyAccept") != 1 {
		t.Errorf("got %v after %d requests", f, b.Sent("POST", "/tentativelyAccept"))
	}
}

func TestAnInvitationIsPassedOnInBothModes(t *testing.T) {
	b := start(t)
	in := bench.In{"to": []string{"Ben Okafor <" + ben + ">", room}, "comment": "Your turn"}
	for _, through := range []string{bench.App, bench.Person} {
		made := bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"subject": through}))
		in["event"] = made.ID
		bench.Do[calendar.Forwarded](b, "calendar.event.forward", bench.Named(through, in), bench.Through(through))
		for _, who := range []string{ben, room} {
			if list := events(b, who, 1); !slices.ContainsFunc(list, func(e calendar.Summary) bool { return e.Subject == through && e.Organizer.Address == ada }) {
				t.Errorf("%s through %s: got %+v", who, through, list)
			}
		}
	}
	invited := bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"subject": "Review", "attendees": []bench.In{{"address": ben}}}))
	list := events(b, ben, 1)
	i := slices.IndexFunc(list, func(e calendar.Summary) bool { return e.Subject == "Review" })
	bench.Do[calendar.Forwarded](b, "calendar.event.forward", bench.In{"user": ben, "event": list[i].ID, "to": []string{"support@contoso.example"}})
	if got := bench.Do[calendar.Event](b, "calendar.event.get", bench.In{"user": ada, "event": invited.ID}).Attendees; len(got) != 2 || got[1].Address != "support@contoso.example" {
		t.Errorf("ada's attendees: %+v", got)
	}
	b.Silent(func() {
		b.Wrong("calendar.event.forward", bench.In{"user": ada, "event": "x", "to": []string{ben, "nobody"}}, "to[1]", "is not an address")
		b.Fenced("calendar.event.forward", bench.In{"event": "x", "to": []string{ben}})
	})
}

// A forward mails; whether one whose answer is lost did, nobody can read, and it is never sent again by itself.
func TestAForwardWhoseAnswerIsLost(t *testing.T) {
	b := start(t)
	made := bench.Do[calendar.Event](b, "calendar.event.create", visit(nil))
	b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/forward"))
	run := b.Unclear("calendar.event.forward", bench.In{"user": ada, "event": made.ID, "to": []string{ben}})
	b.Pass(once.Settled + time.Second)
	if got := b.Look(run); got != action.Unclear || b.Sent("POST", "/forward") != 1 || len(events(b, ben, 1)) != 1 {
		t.Errorf("got %s after %d requests, ben has %v", got, b.Sent("POST", "/forward"), events(b, ben, 1))
	}
}
