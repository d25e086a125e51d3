package graph

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// Drive is a OneDrive.
type Drive struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"`
	DriveType string      `json:"driveType"`
	WebURL    string      `json:"webUrl"`
	Owner     IdentitySet `json:"owner"`
	Quota     Quota       `json:"quota"`
	InSite    struct {
		List string `json:"listId"`
	} `json:"sharePointIds"` // told only where it is selected
}

// Quota is how full a drive is. State is normal, nearing, critical or exceeded.
type Quota struct {
	Total     int64  `json:"total"`
	Used      int64  `json:"used"`
	Remaining int64  `json:"remaining"`
	Deleted   int64  `json:"deleted"`
	State     string `json:"state"`
}

// IdentitySet is who did something: a person, or an app.
type IdentitySet struct {
	User        *Identity `json:"user"`
	Application *Identity `json:"application"`
}

// Identity is one of them.
type Identity struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	Email       string `json:"email,omitempty"`
}

// DriveItem is a file or folder as read.
type DriveItem struct {
	ID                   string        `json:"id"`
	Name                 string        `json:"name"`
	Size                 int64         `json:"size"`
	ETag                 string        `json:"eTag"`
	CTag                 string        `json:"cTag"` // changes with the content alone
	WebURL               string        `json:"webUrl"`
	CreatedDateTime      time.Time     `json:"createdDateTime"`
	LastModifiedDateTime time.Time     `json:"lastModifiedDateTime"`
	LastModifiedBy       IdentitySet   `json:"lastModifiedBy"`
	ParentReference      ItemReference `json:"parentReference"`
	File                 *FileFacet    `json:"file"`
	Folder               *FolderFacet  `json:"folder"`
	Root                 *struct{}     `json:"root"`
	Package              *struct{}     `json:"package"`     // a notebook: neither file nor folder
	Deleted              *struct{}     `json:"deleted"`     // in changes alone
	Publication          Publicity     `json:"publication"` // told only where it is selected
}

// Publicity says whether a file is checked out: its level is then checkout (resources/publicationfacet.md).
type Publicity struct {
	Level        string      `json:"level"`
	CheckedOutBy IdentitySet `json:"checkedOutBy"`
}

// CheckIn ends a check-out.
type CheckIn struct {
	Comment string `json:"comment,omitempty"`
}

// ExtractedLabels are the sensitivity labels of a file. An example of Microsoft's wraps them in value, the contract does not.
type ExtractedLabels struct {
	Labels []LabelAssignment `json:"labels"`
	Value  struct {
		Labels []LabelAssignment `json:"labels"`
	} `json:"value"`
}

// LabelAssignment is one label of a file.
type LabelAssignment struct {
	Label    string `json:"sensitivityLabelId"`
	Method   string `json:"assignmentMethod"`
	TenantID string `json:"tenantId"`
}

// FileFacet marks a file.
type FileFacet struct {
	MimeType string `json:"mimeType"`
	Hashes   struct {
		QuickXor string `json:"quickXorHash"` // empty where Microsoft does not tell it
	} `json:"hashes"`
}

// FolderFacet marks a folder.
type FolderFacet struct {
	ChildCount int `json:"childCount"`
}

// ItemReference is a place in a drive. Whether Path is percent-encoded differs between the kinds of drives.
type ItemReference struct {
	DriveID string `json:"driveId,omitempty"`
	ID      string `json:"id,omitempty"`
	Path    string `json:"path,omitempty"`
}

// FolderCreation is a new folder.
type FolderCreation struct {
	Name             string      `json:"name"`
	Folder           FolderFacet `json:"folder"`
	ConflictBehavior string      `json:"@microsoft.graph.conflictBehavior"` // fail or rename
}

// ItemChange renames or moves an item; what is left out stays.
type ItemChange struct {
	Name            string         `json:"name,omitempty"`
	ParentReference *ItemReference `json:"parentReference,omitempty"`
}

// DriveItemVersion is what a file was at a time.
type DriveItemVersion struct {
	ID                   string      `json:"id"`
	Size                 int64       `json:"size"`
	LastModifiedDateTime time.Time   `json:"lastModifiedDateTime"`
	LastModifiedBy       IdentitySet `json:"lastModifiedBy"`
}

// ThumbnailSet are pictures of a file, by size; a file has none or one set.
type ThumbnailSet struct {
	ID     string     `json:"id"`
	Small  *Thumbnail `json:"small"`
	Medium *Thumbnail `json:"medium"`
	Large  *Thumbnail `json:"large"`
}

// Thumbnail is one of them. The URL is a secret of its own: who has it needs no token.
type Thumbnail struct {
	Width  int    `json:"width"`
	Height int    `json:"height"`
	URL    string `json:"url"`
}

// maxThumbnail is far above what a picture of 800 points takes.
const maxThumbnail = 4 << 20

// Picture reads the bytes of a thumbnail of an item, and what kind of picture they are.
func (c *Client) Picture(ctx context.Context, item Path, t Thumbnail) (content []byte, contentType string, err error) {
	r, err := c.signed(item, http.MethodGet, t.URL, "{thumbnailUrl}")
	if err != nil {
		return nil, "", err
	}
	r.Raw, r.MaxAnswer = true, maxThumbnail
	answer, err := c.do(ctx, r)
	if err != nil {
		return nil, "", err
	}
	return answer.Body, answer.Header.Get("Content-Type"), nil
}

// UploadStart asks for an upload session.
type UploadStart struct {
	Item UploadProperties `json:"item"`
}

// UploadProperties say what shall become of a name that is taken.
type UploadProperties struct {
	ConflictBehavior string `json:"@microsoft.graph.conflictBehavior"` // fail, rename or replace
}

// Drives is the list of the user's drives.
func (o Owner) Drives() Path { return o.Sub("drives") }

// Drive is the user's own OneDrive.
func (o Owner) Drive() DrivePlace { return DrivePlace{o.Sub("drive")} }

// DriveRoot is the topmost folder of the user's own OneDrive.
func (o Owner) DriveRoot() Path { return o.Drive().Root() }

// DrivePlace is a drive, a user's or a site's library, and what lies below it.
type DrivePlace struct{ Path }

// Root is the topmost folder.
func (d DrivePlace) Root() Path { return d.Sub("root") }

// DriveItem is one file or folder; without an id the topmost folder.
func (d DrivePlace) DriveItem(id string) Path {
	if id == "" {
		return d.Root()
	}
	return d.Sub("items").Item("driveItem-id", id)
}

// DriveItemAt is what lies at a path below the topmost folder, and that itself for an empty one.
func (d DrivePlace) DriveItemAt(path string) Path {
	if strings.Trim(path, "/") == "" {
		return d.Root()
	}
	return d.Root().Named(path)
}

// FileIn is where a file of a folder is sent to, by its name; the topmost folder without an id.
func (d DrivePlace) FileIn(folder, name string) Path {
	if folder == "" {
		return d.Root().Named(name)
	}
	p := d.DriveItem(folder)
	p.template += ":/{filename}"
	p.url += ":/" + escape(name)
	p.named = true
	return p
}

// SearchedFor is the search below a folder; a quote in the text is written twice.
func (p Path) SearchedFor(text string) Path {
	p.closeName()
	p.template += "/search(q='{q}')"
	p.url += "/search(q='" + escape(strings.ReplaceAll(text, "'", "''")) + "')"
	return p
}
