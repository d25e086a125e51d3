package sim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// hostNames are the names the certificate is good for: this machine, and Microsoft's, for clients that run with them in a private network namespace.
var hostNames = []string{
	"localhost", "login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net", "graph.microsoft.com", "outlook.office.com", "contoso-my.sharepoint.com",
	"login.microsoftonline.us", "graph.microsoft.us", "dod-graph.microsoft.us", "login.partner.microsoftonline.cn", "login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn",
}

// authority is the certificate authority of one simulator directory. Its certificate lies in ca.pem, its key beside it.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func openAuthority(dir string, now time.Time) (*authority, error) {
	a := &authority{file: filepath.Join(dir, "ca.pem")}
	certPEM, err := os.ReadFile(a.file)
	if errors.Is(err, os.ErrNotExist) {
		return a, a.create(dir, now)
	}
	if err != nil {
		return nil, fmt.Errorf("the simulator's certificate authority: %w", err)
	}
	keyPEM, err := os.ReadFile(filepath.Join(dir, "ca-key.pem"))
	if err != nil {
		return nil, fmt.Errorf("the simulator's certificate authority: %w", err)
	}
	c, _ := pem.Decode(certPEM)
	k, _ := pem.Decode(keyPEM)
	if c == nil || k == nil {
		return nil, fmt.Errorf("the simulator's certificate authority in %s is damaged: remove ca.pem and ca-key.pem", dir)
	}
	if a.cert, err = x509.ParseCertificate(c.Bytes); err != nil {
		return nil, err
	}
	a.key, err = x509.ParseECPrivateKey(k.Bytes)
	return a, err
}

func (a *authority) create(dir string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "Seneschal simulator, not for real use"}, NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	a.key = key
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "ca-key.pem"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644) //nolint:gosec // everyone may read a certificate
}

// server makes the listener's certificate, new at each start.
func (a *authority) server(now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + 1), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(2, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, DNSNames: hostNames, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}, nil
}
