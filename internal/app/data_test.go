package app

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"seneschal/internal/config"
	"seneschal/internal/custody"
)

// Every table belongs to one class of data: whoever adds one says what is in it, how long, who sees it, and how it is handed out and erased.
func TestEveryTableIsInAClassOfData(t *testing.T) {
	settings := map[string]bool{}
	for _, s := range config.Settings() {
		if strings.HasPrefix(s.Name, "RETENTION_") {
			settings[s.Name] = false
		}
	}
	class := map[string]string{}
	for _, c := range (&App{}).classes() {
		for what, text := range map[string]string{"a title": c.Title, "what": c.What, "whose": c.Whose, "who sees it": c.Seen, "what ends it": c.Ends, "how it is exported": c.Export, "how it is erased": c.Erase} {
			if text == "" {
				t.Errorf("%s does not say %s", c.Name, what)
			}
		}
		for _, table := range c.Tables {
			if class[table] != "" {
				t.Errorf("%s is in %s and in %s", table, class[table], c.Name)
			}
			class[table] = c.Name
		}
		if used, ok := settings[c.Setting]; c.Setting != "" && (!ok || used || c.Prune == nil) {
			t.Errorf("%s: the setting %q is unknown, another's, or nothing obeys it", c.Name, c.Setting)
		}
		settings[c.Setting] = true
	}
	for name, used := range settings {
		if !used {
			t.Errorf("the setting %s rules no class of data", name)
		}
	}
	made := regexp.MustCompile(`(?m)^create table (\w+)`)
	tables := 0
	for _, o := range owners() {
		err := fs.WalkDir(o, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := fs.ReadFile(o, path)
			for _, m := range made.FindAllStringSubmatch(string(text), -1) {
				if tables++; class[m[1]] == "" {
					t.Errorf("the table %s is in no class of data", m[1])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if tables != len(class) {
		t.Errorf("%d tables, and %d in classes: some are gone", tables, len(class))
	}
}

func TestGoldenData(t *testing.T) {
	golden(t, "../../../docs/reference/data.md", []byte(dataPage((&App{}).classes())))
}

func dataPage(all []custody.Class) string {
	standard := map[string]string{}
	for _, s := range config.Settings() {
		standard[s.Name] = s.Default
	}
	var b strings.Builder
	b.WriteString("# Where data lies\n\nMade from what each owner of tables declares (go test ./internal/app -run Golden -update). Everything lies in the one database of `SENESCHAL_DATABASE_URL`. What is read\nfor display or judgement, bodies above all, is never stored.\n")
	for _, c := range all {
		kept := upper(c.Ends)
		if c.Setting != "" {
			kept = fmt.Sprintf("`SENESCHAL_%s`, %s without it; %s", c.Setting, standard[c.Setting], c.Ends)
		}
		fmt.Fprintf(&b, "\n## %s\n%s.\n\n| | |\n|---|---|\n| class | `%s` |\n| tables | %s |\n| whose data | %s |\n| kept | %s |\n| seen by | %s |\n| handed out | %s |\n| erased | %s |\n",
			c.Title, c.What, c.Name, "`"+strings.Join(slices.Sorted(slices.Values(c.Tables)), "`, `")+"`", c.Whose, kept, c.Seen, c.Export, c.Erase)
	}
	return b.String()
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
