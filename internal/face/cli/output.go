package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/danielgtaylor/huma/v2"

	"seneschal/internal/fault"
)

// columns are what a list shows in text and CSV, as paths into each entry. A list without an entry here shows its plain fields.
var columns = map[string][]string{
	"connection.list":    {"name", "kind", "tenant", "state", "proof.at", "reason.title"},
	"connection.serving": {"tenant_id", "capability", "connection", "overlaps"},
	"mailbox.list":       {"upn", "status", "display_name", "purposes", "note"},
	"action.list":        {"name", "effect", "modes", "summary"},
	"run.list":           {"started_at", "action", "state", "caller", "id"},
	"audit.list":         {"seq", "at", "actor", "action", "target", "outcome"},
	"event.list":         {"at", "type", "connection", "data.cause"},
	"person.list":        {"name", "role", "disabled", "id"},
	"apikey.list":        {"name", "scopes", "expires_at", "last_used"},
	"usage.list.budgets": {"what", "mailbox", "tenant", "used", "left", "limit.requests", "limit.window_seconds", "in_flight", "waiting", "reset_at", "blocked_until"},
	"doctor":             {"connection", "capability", "state", "cause", "fix", "who", "link", "proof.request_id"},
}

func (f *Face) print(name string, output json.RawMessage) error {
	if f.output == "json" {
		var b bytes.Buffer
		if err := json.Indent(&b, output, "", "  "); err != nil {
			return err
		}
		_, err := fmt.Fprintln(f.IO.Out, b.String())
		return err
	}
	var v any
	if err := json.Unmarshal(output, &v); err != nil {
		return err
	}
	rows, isList := listIn(v)
	switch {
	case f.output != "text" && f.output != "csv":
		return usageError{fmt.Errorf("--output %s: there are text, json and csv", f.output)}
	case isList:
		return table(f.IO.Out, f.output == "csv", columnsOf(name, rows), rows)
	case f.output == "text" && isLists(v):
		return f.tables(name, v.(map[string]any))
	case f.output == "csv":
		return usageError{fmt.Errorf("--output csv is for lists")}
	}
	lines(f.IO.Out, "", v)
	return nil
}

// isLists says whether an answer is several lists and nothing else.
func isLists(v any) bool {
	m, ok := v.(map[string]any)
	for _, field := range m {
		if _, isList := field.([]any); !isList {
			return false
		}
	}
	return ok && len(m) > 1
}

// tables prints several lists, each below its name; empty ones are left out.
func (f *Face) tables(name string, lists map[string]any) error {
	between := ""
	for _, field := range slices.Sorted(maps.Keys(lists)) {
		rows := lists[field].([]any)
		if len(rows) == 0 {
			continue
		}
		_, _ = fmt.Fprintf(f.IO.Out, "%s%s\n", between, strings.ToUpper(field[:1])+field[1:])
		if err := table(f.IO.Out, false, columnsOf(name+"."+field, rows), rows); err != nil {
			return err
		}
		between = "\n"
	}
	return nil
}

// listIn finds the list of an answer: the answer itself, or its only field.
func listIn(v any) ([]any, bool) {
	if list, ok := v.([]any); ok {
		return list, true
	}
	m, ok := v.(map[string]any)
	if !ok || len(m) != 1 {
		return nil, false
	}
	for _, only := range m {
		if only == nil {
			return nil, true
		}
		list, ok := only.([]any)
		return list, ok
	}
	return nil, false
}

func columnsOf(name string, rows []any) []string {
	if c, ok := columns[name]; ok {
		return c
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if m, ok := r.(map[string]any); ok {
			for k, v := range m {
				if _, nested := v.(map[string]any); !nested {
					seen[k] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

func table(w io.Writer, asCSV bool, columns []string, rows []any) error {
	head := make([]string, len(columns))
	for i, c := range columns {
		head[i] = strings.ReplaceAll(c, "_", " ")
	}
	if asCSV {
		out := csv.NewWriter(w)
		if err := out.Write(columns); err != nil {
			return err
		}
		for _, r := range rows {
			if err := out.Write(cells(columns, r)); err != nil {
				return err
			}
		}
		out.Flush()
		return out.Error()
	}
	out := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(out, strings.ToUpper(strings.Join(head, "\t")))
	for _, r := range rows {
		_, _ = fmt.Fprintln(out, strings.Join(cells(columns, r), "\t"))
	}
	return out.Flush()
}

func cells(columns []string, row any) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = printable(at(row, c))
	}
	return out
}

func at(v any, path string) any {
	for _, part := range strings.Split(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[part]
	}
	return v
}

// printable is a value in one cell. Control characters could move a terminal's cursor, so none gets through.
func printable(v any) string {
	switch t := v.(type) {
	case nil:
		return "-"
	case string:
		return strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, t)
	case float64:
		return strconv.FormatFloat(t, 'f', -1, 64)
	case []any:
		parts := make([]string, len(t))
		for i, e := range t {
			parts[i] = printable(e)
		}
		return strings.Join(parts, ", ")
	default:
		text, _ := json.Marshal(t) // it came from JSON
		return string(text)
	}
}

// lines prints an object field by field, nested ones indented.
func lines(w io.Writer, indent string, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		_, _ = fmt.Fprintf(w, "%s%s\n", indent, printable(v))
		return
	}
	names := slices.Collect(maps.Keys(m))
	sort.Strings(names)
	for _, name := range names {
		switch t := m[name].(type) {
		case map[string]any:
			_, _ = fmt.Fprintf(w, "%s%s:\n", indent, name)
			lines(w, indent+"  ", t)
		case []any:
			printList(w, indent, name, t)
		case string:
			if strings.Contains(t, "\n") { // a script, meant to be copied
				_, _ = fmt.Fprintf(w, "%s%s:\n%s\n", indent, name, strings.TrimRight(t, "\n"))
				continue
			}
			_, _ = fmt.Fprintf(w, "%s%s: %s\n", indent, name, printable(t))
		default:
			_, _ = fmt.Fprintf(w, "%s%s: %s\n", indent, name, printable(t))
		}
	}
}

func printList(w io.Writer, indent, name string, list []any) {
	if len(list) == 0 {
		_, _ = fmt.Fprintf(w, "%s%s: none\n", indent, name)
		return
	}
	if _, ok := list[0].(map[string]any); !ok {
		_, _ = fmt.Fprintf(w, "%s%s: %s\n", indent, name, printable(list))
		return
	}
	_, _ = fmt.Fprintf(w, "%s%s:\n", indent, name)
	for _, e := range list {
		_, _ = fmt.Fprintf(w, "%s  -\n", indent)
		lines(w, indent+"    ", e)
	}
}

// printFault says what happened, why, what to do, and who can.
func (f *Face) printFault(err error) {
	e := fault.As(err)
	if f.output == "json" {
		text, _ := json.MarshalIndent(e, "", "  ") // a fault always encodes
		_, _ = fmt.Fprintln(f.IO.Err, string(text))
		return
	}
	w := f.IO.Err
	_, _ = fmt.Fprintf(w, "%s\n", printable(e.Message))
	for _, field := range e.Fields {
		_, _ = fmt.Fprintf(w, "  %s: %s\n", field.Name, printable(field.Message))
	}
	show := func(label, text string) {
		if text != "" {
			_, _ = fmt.Fprintf(w, "  %s: %s\n", label, printable(text))
		}
	}
	show("cause", e.Cause)
	show("fix", e.Fix)
	show("who", e.Who)
	show("alternatives", strings.Join(e.Alternatives, "; "))
	show("does not help", strings.Join(e.WrongFixes, "; "))
	show("code", e.Code)
	if e.Upstream != nil {
		show("Microsoft's request id", e.Upstream.RequestID)
	}
	if e.Kind == fault.Internal && e.Err != nil {
		show("details", e.Err.Error())
	}
}

func sortedNames(s *huma.Schema) []string { return slices.Sorted(maps.Keys(s.Properties)) }
