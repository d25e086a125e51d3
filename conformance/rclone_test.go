package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRclone has Debian's rclone keep files in a simulated OneDrive. It knows Microsoft's hosts only, so it runs in a network of its own in
// which they are this machine: nothing can leave.
func TestRclone(t *testing.T) {
	if os.Getenv(listen) == "" {
		inPrivate(t, "-test.run", "^TestRclone$")
		return
	}
	r := newRclone(t)
	local := t.TempDir()
	files := map[string]int{"Empty.txt": 0, "Small.txt": 13, "At 100 % #1 'quoted'.bin": 70_000, "deep/er/Größe.bin": 11 << 20, "deep/Two words.txt": 5}
	for name, size := range files {
		write(t, filepath.Join(local, name), size)
	}
	r.run(t, "mkdir", "drive:Kept")
	r.run(t, "copy", local, "drive:Kept")
	r.run(t, "check", local, "drive:Kept")
	if here, there := lines(r.run(t, "hashsum", "quickxor", local)), lines(r.run(t, "hashsum", "quickxor", "drive:Kept")); !slices.Equal(here, there) || len(here) != len(files) {
		t.Errorf("Microsoft's hashes:\nhere  %q\nthere %q", here, there)
	}
	if got := lines(r.run(t, "lsf", "--recursive", "--files-only", "drive:Kept")); len(got) != len(files) {
		t.Errorf("listed: %q", got)
	}
	write(t, filepath.Join(local, "Small.txt"), 20) // another content under the same name
	r.run(t, "copyto", filepath.Join(local, "Small.txt"), "drive:Kept/Small.txt")
	r.run(t, "moveto", "drive:Kept/Small.txt", "drive:Kept/deep/Moved.txt")
	r.run(t, "copyto", "drive:Kept/deep/Moved.txt", "drive:Kept/Copied.txt") // on the server
	back := t.TempDir()
	r.run(t, "copy", "drive:Kept", back)
	for _, name := range []string{"deep/Moved.txt", "Copied.txt"} {
		if !same(t, filepath.Join(local, "Small.txt"), filepath.Join(back, name)) {
			t.Errorf("%s came back changed", name)
		}
	}
	if !same(t, filepath.Join(local, "deep/er/Größe.bin"), filepath.Join(back, "deep/er/Größe.bin")) {
		t.Error("a file of many fragments came back changed")
	}
	r.run(t, "deletefile", "drive:Kept/Copied.txt")
	r.run(t, "purge", "drive:Kept/deep")
	if got := lines(r.run(t, "lsf", "--recursive", "--files-only", "drive:Kept")); !slices.Equal(got, []string{"At 100 % #1 'quoted'.bin", "Empty.txt"}) {
		t.Errorf("left: %q", got)
	}
	if out := r.run(t, "about", "drive:"); !strings.Contains(out, "Total:") {
		t.Errorf("about: %s", out)
	}
}

// inPrivate runs this test binary again in a network and a view of /etc/hosts of its own, with the simulator at Microsoft's names and port.
func inPrivate(t testing.TB, args ...string) {
	t.Helper()
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("127.0.0.1 localhost login.microsoftonline.com graph.microsoft.com contoso-my.sharepoint.com\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	private := []string{"--net", "--mount"}
	if os.Getuid() != 0 {
		private = append(private, "--map-root-user")
	}
	private = append(private, "sh", "-c", `ip link set lo up && mount --bind "$0" /etc/hosts && exec "$@"`, hosts, os.Args[0])
	cmd := exec.Command("unshare", append(private, args...)...)
	cmd.Env = append(os.Environ(), listen+"=127.0.0.1:443")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("in a network of its own: %v", err)
	}
}

// rclone is the program with its configuration: Ben's OneDrive.
type rclone struct{ conf string }

const rcloneCallback = "localhost:53682" // as rclone's own sign-in has it

func newRclone(t testing.TB) rclone {
	t.Helper()
	contoso := cloud.tenant(t, "contoso")
	a := contoso.app(t, "Seneschal sign-in")
	ben := contoso.user(t, "ben@contoso.example")
	tokens := signedIn(t, contoso, a, ben)
	drive := struct{ ID, DriveType string }{}
	get(t, "/v1.0/me/drive", tokens.Access, &drive)
	token, err := json.Marshal(map[string]string{"access_token": tokens.Access, "token_type": "Bearer", "refresh_token": tokens.Refresh, "expiry": "2001-01-01T00:00:00Z"}) // it renews before it begins
	if err != nil {
		t.Fatal(err)
	}
	r := rclone{filepath.Join(t.TempDir(), "rclone.conf")}
	text := fmt.Sprintf("[drive]\ntype = onedrive\nclient_id = %s\nclient_secret = %s\ntoken_url = %s/%s/oauth2/v2.0/token\ntoken = %s\ndrive_id = %s\ndrive_type = %s\n", a.ClientID, a.ClientSecret, cloud.LoginURL, contoso.TenantID, token, drive.ID, drive.DriveType)
	if err := os.WriteFile(r.conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r rclone) command(args ...string) *exec.Cmd {
	cmd := exec.Command("rclone", append([]string{"--config", r.conf, "--retries", "1", "--log-level", "INFO"}, args...)...)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+cloud.CAFile)
	return cmd
}

func (r rclone) run(t testing.TB, args ...string) string {
	t.Helper()
	cmd := r.command(args...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("rclone %q: %v\n%s", args, err, complaints.String())
	}
	return string(out)
}

type granted struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// signedIn is what a person's sign-in through the pages gives a program.
func signedIn(t testing.TB, at tenant, a app, who human) granted {
	t.Helper()
	answers := make(chan string, 1)
	server := &http.Server{Addr: "127.0.0.1:53682", Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { answers <- r.FormValue("code") })}
	go func() { _ = server.ListenAndServe() }() // ends with Close
	defer func() { _ = server.Close() }()
	redirect := "http://" + rcloneCallback + "/auth/microsoft/callback"
	scope := "offline_access Files.ReadWrite"
	base := cloud.LoginURL + "/" + at.TenantID + "/oauth2/v2.0/"
	if page, err := browse(base+"authorize?"+url.Values{"client_id": {a.ClientID}, "response_type": {"code"}, "redirect_uri": {redirect}, "scope": {scope}}.Encode(), who); err != nil || page != "" {
		t.Fatalf("the pages ended with %q, %v", page, err)
	}
	resp, err := (&http.Client{Transport: cloud.transport}).PostForm(base+"token", url.Values{"client_id": {a.ClientID}, "client_secret": {a.ClientSecret}, "grant_type": {"authorization_code"}, "code": {<-answers}, "redirect_uri": {redirect}})
	if err != nil {
		t.Fatal(err)
	}
	var out granted
	decode(t, resp, &out)
	return out
}

func get(t testing.TB, path, token string, out any) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, cloud.GraphURL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := (&http.Client{Transport: cloud.transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	decode(t, resp, out)
}

func decode(t testing.TB, resp *http.Response, out any) {
	t.Helper()
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // it was read
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %s", resp.Request.URL.Path, resp.Status, err, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatal(err)
	}
}

// write makes a file whose content is its own name again and again, piece by piece: memory is measured here.
func write(t testing.TB, name string, size int) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	piece := bytes.Repeat([]byte(name+"\n"), 1000)
	for left := size; left > 0 && err == nil; left -= len(piece) {
		_, err = f.Write(piece[:min(left, len(piece))])
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// same compares two files by their digests.
func same(t testing.TB, a, b string) bool {
	t.Helper()
	return digest(t, a) == digest(t, b)
}

func digest(t testing.TB, name string) [sha256.Size]byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func lines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		out = append(out, strings.TrimSpace(line))
	}
	slices.Sort(out)
	return out
}
