package graph

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"

	"seneschal/internal/sim/trouble"
	"seneschal/internal/sim/world"
)

// spoil plays what can be wrong with a notification's resource data: POST /faults wrong_content. Codes that begin with token_ are about the
// POST's validation token, which entra makes.
func (n *notifier) spoil(note trouble.Request, sub world.Object, ch world.Change, ev happening, d delivery) []delivery {
	id := world.Text(sub, "id")
	n.mu.Lock()
	if n.carried == nil {
		n.carried, n.first = map[string]delivery{}, map[string]world.Object{}
	}
	if n.first[d.audience] == nil {
		n.first[d.audience] = world.Object{"encryptionCertificate": sub["encryptionCertificate"], "encryptionCertificateId": sub["encryptionCertificateId"]}
	}
	first := n.first[d.audience]
	earlier, played := n.carried[id]
	n.carried[id] = d
	n.mu.Unlock()
	f, wrong := n.s.faults.Take(note, trouble.WrongContent)
	if !wrong {
		return []delivery{d}
	}
	content, _ := d.item["encryptedContent"].(world.Object)
	switch f.Code {
	case "replay": // an older one comes again in place of this one
		if !played {
			earlier = d
		}
		earlier.due, earlier.until, earlier.nextDelay = d.due, d.until, d.nextDelay
		return []delivery{earlier}
	case "certificate_unknown":
		content["encryptionCertificateId"] = n.s.world.NewGUID()
	case "certificate_old":
		old := world.Clone(sub)
		old["encryptionCertificate"], old["encryptionCertificateId"] = first["encryptionCertificate"], first["encryptionCertificateId"]
		if err := n.encrypt(old, ch, ev, d.item); err != nil {
			n.s.world.Log.Warn("a notification could not be encrypted for an older certificate", "error", err)
		}
	case "key_foreign":
		content["dataKey"] = foreignKey()
	case "data_tampered":
		content["data"] = flipped(world.Text(content, "data"))
	case "data_signature":
		content["dataSignature"] = flipped(world.Text(content, "dataSignature"))
	default:
		d.wrong = f.Code
	}
	return []delivery{d}
}

// flipped changes one bit.
func flipped(text string) string {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return text
	}
	b[len(b)/2] ^= 1
	return base64.StdEncoding.EncodeToString(b)
}

// foreignKey looks like a key that was encrypted for somebody else.
func foreignKey() string {
	limit := new(big.Int).Lsh(big.NewInt(1), 2047)
	v, err := rand.Int(rand.Reader, limit)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(v.FillBytes(make([]byte, 256)))
}

// usable says whether a certificate can be encrypted for: RSA of 2,048 to 4,096 bits, graph/FACTS §6.5.
func usable(der []byte) bool {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return false
	}
	key, good := cert.PublicKey.(*rsa.PublicKey)
	return good && key.N.BitLen() >= 2048 && key.N.BitLen() <= 4096
}
