package fidelity

import (
	"context"
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/fault"
)

// Read runs an action that only reads, and gives its output.
type Read func(ctx context.Context, action string, in map[string]any) (json.RawMessage, error)

// probe is one harmless read. A text of its input that begins with $ is what an earlier probe kept, or what the walk began with.
type probe struct {
	title, action string
	in            map[string]any
	keep          map[string]string // name: where it stands in the output
}

const nobody = "00000000-0000-0000-0000-000000000000"

// probes read no body: what people wrote is not looked at. Each list of a few is followed by something that is not there, for the errors.
var probes = []probe{
	{"the organisation", "directory.organization.get", nil, nil},
	{"people", "directory.user.list", map[string]any{"limit": 3}, map[string]string{"people": "next_cursor"}},
	{"people, the next page", "directory.user.list", map[string]any{"limit": 3, "cursor": "$people"}, nil},
	{"a person who is not there", "directory.user.get", map[string]any{"user": nobody}, nil},
	{"mail folders", "mail.folder.list", map[string]any{"user": "$user"}, nil},
	{"messages", "mail.message.list", map[string]any{"user": "$user", "limit": 3}, map[string]string{"message": "messages/0/id"}},
	{"attachments of a message", "mail.attachment.list", map[string]any{"user": "$user", "message": "$message"}, nil},
	{"attachments of a message that is not there", "mail.attachment.list", map[string]any{"user": "$user", "message": "AAMkADU5"}, nil},
	{"calendars", "calendar.calendar.list", map[string]any{"user": "$user"}, nil},
	{"events of four weeks", "calendar.event.list", map[string]any{"user": "$user", "start": "$from", "end": "$to", "limit": 5}, nil},
	{"contact folders", "contact.folder.list", map[string]any{"user": "$user"}, nil},
	{"contacts", "contact.list", map[string]any{"user": "$user", "limit": 3}, nil},
	{"changes of contacts", "contact.change.list", map[string]any{"user": "$user", "limit": 1}, nil},
	{"task lists", "todo.list.list", map[string]any{"user": "$user"}, map[string]string{"list": "lists/0/id"}},
	{"tasks", "todo.task.list", map[string]any{"user": "$user", "list": "$list", "limit": 3}, nil},
	{"tasks of a list that is not there", "todo.task.list", map[string]any{"user": "$user", "list": "AAMkADU5"}, nil},
	{"a person's drive", "drive.get", map[string]any{"user": "$user"}, nil},
	{"files at the top", "drive.item.list", map[string]any{"user": "$user", "limit": 5}, nil},
	{"a file that is not there", "drive.item.get", map[string]any{"user": "$user", "path": "seneschal-fidelity-is-not-there.txt"}, nil},
	{"changes of files", "drive.change.list", map[string]any{"user": "$user", "limit": 1}, nil},
	{"a site", "sharepoint.site.get", map[string]any{"site": "$site"}, nil},
	{"lists of a site", "sharepoint.list.list", map[string]any{"site": "$site"}, nil},
	{"libraries of a site", "sharepoint.library.list", map[string]any{"site": "$site"}, nil},
	{"teams", "teams.team.list", map[string]any{"user": "$user", "limit": 3}, map[string]string{"team": "teams/0/id"}},
	{"channels of a team", "teams.channel.list", map[string]any{"team": "$team"}, nil},
	{"members of a team", "teams.member.list", map[string]any{"team": "$team"}, nil},
	{"a team that is not there", "teams.team.get", map[string]any{"team": nobody}, nil},
	{"a person's presence", "teams.presence.get", map[string]any{"user": "$user"}, nil},
}

// Seen is what came of one probe.
type Seen struct {
	Probe    string
	NotAsked string // why it was not asked
	Answers  []Answer
}

// Begin is what a walk starts from: the mailbox it reads, empty for a person's own, and a site, empty for none.
type Begin struct {
	User, Site string
	Now        time.Time
}

const window = 14 * 24 * time.Hour

// Walk runs every probe and gives what the recorder saw of each.
func Walk(ctx context.Context, read Read, r *Recorder, b Begin) []Seen {
	known := map[string]any{"site": b.Site, "from": b.Now.Add(-window).Format(time.RFC3339), "to": b.Now.Add(window).Format(time.RFC3339)}
	if b.User != "" {
		known["user"] = b.User
	}
	out := make([]Seen, 0, len(probes))
	for _, p := range probes {
		s := Seen{Probe: p.title}
		in, missing := filled(p.in, known)
		if missing != "" {
			s.NotAsked = "nothing to ask about: no " + missing
			out = append(out, s)
			continue
		}
		r.begin()
		output, err := read(ctx, p.action, in)
		s.Answers = r.take()
		if len(s.Answers) == 0 {
			s.NotAsked = "refused before a request: " + fault.CodeOf(err)
		}
		maps.Copy(known, kept(p.keep, output))
		out = append(out, s)
	}
	return out
}

// filled is an input with what is known put in. A person's own mailbox is not named.
func filled(in, known map[string]any) (out map[string]any, missing string) {
	out = map[string]any{}
	for k, v := range in {
		name, refers := v.(string)
		if refers {
			name, refers = strings.CutPrefix(name, "$")
		}
		switch {
		case !refers:
			out[k] = v
		case known[name] != nil && known[name] != "":
			out[k] = known[name]
		case name != "user":
			return nil, name
		}
	}
	return out, ""
}

// kept reads what later probes need.
func kept(keep map[string]string, output json.RawMessage) map[string]any {
	out := map[string]any{}
	var whole any
	if json.Unmarshal(output, &whole) != nil {
		return out
	}
	for name, path := range keep {
		at := whole
		for part := range strings.SplitSeq(path, "/") {
			switch v := at.(type) {
			case map[string]any:
				at = v[part]
			case []any:
				if i, err := strconv.Atoi(part); err == nil && i < len(v) {
					at = v[i]
				} else {
					at = nil
				}
			default:
				at = nil
			}
		}
		out[name] = at
	}
	return out
}
