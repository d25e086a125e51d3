package bench

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"seneschal/internal/sim"
	"seneschal/internal/wire"
)

// figures are the lines of the table.
var figures struct {
	sync.Mutex
	lines []string
}

// report adds a figure with its target. A ratio of 1 or less meets it.
func report(b *testing.B, name, measured, target string, ratio float64) {
	met := "yes"
	if ratio > 1 {
		met = "NO"
	}
	line(b, name, measured, target, fmt.Sprintf("%.3f", ratio), met)
}

// note adds a figure for comparison.
func note(b *testing.B, name, measured string) { line(b, name, measured, "", "", "") }

func line(b *testing.B, cells ...string) {
	b.Log(strings.TrimSpace(strings.Join(cells, "  ")))
	figures.Lock()
	defer figures.Unlock()
	figures.lines = append(figures.lines, strings.Join(cells, "\t"))
}

// TestMain prints the table after the last benchmark.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if len(figures.lines) > 0 {
		w := tabwriter.NewWriter(os.Stdout, 2, 4, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "\nFigure\tmeasured\ttarget\tratio\tmet")
		for _, l := range figures.lines {
			_, _ = fmt.Fprintln(w, l)
		}
		_ = w.Flush()
	}
	if programs.dir != "" {
		_ = os.RemoveAll(programs.dir)
	}
	os.Exit(code)
}

// programs are built once a run, from the sources as they are.
var programs struct {
	sync.Mutex
	dir string
}

// program builds hub, reader or peer and gives its path.
func program(b *testing.B, name string) string {
	b.Helper()
	programs.Lock()
	defer programs.Unlock()
	if programs.dir == "" {
		dir, err := os.MkdirTemp("", "seneschal-bench-")
		if err != nil {
			b.Fatal(err)
		}
		programs.dir = dir
	}
	path := filepath.Join(programs.dir, name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	build(b, name, path)
	return path
}

// sources are where a program's source lies, from here; each is built inside its own module.
var sources = map[string]string{"seneschal": "../cmd/seneschal", "reader": "reader", "peer": "peer"}

func build(b *testing.B, name, path string, env ...string) time.Duration {
	b.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, ".")
	cmd.Dir, cmd.Env = sources[name], append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	begin := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("building %s: %v\n%s", name, err, out)
	}
	return time.Since(begin)
}

// setting reads a variable of the environment.
func setting[T any](b *testing.B, name string, otherwise T, parse func(string) (T, error)) T {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	v, err := parse(text)
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return v
}

// cloud is a simulator in a process of its own.
type cloud struct {
	sim.Ready
	process *os.Process
	sum     int // of what a reading program read
}

func startCloud(b *testing.B, args ...string) *cloud {
	b.Helper()
	dir := b.TempDir()
	ready := filepath.Join(dir, "ready.json")
	cmd := exec.Command(program(b, "seneschal"), append([]string{"sim", "--listen", "127.0.0.1:0", "--dir", filepath.Join(dir, "world"), "--ready", ready}, args...)...)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "GOGC=800") // the simulator is not what is measured: it shall take as little of the machine as it can
	start(b, cmd)
	c := &cloud{process: cmd.Process}
	wait(b, "the simulator", func() bool {
		text, err := os.ReadFile(ready)
		return err == nil && json.Unmarshal(text, &c.Ready) == nil
	})
	return c
}

// start runs a program until the benchmark ends.
func start(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { stop(b, cmd) })
}

// stop ends a program as an operator would, once.
func stop(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	if cmd.ProcessState != nil {
		return
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		b.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Errorf("%s ended with %v", filepath.Base(cmd.Path), err)
	}
}

func wait(b *testing.B, what string, ok func() bool) {
	b.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	b.Fatalf("%s did not come up", what)
}

// transport trusts the simulator's authority.
func (c *cloud) transport(b *testing.B) *http.Transport {
	b.Helper()
	text, err := os.ReadFile(c.CAFile)
	if err != nil {
		b.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		b.Fatalf("%s holds no certificate", c.CAFile)
	}
	t := wire.NewTransport(wire.TransportConfig{RootCAs: roots})
	b.Cleanup(t.CloseIdleConnections)
	return t
}

// token signs the world's app in, apart from what is measured.
func (c *cloud) token(b *testing.B) string {
	b.Helper()
	t := c.Tenants[0]
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {t.Apps[0].ClientID}, "client_secret": {t.Apps[0].ClientSecret},
		"scope": {"https://graph.microsoft.com/.default"}}
	var answer struct {
		Token string `json:"access_token"`
	}
	resp, err := (&http.Client{Transport: c.transport(b)}).PostForm(c.LoginURL+"/"+t.TenantID+"/oauth2/v2.0/token", form)
	c.decode(b, resp, err, &answer)
	return answer.Token
}

// counters are what the simulator counted so far.
func (c *cloud) counters(b *testing.B) map[string]int {
	b.Helper()
	out := map[string]int{}
	resp, err := http.Get(c.AdminURL + "/counters")
	c.decode(b, resp, err, &out)
	return out
}

func (c *cloud) limit(b *testing.B, l sim.Limits) {
	b.Helper()
	text, err := json.Marshal(l)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.Post(c.AdminURL+"/limits", "application/json", bytes.NewReader(text))
	c.decode(b, resp, err, nil)
}

// decode reads a good answer of the simulator.
func (c *cloud) decode(b *testing.B, resp *http.Response, err error, to any) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		b.Fatalf("the simulator answers %s", resp.Status)
	}
	if to == nil {
		return
	}
	if err := json.NewDecoder(resp.Body).Decode(to); err != nil {
		b.Fatal(err)
	}
}

// cpu is the processor time of a process so far.
func cpu(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	return ticks(b, fields[11:13]) // utime and stime
}

// busy is the processor time of the whole machine so far.
func busy(b *testing.B) time.Duration {
	b.Helper()
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		b.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(first)                      // cpu user nice system idle iowait irq softirq steal
	return ticks(b, append(fields[1:4], fields[6:9]...)) // all but idle and iowait
}

// ticks adds up hundredths of a second.
func ticks(b *testing.B, fields []string) time.Duration {
	b.Helper()
	var sum int
	for _, f := range fields {
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		sum += n
	}
	return time.Duration(sum) * 10 * time.Millisecond
}

func median[T any](all []T, compare func(a, b T) int) T {
	all = slices.SortedFunc(slices.Values(all), compare)
	return all[len(all)/2]
}

// cores are those that this process, and what it starts, may use.
func cores() int { return runtime.NumCPU() }
