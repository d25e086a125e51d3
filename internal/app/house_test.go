package app

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "seneschal/internal/"

// may says which of our packages a package may import, by DESIGN §2's floors. A trailing * takes everything below.
var may = map[string][]string{
	"contract": {},
	"m365":     {"m365/table"}, "m365/table": {}, "fault": {}, "clock": {}, "telemetry": {},
	"config": {"fault", "m365", "vault"},
	"store":  {"fault", "clock"}, "custody": {"store"},
	"vault": {"fault", "clock", "store", "custody"},
	"jobs":  {"fault", "clock", "store", "custody"},
	"wire":  {"fault", "m365", "telemetry", "clock"},
	"graph": {"fault", "m365", "telemetry", "clock", "wire"},
	"entra": {"fault", "m365", "clock", "vault", "wire"},
	"audit": {"fault", "clock", "store", "vault", "custody"}, "event": {"fault", "clock", "store", "vault", "custody", "audit"},
	"access":                   {"custody", "fault", "clock", "store", "vault", "audit", "event"},
	"connection":               {"custody", "fault", "m365", "clock", "store", "vault", "jobs", "telemetry", "config", "wire", "graph", "entra", "audit", "event", "access"},
	"customer":                 {"custody", "fault", "m365", "clock", "store", "audit", "event", "access"},
	"feed":                     {"custody", "fault", "m365", "clock", "store", "vault", "jobs", "telemetry", "wire", "graph", "audit", "event", "access", "customer", "connection"},
	"engine/*":                 {"custody", "fault", "m365", "clock", "store", "vault", "jobs", "telemetry", "wire", "graph", "audit", "event", "access", "customer", "connection", "action", "feed", "connector/*", "engine/delivery/document"},
	"engine/delivery/document": {"fault"}, // pure: of its own engine, and no way to any other
	"action":                   {"custody", "fault", "m365", "clock", "store", "vault", "jobs", "telemetry", "wire", "graph", "audit", "event", "access", "connection"},
	"fidelity":                 {"fault", "wire"},
	"privacy":                  {"fault", "clock", "store", "vault", "custody", "audit", "access", "customer"},
	"admin":                    {"privacy", "fault", "m365", "clock", "entra", "audit", "event", "access", "customer", "connection", "action", "feed"},
	"connector/internal/bench": {"*"}, // the connectors' tests stand on it; no program does
	"connector/internal/once":  {"fault", "graph", "action"}, "connector/internal/cursor": {"fault", "graph"}, "connector/internal/place": {"fault", "m365", "graph", "action"}, "connector/internal/etag": {"fault", "graph"}, "connector/internal/recurrence": {"fault", "graph"},
	"connector/internal/attachment": {"fault", "graph", "action", "connector/internal/once"},
	"connector/*":                   {"fault", "m365", "wire", "graph", "action", "connector/internal/once", "connector/internal/cursor", "connector/internal/place", "connector/internal/etag", "connector/internal/attachment", "connector/internal/recurrence"},
	"face/notify":                   {"fault", "m365", "feed"},
	"face/*":                        {"custody", "privacy", "fault", "m365", "clock", "telemetry", "vault", "audit", "event", "access", "connection", "action", "customer", "feed", "engine/*"},
	"sim":                           {"m365", "m365/table", "sim/*"}, "sim/*": {"m365", "m365/table", "sim/*"},
}

// only names the one package that may import a library (DESIGN §2), app aside for its tests.
var only = map[string][]string{
	"github.com/riverqueue/": {"jobs"}, "modernc.org/sqlite": {"store"}, "github.com/jackc/pgx": {"store", "jobs"},
	"github.com/AzureAD/": {"entra"}, "github.com/coreos/go-oidc": {"access", "entra"}, "github.com/modelcontextprotocol/": {"face/mcp"}, "github.com/signintech/gopdf": {"engine/delivery/document"},
	"github.com/emersion/go-smtp": {"face/smtp"},
}

type pkg struct {
	ImportPath, Dir, Name string
	Imports, TestImports  []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Name,Imports", "seneschal/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 15 {
		t.Fatalf("only %d packages found", len(all))
	}
	return all
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		prefix, wild := strings.CutSuffix(p, "*")
		return p == name || (wild && strings.HasPrefix(name, prefix))
	})
}

func rule(name string) ([]string, bool) {
	if r, ok := may[name]; ok {
		return r, true
	}
	for pattern, r := range may {
		if prefix, wild := strings.CutSuffix(pattern, "*"); wild && strings.HasPrefix(name, prefix) {
			return r, true
		}
	}
	return nil, false
}

func TestDirections(t *testing.T) {
	for _, p := range packages(t) {
		name, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours || name == "app" {
			continue
		}
		allowed, ok := rule(name)
		if !ok {
			t.Errorf("%s is on no floor: add it to DESIGN's directions and to this test", name)
		}
		for _, i := range p.Imports {
			if dep, ours := strings.CutPrefix(i, module); ours && !matches(allowed, dep) {
				t.Errorf("%s may not import %s", name, dep)
			}
			for library, homes := range only {
				if strings.HasPrefix(i, library) && !slices.Contains(homes, name) {
					t.Errorf("%s may not import %s; only %v may", name, i, homes)
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItOwns(t *testing.T) {
	for _, p := range packages(t) {
		if !strings.HasPrefix(p.ImportPath, module) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(p.Dir, "doc.go"))
		if err != nil || !strings.Contains(string(text), "// Package "+p.Name+" ") || !strings.Contains(string(text), "Owns:") || !strings.Contains(string(text), "Imports:") {
			t.Errorf("%s: doc.go must say what the package is, owns and imports (%v)", p.ImportPath, err)
		}
	}
}

func TestTablesAppearInTheirOwnersPackageOnly(t *testing.T) {
	create := regexp.MustCompile(`(?m)^create table (\w+)`)
	tables := map[string]string{}
	for _, o := range owners() {
		names, err := fs.Glob(o, "migrations/*.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			text, err := fs.ReadFile(o, n)
			if err != nil {
				t.Fatal(err)
			}
			owner := strings.TrimSuffix(strings.SplitN(filepath.Base(n), "_", 2)[1], ".sql") // an engine's tables begin with its own name alone
			for _, m := range create.FindAllStringSubmatch(string(text), -1) {
				tables[m[1]] = owner
				if !strings.HasPrefix(m[1], owner+"_") {
					t.Errorf("table %s does not begin with its owner's name %s", m[1], owner)
				}
			}
		}
	}
	if len(tables) < 15 {
		t.Fatalf("only %d tables found", len(tables))
	}
	for _, p := range packages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "engine/")
		for _, literal := range sqlIn(t, p.Dir) {
			for table, owner := range tables {
				// store's backup asks audit_head whether anybody has worked in a database.
				if name != owner && (name != "store" || table != "audit_head") && regexp.MustCompile(`\b`+table+`\b`).MatchString(literal) {
					t.Errorf("%s names the table %s of %s", name, table, owner)
				}
			}
		}
	}
	for _, owner := range tables {
		if _, ok := (&App{}).Owners()[owner]; !ok && owner != "vault" && owner != "jobs" && owner != "privacy" { // the first two keep nothing about people, the last only hashes of who is gone
			t.Errorf("%s has tables and offers no Export and Erase", owner)
		}
	}
}

// sqlIn gives the string literals of a package that look like SQL.
func sqlIn(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	statement := regexp.MustCompile(`(?i)\b(select|insert into|update|delete from)\b`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range literals(parsed) {
			if statement.MatchString(l) {
				out = append(out, l)
			}
		}
	}
	return out
}

func TestNobodyBelowAppReadsTheMachinesClock(t *testing.T) {
	forbidden := regexp.MustCompile(`\btime\.(Now|After|Sleep|NewTimer|NewTicker|Tick|AfterFunc|Since|Until)\(`)
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if !strings.HasPrefix(p.ImportPath, module) || name == "app" || name == "clock" || strings.HasPrefix(name, "sim") {
			continue
		}
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") || strings.HasSuffix(f, "throwaway.go") { // the test's database server lives in machine time
				continue
			}
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for n, line := range strings.Split(string(text), "\n") {
				code, _, _ := strings.Cut(line, "//")
				if forbidden.MatchString(code) {
					t.Errorf("%s:%d: %s", filepath.Base(f), n+1, strings.TrimSpace(line))
				}
			}
		}
	}
}

func TestNothingRegistersItself(t *testing.T) {
	for _, p := range packages(t) {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "\nfunc init() {") {
				t.Errorf("%s has an init function", fmt.Sprint(filepath.Base(p.Dir), "/", filepath.Base(f)))
			}
		}
	}
}
