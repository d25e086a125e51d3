package app

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"seneschal/internal/clock"
)

// crashHook is for crash tests alone: SENESCHAL_CRASH_LOG writes down every crash point passed, SENESCHAL_CRASH_AT=N kills the process,
// without any goodbye, at the N-th. Without these two there is no hook.
func crashHook(environ []string) (clock.Hook, error) {
	at, log := "", ""
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, "SENESCHAL_CRASH_AT="); ok {
			at = v
		}
		if v, ok := strings.CutPrefix(kv, "SENESCHAL_CRASH_LOG="); ok {
			log = v
		}
	}
	if at == "" && log == "" {
		return nil, nil
	}
	stop := 0
	if at != "" {
		n, err := strconv.Atoi(at)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("SENESCHAL_CRASH_AT=%s is not a positive number", at)
		}
		stop = n
	}
	var mu sync.Mutex
	passed := 0
	return func(p clock.Point, detail string) {
		mu.Lock()
		defer mu.Unlock()
		passed++
		if log != "" {
			appendLine(log, fmt.Sprintf("%d %s %s", passed, p, detail))
		}
		if passed == stop {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				_ = self.Kill()
			}
			select {} // the signal is on its way; nothing more may happen
		}
	}, nil
}

func appendLine(file, line string) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = fmt.Fprintln(f, line)
	_ = f.Close()
}
