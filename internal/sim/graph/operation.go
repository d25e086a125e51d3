package graph

import (
	"net/url"
	"slices"
	"strings"
	"sync"

	"seneschal/internal/m365/table"
)

// operation is one row of Microsoft's permission table.
type operation struct {
	method, template string
	canonical        string // method and template with /me written as /users/{user-id}: the key of handlers
	me               bool
	segments         []string
	delegated        accepted
	application      accepted
}

// accepted is what one mode needs: any of all, some only in pairs. Unknown where the data do not say.
type accepted struct {
	unknown bool
	all     []string
	pairs   map[string][]string
}

// allows tells whether the held permissions suffice.
func (a accepted) allows(held []string) bool {
	if a.unknown {
		return true
	}
	for _, p := range a.all {
		if !covers(held, p) {
			continue
		}
		with, paired := a.pairs[p]
		if !paired || slices.ContainsFunc(with, func(w string) bool { return covers(held, w) }) {
			return true
		}
	}
	return false
}

// covers tells whether a permission is held, itself or by one that contains it.
// X.ReadWrite contains X.Read: its own description says read, update, create and delete; some rows of the table list only the reading name.
func covers(held []string, p string) bool {
	if slices.ContainsFunc(held, func(h string) bool { return strings.EqualFold(h, p) }) {
		return true
	}
	if i := slices.Index(sitePermissions, p); i >= 0 {
		return slices.ContainsFunc(sitePermissions[i:], func(wider string) bool { return slices.Contains(held, wider) })
	}
	if base, rest, ok := strings.Cut(p, ".Read"); ok && (rest == "" || rest == ".All" || rest == ".Shared") {
		wider := base + ".ReadWrite" + rest
		return slices.ContainsFunc(held, func(h string) bool { return strings.EqualFold(h, wider) })
	}
	return false
}

// sitePermissions contain each other: their descriptions say read, edit, manage, full control.
var sitePermissions = []string{"Sites.Read.All", "Sites.ReadWrite.All", "Sites.Manage.All", "Sites.FullControl.All"}

// likeRow are operations whose permissions the data do not say, and the row that is taken for them.
var likeRow = map[string]string{
	"PATCH /sites/{site-id}/lists/{list-id}":  "POST /sites/{site-id}/lists",
	"DELETE /sites/{site-id}/lists/{list-id}": "POST /sites/{site-id}/lists",
}

// index finds operations by method and number of segments.
type index map[string][]operation

var operations = sync.OnceValue(func() index {
	ix := index{}
	add := func(o operation) {
		k := indexKey(o.method, len(o.segments))
		ix[k] = append(ix[k], o)
	}
	rows := map[string]operation{}
	for line := range strings.SplitSeq(table.Operations+table.Documented, "\n") {
		f := strings.Split(line, "\t")
		if strings.HasPrefix(line, "#") || len(f) < 9 || strings.Contains(f[1], ":/") {
			continue
		}
		o := newOperation(f[0], f[1])
		o.delegated, o.application = readAccepted(f[4], f[5]), readAccepted(f[7], f[8])
		if like, ok := rows[likeRow[o.canonical]]; ok {
			o.delegated, o.application = like.delegated, like.application
		}
		rows[f[0]+" "+f[1]] = o
		add(o)
	}
	for _, v := range variants {
		row := rows[v.row]
		o := newOperation(v.method, v.template)
		o.delegated, o.application = row.delegated, row.application
		add(o)
		if me, ok := strings.CutPrefix(v.template, "/users/{user-id}"); ok {
			o = newOperation(v.method, "/me"+me)
			o.delegated, o.application = row.delegated, row.application
			add(o)
		}
	}
	return ix
})

// variants are paths that the service knows and the table does not list; each takes the permissions of the row it stands for.
var variants = []struct{ method, template, row string }{
	{"GET", "/users/{user-id}/mailFolders/{mailFolder-id}/messages/{message-id}", "GET /users/{user-id}/messages/{message-id}"},
	{"PATCH", "/users/{user-id}/mailFolders/{mailFolder-id}/messages/{message-id}", "PATCH /users/{user-id}/messages/{message-id}"},
	{"DELETE", "/users/{user-id}/mailFolders/{mailFolder-id}/messages/{message-id}", "DELETE /users/{user-id}/messages/{message-id}"},
	{"POST", "/users/{user-id}/mailFolders/{mailFolder-id}/messages/{message-id}/move", "POST /users/{user-id}/messages/{message-id}/move"},
	{"GET", "/users/{user-id}/mailFolders/{mailFolder-id}/messages/{message-id}/$value", "GET /users/{user-id}/messages/{message-id}/$value"},
	{"POST", "/users/{user-id}/translateExchangeIds", "GET /users/{user-id}"},
	{"GET", "/users/{user-id}/calendar/calendarView", "GET /users/{user-id}/calendarView"},
	{"GET", "/users/{user-id}/calendar/events/{event-id}", "GET /users/{user-id}/events/{event-id}"},
	{"PATCH", "/users/{user-id}/calendar/events/{event-id}", "PATCH /users/{user-id}/events/{event-id}"},
	{"DELETE", "/users/{user-id}/calendar/events/{event-id}", "DELETE /users/{user-id}/events/{event-id}"},
	{"GET", "/users/{user-id}/mailFolders/{mailFolder-id}/messages/$count", "GET /users/{user-id}/mailFolders/{mailFolder-id}/messages"},
	{"GET", "/users/{user-id}/messages/$count", "GET /users/{user-id}/messages"},
	{"GET", "/users/$count", "GET /users"},
	{"GET", "/oidc/userinfo", "GET /me"},
}

func newOperation(method, template string) operation {
	o := operation{method: method, template: template, segments: strings.Split(strings.TrimPrefix(template, "/"), "/")}
	o.me = o.segments[0] == "me"
	o.canonical = method + " " + template
	if o.me {
		o.canonical = method + " /users/{user-id}" + strings.TrimPrefix(template, "/me")
	}
	for i, s := range o.segments {
		o.segments[i] = literal(s)
	}
	return o
}

// literal is how a segment compares: without case, brackets and the optional namespace.
func literal(s string) string {
	if strings.HasPrefix(s, "{") {
		return s
	}
	return strings.TrimPrefix(strings.TrimSuffix(strings.ToLower(s), "()"), "microsoft.graph.")
}

func readAccepted(all, pairs string) accepted {
	if all == "?" {
		return accepted{unknown: true}
	}
	a := accepted{pairs: map[string][]string{}}
	if all != "-" {
		a.all = strings.Fields(all)
	}
	if pairs != "-" {
		for p := range strings.FieldsSeq(pairs) {
			name, with, _ := strings.Cut(p, "=")
			a.pairs[name] = strings.Split(with, ",")
		}
	}
	return a
}

func indexKey(method string, segments int) string { return method + string(rune('0'+segments)) }

// find matches a path below the version. Literal segments win over parameters; the parameters come back decoded and by name.
func (ix index) find(method, escaped string) (operation, map[string]string, bool) {
	raw := strings.Split(strings.Trim(escaped, "/"), "/")
	var best operation
	var bestParams map[string]string
	score := -1
	for _, o := range ix[indexKey(method, len(raw))] {
		params, literals, ok := match(o.segments, raw)
		if ok && literals > score {
			best, bestParams, score = o, params, literals
		}
	}
	return best, bestParams, score >= 0
}

func match(segments, raw []string) (map[string]string, int, bool) {
	params, literals := map[string]string{}, 0
	for i, s := range segments {
		value, err := url.PathUnescape(raw[i])
		if err != nil || value == "" {
			return nil, 0, false
		}
		if strings.HasPrefix(s, "{") {
			params[strings.Trim(s, "{}")] = value
			continue
		}
		if q, ok := strings.CutPrefix(s, searchFor); ok && q != "" {
			text, is := searched(value)
			if !is {
				return nil, 0, false
			}
			params["q"] = text
		} else if literal(value) != s {
			return nil, 0, false
		}
		literals++
	}
	return params, literals, true
}
