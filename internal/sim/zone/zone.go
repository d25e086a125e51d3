package zone

import (
	_ "embed"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // machines without a zone database play the same world
)

//go:embed windows.tsv
var windows string

type names struct {
	iana    map[string]string // lower-case Windows name to IANA
	windows map[string]string // IANA to Windows
	all     []string
}

var table = sync.OnceValue(func() names {
	n := names{iana: map[string]string{}, windows: map[string]string{}}
	for line := range strings.SplitSeq(windows, "\n") {
		f := strings.Split(line, "\t")
		if strings.HasPrefix(line, "#") || len(f) < 3 {
			continue
		}
		n.iana[strings.ToLower(f[0])] = f[1]
		n.windows[f[1]] = f[0]
		for alias := range strings.FieldsSeq(f[2]) {
			n.windows[alias] = f[0]
		}
		n.all = append(n.all, f[0])
	}
	return n
})

// Load finds a zone by Windows or IANA name.
func Load(name string) (*time.Location, bool) {
	if name == "" {
		return nil, false
	}
	if strings.EqualFold(name, "UTC") || strings.EqualFold(name, "tzone://Microsoft/Utc") {
		return time.UTC, true
	}
	if iana, ok := table().iana[strings.ToLower(name)]; ok {
		name = iana
	}
	if strings.EqualFold(name, "local") {
		return nil, false
	}
	loc, err := time.LoadLocation(name)
	return loc, err == nil
}

// Windows lists the Windows names.
func Windows() []string { return table().all }

// ToWindows gives the Windows name of an IANA zone, or the name itself.
func ToWindows(name string) string {
	if w, ok := table().windows[name]; ok {
		return w
	}
	return name
}
