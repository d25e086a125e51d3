package entra

import (
	"context"
	"crypto"
	"crypto/sha1" //nolint:gosec // Microsoft's portals name certificates by their SHA-1 thumbprint (graph/FACTS §1.3)
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"software.sslmate.com/src/go-pkcs12"

	"seneschal/internal/fault"
	"seneschal/internal/vault"
)

// Credential proves an app to Entra. Nil means a public client: device code without a secret.
type Credential interface {
	msal() (confidential.Credential, error)
}

// Secret is a client secret's value.
type Secret struct{ Value vault.Secret }

func (s Secret) msal() (confidential.Credential, error) {
	return confidential.NewCredFromSecret(s.Value.Reveal())
}

// Certificate is a certificate with its private key.
type Certificate struct {
	chain []*x509.Certificate
	key   crypto.PrivateKey
}

func (c Certificate) msal() (confidential.Credential, error) {
	return confidential.NewCredFromCert(c.chain, c.key)
}

// Expires is the end of the certificate's validity.
func (c Certificate) Expires() time.Time { return c.chain[0].NotAfter.UTC() }

// Thumbprint is the SHA-1 thumbprint as Microsoft's portals show it.
func (c Certificate) Thumbprint() string {
	sum := sha1.Sum(c.chain[0].Raw) //nolint:gosec // a name, not a proof
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// ParseCertificate reads a certificate with its private key from PEM or PFX (PKCS #12). The password is empty where there is none.
func ParseCertificate(data []byte, password vault.Secret) (Certificate, error) {
	if block, _ := pem.Decode(data); block != nil {
		chain, key, err := confidential.CertFromPEM(data, password.Reveal())
		if err != nil || len(chain) == 0 {
			return Certificate{}, badCertificate("The PEM text has no certificate with its private key",
				"Paste both blocks: CERTIFICATE and PRIVATE KEY; an encrypted key needs its password")
		}
		return Certificate{chain, key}, nil
	}
	key, cert, more, err := pkcs12.DecodeChain(data, password.Reveal())
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return Certificate{}, badCertificate("The password does not open the PFX file", "Enter the password it was exported with")
	}
	if err != nil {
		return Certificate{}, badCertificate("The file is neither PEM nor PFX", "Export the certificate with its private key as .pem or .pfx")
	}
	return Certificate{append([]*x509.Certificate{cert}, more...), key}, nil
}

func badCertificate(message, fix string) error {
	f := fault.BadField("credential.certificate", "%s", message)
	f.Code, f.Fix = "bad_certificate", fix
	return f
}

// Federated is an identity of another provider that the app registration trusts; the token file is read anew each time, as its owner renews it.
type Federated struct{ TokenFile string }

func (f Federated) msal() (confidential.Credential, error) {
	return confidential.NewCredFromAssertionCallback(func(context.Context, confidential.AssertionRequestOptions) (string, error) {
		token, err := os.ReadFile(f.TokenFile)
		if err != nil {
			return "", &fault.Error{Kind: fault.NeedsAdmin, Code: "federated_token_unreadable", Message: "The federated token file " + f.TokenFile + " cannot be read",
				Cause: "The platform did not mount it, or Seneschal may not read it", Fix: "Check the path and the service account's token volume", Who: "the operator of this hub", Err: err}
		}
		return strings.TrimSpace(string(token)), nil
	}), nil
}
