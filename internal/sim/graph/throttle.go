package graph

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limits are the documented limits, scalable by POST /limits: graph/FACTS §3.1. Zero fields keep what is in force.
type Limits struct {
	MailboxRequests    int    `json:"mailbox_requests,omitempty"`    // per app and mailbox in a window
	MailboxWindow      string `json:"mailbox_window,omitempty"`      // a Go duration
	MailboxConcurrency int    `json:"mailbox_concurrency,omitempty"` // at the same time, per app and mailbox
	DirectoryUnits     int    `json:"directory_units,omitempty"`     // resource units per app and tenant in a window
	DirectoryWindow    string `json:"directory_window,omitempty"`
	DriveUnits         int    `json:"drive_units,omitempty"`    // resource units of SharePoint and OneDrive per app and tenant in a minute
	DriveBytes         int    `json:"drive_bytes,omitempty"`    // what fits into a drive
	CopyTime           string `json:"copy_time,omitempty"`      // how long a copy of drives takes, a Go duration
	TeamsRequests      int    `json:"teams_requests,omitempty"` // of Teams per app and tenant in a second
	TeamsPosts         int    `json:"teams_posts,omitempty"`    // messages posted per app and tenant in a second
	TeamsThread        int    `json:"teams_thread,omitempty"`   // reads of messages per app and channel or chat in a second
	TeamTime           string `json:"team_time,omitempty"`      // how long it takes to make, archive or restore a team, a Go duration
	PageSize           int    `json:"page_size,omitempty"`      // no page is longer than this
	Latency            string `json:"latency,omitempty"`        // of every request
}

// DefaultLimits are Microsoft's.
func DefaultLimits() Limits {
	return Limits{MailboxRequests: 10000, MailboxWindow: "10m", MailboxConcurrency: 4, DirectoryUnits: 3500, DirectoryWindow: "10s", DriveUnits: 1250, DriveBytes: 1 << 40, PageSize: 1000, Latency: "0s", CopyTime: "0s", TeamTime: "0s",
		TeamsRequests: 30, TeamsPosts: 20, TeamsThread: 4}
}

// throttle counts requests in fixed windows that begin with the first request, as far as anyone outside can tell.
type throttle struct {
	mu      sync.Mutex
	limits  Limits
	mail    time.Duration
	dir     time.Duration
	latency time.Duration
	copies  time.Duration
	team    time.Duration
	windows map[string]*window
}

type window struct {
	start  time.Time
	used   int
	active int
}

func (t *throttle) reset(l Limits) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limits, t.windows = l, map[string]*window{}
	t.mail, t.dir, t.copies, t.team = 10*time.Minute, 10*time.Second, 0, 0
}

// SetLimits changes the limits in force; the counts start anew.
func (s *Server) SetLimits(l Limits) (Limits, error) {
	t := &s.throttle
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.limits
	for _, f := range []struct {
		to   *int
		from int
	}{{&now.MailboxRequests, l.MailboxRequests}, {&now.MailboxConcurrency, l.MailboxConcurrency}, {&now.DirectoryUnits, l.DirectoryUnits}, {&now.PageSize, l.PageSize}, {&now.DriveUnits, l.DriveUnits}, {&now.DriveBytes, l.DriveBytes},
		{&now.TeamsRequests, l.TeamsRequests}, {&now.TeamsPosts, l.TeamsPosts}, {&now.TeamsThread, l.TeamsThread}} {
		if f.from > 0 {
			*f.to = f.from
		}
	}
	for _, f := range []struct {
		text *string
		from string
		to   *time.Duration
	}{{&now.MailboxWindow, l.MailboxWindow, &t.mail}, {&now.DirectoryWindow, l.DirectoryWindow, &t.dir}, {&now.Latency, l.Latency, &t.latency}, {&now.CopyTime, l.CopyTime, &t.copies}, {&now.TeamTime, l.TeamTime, &t.team}} {
		if f.from == "" {
			continue
		}
		d, err := time.ParseDuration(f.from)
		if err != nil {
			return now, fmt.Errorf("not a duration: %q", f.from)
		}
		*f.text, *f.to = f.from, d
	}
	t.limits, t.windows = now, map[string]*window{}
	return now, nil
}

// Latency is how long every request takes at least. A mailbox counts a request as running meanwhile.
func (s *Server) Latency() time.Duration {
	s.throttle.mu.Lock()
	defer s.throttle.mu.Unlock()
	return s.throttle.latency
}

func (t *throttle) pageSize(top int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return min(top, t.limits.PageSize)
}

// enter counts a request and says when it may not pass. Throttled calls count, too: graph/FACTS §3.2.
func (t *throttle) enter(c *call) (release func(), p *problem) {
	if c.note.Mailbox != "" {
		return t.enterMailbox(c)
	}
	if c.op.segments[0] == "$batch" || c.subscriptionPath() || c.version == "oidc" {
		return func() {}, nil
	}
	if c.onDrive() || c.onSite() {
		return func() {}, t.enterDrive(c)
	}
	if c.onTeams() {
		return func() {}, t.enterTeams(c)
	}
	return func() {}, t.enterDirectory(c)
}

// enterDrive counts resource units of SharePoint and OneDrive: graph/FACTS §3.1.
func (t *throttle) enterDrive(c *call) *problem {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.window("drive "+c.token.AppID+" "+c.token.Tenant, c.s.world.Now(), time.Minute)
	last := c.op.segments[len(c.op.segments)-1]
	cost := 2
	switch {
	case slices.Contains(c.op.segments, "permissions") || last == "invite" || last == "createlink":
		cost = 5
	case c.r.Method == http.MethodGet && (strings.HasPrefix(last, "{") || last == "delta" || last == "content" || last == "root"):
		cost = 1
	}
	w.used += cost
	if w.used <= t.limits.DriveUnits {
		return nil
	}
	return tooMany("activityLimitReached", "The app or user has been throttled.", w.start.Add(time.Minute).Sub(c.s.world.Now()))
}

// enterTeams counts requests of Teams in windows of a second: graph/FACTS §3.1, of two sources the one that allows more (its docs/fidelity.md row).
func (t *throttle) enterTeams(c *call) *problem {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, app := c.s.world.Now(), c.token.AppID+" "+c.token.Tenant
	key, most := "teams "+app, t.limits.TeamsRequests
	switch messages := slices.Contains(c.op.segments, "messages"); {
	case messages && c.r.Method == http.MethodGet:
		key, most = "thread "+c.params["channel-id"]+c.params["chat-id"]+" "+app, t.limits.TeamsThread
	case messages:
		key, most = "posts "+app, t.limits.TeamsPosts
	}
	w := t.window(key, now, time.Second)
	if w.used++; w.used > most {
		return tooMany("TooManyRequests", "Too many requests for this tenant, app or conversation.", w.start.Add(time.Second).Sub(now))
	}
	return nil
}

// teamTime is how long an operation on a team takes.
func (t *throttle) teamTime() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.team
}

// copying is how long a copy takes.
func (t *throttle) copying() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.copies
}

// room is what fits into a drive.
func (t *throttle) room() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int64(t.limits.DriveBytes)
}

func (t *throttle) enterMailbox(c *call) (func(), *problem) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.window("mailbox "+c.token.AppID+" "+c.box, c.s.world.Now(), t.mail)
	w.used++
	w.active++
	c.note.Concurrency = w.active
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		w.active--
	}
	switch {
	case w.used > t.limits.MailboxRequests:
		w.active--
		wait := w.start.Add(t.mail).Sub(c.s.world.Now())
		return nil, tooMany("ApplicationThrottled", "Application is over its MailboxConcurrency limit or its request limit for this mailbox.", wait)
	case w.active > t.limits.MailboxConcurrency:
		w.active--
		return nil, tooMany("ApplicationThrottled", "Application is over its MailboxConcurrency limit.", time.Second)
	}
	return leave, nil
}

func (t *throttle) window(key string, now time.Time, length time.Duration) *window {
	w := t.windows[key]
	if w == nil {
		w = &window{start: now}
		t.windows[key] = w
	}
	if now.Sub(w.start) >= length {
		w.start, w.used = now, 0
	}
	return w
}

// enterDirectory counts resource units: graph/FACTS §3.1.
func (t *throttle) enterDirectory(c *call) *problem {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.window("directory "+c.token.AppID+" "+c.token.Tenant, c.s.world.Now(), t.dir)
	w.used += units(c)
	if w.used <= t.limits.DirectoryUnits {
		return nil
	}
	p := tooMany("TooManyRequests", "Too Many Requests", w.start.Add(t.dir).Sub(c.s.world.Now()))
	p.header.Set("x-ms-throttle-scope", "Tenant_Application/ReadWrite/"+c.token.AppID+"/"+c.token.Tenant)
	p.header.Set("x-ms-throttle-information", "ResourceUnitLimitExceeded")
	return p
}

func units(c *call) int {
	cost := map[string]int{"users": 2, "applications": 2, "subscribedskus": 3, "oauth2permissiongrants": 2}[c.op.segments[0]]
	cost = max(cost, 1)
	if len(c.q.Select) > 0 {
		cost--
	}
	if len(c.q.Expand) > 0 {
		cost++
	}
	if c.q.Top > 0 && c.q.Top < 20 {
		cost--
	}
	return max(cost, 1)
}

func tooMany(code, message string, wait time.Duration) *problem {
	p := fail(http.StatusTooManyRequests, code, message)
	p.header = http.Header{"Retry-After": {strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))}}
	return p
}
