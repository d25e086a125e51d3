package graph

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"seneschal/internal/sim/world"
)

// FileChange is what happens to a file in a person's OneDrive without Graph: POST /file. What is left out stays.
type FileChange struct {
	User   string   `json:"user"`             // whose OneDrive, by address
	Path   string   `json:"path"`             // of the file, from the topmost folder
	Size   int64    `json:"size,omitempty"`   // makes a file of so many zeroes, which takes no room
	Open   string   `json:"open,omitempty"`   // who has it open now, by address; "nobody" ends that
	Labels []string `json:"labels,omitempty"` // ids of sensitivity labels
	Sealed string   `json:"sealed,omitempty"` // why its labels cannot be read: fileDoubleKeyEncrypted, fileDecryptionNotSupported, fileDecryptionDeferred
}

// ChangeFile does it.
func (s *Server) ChangeFile(f FileChange) error {
	tenant, user, err := s.mailboxOf(f.User)
	if err != nil {
		return err
	}
	c := &call{s: s}
	c.token.Tenant, c.token.ObjectID = tenant, world.Text(user, "id")
	d, _ := c.driveOf(world.Text(user, "id"))
	c.named = f.Path
	if f.Size > 0 {
		return d.putZeroes(f.Path, f.Size)
	}
	id, o, p := d.item()
	if p != nil {
		return fmt.Errorf("there is no file %q: %s", f.Path, p.message)
	}
	n := c.changed(o)
	switch f.Open {
	case "":
	case "nobody":
		delete(n, openBy)
	default:
		n[openBy] = f.Open
	}
	if f.Sealed != "" {
		n[unreadable] = f.Sealed
	}
	if f.Labels != nil {
		list := make([]any, len(f.Labels))
		for i, l := range f.Labels {
			list[i] = world.Object{"id": l, "method": "standard"}
		}
		n[labels] = list
	}
	s.world.Put(d.key(id), n)
	return nil
}

// putZeroes makes a file whose bytes are holes.
func (d drive) putZeroes(at string, size int64) error {
	above, name := path.Split(at)
	d.c.named = strings.Trim(above, "/")
	folder, _, p := d.item()
	if p != nil {
		return errors.New(p.message)
	}
	w := d.c.s.world
	blob := "zeroes-" + w.NewKey()
	if err := holes(w.BlobPath(blob), size); err != nil {
		return err
	}
	if _, _, _, p := d.keep(folder, name, "fail", blob, size); p != nil {
		return errors.New(p.message)
	}
	return nil
}

func holes(file string, size int64) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Close())
}

// ReceiveUploads has every upload session of drives receive so many bytes, all of them zeroes: POST /uploads.
func (s *Server) ReceiveUploads(received int64) error {
	for id := range s.world.Scan("", driveUploads) {
		if err := holes(s.world.BlobPath("drive-"+id), received); err != nil {
			return err
		}
	}
	return nil
}
