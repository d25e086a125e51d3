package dispatch

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"seneschal/internal/fault"
)

// Whatever somebody sends as a file: it is read, and says the same when it is written and read again, or what is wrong is named by row or field.
func FuzzFile(f *testing.F) {
	for _, seed := range files {
		f.Add([]byte(seed.content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		all, err := Read("file", content)
		if err != nil {
			if named := fault.As(err); named.Kind != fault.Invalid || len(named.Fields) == 0 || !utf8.ValidString(fmt.Sprint(named.Fields)) {
				t.Fatalf("what is wrong is not named: %+v", named)
			}
			return
		}
		for name, written := range map[string][]byte{"as JSON": asJSON(t, all), "as CSV": asCSV(t, all)} {
			if name == "as CSV" && !plain(all) {
				continue
			}
			again, err := Read("file", written)
			if err != nil || len(all) > 0 && !reflect.DeepEqual(again, all) {
				t.Fatalf("%s it is not the same: %v\n%s\n%+v\n%+v", name, err, written, all, again)
			}
		}
	})
}

func asJSON(t *testing.T, all []SlotIn) []byte {
	t.Helper()
	text, err := json.Marshal(append([]SlotIn{}, all...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// asCSV writes slots as a spreadsheet does.
func asCSV(t *testing.T, all []SlotIn) []byte {
	t.Helper()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	header := names()
	rows := [][]string{header}
	for _, s := range all {
		var fields map[string]any
		text, err := json.Marshal(s)
		if err == nil {
			err = json.Unmarshal(text, &fields)
		}
		if err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(header))
		for i, name := range header {
			switch v := fields[name].(type) {
			case nil:
			case []any:
				row[i] = strings.Join(map[string][]string{"categories": s.Categories, "attendees": s.Attendees}[name], ";")
			default:
				row[i] = fmt.Sprint(v)
			}
		}
		rows = append(rows, row)
	}
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// plain says that a spreadsheet's cells can say what the slots say: without blanks around it, returns, and semicolons in what a cell has several of.
func plain(all []SlotIn) bool {
	for _, s := range all {
		cells := []string{s.ExternalID, s.Connection, s.Source, s.Technician, s.Start, s.End, s.TimeZone, s.Subject, s.Customer, s.Location, s.Notes}
		for _, c := range slices.Concat(s.Categories, s.Attendees) {
			if c == "" || strings.Contains(c, ";") {
				return false
			}
			cells = append(cells, c)
		}
		for _, c := range cells {
			if c != strings.TrimSpace(c) || strings.Contains(c, "\r") {
				return false
			}
		}
		if s.Categories != nil && len(s.Categories) == 0 || s.Attendees != nil && len(s.Attendees) == 0 {
			return false
		}
	}
	return true
}

// files are what people send, and what is said of it; "" where it is read.
var files = []struct{ name, content, says string }{
	{"a list", `[{"external_id": "1", "technician": "ada@contoso.example", "start": "2027-03-01T09:00", "end": "2027-03-01T10:00", "subject": "A", "reminder_minutes": 0}]`, ""},
	{"an object", `{"slots": [{"external_id": "1", "technician": "a@b", "start": "2027-03-01", "end": "2027-03-02", "subject": "A", "all_day": true, "categories": ["Field, VIP"]}]}`, ""},
	{"a spreadsheet of Europe", "\xef\xbb\xbfexternal_id;technician;start;end;subject;notes;categories\r\n1;a@b;2027-03-01T09:00;2027-03-01T10:00;\"Über; \"\"A\"\"\";\"two\nlines\";\"Field;VIP\"\r\n", ""},
	{"a header alone", "external_id,technician,start,end,subject\n", ""},
	{"truth in words", "external_id,technician,start,end,subject,all_day,online_meeting,reminder_minutes,status\n1,a@b,2027-03-01,2027-03-02,A,TRUE,0,15,tentative\n", ""},
	{"nothing", " \n", "file: is empty"},
	{"another encoding", "external_id,subject\n1,\xdcber\n", "file: is not in UTF-8"},
	{"an unknown column", "external_id,when\n1,2\n", `file: has a column "when"`},
	{"a column twice", "external_id,subject,Subject\n1,A,B\n", "file: has the column subject twice"},
	{"a row that is too short", "external_id,subject\n1\n", "file: is not read: record on line 2"},
	{"a quote that does not end", "external_id,subject\n1,\"A\n", "file: is not read"},
	{"no truth", "external_id,all_day\n1,perhaps\n", "row 1: all_day: is neither true nor false"},
	{"no number", "external_id,reminder_minutes\n1,soon\n", "row 1: reminder_minutes: is not a number"},
	{"too long a text", "external_id,technician,start,end,subject\n1,a@b,2027-03-01,2027-03-02," + strings.Repeat("x", 256) + "\n", "row 1: subject: has 256 characters"},
	{"more than a list", `[] []`, "file: has more after its slots"},
	{"an object that says more", `{"slots": [], "complete": true}`, `file: is not read after byte`},
	{"an object that says nothing", `{}`, "file: is no list of slots"},
	{"a list of nothing", `[null]`, "row 1: external_id: is missing"},
	{"a number for a text", `[{"external_id": 1}]`, "file: is not read"},
	{"half a list", `[{"external_id": "1"`, "file: is not read"},
}

func TestFilesAreRead(t *testing.T) {
	for _, tt := range files {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read("file", []byte(tt.content))
			got := ""
			if f := fault.As(err); f != nil {
				got = f.Fields[0].Name + ": " + f.Fields[0].Message
			}
			if !strings.HasPrefix(got, tt.says) || tt.says == "" && got != "" {
				t.Errorf("got %q, want %q", got, tt.says)
			}
		})
	}
}

// A file of nothing but empty slots is refused before it takes more memory than its rows may.
func TestAHugeListIsNotKeptWhole(t *testing.T) {
	file := []byte("[" + strings.Repeat("{},", 3<<20) + "{}]")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read("file", file)
	runtime.ReadMemStats(&after)
	if got := fmt.Sprintf("%+v", fault.As(err).Fields); !strings.Contains(got, "more than 50000 rows") {
		t.Errorf("it says %s", got)
	}
	if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 300 {
		t.Errorf("%d MB of file took %d MB of memory", len(file)>>20, n)
	}
}
