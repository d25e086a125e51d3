package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
)

// writeCertificate makes a certificate for loopback and writes both files.
func writeCertificate(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func serialSeen(t *testing.T, address string) int64 {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", u.Host, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the test looks at the certificate itself
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestServesHTTPSAndTakesRenewedCertificates(t *testing.T) {
	dir := t.TempDir()
	cert, key := writeCertificate(t, dir, 1)
	h := app.StartForTest(t, app.TestOptions{Change: func(s map[string]string) { s["TLS_CERT_FILE"], s["TLS_KEY_FILE"] = cert, key }})
	if !strings.HasPrefix(h.Server.URL(), "https://") {
		t.Fatalf("served at %s", h.Server.URL())
	}
	if got := serialSeen(t, h.Server.URL()); got != 1 {
		t.Errorf("certificate %d, want 1", got)
	}
	writeCertificate(t, dir, 2)
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(cert, later, later); err != nil {
		t.Fatal(err)
	}
	if got := serialSeen(t, h.Server.URL()); got != 2 {
		t.Errorf("after the renewal: certificate %d, want 2", got)
	}
}

func TestSessionsAreGuarded(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	if _, err := h.Access.EnsureFirstAdmin(t.Context()); err != nil {
		t.Fatal(err)
	}
	token, err := h.Access.LoginLink(t.Context(), access.Local("test"), "admin")
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	send := func(method, path, site string, form url.Values) *http.Response {
		t.Helper()
		req, err := http.NewRequest(method, h.Server.URL()+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", site)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	if r := send("GET", "/connections", "none", nil); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/login?return=%2Fconnections" {
		t.Errorf("without a session: %d %s, want the sign-in page", r.StatusCode, r.Header.Get("Location"))
	}
	r := send("POST", "/login", "same-origin", url.Values{"token": {token.Reveal()}})
	cookie := r.Header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Lax"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie lacks %s: %s", want, cookie)
		}
	}
	if r := send("GET", "/connections", "none", nil); r.StatusCode != http.StatusOK || !strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") || r.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("with a session: %d %v", r.StatusCode, r.Header)
	}
	for _, path := range []string{"/logout", "/connections/new", "/api/v1/people"} {
		if r := send("POST", path, "cross-site", nil); r.StatusCode != http.StatusForbidden {
			t.Errorf("another site's page posts to %s: %d, want 403", path, r.StatusCode)
		}
	}
	if err := h.Access.EndSessions(t.Context(), access.Local("test"), "admin"); err != nil {
		t.Fatal(err)
	}
	if r := send("GET", "/connections", "none", nil); r.StatusCode != http.StatusSeeOther {
		t.Errorf("after the sessions were ended: %d, want the sign-in page", r.StatusCode)
	}
}
