package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/wire"
)

// UploadSession is where Microsoft takes a large content, piece by piece. The URL is a secret of its own: who has it needs no token.
type UploadSession struct {
	UploadURL          string    `json:"uploadUrl"`
	ExpirationDateTime time.Time `json:"expirationDateTime"`
	NextExpectedRanges []string  `json:"nextExpectedRanges"` // Outlook writes them in PascalCase; encoding/json takes both
}

// Uploaded is what came of an upload: for an attachment the Location with its id, for a file the item.
type Uploaded struct {
	Location string
	Item     json.RawMessage
}

// AttachmentItem announces an attachment to createUploadSession.
type AttachmentItem struct {
	AttachmentType string `json:"attachmentType"` // "file", also when left empty
	Name           string `json:"name"`
	Size           int64  `json:"size"`
	ContentType    string `json:"contentType,omitempty"`
	IsInline       bool   `json:"isInline,omitempty"`
	ContentID      string `json:"contentId,omitempty"`
}

// AttachFile adds a file of 3 to 150 MB to a message or event: item is its path. Content is read once, from front to back. told hears after
// each piece how many bytes Microsoft has.
func (c *Client) AttachFile(ctx context.Context, item Path, file AttachmentItem, content io.Reader, told func(taken int64)) (Uploaded, error) {
	if file.AttachmentType == "" {
		file.AttachmentType = "file"
	}
	session := item.Sub("attachments", "createUploadSession")
	body := struct {
		AttachmentItem AttachmentItem
	}{file}
	s, err := Post[UploadSession](ctx, c, session, body)
	if err != nil {
		return Uploaded{}, err
	}
	return c.upload(ctx, session, s, content, file.Size, outlookPiece, told)
}

// Drives want pieces of multiples of 327,680 bytes, of which they advise 5 to 10 MiB; Outlook takes at most 4 MB (graph/FACTS §7 and §10).
const (
	outlookPiece = 12 * 327_680
	drivePiece   = 32 * 327_680
)

// UploadFile sends a file into a drive's session that was made at p, from where the session says it stands. It holds one piece in memory. A
// piece whose answer was lost is resumed from what the session has then. told is as with AttachFile.
func (c *Client) UploadFile(ctx context.Context, p Path, s UploadSession, content io.ReaderAt, size int64, told func(taken int64)) (DriveItem, error) {
	var item DriveItem
	up, err := c.upload(ctx, p, s, io.NewSectionReader(content, 0, size), size, drivePiece, told)
	if err == nil {
		if e := json.Unmarshal(up.Item, &item); e != nil {
			err = malformed("the uploaded file", e)
		}
	}
	return item, err
}

// UploadStanding asks a session that was made at p how far it is.
func (c *Client) UploadStanding(ctx context.Context, p Path, uploadURL string) (UploadSession, error) {
	s := UploadSession{}
	answer, err := c.session(ctx, p, http.MethodGet, uploadURL)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(answer.Body, &s); err != nil || len(s.NextExpectedRanges) == 0 {
		return s, malformed("the upload's progress", err)
	}
	s.UploadURL = uploadURL
	return s, nil
}

// EndUpload gives a session up, with what it has.
func (c *Client) EndUpload(ctx context.Context, p Path, uploadURL string) error {
	_, err := c.session(ctx, p, http.MethodDelete, uploadURL)
	return err
}

func (c *Client) session(ctx context.Context, p Path, method, uploadURL string) (*wire.Answer, error) {
	r, err := c.signed(p, method, uploadURL, "{uploadUrl}")
	if err != nil {
		return nil, err
	}
	return c.do(ctx, r)
}

// signed is a request to an address that Microsoft gave out for p and that carries its own proof: no token goes there.
func (c *Client) signed(p Path, method, address, name string) (wire.Request, error) {
	r, _, err := c.request(method, p, nil)
	r.Operation, r.URL, r.Anonymous, r.Header = method+" "+name, address, true, http.Header{}
	return r, err
}

func (c *Client) upload(ctx context.Context, p Path, s UploadSession, content io.Reader, size, piece int64, told func(taken int64)) (Uploaded, error) {
	r, _, err := c.request(http.MethodPut, p, nil)
	if err != nil {
		return Uploaded{}, err
	}
	next, err := nextOffset(s.NextExpectedRanges, 0)
	if err != nil {
		return Uploaded{}, err
	}
	r.Operation, r.URL, r.Anonymous = "PUT {uploadUrl}", s.UploadURL, true
	u := &upload{c: c, request: r, content: content, size: size, told: told, piece: make([]byte, min(piece, max(size, 0)))}
	return u.run(ctx, next)
}

type upload struct {
	c       *Client
	request wire.Request
	content io.Reader
	size    int64
	told    func(taken int64)
	piece   []byte // bytes from start to start+held
	start   int64
	held    int
}

// uploadRepairs bounds how often one upload asks where it stands.
const uploadRepairs = 10

func (u *upload) run(ctx context.Context, next int64) (Uploaded, error) {
	if u.size <= 0 {
		return Uploaded{}, fault.BadField("size", "an upload session takes a known, positive size")
	}
	for repairs := 0; ; {
		if err := u.load(next); err != nil {
			return Uploaded{}, err
		}
		answer, err := u.put(ctx, next)
		if err == nil {
			done, at, err := u.progress(answer)
			if err != nil {
				return Uploaded{}, err
			}
			if done != nil {
				u.told(u.size)
				return *done, nil
			}
			u.told(at)
			next = at
			continue
		}
		if repairs++; repairs > uploadRepairs || !resumable(err) || ctx.Err() != nil {
			return Uploaded{}, err
		}
		if next, err = u.whereNext(ctx, err); err != nil {
			return Uploaded{}, err
		}
	}
}

// load brings the piece that holds offset into memory.
func (u *upload) load(offset int64) error {
	if u.held > 0 && offset >= u.start && offset < u.start+int64(u.held) {
		return nil
	}
	if at, ok := u.content.(io.ReaderAt); ok {
		return u.fill(offset, func(b []byte) (int, error) { return at.ReadAt(b, offset) })
	}
	if offset != u.start+int64(u.held) {
		return &fault.Error{Kind: fault.Unavailable, Code: "upload_not_resumable", Operation: u.request.Operation,
			Message: "Microsoft asks for a part of the content that has gone by", Fix: "Start the upload again", Who: "you"}
	}
	return u.fill(offset, func(b []byte) (int, error) { return io.ReadFull(u.content, b) })
}

func (u *upload) fill(offset int64, read func([]byte) (int, error)) error {
	want := int(min(int64(len(u.piece)), u.size-offset))
	n, err := read(u.piece[:want])
	var wrong *fault.Error
	if errors.As(err, &wrong) {
		return wrong
	}
	if n < want {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return &fault.Error{Kind: fault.Invalid, Code: "content_too_short", Operation: u.request.Operation,
			Message: "The content ended before the size that was announced", Err: err, Fix: "Send the content with its true size", Who: "you"}
	}
	u.start, u.held = offset, want
	return nil
}

// put sends what is held from offset on.
func (u *upload) put(ctx context.Context, offset int64) (*wire.Answer, error) {
	r := u.request
	r.Body = u.piece[offset-u.start : u.held]
	r.Header = http.Header{"Content-Type": {"application/octet-stream"},
		"Content-Range": {fmt.Sprintf("bytes %d-%d/%d", offset, offset+int64(len(r.Body))-1, u.size)}}
	r.Charges = u.c.withUpload(r)
	return u.c.do(ctx, r)
}

// progress reads what the session says after a piece: where to go on, or that it has everything.
func (u *upload) progress(a *wire.Answer) (*Uploaded, int64, error) {
	var s UploadSession
	if len(bytes.TrimSpace(a.Body)) > 0 {
		if err := json.Unmarshal(a.Body, &s); err != nil {
			return nil, 0, malformed("the upload's progress", err)
		}
	}
	if a.Status == http.StatusCreated || (a.Status == http.StatusOK && len(s.NextExpectedRanges) == 0) {
		return &Uploaded{Location: a.Header.Get("Location"), Item: bytes.Clone(a.Body)}, 0, nil
	}
	next, err := nextOffset(s.NextExpectedRanges, u.start+int64(u.held))
	if err == nil && next >= u.size {
		err = malformed("the upload is complete but was not concluded", nil)
	}
	return nil, next, err
}

// nextOffset is the beginning of the first range. The list may leave out later ones (graph/FACTS §10), so only the first counts.
func nextOffset(ranges []string, otherwise int64) (int64, error) {
	if len(ranges) == 0 {
		return otherwise, nil
	}
	first, _, _ := strings.Cut(ranges[0], "-")
	n, err := strconv.ParseInt(first, 10, 64)
	if err != nil || n < 0 {
		return 0, malformed("the range that the upload expects next", err)
	}
	return n, nil
}

// resumable says that the session may still be alive: the network failed, or a piece arrived twice (416).
func resumable(err error) bool {
	f := fault.As(err)
	return f.Kind == fault.Unavailable || (f.Upstream != nil && f.Upstream.Status == http.StatusRequestedRangeNotSatisfiable)
}

// whereNext asks the session what it lacks. A session that is gone after its last piece was sent may have concluded: that is unclear.
func (u *upload) whereNext(ctx context.Context, cause error) (int64, error) {
	r := u.request
	r.Operation, r.Method, r.Header = "GET {uploadUrl}", http.MethodGet, http.Header{}
	answer, err := u.c.do(ctx, r)
	if err != nil {
		f := fault.As(err)
		if f.Upstream != nil && (f.Upstream.Status == http.StatusNotFound || f.Upstream.Status == http.StatusGone) && u.start+int64(u.held) == u.size {
			return 0, &fault.Error{Kind: fault.Unclear, Code: "outcome_unknown", Operation: u.request.Operation, Upstream: f.Upstream, Err: cause,
				Message: "The upload's last answer was lost and its session is over", Fix: "Look whether the content is there before sending it again", Who: "you"}
		}
		return 0, err
	}
	var s UploadSession
	if err := json.Unmarshal(answer.Body, &s); err != nil {
		return 0, malformed("the upload's progress", err)
	}
	if len(s.NextExpectedRanges) == 0 {
		return 0, malformed("the upload expects nothing and is not concluded", nil)
	}
	return nextOffset(s.NextExpectedRanges, 0)
}
