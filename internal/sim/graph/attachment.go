package graph

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"seneschal/internal/sim/trouble"
	"seneschal/internal/sim/world"
)

// Limits of attachments: graph/FACTS §7.
const (
	inlineLimit  = 3 << 20
	sessionLimit = 150 << 20
	rangeLimit   = 4 << 20
	sessionLife  = 24 * time.Hour
)

// owner is the message or event of the path, under which attachments lie.
func (c *call) owner() (string, world.Object, string, *problem) {
	if c.params["event-id"] != "" {
		ref, o, p := c.event()
		return ref.key, o, world.Events, p
	}
	key, o, p := c.message()
	return key, o, world.Messages, p
}

// ownerToChange is the owner as what is done to its attachments finds it: an occurrence of a series becomes an exception.
func (c *call) ownerToChange() (string, world.Object, string, *problem) {
	if c.params["event-id"] == "" {
		return c.owner()
	}
	ref, o, p := c.event()
	if p != nil || ref.occurrence == 0 {
		return ref.key, o, world.Events, p
	}
	n := c.changed(o)
	return c.s.exception(c.box, ref, n), n, world.Events, nil
}

// attachments yields those of one item.
func (s *Server) attachments(box, owner string) iter.Seq2[string, world.Object] {
	return func(yield func(string, world.Object) bool) {
		for id, a := range s.world.Scan(box, world.Attachments) {
			if world.Text(a, "~owner") == owner && !yield(id, a) {
				return
			}
		}
	}
}

func (s *Server) renderAttachment(id string, a world.Object, content bool) world.Object {
	out := public(a)
	out["id"] = stableID(attachmentPrefix, id)
	out["@odata.mediaContentType"] = a["contentType"]
	if !content || world.Text(a, "@odata.type") != "#microsoft.graph.fileAttachment" {
		return out
	}
	r, err := s.world.OpenBlob(world.Text(a, "~blob"))
	if err != nil {
		return out
	}
	defer func() { _ = r.Close() }()
	if b, err := io.ReadAll(r); err == nil {
		out["contentBytes"] = base64.StdEncoding.EncodeToString(b)
	}
	return out
}

// newAttachment makes an attachment from a client's JSON; its bytes become a blob.
func (c *call) newAttachment(owner string, in world.Object) (world.Object, *problem) {
	kind := paramText(in, "@odata.type")
	if kind == "" {
		kind = "#microsoft.graph.fileAttachment"
	}
	if kind != "#microsoft.graph.fileAttachment" {
		return nil, notImplemented("attachments of type " + kind)
	}
	b, err := base64.StdEncoding.DecodeString(paramText(in, "contentBytes"))
	if err != nil {
		return nil, badRequest("Cannot convert the literal of contentBytes to the expected type 'Edm.Binary'.")
	}
	if len(b) >= inlineLimit {
		return nil, fail(http.StatusRequestEntityTooLarge, "ErrorMessageSizeExceeded", "An attachment of 3 MB or more needs an upload session.")
	}
	return c.s.attachment(owner, paramText(in, "name"), paramText(in, "contentType"), paramText(in, "contentId"), paramBool(in, "isInline", false), bytes.NewReader(b))
}

func (s *Server) attachment(owner, name, contentType, contentID string, inline bool, content io.Reader) (world.Object, *problem) {
	blob, size, err := s.world.PutBlob(content)
	if err != nil {
		return nil, fail(http.StatusInternalServerError, "InternalServerError", err.Error())
	}
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	var cid any
	if contentID != "" {
		cid = contentID
	}
	return world.Object{
		"@odata.type": "#microsoft.graph.fileAttachment", "name": name, "contentType": contentType, "size": int(size), "isInline": inline, "contentId": cid, "contentLocation": nil,
		"lastModifiedDateTime": world.Stamp(s.world.Now()), "~owner": owner, "~blob": blob,
	}, nil
}

func (s *Server) copyAttachments(fromBox, from, toBox, to string) {
	for _, a := range s.attachments(fromBox, from) {
		n := world.Clone(a)
		n["~owner"] = to
		s.world.Put(world.Key{Scope: toBox, Collection: world.Attachments, ID: s.world.NewKey()}, n)
	}
}

func listAttachments(c *call) (reply, *problem) {
	owner, _, collection, p := c.owner()
	if p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		withBytes := len(c.q.Select) == 0 || slices.ContainsFunc(c.q.Select, func(s string) bool { return strings.HasSuffix(strings.ToLower(s), "contentbytes") })
		for id, a := range c.s.attachments(c.box, owner) {
			if !yield(c.s.renderAttachment(id, a, withBytes)) {
				return
			}
		}
	}
	return c.page(c.mailPage(collection+"/attachments"), items, itself)
}

func (c *call) findAttachment() (string, world.Object, *problem) {
	owner, _, _, p := c.owner()
	if p != nil {
		return "", nil, p
	}
	id, p := parseStable(attachmentPrefix, c.params["attachment-id"])
	if p != nil {
		return "", nil, p
	}
	a, found := c.s.world.Get(world.Key{Scope: c.box, Collection: world.Attachments, ID: id})
	if !found || world.Text(a, "~owner") != owner {
		return "", nil, itemNotFound()
	}
	return id, a, nil
}

func getAttachment(c *call) (reply, *problem) {
	id, a, p := c.findAttachment()
	if p != nil {
		return reply{}, p
	}
	return c.one("users('"+c.userID()+"')/attachments", c.s.renderAttachment(id, a, true))
}

func attachmentValue(c *call) (reply, *problem) {
	_, a, p := c.findAttachment()
	if p != nil {
		return reply{}, p
	}
	return reply{status: http.StatusOK, raw: &rawReply{contentType: world.Text(a, "contentType"), write: func(w http.ResponseWriter) error {
		r, err := c.s.world.OpenBlob(world.Text(a, "~blob"))
		if err != nil {
			return err
		}
		_, err = io.Copy(w, r)
		return errors.Join(err, r.Close())
	}}}, nil
}

func addAttachment(c *call) (reply, *problem) {
	owner, o, collection, p := c.ownerToChange()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	a, p := c.newAttachment(owner, in)
	if p != nil {
		return reply{}, p
	}
	id := c.s.world.NewKey()
	if c.s.spoiled(*c.note, a) {
		c.s.attach(c.box, collection, owner, o, id, a)
	}
	return created(c.s.renderAttachment(id, a, true)), nil
}

// spoiled plays what may become of an attachment that was taken, and says whether it is there at all.
func (s *Server) spoiled(note trouble.Request, a world.Object) (stays bool) {
	f, found := s.faults.Take(note, trouble.AttachmentSpoiled)
	if found && f.Code == "shortened" {
		a["size"] = world.Number(a, "size") / 2
	}
	return !found || f.Code != "removed"
}

// attach stores an attachment and tells its item.
func (s *Server) attach(box, collection, owner string, o world.Object, id string, a world.Object) {
	n := bump(s.world, o)
	n["hasAttachments"] = world.Flag(o, "hasAttachments") || !world.Flag(a, "isInline")
	delete(n, "~mime")
	s.world.Update(func(tx *world.Tx) {
		tx.Put(world.Key{Scope: box, Collection: world.Attachments, ID: id}, a)
		tx.Put(world.Key{Scope: box, Collection: collection, ID: owner}, n)
	})
}

func deleteAttachment(c *call) (reply, *problem) {
	owner, o, collection, p := c.owner()
	if p != nil {
		return reply{}, p
	}
	if ref, _ := parseItemID(c.params["event-id"]); ref.occurrence != 0 && world.Text(o, "type") == "occurrence" {
		return reply{}, notImplemented("taking a file of the series off one occurrence")
	}
	id, _, p := c.findAttachment()
	if p != nil {
		return reply{}, p
	}
	c.s.world.Delete(world.Key{Scope: c.box, Collection: world.Attachments, ID: id})
	n := c.changed(o)
	n["hasAttachments"] = false
	for _, a := range c.s.attachments(c.box, owner) {
		n["hasAttachments"] = world.Flag(n, "hasAttachments") || !world.Flag(a, "isInline")
	}
	c.s.world.Put(world.Key{Scope: c.box, Collection: collection, ID: owner}, n)
	return empty(http.StatusNoContent), nil
}
