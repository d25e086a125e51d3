package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

// target is where the address wants a file: an item that is there, or a name in a folder that is.
func (d drive) target() (folder, name string, p *problem) {
	id, o, p := d.base()
	if p != nil {
		return "", "", p
	}
	if d.c.named == "" {
		return world.Text(o, world.Partition), world.Text(o, "name"), nil
	}
	above, name := path.Split(d.c.named)
	for step := range strings.SplitSeq(strings.Trim(above, "/"), "/") {
		if step == "" {
			continue
		}
		var found bool
		if id, _, found = d.child(id, step); !found {
			return "", "", noItem()
		}
	}
	return id, name, d.place(id, name)
}

// keep makes a kept blob the content of a name in a folder: a new file, or a new version of one.
func (d drive) keep(folder, name, conflict, blob string, size int64) (id string, o world.Object, made bool, p *problem) {
	name, replaced, p := d.settle(folder, name, conflict, "")
	if p != nil {
		return "", nil, false, p
	}
	w := d.c.s.world
	old, there := d.get(replaced)
	if there && world.Flag(old, "~folder") {
		return "", nil, false, taken()
	}
	if there && d.heldFrom(old) {
		return "", nil, false, locked()
	}
	if d.used()+size > d.c.s.throttle.room() {
		return "", nil, false, quotaFull()
	}
	if id, o = w.NewKey(), world.DriveFile(name, folder, d.c.actor(), blob, size, w.Now()); there {
		id, o = replaced, d.c.changed(old)
		o["~content"], o["~blob"], o["size"], o["~by"] = world.Number(old, "~content")+1, blob, size, d.c.actor()
		earlier := world.Object{"id": itoa(world.Number(old, "~content")) + ".0", "~blob": old["~blob"], "size": old["size"], "lastModifiedDateTime": old["lastModifiedDateTime"], "~by": old["~by"]}
		versions := []any{}
		for _, v := range world.Objects(old["~versions"]) {
			versions = append(versions, v)
		}
		o["~versions"] = append(versions, earlier)
	}
	w.Put(d.key(id), o)
	return id, o, !there, nil
}

func quotaFull() *problem {
	return fail(http.StatusInsufficientStorage, "quotaLimitReached", "Insufficient space available")
}

// putContent takes a file in one request, replacing what has its name unless told otherwise: driveitem-put-content.md.
func putContent(c *call) (reply, *problem) {
	d, p := c.drive()
	if p != nil {
		return reply{}, p
	}
	folder, name, p := d.target()
	if p != nil {
		return reply{}, p
	}
	content, p := c.bytes()
	if p != nil {
		return reply{}, p
	}
	if _, _, there := d.child(folder, name); there {
		if _, _, p := d.changeable(); p != nil {
			return reply{}, p
		}
	}
	blob, size, err := c.s.world.PutBlob(bytes.NewReader(content))
	if err != nil {
		return reply{}, fail(http.StatusInternalServerError, "generalException", "The file could not be kept")
	}
	id, o, made, p := d.keep(folder, name, c.conflict(nil, "replace"), blob, size)
	if p != nil {
		return reply{}, p
	}
	rep := ok(d.show(id, o))
	if made {
		rep.status = http.StatusCreated
	}
	return rep, nil
}

const (
	driveDownloads  = "driveDownloads"
	driveUploads    = "driveUploads"
	uploadLife      = 24 * time.Hour
	fragmentUnit    = 327_680
	fragmentMost    = 60 << 20
	downloadAddress = "/drive-download/"
	uploadAddress   = "/drive-upload/"
)

// getContent sends to a pre-signed address: driveitem-get-content.md.
func getContent(c *call) (reply, *problem) {
	d, p := c.drive()
	if p != nil {
		return reply{}, p
	}
	_, o, p := d.item()
	if p != nil {
		return reply{}, p
	}
	if world.Flag(o, "~folder") {
		return reply{}, invalidRequest("A folder has no content")
	}
	return c.presigned(world.Text(o, "~blob")), nil
}

func (c *call) presigned(blob string) reply {
	return reply{status: http.StatusFound, header: http.Header{"Location": {c.sign(driveDownloads, downloadAddress, world.Object{"blob": blob})}}}
}

// ServeDownload gives the bytes of a pre-signed address, or a range of them. The address is the proof.
func (s *Server) ServeDownload(w http.ResponseWriter, r *http.Request) {
	id := s.identify(w, r)
	o, found := s.world.Get(world.Key{Collection: driveDownloads, ID: strings.TrimPrefix(r.URL.Path, downloadAddress)})
	switch {
	case s.tokenRefused(r, world.Text(o, "tenant")):
		s.writeProblem(w, id, unauthorized("A download address carries its own token; do not send an Authorization header.", ""))
		return
	case !found || world.Time(o, "expires").Before(s.world.Now()):
		s.writeProblem(w, id, fail(http.StatusUnauthorized, "unauthenticated", "The address has expired."))
		return
	}
	f, err := os.Open(s.world.BlobPath(world.Text(o, "blob")))
	if err != nil {
		s.writeProblem(w, id, noItem())
		return
	}
	defer func() { _ = f.Close() }() // it was only read
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, f)
}

// createDriveUpload opens an upload session: driveitem-createuploadsession.md. Where a file has the path and nothing is said of it, it is
// updated ("to update an existing file, specify the ID or path of the file to update"), by which rclone lives.
func createDriveUpload(c *call) (reply, *problem) {
	d, p := c.drive()
	if p != nil {
		return reply{}, p
	}
	folder, name, p := d.target()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	item := paramObject(in, "item")
	if s := paramText(item, "name"); s != "" {
		name = s
	}
	conflict := c.conflict(item, "replace")
	if _, old, there := d.child(folder, name); there && conflict == "replace" && d.heldFrom(old) {
		return reply{}, locked() // told with the session already: microsoft-graph-explorer-v4 issue 3435
	}
	id, until := c.s.world.NewGUID(), c.s.world.Now().Add(uploadLife)
	c.s.world.Put(world.Key{Collection: driveUploads, ID: id}, world.Object{"tenant": c.token.Tenant, "holder": d.holder, "folder": folder, "name": name, "conflict": conflict,
		"app": c.token.AppID, "person": c.token.ObjectID, "appOnly": c.token.AppOnly, "expires": world.Stamp(until), "~forgetAfter": until.Format(time.RFC3339)})
	return ok(world.Object{"@odata.context": c.context("microsoft.graph.uploadSession"), "uploadUrl": "https://" + c.r.Host + uploadAddress + id + "?tempauth=" + c.s.world.NewKey(),
		"expirationDateTime": world.Stamp(until), "nextExpectedRanges": []any{"0-"}}), nil
}

// ServeDriveUpload takes the fragments of a session. Here, too, the address is the proof.
func (s *Server) ServeDriveUpload(w http.ResponseWriter, r *http.Request) {
	id := s.identify(w, r)
	session := strings.TrimPrefix(r.URL.Path, uploadAddress)
	defer s.alone(session)()
	k := world.Key{Collection: driveUploads, ID: session}
	u, found := s.world.Get(k)
	file := s.world.BlobPath("drive-" + session)
	switch {
	case s.tokenRefused(r, world.Text(u, "tenant")):
		s.writeProblem(w, id, unauthorized("An upload address carries its own token; do not send an Authorization header.", ""))
	case !found || world.Time(u, "expires").Before(s.world.Now()):
		s.writeProblem(w, id, fail(http.StatusNotFound, "itemNotFound", "The upload session was not found"))
	case r.Method == http.MethodGet:
		s.driveUploadState(w, http.StatusOK, u, received(file))
	case r.Method == http.MethodDelete:
		s.world.Delete(k)
		_ = os.Remove(file) // it may hold nothing yet
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut:
		if p := s.takeFragment(w, r, k, u, file); p != nil {
			s.writeProblem(w, id, p)
		}
	default:
		s.writeProblem(w, id, fail(http.StatusMethodNotAllowed, "invalidRequest", "The method is not allowed"))
	}
}

func (s *Server) driveUploadState(w http.ResponseWriter, status int, u world.Object, have int64) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"expirationDateTime":"%s","nextExpectedRanges":["%d-"]}`, world.Text(u, "expires"), have) // the client went away
}

func (s *Server) takeFragment(w http.ResponseWriter, r *http.Request, k world.Key, u world.Object, file string) *problem {
	var from, to, total int64
	if _, err := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &total); err != nil || to < from || to >= total {
		return invalidRequest("A Content-Range header of the form 'bytes 0-9/10' is needed")
	}
	have, size := received(file), to-from+1
	switch {
	case size >= fragmentMost:
		return fail(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "A fragment must be under 60 MiB")
	case to+1 < total && size%fragmentUnit != 0:
		return invalidRequest("The size of a fragment must be a multiple of 327680 bytes")
	case from != have:
		return fail(http.StatusRequestedRangeNotSatisfiable, "invalidRange", "The next fragment begins at "+strconv.FormatInt(have, 10))
	case total > s.throttle.room():
		return quotaFull()
	}
	if err := appendRange(file, have, io.LimitReader(r.Body, size), size); err != nil {
		return invalidRequest("The fragment did not arrive whole")
	}
	if to+1 < total {
		s.driveUploadState(w, http.StatusAccepted, u, to+1)
		return nil
	}
	return s.commitUpload(w, r, k, u, file, total)
}

// commitUpload makes a file of a session's bytes. Where the name is taken the session stays: driveitem-createuploadsession.md.
func (s *Server) commitUpload(w http.ResponseWriter, r *http.Request, k world.Key, u world.Object, file string, size int64) *problem {
	c := &call{s: s, r: r}
	c.token.Tenant, c.token.AppID, c.token.ObjectID, c.token.AppOnly = world.Text(u, "tenant"), world.Text(u, "app"), world.Text(u, "person"), world.Flag(u, "appOnly")
	d, found := c.driveOf(world.Text(u, "holder"))
	if !found {
		return noItem()
	}
	blob := "kept-" + k.ID
	id, o, made, p := d.keep(world.Text(u, "folder"), world.Text(u, "name"), world.Text(u, "conflict"), blob, size)
	if p != nil {
		return p
	}
	if err := os.Rename(file, s.world.BlobPath(blob)); err != nil {
		return fail(http.StatusInternalServerError, "generalException", "The file could not be kept")
	}
	s.world.Delete(k)
	status := http.StatusOK
	if made {
		status = http.StatusCreated
	}
	writeItem(w, status, d.show(id, o))
	return nil
}

func writeItem(w http.ResponseWriter, status int, item world.Object) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(item) // the client went away
}
