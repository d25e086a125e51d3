package graph

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"seneschal/internal/sim/world"
)

var chatMessageForm = form{"body": anObject, "subject": aText, "importance": {words: []string{"normal", "high", "urgent"}}, "attachments": objects(0), "mentions": objects(0), "hostedContents": objects(0), "summary": aText, "locale": aText}

// largestMessage is what Teams takes of one message, cards and mentions included: its page "Limits and specifications" says about 28 KB (recall;
// newer readings of it say more for plain posts).
const largestMessage = 28 << 10

// content reads what a person writes, and refuses what Teams cannot take: a text without content, a card that no <attachment> places, a
// mention that no <at> places or of somebody who is not there. The codes are recall.
func (t thread) content() (world.Object, *problem) {
	raw, p := t.c.bytes()
	if p != nil {
		return nil, p
	}
	var in world.Object
	if json.Unmarshal(raw, &in) != nil {
		return nil, badRequest("Unable to read JSON request payload.")
	}
	if len(raw)-sizeOf(in["hostedContents"]) > largestMessage {
		return nil, fail(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The message is larger than the maximum allowed size.")
	}
	if p := chatMessageForm.check(in); p != nil {
		return nil, p
	}
	body := paramObject(in, "body")
	kind, content := strings.ToLower(paramText(body, "contentType")), paramText(body, "content")
	if kind == "" {
		kind = "text"
	}
	if kind != "text" && kind != "html" || strings.TrimSpace(content) == "" {
		return nil, badRequest("Missing body content.")
	}
	in["body"] = world.Object{"contentType": kind, "content": content}
	hosted, p := t.host(in["hostedContents"], content)
	if p != nil {
		return nil, p
	}
	delete(in, "hostedContents")
	if len(hosted) > 0 {
		in["~hosted"] = hosted
	}
	for _, a := range world.Objects(in["attachments"]) {
		if !strings.Contains(content, `<attachment id="`+world.Text(a, "id")+`"></attachment>`) {
			return nil, badRequest("The attachment id is not in the body.")
		}
	}
	mentions, p := t.mentions(in["mentions"], content)
	in["mentions"] = mentions
	return in, p
}

// sizeOf is how much of a body a part of it is.
func sizeOf(part any) int {
	if part == nil {
		return 0
	}
	text, _ := json.Marshal(part) // it was read from JSON
	return len(text)
}

func (t thread) mentions(v any, content string) ([]any, *problem) {
	out := []any{}
	for _, m := range world.Objects(v) {
		id := world.Number(m, "id")
		user := paramObject(paramObject(m, "mentioned"), "user")
		switch {
		case !strings.Contains(content, `<at id="`+strconv.Itoa(id)+`">`):
			return nil, badRequest("Neither Body nor adaptive card content contains marker for mention with Id '" + strconv.Itoa(id) + "'.")
		case user == nil || memberOfList(t.members(), paramText(user, "id")) == nil:
			return nil, badRequest("A mentioned user is not a member of the conversation.")
		}
		u, _ := t.c.s.world.User(t.c.token.Tenant, paramText(user, "id"))
		out = append(out, world.Object{"id": id, "mentionText": m["mentionText"], "mentioned": world.Object{"application": nil, "device": nil, "conversation": nil,
			"user": world.Object{"@odata.type": "#microsoft.graph.teamworkUserIdentity", "id": u["id"], "displayName": u["displayName"], "userIdentityType": "aadUser"}}})
	}
	return out, nil
}
