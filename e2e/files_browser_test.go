package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	chromium "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"seneschal/internal/app"
	"seneschal/internal/m365"
)

// A file goes up through the console's form and comes down as the browser's own download under its own name, byte for byte.
func TestAFileGoesUpAndDownInTheConsole(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	c := h.Connect(h.Form("contoso", "Seneschal", m365.OneDrive))
	p := browser(t)
	p.enter(h)
	dir := t.TempDir()
	want := bytes.Repeat([]byte{0, 1, 2, 0xff, '\r', '\n', '<'}, 100_000)
	const name = "Console 100%41 Straße.bin"
	up := filepath.Join(dir, "up.bin")
	if err := os.WriteFile(up, want, 0o600); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.Navigate(h.Server.URL()+"/actions/drive.item.upload?connection="+c.ID), fill(`input[name="in.user"]`, ada), fill(`input[name="in.folder_path"]`, "Documents"), fill(`input[name="in.name"]`, name),
		chromedp.SetUploadFiles(chromedp.CSS(`input[name="file.file"]`), []string{up}), click(`button[value="run"]`), see("section.good"))
	has(t, "the upload", p.text("section.good"), name, "700000")
	p.do(chromedp.Navigate(h.Server.URL()+"/actions/drive.item.download?connection="+c.ID), fill(`input[name="in.user"]`, ada), fill(`input[name="in.path"]`, "Documents/None.bin"), click(`button[value="run"]`), see(".problem"))
	has(t, "a file that is none", p.text(".problem"), "There is no such entry")
	p.do(chromedp.Navigate(h.Server.URL()+"/actions/drive.item.download?connection="+c.ID), fill(`input[name="in.user"]`, ada), fill(`input[name="in.path"]`, "Documents/"+name))
	down := filepath.Join(dir, "down")
	keep := chromium.SetDownloadBehaviorParams{Behavior: chromium.SetDownloadBehaviorBehaviorAllow, DownloadPath: down}
	get(p, func(ctx context.Context, _ *chromedp.Target) (cdp.Empty, error) {
		return chromedp.CallBrowser(ctx, chromium.SetDownloadBehavior, keep)
	})
	p.do(click(`button[value="run"]`))
	waitUntil(t, "the browser has the whole file", func() bool {
		got, err := os.ReadFile(filepath.Join(down, name))
		return err == nil && bytes.Equal(got, want)
	})
	p.sound(h, map[string]string{"files-upload": "/actions/drive.item.upload", "files-copy": "/actions/drive.item.copy", "files-invite": "/actions/drive.item.invite"})
}
