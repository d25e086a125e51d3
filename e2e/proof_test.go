package e2e

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Every test that docs/proof.md names exists, and none of them can be skipped by its own text.
func TestProofNamesTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("../docs/proof.md")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("git", "grep", "--untracked", "-hoE", `^func Test[A-Za-z0-9_]+`, "--", "..").Output()
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	for _, line := range strings.Fields(string(out)) {
		exists[line] = true
	}
	named := 0
	for _, row := range strings.Split(string(text), "\n") {
		cells := strings.Split(row, "|")
		if len(cells) != 4 || strings.HasPrefix(row, "|---") || strings.Contains(row, "shown by") {
			continue
		}
		tests := regexp.MustCompile(`Test[A-Za-z0-9_]+`).FindAllString(cells[2], -1)
		for _, script := range regexp.MustCompile(`TestScripts \((\w+)\)`).FindAllStringSubmatch(cells[2], -1) {
			if _, err := os.Stat("testdata/" + script[1] + ".txtar"); err != nil {
				t.Error(err)
			}
		}
		if len(tests) == 0 {
			t.Errorf("no test shows: %s", cells[1])
		}
		for _, name := range tests {
			named++
			if !exists[name] {
				t.Errorf("%s does not exist (%s)", name, strings.TrimSpace(cells[1]))
			}
		}
	}
	if named < 40 {
		t.Errorf("only %d tests are named", named)
	}
	skips, _ := exec.Command("git", "grep", "-nE", `\bt\.Skip(Now|f)?\(`, "--", "../*_test.go", "../internal/store", ":!../internal/store/fortest.go", ":!proof_test.go").Output() // grep finds none: exit code 1
	if len(skips) > 0 {
		t.Errorf("tests that can skip:\n%s", skips)
	}
}
