package contacts

import (
	"context"
	"io"
	"net/http"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Photo tells about a contact's photo.
type Photo struct {
	ContactID   string `json:"contact_id"`
	ContentType string `json:"content_type,omitempty"`
	Width       int    `json:"width,omitempty"`
	Height      int    `json:"height,omitempty"`
}

// PhotoContent is a photo with its bytes.
type PhotoContent struct {
	Photo
	Content []byte `json:"content" doc:"The photo in base64"`
}

// maxPhoto keeps a photo in one request, which is bounded at 4 MB (profilephoto-update.md).
const maxPhoto = 4_000_000

const jpeg = "image/jpeg"

func photoActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "contact.photo.get", Summary: "Read a contact's photo.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{readPhoto, readPhotoBytes, readContact}, Capability: m365.Contacts, Args: []string{"contact"}}, getPhoto),
		action.Define(action.Spec{Name: "contact.photo.set", Summary: "Give a contact a photo.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{writePhoto, readPhoto}, Capability: m365.Contacts, Args: []string{"contact"},
			Files: []action.File{{Name: "photo", Doc: "The photo as JPEG, up to 4 MB", Required: true, Max: maxPhoto}}}, setPhoto),
	}
}

func getPhoto(ctx context.Context, c action.Call, in ContactIn) (PhotoContent, error) {
	box, path, err := in.at(c)
	if err != nil {
		return PhotoContent{}, err
	}
	photo, err := in.photo(ctx, box, path)
	if fault.KindOf(err) == fault.NotFound && !graph.NoMailbox(err) {
		return PhotoContent{}, noPhoto(ctx, box, path, err)
	}
	if err != nil {
		return PhotoContent{}, err
	}
	content, err := readPhotoAt(ctx, box.Graph, path)
	return PhotoContent{photo, content}, err
}

func (in ContactIn) photo(ctx context.Context, box place.Place, path graph.Path) (Photo, error) {
	p, err := graph.Get[graph.ProfilePhoto](ctx, box.Graph, path.Sub("photo"))
	return Photo{in.Contact, p.MediaContentType, p.Width, p.Height}, err
}

// noPhoto tells a contact without a photo from no contact: Microsoft answers 404 to both (profilephoto-get.md).
func noPhoto(ctx context.Context, box place.Place, path graph.Path, otherwise error) error {
	if _, err := graph.Get[graph.Contact](ctx, box.Graph, path, graph.Select("id")); err != nil {
		return err
	}
	f := &fault.Error{Kind: fault.NotFound, Code: "no_photo", Message: "The contact has no photo", Fix: "Give it one with contact.photo.set, if it shall have one", Who: "you"}
	if was := fault.As(otherwise); was != nil {
		f.Operation, f.Upstream = was.Operation, was.Upstream
	}
	return f
}

func readPhotoAt(ctx context.Context, g *graph.Client, contact graph.Path) ([]byte, error) {
	s, err := g.Content(ctx, contact.Sub("photo").MIME())
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(s, maxPhoto+1))
	if closed := s.Close(); err == nil {
		err = closed
	}
	if err == nil && len(content) > maxPhoto {
		err = &fault.Error{Kind: fault.TooLarge, Code: "photo_too_large", Message: "The photo is larger than 4 MB", Fix: "Look at it in Outlook", Who: "you"}
	}
	return content, err
}

// setPhoto replaces the photo: doing so twice is as doing so once.
func setPhoto(ctx context.Context, c action.Call, in ContactIn) (Photo, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Photo{}, err
	}
	content, err := io.ReadAll(c.Files["photo"].Reader())
	if err != nil {
		return Photo{}, err
	}
	if http.DetectContentType(content) != jpeg { // the one form that the page names (profilephoto-update.md)
		return Photo{}, fault.BadField("photo", "is not a JPEG image; allowed: %s", jpeg)
	}
	if err := box.Graph.Put(ctx, path.Sub("photo").MIME(), jpeg, content); err != nil {
		return Photo{}, err
	}
	return in.photo(ctx, box, path)
}
