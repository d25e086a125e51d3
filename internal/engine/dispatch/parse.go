package dispatch

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"seneschal/internal/fault"
)

const mostRows = 50_000

// columnsOf set a slot's fields from a row's; a column goes by the field's own name.
var columnsOf = map[string]func(s *SlotIn, text string) error{
	"external_id":    func(s *SlotIn, text string) error { s.ExternalID = text; return nil },
	"connection":     func(s *SlotIn, text string) error { s.Connection = text; return nil },
	"source":         func(s *SlotIn, text string) error { s.Source = text; return nil },
	"technician":     func(s *SlotIn, text string) error { s.Technician = text; return nil },
	"start":          func(s *SlotIn, text string) error { s.Start = text; return nil },
	"end":            func(s *SlotIn, text string) error { s.End = text; return nil },
	"time_zone":      func(s *SlotIn, text string) error { s.TimeZone = text; return nil },
	"subject":        func(s *SlotIn, text string) error { s.Subject = text; return nil },
	"customer":       func(s *SlotIn, text string) error { s.Customer = text; return nil },
	"location":       func(s *SlotIn, text string) error { s.Location = text; return nil },
	"notes":          func(s *SlotIn, text string) error { s.Notes = text; return nil },
	"status":         func(s *SlotIn, text string) error { s.Status = text; return nil },
	"categories":     func(s *SlotIn, text string) error { s.Categories = several(text); return nil },
	"attendees":      func(s *SlotIn, text string) error { s.Attendees = several(text); return nil },
	"all_day":        func(s *SlotIn, text string) error { return truth(&s.AllDay, text) },
	"online_meeting": func(s *SlotIn, text string) error { return truth(&s.OnlineMeeting, text) },
	"reminder_minutes": func(s *SlotIn, text string) error {
		n, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("is not a number of minutes")
		}
		s.Reminder = &n
		return nil
	},
}

// several are the words of a cell that holds more than one.
func several(text string) (out []string) {
	for word := range strings.SplitSeq(text, ";") {
		if word = strings.TrimSpace(word); word != "" {
			out = append(out, word)
		}
	}
	return out
}

func truth(into *bool, text string) error {
	v, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		return errors.New("is neither true nor false")
	}
	*into = v
	return nil
}

// Read reads the slots of a file or a call, which part names in errors: CSV with a header of field names, or JSON, a list, an object with
// the list as slots, or a single slot.
func Read(part string, content []byte) ([]SlotIn, error) {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")) // as spreadsheets begin their files
	trimmed := bytes.TrimSpace(content)
	switch {
	case len(trimmed) == 0:
		return nil, fault.BadField(part, "is empty")
	case !utf8.Valid(content): // in another encoding every umlaut would come out wrong
		return nil, fault.BadField(part, "is not in UTF-8: save it as CSV UTF-8")
	case trimmed[0] == '[' || trimmed[0] == '{':
		return readJSON(part, trimmed)
	default:
		return readCSV(part, content)
	}
}

// jsonSlots are read one by one: a list that has too many is not kept whole to find that out.
type jsonSlots []SlotIn

// UnmarshalJSON ends after one slot too many.
func (all *jsonSlots) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	begin, err := d.Token()
	if err != nil || begin == nil {
		return err
	}
	if begin != json.Delim('[') {
		return errors.New("slots is no list")
	}
	for *all = (jsonSlots{}); d.More() && len(*all) <= mostRows; {
		var s SlotIn
		if err := d.Decode(&s); err != nil {
			return fmt.Errorf("slot %d: %w", len(*all)+1, err)
		}
		*all = append(*all, s)
	}
	return nil
}

func readJSON(part string, content []byte) ([]SlotIn, error) {
	var whole struct {
		Slots jsonSlots `json:"slots"`
	}
	var single struct {
		ID *string `json:"external_id"`
	}
	into := any(&whole.Slots)
	if content[0] == '{' {
		into = &whole
		if err := json.Unmarshal(content, &single); err == nil && single.ID != nil {
			whole.Slots = make(jsonSlots, 1)
			into = &whole.Slots[0]
		}
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	switch {
	case err != nil:
		return nil, fault.BadField(part, "is not read after byte %d: %v", d.InputOffset(), err)
	case d.More():
		return nil, fault.BadField(part, "has more after its slots, from byte %d on", d.InputOffset())
	case whole.Slots == nil:
		return nil, fault.BadField(part, "is no list of slots, nor an object with the list as slots, nor a slot with its external_id")
	}
	return checked(part, whole.Slots)
}

func readCSV(part string, content []byte) ([]SlotIn, error) {
	r := csv.NewReader(bytes.NewReader(content))
	r.Comma = comma(content)
	r.TrimLeadingSpace = true
	header, err := r.Read()
	if err != nil {
		return nil, fault.BadField(part, "has no header that can be read: %v", err)
	}
	for i, name := range header {
		header[i] = strings.ToLower(strings.TrimSpace(name))
		if columnsOf[header[i]] == nil {
			return nil, fault.BadField(part, "has a column %q; columns are %s", name, strings.Join(names(), ", "))
		}
		if slices.Contains(header[:i], header[i]) {
			return nil, fault.BadField(part, "has the column %s twice", header[i])
		}
	}
	var all []SlotIn
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return checked(part, all)
		}
		if err != nil {
			return nil, fault.BadField(part, "is not read: %v", err)
		}
		s, err := rowOf(header, fields, len(all)+1)
		if err != nil {
			return nil, err
		}
		if all = append(all, s); len(all) > mostRows {
			return checked(part, all)
		}
	}
}

func rowOf(header, fields []string, number int) (s SlotIn, err error) {
	for i, text := range fields {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if err := columnsOf[header[i]](&s, text); err != nil {
			return s, fault.BadField(fmt.Sprintf("row %d: %s", number, header[i]), "%v", err)
		}
	}
	return s, nil
}

// comma is what separates the header: European spreadsheets write semicolons.
func comma(content []byte) rune {
	head, _, _ := bytes.Cut(content, []byte("\n"))
	if bytes.Count(head, []byte(";")) > bytes.Count(head, []byte(",")) {
		return ';'
	}
	return ','
}

func names() []string {
	var all []string
	for name := range columnsOf {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// checked finds what the schema of a single slot would: a file's rows have none.
func checked(part string, all []SlotIn) ([]SlotIn, error) {
	if len(all) > mostRows {
		return nil, fault.BadField(part, "has more than %d rows; send it in parts", mostRows)
	}
	var wrong []fault.Field
	for i, s := range all {
		bad := func(field, message string) {
			wrong = append(wrong, fault.Field{Name: fmt.Sprintf("row %d: %s", i+1, field), Message: message})
		}
		for _, f := range []struct {
			name, text string
			least, max int
		}{{"external_id", s.ExternalID, 1, 200}, {"technician", s.Technician, 1, 320}, {"start", s.Start, 1, 40}, {"end", s.End, 1, 40}, {"subject", s.Subject, 1, 255}, {"customer", s.Customer, 0, 255}, {"location", s.Location, 0, 255},
			{"notes", s.Notes, 0, 50_000}, {"source", s.Source, 0, 100}} {
			switch n := len([]rune(f.text)); {
			case n < f.least:
				bad(f.name, "is missing")
			case n > f.max:
				bad(f.name, fmt.Sprintf("has %d characters; at most %d", n, f.max))
			}
		}
		if !slices.Contains([]string{"", "planned", "tentative", "confirmed", "cancelled"}, s.Status) {
			bad("status", "must be one of planned, tentative, confirmed, cancelled")
		}
		if s.Reminder != nil && (*s.Reminder < 0 || *s.Reminder > 20160) {
			bad("reminder_minutes", "must lie between 0 and 20160")
		}
		if len(s.Categories) > 25 {
			bad("categories", "has more than 25")
		}
		if len(s.Attendees) > 100 {
			bad("attendees", "has more than 100")
		}
		if len(wrong) >= mostWrong {
			break
		}
	}
	return all, fault.OfFields(wrong)
}
