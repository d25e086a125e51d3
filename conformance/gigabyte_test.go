package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkGigabyte moves a file of 1 GB (BENCH_MEGABYTES for another size) up and down by Seneschal's actions and by Debian's rclone, in
// turns, on the same simulator: ratios of the medians, and the most memory that each program took.
func BenchmarkGigabyte(b *testing.B) {
	if os.Getenv(listen) == "" {
		inPrivate(b, "-test.run", "^$", "-test.bench", "^BenchmarkGigabyte$", "-test.benchtime", "1x", "-test.timeout", "60m")
		return
	}
	size := 1 << 30
	if text := os.Getenv("BENCH_MEGABYTES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		size = n << 20
	}
	dir := b.TempDir()
	file := filepath.Join(dir, "gigabyte.bin")
	write(b, file, size)
	peer, own := newRclone(b), newProgram(b)
	var up, down, peerUp, peerDown measured
	for b.Loop() {
		for i := range 3 {
			name := fmt.Sprintf("gigabyte-%d.bin", i)
			up.run(b, own.action(b, "drive.item.upload", map[string]any{"user": own.user, "name": "own-" + name}, "--file", "file="+file, "--idempotency-key", name))
			peerUp.run(b, peer.command("copyto", file, "drive:"+name))
			back := filepath.Join(dir, "back.bin")
			down.run(b, into(b, own.action(b, "drive.item.download", map[string]any{"user": own.user, "path": "own-" + name}), back))
			if !same(b, file, back) {
				b.Fatal("the file came back changed")
			}
			peerDown.run(b, peer.command("copyto", "drive:"+name, filepath.Join(dir, "peer.bin")))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(up.median()/peerUp.median(), "up/rclone")
	b.ReportMetric(down.median()/peerDown.median(), "down/rclone")
	b.ReportMetric(float64(size)/1e6/up.median(), "up-MB/s")
	b.ReportMetric(float64(size)/1e6/down.median(), "down-MB/s")
	b.ReportMetric(max(up.memory, down.memory), "MB")
	b.ReportMetric(max(peerUp.memory, peerDown.memory), "rclone-MB")
}

// into has a program's output written to a file.
func into(b *testing.B, cmd *exec.Cmd, name string) *exec.Cmd {
	b.Helper()
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	cmd.Stdout = f
	return cmd
}

// measured are the runs of one program.
type measured struct {
	seconds []float64
	memory  float64 // megabytes, the most of any run
}

func (m *measured) run(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%q: %v\n%s", cmd.Args, err, complaints.String())
	}
	m.seconds = append(m.seconds, time.Since(begin).Seconds())
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.memory = max(m.memory, float64(usage.Maxrss)/1024)
	}
}

func (m *measured) median() float64 {
	slices.Sort(m.seconds)
	return m.seconds[len(m.seconds)/2]
}

// ours is the built program with a connection to the simulated cloud.
type ours struct {
	bin, dir, user string
	env            []string
}

func newProgram(t testing.TB) ours {
	t.Helper()
	bin, err := filepath.Abs(program)
	if err != nil {
		t.Fatal(err)
	}
	contoso := cloud.tenant(t, "contoso")
	a := contoso.app(t, "Seneschal")
	dir := t.TempDir()
	p := ours{bin: bin, dir: dir, user: contoso.Users[0].UPN, env: environment(dir)}
	form, err := json.Marshal(map[string]any{"name": "contoso", "kind": "application", "tenant_id": contoso.TenantID, "client_id": a.ClientID, "credential": map[string]string{"type": "secret", "secret": a.ClientSecret},
		"capabilities": []string{"onedrive"}, "mailboxes": p.user})
	if err != nil {
		t.Fatal(err)
	}
	add := p.command("connection", "add", "--input", "-")
	add.Stdin = bytes.NewReader(form)
	if out, err := add.CombinedOutput(); err != nil || !strings.Contains(string(out), "healthy") {
		t.Fatalf("%v: %s", err, out)
	}
	return p
}

func (p ours) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.bin, args...)
	cmd.Env, cmd.Dir = p.env, p.dir
	return cmd
}

func (p ours) action(t testing.TB, name string, in map[string]any, more ...string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	cmd := p.command(append([]string{"action", "run", name, "--connection", "contoso", "--input", "-"}, more...)...)
	cmd.Stdin = bytes.NewReader(text)
	return cmd
}
