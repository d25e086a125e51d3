package console

import (
	"slices"
	"strings"
	"time"

	"seneschal/internal/engine/dispatch"
)

// boardRow is one technician.
type boardRow struct {
	Technician string
	Cells      []boardCell
}

// Name and Domain are the two parts of the address: a narrow column breaks it between them.
func (r boardRow) Name() string { name, _, _ := strings.Cut(r.Technician, "@"); return name }

// Domain has its at sign.
func (r boardRow) Domain() string { return strings.TrimPrefix(r.Technician, r.Name()) }

type boardCell struct {
	Day   time.Time
	Slots []boardSlot
}

// boardSlot is a slot on one of its days.
type boardSlot struct {
	dispatch.Slot
	From, To string // on this day's clock: "00:00" where it began before, "24:00" where it goes on
	Begins   bool   // on this day; there it can be moved
}

// Hours are what it takes of the day, in words.
func (s boardSlot) Hours() string {
	switch whole, ends := s.From == dayBegins, s.To != dayEnds; {
	case whole && !ends:
		return "all day"
	case whole && !s.Begins:
		return "until " + s.To
	case !ends:
		return "from " + s.From
	}
	return s.From + "–" + s.To
}

const dayBegins, dayEnds = "00:00", "24:00"

// onDay is the slot's part of a day, by its own zone's calendar.
func onDay(s dispatch.Slot, day time.Time) (part boardSlot, any bool) {
	at := day.Format(dayFormat)
	first, last := s.Start.Format(dayFormat), s.End.Add(-time.Nanosecond).Format(dayFormat)
	if at < first || at > last {
		return part, false
	}
	part = boardSlot{Slot: s, From: dayBegins, To: dayEnds, Begins: at == first}
	if at == first {
		part.From = s.Start.Format("15:04")
	}
	if at == s.End.Format(dayFormat) {
		part.To = s.End.Format("15:04")
	}
	return part, true
}

// rowsOf puts slots on each of their days. Whoever has one is shown, listed or not.
func rowsOf(d boardData, slots []dispatch.Slot) (rows []boardRow) {
	of := map[string][]dispatch.Slot{}
	for _, p := range d.Technicians {
		of[p] = nil
	}
	for _, s := range slots {
		of[s.Technician] = append(of[s.Technician], s)
	}
	for p, theirs := range of {
		row := boardRow{Technician: p}
		for _, day := range d.Days {
			row.Cells = append(row.Cells, cellOf(day, theirs))
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b boardRow) int { return strings.Compare(a.Technician, b.Technician) })
	return rows
}

func cellOf(day time.Time, slots []dispatch.Slot) boardCell {
	cell := boardCell{Day: day}
	for _, s := range slots {
		if part, any := onDay(s, day); any && s.State != dispatch.Withdrawn {
			cell.Slots = append(cell.Slots, part)
		}
	}
	slices.SortFunc(cell.Slots, func(a, b boardSlot) int { return a.Start.Compare(b.Start) })
	return cell
}
