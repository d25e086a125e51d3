package sim

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"testing"
	"time"
)

// TestResourceData opens a notification with resource data as graph/FACTS §6.5 tells a subscriber to.
func TestResourceData(t *testing.T) {
	c := start(t)
	file, err := os.ReadFile(c.app("Seneschal").CertificateFile)
	if err != nil {
		t.Fatal(err)
	}
	cert, rest := pem.Decode(file)
	keyBlock, _ := pem.Decode(rest)
	key, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	h := startHub(t, true)
	token := c.appToken("Seneschal")
	in := map[string]any{
		"changeType": "created", "notificationUrl": h.URL, "resource": "users/ada@contoso.example/messages?$select=subject", "clientState": "s", "includeResourceData": true,
		"encryptionCertificate": base64.StdEncoding.EncodeToString(cert.Bytes), "encryptionCertificateId": "mine", "expirationDateTime": c.Now().Add(time.Hour).Format(time.RFC3339),
	}
	if a := c.graph(token, "POST", "/subscriptions", in); a.status != 201 {
		t.Fatalf("got %d %s", a.status, a.raw)
	}
	if err := c.DeliverMail("ada@contoso.example", "", []byte("From: a@b.example\r\nTo: ada@contoso.example\r\nSubject: Rich\r\n\r\nHi\r\n")); err != nil {
		t.Fatal(err)
	}
	content, _ := h.next(t)["encryptedContent"].(map[string]any)
	part := func(name string) []byte {
		text, _ := content[name].(string)
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	secret, err := rsa.DecryptOAEP(sha1.New(), nil, key.(*rsa.PrivateKey), part("dataKey"), nil)
	if err != nil {
		t.Fatal(err)
	}
	data := part("data")
	mac := hmac.New(sha256.New, secret)
	mac.Write(data)
	if !hmac.Equal(mac.Sum(nil), part("dataSignature")) {
		t.Fatal("the signature does not match")
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCBCDecrypter(block, secret[:aes.BlockSize]).CryptBlocks(data, data)
	var message map[string]any
	if err := json.Unmarshal(data[:len(data)-int(data[len(data)-1])], &message); err != nil {
		t.Fatal(err)
	}
	if message["subject"] != "Rich" || message["body"] != nil || content["encryptionCertificateId"] != "mine" {
		t.Errorf("got %v", message)
	}
}
