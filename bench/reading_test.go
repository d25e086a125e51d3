package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// spent is what a reading program prints.
type spent struct {
	Messages, Sum  int
	CPU, Wall      time.Duration
	Mallocs, Bytes uint64
	Peak           int64
}

const (
	readMailboxes = 1
	readMessages  = 50_000
	readRounds    = 3
)

// BenchmarkReading compares internal/graph with Microsoft's Graph SDK for Go.
func BenchmarkReading(b *testing.B) {
	ours, peer := program(b, "reader"), program(b, "peer")
	c := startCloud(b, "--world", "large", "--users", strconv.Itoa(readMailboxes), "--messages", strconv.Itoa(readMessages))
	token := c.token(b)
	for _, top := range []int{1000, 100} {
		var us, them []spent
		for range readRounds {
			us, them = append(us, c.read(b, ours, token, top)), append(them, c.read(b, peer, token, top))
		}
		pages := fmt.Sprintf("50,000 messages, %d a page: ", top)
		compare(b, pages+"CPU time", us, them, 4, func(s spent) float64 { return s.CPU.Seconds() }, "s")
		compare(b, pages+"allocations", us, them, 10, func(s spent) float64 { return float64(s.Mallocs) / 1e6 }, "M")
		compare(b, pages+"bytes allocated", us, them, 0, func(s spent) float64 { return float64(s.Bytes) / (1 << 20) }, "MB")
		compare(b, pages+"peak memory", us, them, 0, func(s spent) float64 { return float64(s.Peak) / (1 << 20) }, "MB")
		compare(b, pages+"wall time", us, them, 0, func(s spent) float64 { return s.Wall.Seconds() }, "s")
	}
	sizes(b)
}

// compare reports the middle of our rounds against the peer's; share is what part of the peer's we may take, 0 for no target.
func compare(b *testing.B, name string, us, them []spent, share float64, of func(spent) float64, unit string) {
	middle := func(all []spent) float64 {
		return of(median(all, func(x, y spent) int { return cmp.Compare(of(x), of(y)) }))
	}
	ours, theirs := middle(us), middle(them)
	measured := fmt.Sprintf("%.2f %s; Microsoft's SDK %.2f %s (1/%.1f)", ours, unit, theirs, unit, theirs/ours)
	if share == 0 {
		note(b, name, measured)
		return
	}
	report(b, name, measured, fmt.Sprintf("1/%.0f of the SDK's", share), ours/theirs*share)
}

func (c *cloud) read(b *testing.B, program, token string, top int) spent {
	b.Helper()
	cmd := exec.Command(program, "-url", c.GraphURL, "-ca", c.CAFile, "-boxes", strconv.Itoa(readMailboxes), "-top", strconv.Itoa(top))
	cmd.Env, cmd.Stderr = append(os.Environ(), "BENCH_TOKEN="+token), os.Stderr
	text, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s: %v", program, err)
	}
	var s spent
	if err := json.Unmarshal(text, &s); err != nil {
		b.Fatal(err)
	}
	if want := readMailboxes * readMessages; s.Messages != want || s.Sum == 0 {
		b.Fatalf("%s read %d messages, want %d", program, s.Messages, want)
	}
	if c.sum == 0 {
		c.sum = s.Sum
	}
	if s.Sum != c.sum {
		b.Fatalf("%s read something else than the other: %d, %d", program, s.Sum, c.sum)
	}
	return s
}

// sizes tells of the programs themselves; with BENCH_COLD=1 also how long each takes to build from nothing.
func sizes(b *testing.B) {
	for _, p := range []struct{ name, what string }{{"reader", "with internal/graph"}, {"peer", "with Microsoft's SDK"}, {"seneschal", "the whole hub"}} {
		info, err := os.Stat(program(b, p.name))
		if err != nil {
			b.Fatal(err)
		}
		text := fmt.Sprintf("binary %.1f MB", float64(info.Size())/(1<<20))
		if os.Getenv("BENCH_COLD") == "1" {
			cache := b.TempDir()
			text += fmt.Sprintf("; built from nothing in %.0f s", build(b, p.name, cache+"/"+p.name, "GOCACHE="+cache+"/cache").Seconds())
		}
		note(b, "The program "+p.what, text)
	}
}
