package document

import (
	"strings"

	"github.com/signintech/gopdf"
)

// The page, in points: A4.
const (
	pageWidth, pageHeight = 595.28, 841.89
	left, right           = 56.0, pageWidth - 50
	top, bottom           = 56.0, pageHeight - 70
	lead                  = 1.35 // a line's height, in heights of its letters
)

// sheet is the paper: where the next line goes, and the first thing that went wrong.
type sheet struct {
	pdf  *gopdf.GoPdf
	y    float64
	size float64
	head func() // drawn at the top of each further page
	err  error
}

func (s *sheet) do(err error) {
	if s.err == nil {
		s.err = err
	}
}

// font chooses font and size.
func (s *sheet) font(name string, size float64) {
	s.size = size
	s.do(s.pdf.SetFont(name, "", size))
}

// line is the height of a line of the font.
func (s *sheet) line() float64 { return s.size * lead }

func (s *sheet) width(text string) float64 {
	w, err := s.pdf.MeasureTextWidth(text)
	s.do(err)
	return w
}

// at draws a line of text at a place, its top at the height y.
func (s *sheet) at(x, y float64, text string) {
	if text == "" || s.err != nil {
		return
	}
	s.pdf.SetXY(x, y+s.size)
	s.do(s.pdf.Text(text))
}

// endingAt draws a line of text that ends at x.
func (s *sheet) endingAt(x, y float64, text string) {
	if text != "" {
		s.at(x-s.width(text), y, text)
	}
}

// within draws a line of text that ends at x, in letters as small as a column's width wants.
func (s *sheet) within(x, y float64, text string, width float64) {
	size := s.size
	if w := s.width(text); w > width {
		s.do(s.pdf.SetFontSize(size * width / w))
		defer func() { s.do(s.pdf.SetFontSize(size)) }()
	}
	s.endingAt(x, y, text)
}

// rule draws a line across the page.
func (s *sheet) rule(y, width float64) {
	s.pdf.SetLineWidth(width)
	s.pdf.Line(left, y, right, y)
}

// room makes sure that there is so much of it, on a new page if need be.
func (s *sheet) room(height float64) {
	if s.y+height <= bottom {
		return
	}
	s.turn()
	if s.y+height > bottom {
		s.do(errNoRoom)
	}
}

// turn begins a page.
func (s *sheet) turn() {
	s.pdf.AddPage()
	s.y = top
	if s.head != nil {
		s.head()
	}
}

// paragraph draws a text over as many lines and pages as it takes.
func (s *sheet) paragraph(text string) {
	for _, line := range s.wrapped(text, right-left) {
		s.room(s.line())
		s.at(left, s.y, line)
		s.y += s.line()
	}
}

// wrapped breaks a text into lines of a width: between words, and inside one that is longer than a line, as Chinese and Japanese are.
func (s *sheet) wrapped(text string, width float64) []string {
	var lines []string
	for _, paragraph := range strings.Split(strings.TrimRight(legible(text), "\n "), "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if line != "" && s.width(line+" "+word) <= width {
				line += " " + word
				continue
			}
			if line != "" {
				lines = append(lines, line)
			}
			var whole []string
			whole, line = s.broken(word, width)
			lines = append(lines, whole...)
		}
		lines = append(lines, line)
	}
	return lines
}

// broken cuts a word into pieces that fit a line; rest is the last one, after which the next word may stand.
func (s *sheet) broken(word string, width float64) (whole []string, rest string) {
	if s.width(word) <= width {
		return nil, word
	}
	for _, r := range word {
		if rest != "" && s.width(rest+string(r)) > width {
			whole, rest = append(whole, rest), ""
		}
		rest += string(r)
	}
	return whole, rest
}
