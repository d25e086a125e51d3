package graph

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"seneschal/internal/sim/trouble"
	"seneschal/internal/sim/world"
)

const uploads = "uploadSessions"

// createUpload opens an upload session: 3 to 150 MB, graph/FACTS §7. Smaller files are taken, too.
func createUpload(c *call) (reply, *problem) {
	owner, _, collection, p := c.ownerToChange()
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
	defer s.alone(session)()
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

// alone lets one request at a time at an upload session: a range is there wholly or not at all, also for whoever asks how far it is while
// an earlier request has been given up and still sends.
func (s *Server) alone(session string) (leave func()) {
	one, _ := s.sessions.LoadOrStore(session, &sync.Mutex{})
	m := one.(*sync.Mutex)
	m.Lock()
	return m.Unlock
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
	if s.spoiled(*trouble.Note(r.Context()), a) {
		s.attach(world.Text(u, "box"), world.Text(u, "collection"), world.Text(u, "owner"), item, id, a)
	}
	s.world.Delete(k)
	_ = os.Remove(path) // its bytes are a blob now
	w.Header().Set("Location", "https://"+r.Host+"/v1.0/users/"+world.Text(u, "user")+"/"+world.Text(u, "collection")+"/"+itemID(world.Text(u, "owner"), world.Number(item, "~moves"), false)+"/attachments/"+stableID(attachmentPrefix, id))
	w.WriteHeader(http.StatusCreated)
	return nil
}
