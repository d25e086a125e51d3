package world

import (
	"strings"
	"time"
)

// DriveItems is the collection of a drive: its files and folders.
const DriveItems = "driveItems"

// Drive is the scope of a user's OneDrive.
func Drive(userID string) string { return "drive:" + userID }

// HasDrive tells whether a user has a OneDrive: only who has a licence with it does.
func HasDrive(u Object) bool { return len(Objects(u["assignedLicenses"])) > 0 }

// DriveRoot is the store id of a drive's root folder.
func (w *World) DriveRoot(userID string) string { return w.ItemKey("drive", userID, "root") }

// DriveFolder makes a folder.
func DriveFolder(name, parent, by string, at time.Time) Object {
	return Object{"name": name, "createdDateTime": Stamp(at), "lastModifiedDateTime": Stamp(at), Partition: parent, "~folder": true, "~by": by, "~version": 1, "~content": 1}
}

// DriveFile makes a file of a kept blob.
func DriveFile(name, parent, by, blob string, size int64, at time.Time) Object {
	o := DriveFolder(name, parent, by, at)
	o["~folder"], o["~blob"], o["size"] = false, blob, size
	return o
}

// seedDrives gives everybody with a licence a drive: a root, and a folder with a file.
func (w *World) seedDrives(t TenantSpec) error {
	blob, size, err := w.PutBlob(strings.NewReader("Welcome to the files of Contoso.\n"))
	if err != nil {
		return err
	}
	for _, u := range t.Users {
		if !u.Mailbox || u.Purpose != "" {
			continue
		}
		id := w.GUID("user", t.ID, u.UPN)
		scope, root, documents, at := Drive(id), w.DriveRoot(id), w.ItemKey("drive", id, "Documents"), w.head.Start.AddDate(0, -1, 0)
		w.Update(func(tx *Tx) {
			tx.Put(Key{scope, DriveItems, root}, DriveFolder("root", "", id, at))
			tx.Put(Key{scope, DriveItems, documents}, DriveFolder("Documents", root, id, at))
			tx.Put(Key{scope, DriveItems, w.ItemKey("drive", id, "Welcome")}, DriveFile("Welcome.txt", documents, id, blob, size, at))
		})
	}
	return nil
}
