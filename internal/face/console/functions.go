package console

import (
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	"time"
)

// hue is how a state looks: one of the four state hues, an icon and a word (UI.md: never colour alone).
type hue struct{ Class, Icon, Word string }

var hues = map[string]hue{
	"healthy": {"good", "✓", "healthy"}, "ok": {"good", "✓", "works"}, "done": {"good", "✓", "done"}, "resolved": {"good", "✓", "found"}, "alias": {"good", "✓", "alias"},
	"degraded": {"attention", "!", "partly works"}, "throttled": {"attention", "!", "throttled"}, "attention": {"attention", "!", "soon"}, "superfluous": {"attention", "!", "too much"},
	"verifying": {"attention", "…", "verifying"}, "pending_consent": {"attention", "…", "waits for consent"}, "claimed": {"attention", "…", "running"}, "sent": {"attention", "…", "running"},
	"unclear": {"attention", "?", "not clear yet"}, "cannot_tell": {"unknown", "?", "cannot tell"}, "unchecked": {"unknown", "?", "not looked up"},
	"needs_reauth": {"bad", "✕", "needs a sign-in"}, "needs_admin": {"bad", "✕", "needs an administrator"}, "failed": {"bad", "✕", "failed"}, "missing": {"bad", "✕", "permission missing"},
	"refused": {"bad", "✕", "refused"}, "unlicensed": {"bad", "✕", "no mailbox"}, "paused": {"unknown", "‖", "paused"}, "unknown": {"unknown", "?", "unknown"},
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
		"group": func(id, title string, list []shown) group { return group{id, title, list} },
		"join":  func(list any) string { return joined(list) },
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
