// Command peer is what package bench compares our reader with: Microsoft's Graph SDK for Go reads the same messages from the same
// simulator. Microsoft's middleware and defaults are in place; ours are only the trusted authority, the address and the given token.
// Pages follow by WithUrl, the cheaper of the SDK's two ways (its PageIterator costs more).
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/microsoft/kiota-abstractions-go/authentication"
	khttp "github.com/microsoft/kiota-http-go"
	msgraph "github.com/microsoftgraph/msgraph-sdk-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

// spent is what the reading cost this process, its start included. The reader prints the same.
type spent struct {
	Messages int           `json:"messages"`
	Sum      int           `json:"sum"` // over what was read, so that both can be seen to have read the same
	CPU      time.Duration `json:"cpu"`
	Wall     time.Duration `json:"wall"`
	Mallocs  uint64        `json:"mallocs"`
	Bytes    uint64        `json:"bytes"`
	Peak     int64         `json:"peak"` // resident bytes
}

func run() error {
	graphURL, caFile := flag.String("url", "", "Graph"), flag.String("ca", "", "its certificate authority")
	boxes, top := flag.Int("boxes", 0, "mailboxes"), flag.Int("top", 0, "messages a page")
	flag.Parse()
	client, err := connect(*graphURL, *caFile, os.Getenv("BENCH_TOKEN"))
	if err != nil {
		return err
	}
	var out spent
	begin := time.Now()
	for i := range *boxes {
		if err := out.read(context.Background(), client, fmt.Sprintf("user%05d@large.example", i), int32(*top)); err != nil {
			return err
		}
	}
	out.Wall = time.Since(begin)
	if err := out.measure(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// tokenSource gives the SDK its access token.
type tokenSource string

// GetAuthorizationToken is the SDK's question.
func (t tokenSource) GetAuthorizationToken(context.Context, *url.URL, map[string]any) (string, error) {
	return string(t), nil
}

// GetAllowedHostsValidator would keep tokens from foreign hosts; here only one host is known.
func (t tokenSource) GetAllowedHostsValidator() *authentication.AllowedHostsValidator { return nil }

func connect(graphURL, caFile, token string) (*msgraph.GraphServiceClient, error) {
	authority, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New(caFile + " holds no certificate")
	}
	options := msgraph.GetDefaultClientOptions()
	client := khttp.GetDefaultClient()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	client.Transport = khttp.NewCustomTransportWithParentTransport(transport, core.GetDefaultMiddlewaresWithOptions(&options)...)
	adapter, err := msgraph.NewGraphRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		authentication.NewBaseBearerTokenAuthenticationProvider(tokenSource(token)), nil, nil, client)
	if err != nil {
		return nil, err
	}
	adapter.SetBaseUrl(graphURL + "/v1.0")
	return msgraph.NewGraphServiceClient(adapter), nil
}

func (s *spent) read(ctx context.Context, client *msgraph.GraphServiceClient, mailbox string, top int32) error {
	messages := client.Users().ByUserId(mailbox).Messages()
	page, err := messages.Get(ctx, &users.ItemMessagesRequestBuilderGetRequestConfiguration{QueryParameters: &users.ItemMessagesRequestBuilderGetQueryParameters{Top: &top}})
	for {
		if err != nil {
			return err
		}
		for _, m := range page.GetValue() {
			s.Messages++
			s.Sum += len(value(m.GetSubject())) + len(address(m.GetFrom())) + len(value(m.GetBody().GetContent())) + m.GetReceivedDateTime().Minute()
		}
		next := page.GetOdataNextLink()
		if next == nil {
			return nil
		}
		page, err = messages.WithUrl(*next).Get(ctx, nil)
	}
}

func address(r models.Recipientable) string { return value(r.GetEmailAddress().GetAddress()) }

func value(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func (s *spent) measure() error {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return err
	}
	s.Mallocs, s.Bytes = m.Mallocs, m.TotalAlloc
	s.CPU = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	status, err := os.ReadFile("/proc/self/status") // rusage would tell the parent's peak, if that is higher
	if err != nil {
		return err
	}
	_, high, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscanf(high, "%d kB", &s.Peak); err != nil {
		return fmt.Errorf("VmHWM: %w", err)
	}
	s.Peak <<= 10
	return nil
}
