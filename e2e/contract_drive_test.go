package e2e

import (
	"bytes"
	"testing"
)

// exerciseFiles runs every action on files.
func exerciseFiles(t *testing.T, do perform) {
	t.Helper()
	do("drive.list", map[string]any{})
	do("drive.get", map[string]any{})
	folder := do("drive.folder.create", map[string]any{"name": "Contracts"})["id"]
	inner := do("drive.folder.create", map[string]any{"folder": folder, "name": "2031 #1", "conflict": "rename"})["id"]
	do("drive.item.get", map[string]any{"path": "Contracts/2031 #1"})
	do("drive.item.list", map[string]any{})
	do("drive.item.list", map[string]any{"folder": folder, "limit": 1})
	do("drive.item.search", map[string]any{"text": "it's in the contract"})
	do("drive.item.search", map[string]any{"folder": folder, "text": "2031"})
	renamed := do("drive.item.rename", map[string]any{"item": inner, "name": "2032"})
	do("drive.item.move", map[string]any{"item": inner, "if_version": renamed["version"]})
	small := map[string][]byte{"file": []byte("A small file.")}
	do("drive.item.upload", map[string]any{"name": "At the top.txt", "conflict": "replace"}, small)
	do("drive.item.upload", map[string]any{"folder": folder, "name": "Small.txt", "conflict": "rename"}, small)
	do("drive.item.download", map[string]any{"path": "Contracts/Small.txt", "offset": 2, "length": 5})
	versions := do("drive.version.list", map[string]any{"path": "Contracts/Small.txt"})["versions"].([]any)
	do("drive.version.restore", map[string]any{"path": "Contracts/Small.txt", "version": versions[0].(map[string]any)["id"]})
	do("drive.item.check_out", map[string]any{"path": "Contracts/Small.txt"})
	do("drive.item.check_in", map[string]any{"path": "Contracts/Small.txt", "comment": "Finished."})
	do("drive.item.check_out", map[string]any{"path": "Contracts/Small.txt"})
	do("drive.item.check_out.discard", map[string]any{"path": "Contracts/Small.txt"})
	changes := do("drive.change.list", map[string]any{"limit": 1})
	do("drive.change.list", map[string]any{"limit": 1, "cursor": changes["next_cursor"]})
	do("drive.item.copy", map[string]any{"item": folder, "name": "Contracts, copied", "conflict": "rename"})
	do("drive.item.copy", map[string]any{"path": "Contracts/Small.txt", "folder": folder, "conflict": "rename"})
	mirror := do("drive.folder.create", map[string]any{"name": "Mirror"})["id"]
	do("drive.folder.mirror", map[string]any{"folder": folder, "to_folder": mirror})
	do("drive.item.delete", map[string]any{"item": mirror})
	do("drive.item.upload", map[string]any{"name": "Picture.png", "conflict": "replace"}, small)
	do("drive.thumbnail.list", map[string]any{"path": "Picture.png"})
	do("drive.thumbnail.get", map[string]any{"path": "Picture.png"})
	link := do("drive.link.create", map[string]any{"path": "Contracts/Small.txt", "type": "edit", "expires": "2031-01-01T00:00:00Z"})
	do("drive.link.create", map[string]any{"item": folder, "scope": "anonymous"})
	invited := do("drive.item.invite", map[string]any{"path": "Contracts/Small.txt", "people": []string{"ben@contoso.example"}})["permissions"].([]any)[0].(map[string]any)["id"]
	do("drive.item.invite", map[string]any{"item": folder, "people": []string{"ben@contoso.example"}, "role": "write", "send_invitation": true, "message": "Please read."})
	do("drive.permission.list", map[string]any{"path": "Contracts/Small.txt"})
	do("drive.permission.get", map[string]any{"path": "Contracts/Small.txt", "permission": link["id"]})
	do("drive.permission.update", map[string]any{"path": "Contracts/Small.txt", "permission": invited, "role": "write"})
	do("drive.permission.delete", map[string]any{"path": "Contracts/Small.txt", "permission": invited})
	large := map[string][]byte{"file": bytes.Repeat([]byte("0123456789"), 500_000)}
	do("drive.item.upload", map[string]any{"name": "Large at the top.bin", "conflict": "replace"}, large)
	do("drive.item.upload", map[string]any{"folder": folder, "name": "Large.bin"}, large)
	do("drive.item.delete", map[string]any{"item": inner})
	do("drive.item.delete", map[string]any{"item": folder})
}

// exerciseLabels reads the labels of a file, as personal accounts have none.
func exerciseLabels(t *testing.T, do perform) {
	t.Helper()
	do("drive.item.upload", map[string]any{"name": "Labelled.docx", "conflict": "replace"}, map[string][]byte{"file": []byte("A small file.")})
	do("drive.label.list", map[string]any{"path": "Labelled.docx"})
}
