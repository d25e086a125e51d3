package graph

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"

	"seneschal/internal/sim/world"
)

// Outlook ids, as far as clients may rely on them: graph/FACTS §7. The default id changes on every move, the immutable one does not, both are case-sensitive.
// Folders, calendars and attachments have one stable id. All carry the store key, so that reading an id needs no table.
const (
	immutablePrefix  = "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A"
	defaultPrefix    = "AAMkADSi"
	folderPrefix     = "AQMkADSi"
	calendarPrefix   = "AAMkADCa"
	groupPrefix      = "AQMkADCg"
	attachmentPrefix = "AAMkADAt"
	suffix           = "AAA="
	keyLength        = 22 // 16 bytes as base64url
)

// itemID is the id of a message or event.
func itemID(key string, moves int, immutable bool) string {
	if immutable {
		return immutablePrefix + key + suffix
	}
	var b [3]byte
	binary.BigEndian.PutUint16(b[1:], uint16(moves))
	return defaultPrefix + key + base64.RawURLEncoding.EncodeToString(b[:]) + suffix
}

func stableID(prefix, key string) string { return prefix + key + suffix }

// itemRef is an item id, read.
type itemRef struct {
	key        string
	moves      int // -1: any
	occurrence int64
}

func malformed() *problem {
	return fail(http.StatusBadRequest, "ErrorInvalidIdMalformed", "Id is malformed.")
}

// parseItemID reads a message's or event's id of either form.
func parseItemID(id string) (itemRef, *problem) {
	if rest, ok := strings.CutPrefix(id, immutablePrefix); ok {
		ref, ok := tail(rest, -1)
		if !ok {
			return itemRef{}, malformed()
		}
		return ref, nil
	}
	rest, ok := strings.CutPrefix(id, defaultPrefix)
	if !ok || len(rest) < keyLength+4 {
		return itemRef{}, malformed()
	}
	b, err := base64.RawURLEncoding.DecodeString(rest[keyLength : keyLength+4])
	if err != nil {
		return itemRef{}, malformed()
	}
	ref, ok := tail(rest[:keyLength]+rest[keyLength+4:], int(binary.BigEndian.Uint16(b[1:])))
	if !ok {
		return itemRef{}, malformed()
	}
	return ref, nil
}

// tail reads key, optional occurrence, suffix.
func tail(s string, moves int) (itemRef, bool) {
	body, ok := strings.CutSuffix(s, suffix)
	if !ok || len(body) < keyLength {
		return itemRef{}, false
	}
	ref := itemRef{key: body[:keyLength], moves: moves}
	if b, err := base64.RawURLEncoding.DecodeString(ref.key); err != nil || len(b) != 16 {
		return itemRef{}, false
	}
	if rest := body[keyLength:]; rest != "" {
		at, err := strconv.ParseInt(rest, 36, 64)
		if err != nil {
			return itemRef{}, false
		}
		ref.occurrence = at
	}
	return ref, true
}

// occurrenceID is the id of one expanded occurrence of a series.
func occurrenceID(key string, moves int, at int64, immutable bool) string {
	id := itemID(key, moves, immutable)
	return strings.TrimSuffix(id, suffix) + strconv.FormatInt(at, 36) + suffix
}

// parseStable reads a folder's, calendar's or attachment's id.
func parseStable(prefix, id string) (string, *problem) {
	rest, ok := strings.CutPrefix(id, prefix)
	if !ok {
		return "", malformed()
	}
	key, ok := strings.CutSuffix(rest, suffix)
	if !ok || len(key) != keyLength {
		return "", malformed()
	}
	return key, nil
}

// changeKey is an item's version; its etag quotes it.
func changeKey(key string, o world.Object) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(world.Number(o, "~version")))
	return "CQAAABYAAAA" + key[:16] + base64.StdEncoding.EncodeToString(b[:])[:11]
}

func etag(key string, o world.Object) string { return `W/"` + changeKey(key, o) + `"` }

// ifMatch refuses a change of what changed meanwhile: 412 ErrorIrresolvableConflict, graph/FACTS §2.
func (c *call) ifMatch(key string, o world.Object) *problem {
	want := c.r.Header.Get("If-Match")
	if want == "" || want == "*" || want == etag(key, o) {
		return nil
	}
	return fail(http.StatusPreconditionFailed, "ErrorIrresolvableConflict", "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.")
}

// changed is a clone with a new version.
func (c *call) changed(o world.Object) world.Object { return bump(c.s.world, o) }

func bump(w *world.World, o world.Object) world.Object {
	n := world.Clone(o)
	n["~version"] = world.Number(o, "~version") + 1
	n["lastModifiedDateTime"] = world.Stamp(w.Now())
	return n
}

// translateIDs plays translateExchangeIds for the two REST forms: at most 1,000, graph/FACTS §7.
func translateIDs(c *call) (reply, *problem) {
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	ids := world.Strings(param(in, "inputIds"))
	if len(ids) > 1000 {
		return reply{}, badRequest("At most 1000 ids can be translated at a time.")
	}
	target := strings.ToLower(paramText(in, "targetIdType"))
	if target != "restid" && target != "restimmutableentryid" {
		return reply{}, notImplemented("ids of the type " + target)
	}
	out := []any{}
	for _, id := range ids {
		ref, p := parseItemID(id)
		if p != nil {
			out = append(out, world.Object{"sourceId": id, "errorDetails": world.Object{"code": p.code, "message": p.message}})
			continue
		}
		moves := max(ref.moves, 0)
		for _, collection := range []string{world.Messages, world.Events} {
			if o, ok := c.s.world.Get(world.Key{Scope: c.box, Collection: collection, ID: ref.key}); ok {
				moves = world.Number(o, "~moves")
			}
		}
		out = append(out, world.Object{"sourceId": id, "targetId": itemID(ref.key, moves, target == "restimmutableentryid")})
	}
	return ok(world.Object{"@odata.context": c.context("Collection(microsoft.graph.convertIdResult)"), "value": out}), nil
}
