package graph

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/sim/world"
	"seneschal/internal/sim/zone"
)

// search is one findMeetingTimes: api/user-findmeetingtimes.md, resources/meetingtimesuggestionsresult.md.
type search struct {
	length     time.Duration
	most       int
	least      float64 // minimumAttendeePercentage
	withoutMe  bool    // isOrganizerOptional
	reasons    bool    // returnSuggestionReasons
	domain     string  // activityDomain
	spans      [][2]time.Time
	organizer  guest
	attendees  []guest
	seen       bool // a time in working hours was looked at
	absent     bool // the organizer alone was in the way
	unknown    bool // somebody's times are not known
	candidates []candidate
}

// guest is somebody to meet; without a mailbox here nothing is known of them.
type guest struct {
	box   string
	asked world.Object // the attendee as the client wrote it
}

type candidate struct {
	from       time.Time
	confidence float64
	organizer  string
	attendees  []string
}

// findMeetingTimes suggests slots. App-only is refused by the permission table: graph/FACTS §8.
func findMeetingTimes(c *call) (reply, *problem) {
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	z, p := c.shown()
	if p != nil {
		return reply{}, p
	}
	s, p := c.newSearch(in)
	if p != nil {
		return reply{}, p
	}
	c.look(s)
	return ok(world.Object{"@odata.context": c.context("microsoft.graph.meetingTimeSuggestionsResult"), "emptySuggestionsReason": s.reason(), "meetingTimeSuggestions": s.suggestions(z)}), nil
}

func (c *call) newSearch(in world.Object) (*search, *problem) {
	s := &search{length: isoDuration(paramText(in, "meetingDuration")), most: 5, least: 50, withoutMe: paramBool(in, "isOrganizerOptional", false),
		reasons: paramBool(in, "returnSuggestionReasons", false), organizer: guest{box: c.box}, attendees: c.guests(world.Objects(param(in, "attendees")))}
	if s.length <= 0 {
		s.length = 30 * time.Minute
	}
	if n := world.Number(world.Object{"v": param(in, "maxCandidates")}, "v"); n > 0 {
		s.most = n
	}
	if v := param(in, "minimumAttendeePercentage"); v != nil {
		least, err := strconv.ParseFloat(fmt.Sprint(v), 64) // the page's own example writes a text
		if err != nil || least < 0 || least > 100 {
			return nil, fail(http.StatusBadRequest, "ErrorInvalidRequest", "MinimumAttendeePercentage must lie between 0 and 100.")
		}
		s.least = least
	}
	when := paramObject(in, "timeConstraint")
	if s.domain = strings.ToLower(paramText(when, "activityDomain")); s.domain == "" || s.domain == "unknown" {
		s.domain = "work"
	}
	var p *problem
	s.spans, p = c.constraint(when)
	return s, p
}

func (c *call) guests(asked []world.Object) []guest {
	var out []guest
	for _, a := range asked {
		g := guest{asked: a}
		_, address := world.Address(a)
		if u, found := c.s.world.User(c.token.Tenant, address); found && world.HasMailbox(u) {
			g.box = world.Mailbox(world.Text(u, "id"))
		}
		out = append(out, g)
	}
	return out
}

func (c *call) constraint(v world.Object) ([][2]time.Time, *problem) {
	var out [][2]time.Time
	for _, slot := range world.Objects(param(v, "timeSlots")) {
		from, _, p := moment(param(slot, "start"))
		if p != nil {
			return nil, p
		}
		to, _, p := moment(param(slot, "end"))
		if p != nil {
			return nil, p
		}
		out = append(out, [2]time.Time{from, to})
	}
	if out == nil {
		now := c.s.world.Now().Truncate(time.Hour).Add(time.Hour)
		out = [][2]time.Time{{now, now.AddDate(0, 0, 7)}}
	}
	return out, nil
}

// look goes through the spans by half hours. The best are those most likely attended, the earlier first among equals.
func (c *call) look(s *search) {
	for _, span := range s.spans {
		for at := span[0].Truncate(30 * time.Minute); !at.Add(s.length).After(span[1]); at = at.Add(30 * time.Minute) {
			if !at.Before(span[0]) && c.inHours(s, at) {
				c.judge(s, at)
			}
		}
	}
	slices.SortStableFunc(s.candidates, func(a, b candidate) int { return cmp.Compare(b.confidence, a.confidence) })
	s.candidates = s.candidates[:min(s.most, len(s.candidates))]
}

// chances are how likely somebody attends: the page names free, unknown and busy.
var chances = map[string]float64{"free": 100, "workingElsewhere": 100, "unknown": 49}

func (c *call) judge(s *search, at time.Time) {
	s.seen = true
	found := candidate{from: at, organizer: c.availability(s.organizer, at, at.Add(s.length)), confidence: 100}
	sum := 0.0
	for _, g := range s.attendees {
		status := c.availability(g, at, at.Add(s.length))
		s.unknown = s.unknown || status == "unknown"
		sum += chances[status]
		found.attendees = append(found.attendees, status)
	}
	if len(s.attendees) > 0 {
		found.confidence = sum / float64(len(s.attendees))
	}
	if found.confidence < s.least {
		return
	}
	if !s.withoutMe && chances[found.organizer] < 100 {
		s.absent = true
		return
	}
	s.candidates = append(s.candidates, found)
}

// lessFree orders what may stand in a calendar.
var lessFree = []string{"free", "workingElsewhere", "tentative", "busy", "oof"}

// availability is the least free of what stands in somebody's calendar.
func (c *call) availability(g guest, from, to time.Time) string {
	if g.box == "" {
		return "unknown"
	}
	worst := 0
	for _, x := range c.s.view(g.box, "", from, to) {
		worst = max(worst, slices.Index(lessFree, world.Text(x.object, "showAs")))
	}
	return lessFree[worst]
}

// inHours tells whether a time suits the kind of activity: for work the working hours of the organizer and of all attendees
// (concepts/findmeetingtimes-example.md), for personal ones the weekend too.
func (c *call) inHours(s *search, at time.Time) bool {
	if s.domain == "unrestricted" {
		return true
	}
	for _, g := range append([]guest{s.organizer}, s.attendees...) {
		if g.box != "" && !c.working(g.box, at, at.Add(s.length), s.domain == "personal") {
			return false
		}
	}
	return true
}

func (c *call) working(box string, from, to time.Time, weekend bool) bool {
	settings, _ := c.s.world.Get(world.Key{Scope: box, Collection: world.Settings, ID: "settings"})
	hours, _ := settings["workingHours"].(world.Object)
	where, _ := hours["timeZone"].(world.Object)
	loc, known := zone.Load(world.Text(where, "name"))
	if !known {
		loc = time.UTC
	}
	from, to = from.In(loc), to.In(loc)
	day := strings.ToLower(from.Weekday().String())
	days := world.Strings(hours["daysOfWeek"])
	if weekend {
		days = append(slices.Clone(days), "saturday", "sunday")
	}
	if !slices.Contains(days, day) {
		return false
	}
	const wall = "15:04:05.0000000"
	return from.YearDay() == to.YearDay() && from.Format(wall) >= world.Text(hours, "startTime") && to.Format(wall) <= world.Text(hours, "endTime")
}

// reason is why there is nothing to suggest; empty where there is.
func (s *search) reason() string {
	switch {
	case len(s.candidates) > 0:
		return ""
	case !s.seen:
		return "Unknown"
	case s.absent:
		return "OrganizerUnavailable"
	case s.unknown:
		return "AttendeesUnavailableOrUnknown"
	}
	return "AttendeesUnavailable"
}

func (s *search) suggestions(z shown) []any {
	out := []any{}
	for i, found := range s.candidates {
		attendees := []any{}
		for k, g := range s.attendees {
			attendees = append(attendees, world.Object{"availability": found.attendees[k], "attendee": g.asked})
		}
		why := ""
		if s.reasons {
			why = "Suggested because it is one of the nearest times when all attendees are available."
		}
		out = append(out, world.Object{
			"confidence": found.confidence, "order": i + 1, "organizerAvailability": found.organizer, "attendeeAvailability": attendees, "locations": []any{}, "suggestionReason": why,
			"meetingTimeSlot": world.Object{"start": z.write(world.UTC(found.from), false), "end": z.write(world.UTC(found.from.Add(s.length)), false)},
		})
	}
	return out
}

// isoDuration reads PT1H30M and P1D.
func isoDuration(s string) time.Duration {
	days, clock, _ := strings.Cut(strings.TrimPrefix(strings.ToUpper(s), "P"), "T")
	d, err := time.ParseDuration(strings.ToLower(clock))
	if err != nil {
		d = 0
	}
	if n, ok := strings.CutSuffix(days, "D"); ok {
		if h, err := time.ParseDuration(n + "h"); err == nil {
			d += 24 * h
		}
	}
	return d
}
