package graph

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

// hostedContentHandlers are what messages show and keep themselves, such as images: chatmessage-list-hostedcontents.md,
// chatmessagehostedcontent-get.md.
func hostedContentHandlers() map[string]handler {
	const channel, chat = "/teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}", "/chats/{chat-id}/messages/{chatMessage-id}"
	out := map[string]handler{}
	for _, message := range []string{channel, channel + "/replies/{chatMessage-id1}", chat} {
		out["GET "+message+"/hostedContents"] = listHostedContents
		out["GET "+message+"/hostedContents/{chatMessageHostedContent-id}/$value"] = hostedContentValue
	}
	return out
}

// host keeps what a new message shows. Each is named by a temporary id, and the body refers to it by that (chatmessage-post.md, "Send inline
// images along with the message").
func (t thread) host(v any, content string) ([]any, *problem) {
	out := []any{}
	var named []string
	for _, h := range world.Objects(v) {
		id, kind := paramText(h, "@microsoft.graph.temporaryId"), paramText(h, "contentType")
		raw, err := base64.StdEncoding.DecodeString(paramText(h, "contentBytes"))
		switch {
		case id == "" || slices.Contains(named, id):
			return nil, badRequest("Each hosted content needs a temporary id of its own.")
		case err != nil || len(raw) == 0 || kind == "":
			return nil, badRequest("Hosted content needs contentBytes and contentType.")
		case !strings.Contains(content, hostedBefore(id)):
			return nil, badRequest("Hosted content is not referred to by the body.")
		}
		blob, _, err := t.c.s.world.PutBlob(bytes.NewReader(raw))
		if err != nil {
			return nil, fail(http.StatusInternalServerError, "InternalServerError", err.Error())
		}
		named = append(named, id)
		key := base64.RawURLEncoding.EncodeToString([]byte("id=x_" + t.c.s.world.NewGUID() + ",type=1"))
		out = append(out, world.Object{"id": key, "temporary": id, "contentType": kind, "blob": blob})
	}
	return out, nil
}

func hostedBefore(temporary string) string { return "../hostedContents/" + temporary + "/$value" }

// refer has the body of a kept message name what it shows by its address, as the example of chatmessage-post.md does.
func refer(o world.Object, message string) {
	body := world.Object{}
	for k, v := range paramObject(o, "body") {
		body[k] = v
	}
	for _, h := range world.Objects(o["~hosted"]) {
		address := "https://graph.microsoft.com/v1.0/" + message + "/hostedContents/" + world.Text(h, "id") + "/$value"
		body["content"] = strings.ReplaceAll(paramText(body, "content"), hostedBefore(world.Text(h, "temporary")), address)
	}
	o["body"] = body
}

func listHostedContents(c *call) (reply, *problem) {
	t, p := c.thread()
	if p != nil {
		return reply{}, p
	}
	id, o, p := t.message()
	if p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		for _, h := range world.Objects(o["~hosted"]) {
			if !yield(world.Object{"id": h["id"], "contentBytes": nil, "contentType": nil}) { // always null: chatmessage-list-hostedcontents.md
				return
			}
		}
	}
	return c.page(teamsPage(t.context+"('"+url.PathEscape(id)+"')/hostedContents"), items, itself)
}

func hostedContentValue(c *call) (reply, *problem) {
	t, p := c.thread()
	if p != nil {
		return reply{}, p
	}
	_, o, p := t.message()
	if p != nil {
		return reply{}, p
	}
	all := world.Objects(o["~hosted"])
	i := slices.IndexFunc(all, func(h world.Object) bool { return world.Text(h, "id") == c.params["chatMessageHostedContent-id"] })
	if i < 0 {
		return reply{}, notInTeams("The hosted content was not found.")
	}
	return reply{status: http.StatusOK, raw: &rawReply{contentType: world.Text(all[i], "contentType"), write: func(w http.ResponseWriter) error {
		r, err := c.s.world.OpenBlob(world.Text(all[i], "blob"))
		if err != nil {
			return err
		}
		_, err = io.Copy(w, r)
		return errors.Join(err, r.Close())
	}}}, nil
}
