package onedrive

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Thumbnail is how large a picture of a file is.
type Thumbnail struct {
	Size   string `json:"size" doc:"small, medium or large"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

// ThumbnailList are the pictures of a file; none where Microsoft draws none.
type ThumbnailList struct {
	Thumbnails []Thumbnail `json:"thumbnails"`
}

// ThumbnailIn names one picture of a file.
type ThumbnailIn struct {
	ItemIn
	Size string `json:"size,omitempty" enum:"small,medium,large" doc:"Which one; medium without"`
}

// Picture is a thumbnail with its bytes.
type Picture struct {
	Thumbnail
	ContentType string `json:"content_type"`
	Content     []byte `json:"content" doc:"The picture in base64"`
}

func thumbnailActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "drive.thumbnail.list", Summary: "List the pictures that Microsoft has drawn of a file.", Effect: action.Reads,
			Operations: []m365.OperationKey{readAt, listThumbnails}, Capability: m365.OneDrive},
			func(ctx context.Context, c action.Call, in ItemIn) (ThumbnailList, error) {
				out := ThumbnailList{Thumbnails: []Thumbnail{}}
				box, id, err := in.at(ctx, c)
				if err != nil {
					return out, err
				}
				drawn, err := box.thumbnails(ctx, id)
				for _, size := range []string{"small", "medium", "large"} {
					if t := drawn[size]; t != nil {
						out.Thumbnails = append(out.Thumbnails, Thumbnail{size, t.Width, t.Height})
					}
				}
				return out, err
			}),
		action.Define(action.Spec{Name: "drive.thumbnail.get", Summary: "Read a small picture of a file.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{readAt, listThumbnails}, Capability: m365.OneDrive}, thumbnail),
	}
}

// thumbnails are what was drawn of a file, by size.
func (d drive) thumbnails(ctx context.Context, item string) (map[string]*graph.Thumbnail, error) {
	for set, err := range graph.List[graph.ThumbnailSet](ctx, d.Graph, d.DriveItem(item).Sub("thumbnails")) {
		return map[string]*graph.Thumbnail{"small": set.Small, "medium": set.Medium, "large": set.Large}, err
	}
	return nil, nil
}

func thumbnail(ctx context.Context, c action.Call, in ThumbnailIn) (Picture, error) {
	box, id, err := in.at(ctx, c)
	if err != nil {
		return Picture{}, err
	}
	drawn, err := box.thumbnails(ctx, id)
	if err != nil {
		return Picture{}, err
	}
	size := in.Size
	if size == "" {
		size = "medium"
	}
	t := drawn[size]
	if t == nil {
		return Picture{}, &fault.Error{Kind: fault.NotFound, Code: "no_thumbnail", Message: "Microsoft has drawn no such picture of it", Cause: "It is a folder, a kind of file that is not drawn, or a new one",
			Fix: "Read the file itself, or try again later", Who: "you"}
	}
	content, kind, err := box.Graph.Picture(ctx, box.DriveItem(id), *t)
	return Picture{Thumbnail{size, t.Width, t.Height}, kind, content}, err
}
