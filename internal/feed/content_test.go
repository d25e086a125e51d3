package feed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"
	"testing"

	"seneschal/internal/fault"
)

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		panic(err)
	}
	return key
})

// sealed makes a content as Microsoft's pages say it does. The plain text is padded as it is given where padded.
func sealed(t testing.TB, public *rsa.PublicKey, key, plain []byte, padded bool) Content {
	t.Helper()
	if !padded {
		pad := aes.BlockSize - len(plain)%aes.BlockSize
		plain = append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	}
	data := plain
	if len(key) == symmetric && len(plain)%aes.BlockSize == 0 {
		block, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		data = make([]byte, len(plain))
		cipher.NewCBCEncrypter(block, key[:aes.BlockSize]).CryptBlocks(data, plain)
	}
	wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Content{Data: base64.StdEncoding.EncodeToString(data), Key: base64.StdEncoding.EncodeToString(wrapped), Signature: signed(key, data)}
}

func signed(key, data []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(data)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Each row changes one thing of a good content, which opens.
func TestContentsOpenOrAreRefused(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	const item = `{"id":"AAMk"}`
	good := func(t *testing.T) Content { return sealed(t, &testKey().PublicKey, key, []byte(item), false) }
	other, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		make func(t *testing.T) Content
		code string
	}{
		{"a good one", good, ""},
		{"a good one, sixteen bytes more", func(t *testing.T) Content {
			return sealed(t, &testKey().PublicKey, key, []byte(item+strings.Repeat(" ", aes.BlockSize)), false)
		}, ""},
		{"for another certificate", func(t *testing.T) Content { return sealed(t, &other.PublicKey, key, []byte(item), false) }, KeyUnopened},
		{"a key that is no base64", func(t *testing.T) Content { c := good(t); c.Key = "%"; return c }, KeyUnopened},
		{"no key", func(t *testing.T) Content { c := good(t); c.Key = ""; return c }, KeyUnopened},
		{"a key of half the size", func(t *testing.T) Content { return sealed(t, &testKey().PublicKey, key[:16], []byte(item), false) }, KeyUnopened},
		{"another item's key", func(t *testing.T) Content {
			c := good(t)
			c.Key = sealed(t, &testKey().PublicKey, bytes.Repeat([]byte{7}, symmetric), nil, false).Key
			return c
		}, DataSignature},
		{"another item's data", func(t *testing.T) Content {
			c := good(t)
			c.Data = sealed(t, &testKey().PublicKey, key, []byte(`{"id":"BBMk"}`), false).Data
			return c
		}, DataSignature},
		{"one bit of the data changed", func(t *testing.T) Content {
			c := good(t)
			b, _ := base64.StdEncoding.DecodeString(c.Data)
			b[3] ^= 1
			c.Data = base64.StdEncoding.EncodeToString(b)
			return c
		}, DataSignature},
		{"signed with another key", func(t *testing.T) Content {
			c := good(t)
			b, _ := base64.StdEncoding.DecodeString(c.Data)
			c.Signature = signed([]byte("another"), b)
			return c
		}, DataSignature},
		{"no signature", func(t *testing.T) Content { c := good(t); c.Signature = ""; return c }, DataSignature},
		{"data that are no base64", func(t *testing.T) Content { c := good(t); c.Data = "&"; return c }, DataSignature},
		{"no data", func(t *testing.T) Content { return sealed(t, &testKey().PublicKey, key, nil, true) }, DataUnreadable},
		{"half a block", func(t *testing.T) Content { return sealed(t, &testKey().PublicKey, key, []byte("12345678"), true) }, DataUnreadable},
		{"padding of nothing", func(t *testing.T) Content { return sealed(t, &testKey().PublicKey, key, make([]byte, 16), true) }, DataUnreadable},
		{"padding of more than a block", func(t *testing.T) Content {
			return sealed(t, &testKey().PublicKey, key, bytes.Repeat([]byte{17}, 32), true)
		}, DataUnreadable},
		{"padding that differs", func(t *testing.T) Content {
			return sealed(t, &testKey().PublicKey, key, append(bytes.Repeat([]byte{3}, 14), 1, 3), true)
		}, DataUnreadable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plain, err := tt.make(t).open(testKey())
			if fault.CodeOf(err) != tt.code || (tt.code == "") != strings.HasPrefix(string(plain), item) {
				t.Errorf("got %q, %v; want %q", plain, err, tt.code)
			}
		})
	}
}

// FuzzContent gives the opening what anybody may send. It opens or refuses; what opens was signed with the key that its certificate opened,
// and encrypts to the same data again.
func FuzzContent(f *testing.F) {
	key := []byte("0123456789abcdef0123456789abcdef")
	good := sealed(f, &testKey().PublicKey, key, []byte(`{"id":"AAMk"}`), false)
	f.Add(good.Data, good.Key, good.Signature)
	f.Add("", "", "")
	f.Add(good.Data, good.Key, "AA==")
	f.Add(strings.Repeat("A", 64), good.Key, good.Signature)
	f.Fuzz(func(t *testing.T, data, wrapped, signature string) {
		c := Content{Data: data, Key: wrapped, Signature: signature}
		plain, err := c.open(testKey())
		if c.print() != (Content{Key: wrapped}).print() {
			t.Error("the print depends on more than the key")
		}
		if err != nil {
			if plain != nil || fault.CodeOf(err) == "" {
				t.Errorf("%q with %v", plain, err)
			}
			return
		}
		raw, _ := base64.StdEncoding.DecodeString(wrapped)
		opened, err := rsa.DecryptOAEP(sha1.New(), nil, testKey(), raw, nil)
		if err != nil {
			t.Fatalf("it opened with a key that does not: %v", err)
		}
		again := sealed(t, &testKey().PublicKey, opened, plain, false)
		was, _ := base64.StdEncoding.DecodeString(data)
		is, _ := base64.StdEncoding.DecodeString(again.Data)
		if !bytes.Equal(was, is) {
			t.Errorf("%q does not print back", plain)
		}
	})
}
