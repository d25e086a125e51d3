package graph

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"seneschal/internal/sim/odata"
	"seneschal/internal/sim/world"
)

// encrypt adds the resource to a notification: graph/FACTS §6.5.
func (n *notifier) encrypt(sub world.Object, ch world.Change, ev happening, item world.Object) error {
	der, err := base64.StdEncoding.DecodeString(world.Text(sub, "encryptionCertificate"))
	if err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	public, good := cert.PublicKey.(*rsa.PublicKey)
	if !good {
		return errors.New("the certificate of the subscription has no RSA key")
	}
	plain, err := json.Marshal(n.content(sub, ch, ev))
	if err != nil {
		return err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, key, nil) // SHA-1 is the rule of graph/FACTS §6.5
	if err != nil {
		return err
	}
	data, err := seal(key, plain)
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(data)
	thumb := sha1.Sum(der)
	item["encryptedContent"] = world.Object{
		"data": base64.StdEncoding.EncodeToString(data), "dataSignature": base64.StdEncoding.EncodeToString(mac.Sum(nil)), "dataKey": base64.StdEncoding.EncodeToString(wrapped),
		"encryptionCertificateId": sub["encryptionCertificateId"], "encryptionCertificateThumbprint": strings.ToUpper(hex.EncodeToString(thumb[:])),
	}
	return nil
}

// seal is AES-256-CBC with PKCS#7 and the key's first half as IV.
func seal(key, plain []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	for range pad {
		plain = append(plain, byte(pad))
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, key[:aes.BlockSize]).CryptBlocks(out, plain)
	return out, nil
}

// content is what the subscription selected of the item. Bodies never travel.
func (n *notifier) content(sub world.Object, ch world.Change, ev happening) world.Object {
	_, query, _ := strings.Cut(world.Text(sub, "resource"), "?")
	v, err := url.ParseQuery(query)
	if err != nil {
		return nil
	}
	q, err := odata.Parse(v)
	if err != nil {
		return nil
	}
	out := public(ev.object)
	delete(out, "body")
	delete(out, "uniqueBody")
	out["id"] = itemID(ch.Key.ID, world.Number(ev.object, "~moves"), world.Flag(sub, "~immutable"))
	return odata.Project(out, q.Select)
}
