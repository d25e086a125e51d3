package feed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // Microsoft wraps the key with it (graph/FACTS §6.5)
	"crypto/sha256"
	"encoding/base64"

	"seneschal/internal/fault"
)

// Content is what a notification carries of the item itself, as it came: nothing of it is trusted, or kept.
type Content struct {
	Data        string // base64 of the encrypted item
	Key         string // base64 of its key, itself encrypted for our certificate
	Signature   string // base64 of the data's HMAC
	Certificate string // our name of the certificate
}

// Why a notification's content is refused, besides what entra says of its tokens. The list is closed: it is counted by it.
const (
	TokenMissing       = "token_missing"  // nobody vouches for the item's tenant
	TokenAudience      = "token_audience" // a token in the same POST is for another application
	TokenTenant        = "token_tenant"   // a token in the same POST is about another tenant
	CertificateUnknown = "certificate_unknown"
	CertificateRetired = "certificate_retired"
	KeyUnopened        = "key_unopened"    // the item's key does not open with our private key
	DataSignature      = "data_signature"  // the data are not those that were signed
	DataUnreadable     = "data_unreadable" // they open, and are nothing we know
	Repeated           = "repeated"        // the same content came before
)

// refusal says why a content is not believed. Whoever sent it learns nothing of it.
func refusal(code, message string) *fault.Error {
	return &fault.Error{Kind: fault.Forbidden, Code: code, Message: message, Fix: "Nothing: the feed asks Microsoft instead", Who: "nobody"}
}

// symmetric is the size of an item's key, AES-256.
const symmetric = 32

// open decrypts a content in the one safe order: the key, the signature over what was sent, and only then the data (graph/FACTS §6.5).
func (c Content) open(private *rsa.PrivateKey) ([]byte, error) {
	wrapped, err := base64.StdEncoding.DecodeString(c.Key)
	if err != nil {
		return nil, refusal(KeyUnopened, "The item's key is not base64")
	}
	key, err := rsa.DecryptOAEP(sha1.New(), nil, private, wrapped, nil) //nolint:gosec // as above
	if err != nil || len(key) != symmetric {
		return nil, refusal(KeyUnopened, "The item's key does not open with the certificate's private key")
	}
	data, err := base64.StdEncoding.DecodeString(c.Data)
	if err != nil {
		return nil, refusal(DataSignature, "The data are not base64")
	}
	signature, err := base64.StdEncoding.DecodeString(c.Signature)
	if err != nil {
		return nil, refusal(DataSignature, "The signature is not base64")
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(data)
	if !hmac.Equal(mac.Sum(nil), signature) {
		return nil, refusal(DataSignature, "The data are not those that were signed")
	}
	return decrypt(key, data)
}

// decrypt undoes AES-256-CBC with PKCS#7; the IV is the key's first half.
func decrypt(key, data []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, refusal(DataUnreadable, "The data are no whole number of blocks")
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, key[:aes.BlockSize]).CryptBlocks(plain, data)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > aes.BlockSize {
		return nil, refusal(DataUnreadable, "The data's padding is wrong")
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, refusal(DataUnreadable, "The data's padding is wrong")
		}
	}
	return plain[:len(plain)-pad], nil
}

// print names a content in eight bytes: its key is new for each item, so the same print is the same content again.
func (c Content) print() int64 {
	wrapped, err := base64.StdEncoding.DecodeString(c.Key)
	if err != nil {
		return hash(c.Key)
	}
	return hash(string(wrapped))
}
