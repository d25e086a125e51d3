package graph

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

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
	owner, o, collection, p := c.owner()
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
	c.s.attach(c.box, collection, owner, o, id, a)
	return created(c.s.renderAttachment(id, a, true)), nil
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

const uploads = "uploadSessions"

// createUpload opens an upload session: 3 to 150 MB, graph/FACTS §7. Smaller files are taken, too.
func createUpload(c *call) (reply, *problem) {
	owner, _, collection, p := c.owner()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	item := paramObject(in, "AttachmentItem")
	size := world.Number(world.Object{"size": param(item, "size")}, "size")
	switch {
	case item == nil || paramText(item, "name") == "" || size <= 0:
		return reply{}, badRequest("AttachmentItem needs attachmentType, name and size.")
	case size > sessionLimit:
		return reply{}, fail(http.StatusBadRequest, "ErrorAttachmentSizeLimitExceeded", "The attachment is larger than 150 MB.")
	}
	id, expires := c.s.world.NewGUID(), c.s.world.Now().Add(sessionLife)
	c.s.world.Put(world.Key{Collection: uploads, ID: id}, world.Object{
		"box": c.box, "owner": owner, "collection": collection, "name": paramText(item, "name"), "contentType": paramText(item, "contentType"), "contentId": paramText(item, "contentId"),
		"inline": paramBool(item, "isInline", false), "size": size, "user": c.userID(), "expires": world.Stamp(expires), "~forgetAfter": expires.Format(time.RFC3339),
	})
	return created(world.Object{
		"@odata.context": c.context("microsoft.graph.uploadSession"), "uploadUrl": "https://" + c.r.Host + "/outlook-upload/" + id + "?authtoken=" + c.s.world.NewKey(),
		"expirationDateTime": world.Stamp(expires), "nextExpectedRanges": []any{"0-"},
	}), nil
}

// ServeUpload takes the ranges of an upload session. The address itself is the proof: a token is refused, graph/FACTS §7.
func (s *Server) ServeUpload(w http.ResponseWriter, r *http.Request) {
	id := s.identify(w, r)
	if r.Header.Get("Authorization") != "" {
		s.writeProblem(w, id, unauthorized("An upload address carries its own token; do not send an Authorization header.", ""))
		return
	}
	session := strings.TrimPrefix(r.URL.Path, "/outlook-upload/")
	k := world.Key{Collection: uploads, ID: session}
	u, found := s.world.Get(k)
	if !found || world.Time(u, "expires").Before(s.world.Now()) {
		s.writeProblem(w, id, fail(http.StatusNotFound, "ErrorItemNotFound", "The upload session was not found."))
		return
	}
	path := s.world.BlobPath("upload-" + session)
	switch r.Method {
	case http.MethodGet:
		s.uploadState(w, u, received(path))
	case http.MethodDelete:
		s.world.Delete(k)
		_ = os.Remove(path) // it may hold nothing yet
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPut:
		if p := s.takeRange(w, r, k, u, path); p != nil {
			s.writeProblem(w, id, p)
		}
	default:
		s.writeProblem(w, id, fail(http.StatusMethodNotAllowed, "BadRequest", "The method is not allowed."))
	}
}

// received is how much of the file is there: the file itself remembers, also over a restart.
func received(path string) int64 {
	st, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return st.Size()
}

func (s *Server) uploadState(w http.ResponseWriter, u world.Object, have int64) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"@odata.context":"%s","ExpirationDateTime":"%s","NextExpectedRanges":["%d-"]}`, "https://outlook.office.com/api/gv1.0/$metadata#Users('x')/Messages('x')/AttachmentSessions/$entity", world.Text(u, "expires"), have) // the client went away
}

func (s *Server) takeRange(w http.ResponseWriter, r *http.Request, k world.Key, u world.Object, path string) *problem {
	var from, to, total int64
	if _, err := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &total); err != nil {
		return badRequest("A Content-Range header of the form 'bytes 0-9/10' is needed.")
	}
	size, have := int64(world.Number(u, "size")), received(path)
	switch {
	case total != size || to >= size || to < from:
		return fail(http.StatusRequestedRangeNotSatisfiable, "invalidRange", "The range does not fit the size of "+strconv.FormatInt(size, 10)+" bytes.")
	case to-from+1 > rangeLimit:
		return fail(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "A range may hold at most 4 MB.")
	case from != have:
		return fail(http.StatusRequestedRangeNotSatisfiable, "invalidRange", "Ranges must come in order; the next one begins at "+strconv.FormatInt(have, 10)+".")
	}
	if err := appendRange(path, have, io.LimitReader(r.Body, to-from+1), to-from+1); err != nil {
		return badRequest("The range did not arrive whole.")
	}
	if to+1 < size {
		s.uploadState(w, u, to+1)
		return nil
	}
	return s.finishUpload(w, r, k, u, path)
}

// appendRange adds a whole range or nothing.
func appendRange(path string, have int64, body io.Reader, want int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, body)
	if err == nil && n != want {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		err = errors.Join(err, f.Truncate(have))
	}
	return errors.Join(err, f.Close())
}

func (s *Server) finishUpload(w http.ResponseWriter, r *http.Request, k world.Key, u world.Object, path string) *problem {
	f, err := os.Open(path)
	if err != nil {
		return fail(http.StatusInternalServerError, "InternalServerError", err.Error())
	}
	a, p := s.attachment(world.Text(u, "owner"), world.Text(u, "name"), world.Text(u, "contentType"), world.Text(u, "contentId"), world.Flag(u, "inline"), f)
	_ = f.Close() // it was only read
	if p != nil {
		return p
	}
	item, found := s.world.Get(world.Key{Scope: world.Text(u, "box"), Collection: world.Text(u, "collection"), ID: world.Text(u, "owner")})
	if !found {
		return itemNotFound()
	}
	id := s.world.NewKey()
	s.attach(world.Text(u, "box"), world.Text(u, "collection"), world.Text(u, "owner"), item, id, a)
	s.world.Delete(k)
	_ = os.Remove(path) // its bytes are a blob now
	w.Header().Set("Location", "https://"+r.Host+"/v1.0/users/"+world.Text(u, "user")+"/"+world.Text(u, "collection")+"/"+itemID(world.Text(u, "owner"), world.Number(item, "~moves"), false)+"/attachments/"+stableID(attachmentPrefix, id))
	w.WriteHeader(http.StatusCreated)
	return nil
}
