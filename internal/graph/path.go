package graph

import (
	"slices"
	"strings"

	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/wire"
)

// Path is a place in Microsoft Graph. It is built segment by segment, so that it always has its template and is escaped once.
type Path struct {
	template string // /users/{user-id}/messages/{message-id}
	url      string // the same, filled in and escaped
	target   wire.Target
	named    bool // ends in an item's path, which a further segment must close with a colon
	err      error
}

// segment can only be written as a constant: nothing that comes from outside becomes a literal segment.
type segment string

// At is a path from Graph's root by literal segments: At("organization"), At("subscriptions").
func At(segments ...segment) Path { return Path{}.Sub(segments...) }

// Sub goes down by literal segments: p.Sub("messages").
func (p Path) Sub(segments ...segment) Path {
	p.closeName()
	for _, s := range segments {
		p.template += "/" + string(s)
		p.url += "/" + string(s)
		p.enter(string(s))
	}
	return p
}

func (p *Path) closeName() {
	if p.named {
		p.template, p.url, p.named = p.template+":", p.url+":", false
	}
}

// Func goes down into a function without parameters. Templates write it with brackets, the wire without: both forms are equal.
func (p Path) Func(name segment) Path {
	p.closeName()
	p.template += "/" + string(name) + "()"
	p.url += "/" + string(name)
	return p
}

// Item goes down to one entry: p.Item("message-id", id). An empty id is an error of the call, never the path of the collection. Nor does an id
// lead up: what stands in it is escaped, and yet a server on the way might undo that before it reads the dots.
func (p Path) Item(placeholder segment, id string) Path {
	if id == "" || leadsUp(id) {
		p.err = fault.BadField(string(placeholder), "%q is not an id", id)
	}
	p.own(id)
	p.template += "/{" + string(placeholder) + "}"
	p.url += "/" + escape(id)
	return p
}

func leadsUp(id string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(id, func(r rune) bool { return r == '/' || r == '\\' }), func(part string) bool { return part == "." || part == ".." })
}

// own notes whose data the path is about, when id is the owner's.
func (p *Path) own(id string) {
	switch p.template {
	case "/users":
		p.target.Mailbox = id
	case "/sites":
		p.target.Site = id
	case "/drives":
		p.target.Drive = id
	case "/teams":
		p.target.Team = id
	}
}

// enter notes the first segment behind an owner.
func (p *Path) enter(s string) {
	if p.target != (wire.Target{}) && p.target.Section == "" {
		p.target.Section = s
	}
}

// Named addresses a drive item by its path below a folder: drive.Sub("root").Named("a/b.txt") is /root:/a/b.txt.
func (p Path) Named(path string) Path {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i, part := range parts {
		if part == "" || part == "." || part == ".." {
			p.err = fault.BadField("item-path", "%q is not a path", path)
		}
		parts[i] = escape(part)
	}
	p.template += ":/{item-path}"
	p.url += ":/" + strings.Join(parts, "/")
	p.named = true
	return p
}

// Operation is the key of the permission tables for a method on this path.
func (p Path) Operation(method string) m365.OperationKey {
	return m365.OperationKey(method + " " + p.template)
}

// Target says whose data the path touches.
func (p Path) Target() wire.Target { return p.target }

// URL is the path at a cloud's Graph, for people to ask by themselves.
func (p Path) URL(base string) string { return strings.TrimSuffix(base, "/") + "/v1.0" + p.url }

// String is the template: a path in a log or error must not show ids or addresses.
func (p Path) String() string { return p.template }

const hexDigits = "0123456789ABCDEF"

// escape encodes everything but the unreserved characters of RFC 3986, as Microsoft's own clients do: ids hold / + = : @ # and more.
func escape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}
