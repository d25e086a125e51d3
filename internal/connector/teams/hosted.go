package teams

import (
	"context"
	"html"
	"io"
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Hosted is what a message shows and keeps itself: an image, a piece of code. Files lie in SharePoint or OneDrive instead.
type Hosted struct {
	ID string `json:"id"`
}

// HostedList is what a message keeps itself.
type HostedList struct {
	Contents []Hosted `json:"contents" doc:"The message's body refers to them by their ids"`
}

// HostedDownloaded is what was handed out.
type HostedDownloaded struct {
	Hosted
	ContentType string `json:"content_type,omitempty"`
	Bytes       int64  `json:"bytes" doc:"How many were written"`
}

// HostedIn names one content of a channel's message.
type HostedIn struct {
	MessageIn
	Content string `json:"content" minLength:"1" doc:"Content by id"`
}

// SaidHostedIn names one content of a chat's message.
type SaidHostedIn struct {
	SaidIn
	Content string `json:"content" minLength:"1" doc:"Content by id"`
}

const bytesOfContent = "application/octet-stream"

func hostedActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "teams.channel_message.hosted_content.list", Summary: "List the images and other contents that a message of a channel keeps itself.", Effect: action.Reads,
			Operations: []m365.OperationKey{listHosted}, MayCall: []m365.OperationKey{listInReply}, Capability: m365.Teams, Args: []string{"team", "channel", "message"}},
			func(ctx context.Context, c action.Call, in MessageIn) (HostedList, error) {
				all, err := hostedOf(ctx, c, in.path())
				return HostedList{all}, explain(ctx, c, in.Team, err)
			}),
		action.Define(action.Spec{Name: "teams.channel_message.hosted_content.download", Summary: "Read an image or another content of a message of a channel.", Effect: action.Reads, ShowsBody: true, Streams: []string{bytesOfContent},
			Operations: []m365.OperationKey{readHosted}, MayCall: []m365.OperationKey{readInReply}, Capability: m365.Teams, Args: []string{"team", "channel", "message", "content"}},
			func(ctx context.Context, c action.Call, in HostedIn) (HostedDownloaded, error) {
				out, err := downloadHosted(ctx, c, in.path(), in.Content)
				return out, explain(ctx, c, in.Team, err)
			}),
		action.Define(action.Spec{Name: "teams.chat_message.hosted_content.list", Summary: "List the images and other contents that a message of a chat keeps itself.", Effect: action.Reads,
			Operations: []m365.OperationKey{listInSaid}, MayCall: []m365.OperationKey{listInChat}, Capability: m365.Teams, Args: []string{"chat", "message"}},
			func(ctx context.Context, c action.Call, in SaidIn) (HostedList, error) {
				p, err := in.at(ctx, c)
				if err != nil {
					return HostedList{}, explain(ctx, c, "", err)
				}
				all, err := hostedOf(ctx, c, p)
				return HostedList{all}, explain(ctx, c, "", err)
			}),
		action.Define(action.Spec{Name: "teams.chat_message.hosted_content.download", Summary: "Read an image or another content of a message of a chat.", Effect: action.Reads, ShowsBody: true, Streams: []string{bytesOfContent},
			Operations: []m365.OperationKey{readInSaid}, MayCall: []m365.OperationKey{listInChat}, Capability: m365.Teams, Args: []string{"chat", "message", "content"}},
			func(ctx context.Context, c action.Call, in SaidHostedIn) (HostedDownloaded, error) {
				p, err := in.at(ctx, c)
				if err != nil {
					return HostedDownloaded{}, explain(ctx, c, "", err)
				}
				out, err := downloadHosted(ctx, c, p, in.Content)
				return out, explain(ctx, c, "", err)
			}),
	}
}

// hostedOf lists ids alone: what kind of content it is tells only its download (chatmessage-list-hostedcontents.md).
func hostedOf(ctx context.Context, c action.Call, message graph.Path) ([]Hosted, error) {
	out := []Hosted{}
	for h, err := range graph.List[graph.HostedContent](ctx, c.Bound.Graph, message.Sub("hostedContents")) {
		if err != nil {
			return nil, err
		}
		out = append(out, Hosted{h.ID})
	}
	return out, nil
}

// downloadHosted hands out a content of any size. Nothing of it is kept in memory but one buffer.
func downloadHosted(ctx context.Context, c action.Call, message graph.Path, id string) (HostedDownloaded, error) {
	s, err := c.Bound.Graph.Content(ctx, message.Sub("hostedContents").Item("chatMessageHostedContent-id", id).Sub("$value"))
	if err != nil {
		return HostedDownloaded{}, err
	}
	n, err := io.Copy(c.Out(action.Bytes{Media: bytesOfContent}), s)
	if closed := s.Close(); err == nil {
		err = closed
	}
	return HostedDownloaded{Hosted{id}, s.Header.Get("Content-Type"), n}, err
}

// image is the file that a new message may show. In base64 it stays under the 4 MB of one request (graph/FACTS §7).
var image = []action.File{{Name: "image", Doc: "Image shown in the message: PNG, JPEG or GIF, up to 3 MB", Max: 3_000_000}}

// imagePlace is where it stands in the words.
const imagePlace = "{image}"

// shown are the types of images: Microsoft's example has the first (chatmessage-post.md), and Teams shows the others (recall).
var shown = []string{"image/png", "image/jpeg", "image/gif"}

// pictured is the message with its image: in its place, or behind the words.
func pictured(m graph.NewChatMessage, file *action.Content) (graph.NewChatMessage, error) {
	if file == nil {
		return m, nil
	}
	content, err := io.ReadAll(file.Reader())
	if err != nil {
		return m, err
	}
	kind := http.DetectContentType(content)
	if !slices.Contains(shown, kind) {
		return m, fault.BadField("image", "is not an image that Teams shows; allowed: %s", strings.Join(shown, ", "))
	}
	if m.Body.ContentType == "text" {
		m.Body = graph.ItemBody{ContentType: "html", Content: asHTML(m.Body.Content)}
	}
	before, after, placed := strings.Cut(m.Body.Content, imagePlace)
	if !placed {
		before += "<br>"
	}
	m.Body.Content = before + `<img src="../hostedContents/1/$value" alt="` + html.EscapeString(file.Name) + `">` + after
	m.Hosted = []graph.HostedContent{{TemporaryID: "1", ContentType: kind, ContentBytes: content}}
	return m, nil
}
