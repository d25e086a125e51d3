// Command reader reads messages with internal/graph as the hub does, in a process of its own, so that package bench can tell its
// cost from the simulator's. bench/peer does the same with Microsoft's Graph SDK for Go.
//
// Owns: nothing.
// Imports: graph and wire, which are measured; clock, m365.
package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/wire"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "reader:", err)
		os.Exit(1)
	}
}

// spent is what the reading cost this process, its start included. The peer prints the same.
type spent struct {
	Messages int           `json:"messages"`
	Sum      int           `json:"sum"` // over what was read, so that both can be seen to have read the same
	CPU      time.Duration `json:"cpu"`
	Wall     time.Duration `json:"wall"`
	Mallocs  uint64        `json:"mallocs"`
	Bytes    uint64        `json:"bytes"`
	Peak     int64         `json:"peak"` // resident bytes
}

// token is the one that was given.
type token string

// Token gives it.
func (t token) Token(context.Context, wire.Refresh) (wire.Token, error) {
	return wire.Token{Value: string(t)}, nil
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
		if err := out.read(context.Background(), client, fmt.Sprintf("user%05d@large.example", i), *top); err != nil {
			return err
		}
	}
	out.Wall = time.Since(begin)
	if err := out.measure(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// connect makes a client with everything that the hub's own has: governor, Microsoft's limits, the shared transport.
func connect(graphURL, caFile, access string) (*graph.Client, error) {
	authority, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New(caFile + " holds no certificate")
	}
	c := graph.Config{URL: graphURL, Tenant: "large", App: "reader", Wire: wire.Config{Transport: wire.NewTransport(wire.TransportConfig{RootCAs: roots}), Tokens: token(access),
		Clock: clock.Real{}, Random: rand.Uint64, Governor: wire.NewGovernor(clock.Real{}, graph.Limits(), nil)}}
	return graph.NewApplication(c).Client, nil
}

func (s *spent) read(ctx context.Context, c *graph.Client, mailbox string, top int) error {
	for m, err := range graph.List[graph.Message](ctx, c, c.User(m365.UserID(mailbox)).Messages(), graph.Top(top)) {
		if err != nil {
			return err
		}
		s.Messages++
		s.Sum += len(m.Subject) + len(m.From.EmailAddress.Address) + len(m.Body.Content) + m.ReceivedDateTime.Minute()
	}
	return nil
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
