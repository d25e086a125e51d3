package document

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/signintech/gopdf"

	"seneschal/internal/fault"
)

// Where the table's columns end; the first begins at the left.
const (
	described = left + 26
	quantity  = right - 205
	price     = right - 130
	rate      = right - 80
	wide      = quantity - 70 - described // of descriptions
	gap       = 6.0                       // between columns
)

// PDF draws a document: the same data gives the same bytes.
func (s *Set) PDF(name string, d Data) ([]byte, error) {
	if _, ok := s.templates[name]; !ok {
		return nil, fault.BadField("template", "is %q; there are %s", name, strings.Join(s.Names(), ", "))
	}
	sum, err := d.reckoned("data.")
	if err != nil {
		return nil, err
	}
	v := d.view(kindOf(name), sum)
	pdf := &gopdf.GoPdf{}
	pdf.Start(gopdf.Config{PageSize: gopdf.Rect{W: pageWidth, H: pageHeight}})
	if err := s.fonts.set(pdf); err != nil {
		return nil, err
	}
	if err := d.drawable(pdf); err != nil {
		return nil, err
	}
	on, err := time.Parse(time.DateOnly, d.Date)
	if err != nil {
		return nil, err
	}
	// Its date is the document's, and not the moment's: a draft that is made again after a kill must be the same file.
	pdf.SetInfo(gopdf.PdfInfo{Title: v.Words.Title + " " + v.Number, Author: v.Seller.Name, CreationDate: on})
	page := &sheet{pdf: pdf}
	page.turn()
	page.letterhead(v)
	page.table(v)
	page.sums(v)
	page.closing(v)
	page.footers(v)
	if page.err != nil {
		return nil, fmt.Errorf("drawing the PDF: %w", page.err)
	}
	return pdf.GetBytesPdfReturnErr()
}

// letterhead draws who sends it, to whom, and what it is.
func (s *sheet) letterhead(v View) {
	s.font(bold, 13)
	for _, line := range s.wrapped(v.Seller.Name, right-left) {
		s.at(left, s.y, line)
		s.y += s.line()
	}
	s.font(regular, 9)
	s.paragraph(strings.Join(nonEmpty(strings.Join(v.Seller.Address, ", "), v.Seller.Phone, v.Seller.Email, labelled(v.Words.TaxID, v.Seller.TaxID)), "  ·  "))
	s.y += 26
	begin := s.y
	s.block(v.Customer)
	end := s.y
	s.y = begin
	s.facts(v)
	s.y = max(s.y, end) + 24
	s.font(bold, 18)
	s.paragraph(v.Words.Title + " " + v.Number)
	s.y += 6
	s.font(regular, 10)
	if v.Intro != "" {
		s.paragraph(v.Intro)
		s.y += 8
	}
}

// block draws the customer's address.
func (s *sheet) block(p Party) {
	s.font(bold, 10)
	for _, line := range append(s.wrapped(p.Name, 260), "") {
		if line != "" {
			s.at(left, s.y, line)
			s.y += s.line()
		}
	}
	s.font(regular, 10)
	for _, one := range nonEmpty(append(p.Address, p.TaxID)...) {
		for _, line := range s.wrapped(one, 260) {
			s.at(left, s.y, line)
			s.y += s.line()
		}
	}
}

// facts draws number, dates and reference beside the address.
func (s *sheet) facts(v View) {
	s.font(regular, 10)
	for _, f := range [][2]string{{v.Words.Number, v.Number}, {v.Words.Date, v.Date}, {v.Words.Until, v.Until}, {v.Words.Reference, v.Reference}} {
		if f[1] == "" {
			continue
		}
		s.at(right-205, s.y, f[0])
		for _, line := range s.wrapped(f[1], 115) {
			s.endingAt(right, s.y, line)
			s.y += s.line()
		}
	}
}

// table draws the lines, its head again on each page.
func (s *sheet) table(v View) {
	s.room(60)
	s.tableHead(v)
	s.head = func() {
		s.font(regular, 8)
		s.endingAt(right, s.y, v.Words.Title+" "+v.Number+", "+v.Words.Carried)
		s.y += 16
		s.tableHead(v)
	}
	for _, l := range v.Lines {
		s.row(l)
	}
	s.head = nil
}

func (s *sheet) tableHead(v View) {
	s.font(bold, 9)
	s.at(left, s.y, v.Words.Position)
	s.at(described, s.y, v.Words.Description)
	s.endingAt(quantity, s.y, v.Words.Quantity)
	s.endingAt(price, s.y, v.Words.UnitPrice)
	s.endingAt(rate, s.y, v.Words.TaxRate)
	s.endingAt(right, s.y, v.Words.Amount)
	s.y += s.line() + 3
	s.rule(s.y, 0.8)
	s.y += 5
}

// row draws one line: its figures beside the first line of its description, and the rest below, over a page's end if need be.
func (s *sheet) row(l ViewLine) {
	s.font(regular, 9)
	description, amount := s.wrapped(l.Description, wide), s.counted(l)
	s.room(s.line() * float64(max(min(len(description), 3), len(amount))))
	s.font(regular, 9) // a new page's head has fonts of its own
	page, below := s.pdf.GetNumberOfPages(), s.y+s.line()*float64(len(amount))
	s.at(left, s.y, fmt.Sprint(l.Position))
	for i, line := range amount {
		s.within(quantity, s.y+s.line()*float64(i), line, quantity-described-wide-gap)
	}
	s.within(price, s.y, l.UnitPrice, price-quantity-gap)
	s.within(rate, s.y, l.TaxRate, rate-price-gap)
	s.within(right, s.y, l.Amount, right-rate-gap)
	s.column(description, 9)
	if l.Details != "" {
		s.font(regular, 8)
		s.column(s.wrapped(l.Details, wide), 8)
	}
	if s.pdf.GetNumberOfPages() == page {
		s.y = max(s.y, below)
	}
	s.y += 3
	s.rule(s.y, 0.2)
	s.y += 4
}

// counted is the quantity with its unit: on one line, or the unit below it where that is too long.
func (s *sheet) counted(l ViewLine) []string {
	const width = quantity - described - wide - gap
	whole := strings.TrimSpace(l.Quantity + " " + legible(l.Unit))
	if s.width(whole) <= width {
		return []string{whole}
	}
	return append([]string{l.Quantity}, s.wrapped(l.Unit, width)...)
}

// column draws lines below each other in the column of descriptions.
func (s *sheet) column(lines []string, size float64) {
	for _, line := range lines {
		s.font(regular, size)
		s.room(s.line())
		s.font(regular, size)
		s.at(described, s.y, line)
		s.y += s.line()
	}
}

// sums draws the totals, which stay together.
func (s *sheet) sums(v View) {
	s.font(regular, 10)
	labels := right - max(115, s.widest(v)+2*gap)
	s.font(regular, 10)
	s.y += 4
	s.room(s.line()*float64(min(len(v.Taxes), 20)+2) + 24)
	s.endingAt(labels, s.y, v.Words.Net)
	s.endingAt(right, s.y, v.Net)
	s.y += s.line()
	for _, t := range v.Taxes {
		s.room(s.line())
		s.endingAt(labels, s.y, strings.Join([]string{v.Words.Tax, t.Rate, v.Words.On, t.Base}, " "))
		s.endingAt(right, s.y, t.Amount)
		s.y += s.line()
	}
	s.y += 3
	s.font(bold, 11)
	s.room(s.line())
	s.endingAt(labels, s.y, v.Words.Gross)
	s.endingAt(right, s.y, v.Gross)
	s.y += s.line() + 16
}

// widest is how much room the sums' figures take.
func (s *sheet) widest(v View) float64 {
	w := s.width(v.Net)
	for _, t := range v.Taxes {
		w = max(w, s.width(t.Amount))
	}
	s.font(bold, 11)
	return max(w, s.width(v.Gross))
}

// closing draws terms, where to pay, and notes.
func (s *sheet) closing(v View) {
	for _, part := range [][2]string{{v.Words.Terms, v.Terms}, {v.Words.Payment, strings.Join(v.Payment, "\n")}, {"", v.Notes}} {
		if part[1] == "" {
			continue
		}
		if part[0] != "" {
			s.font(bold, 9)
			s.room(2 * s.line()) // a heading does not stand alone
			s.paragraph(part[0])
		}
		s.font(regular, 9)
		s.paragraph(part[1])
		s.y += 8
	}
}

// footers are drawn last: only then is known how many pages there are.
func (s *sheet) footers(v View) {
	n := s.pdf.GetNumberOfPages()
	for i := 1; i <= n; i++ {
		s.do(s.pdf.SetPage(i))
		s.font(regular, 8)
		s.at(left, bottom+24, legible(v.Seller.Name))
		s.endingAt(right, bottom+24, fmt.Sprintf("%s %d %s %d", v.Words.Page, i, v.Words.Of, n))
	}
}

// labelled is a value with its label before it, and nothing for nothing.
func labelled(label, value string) string {
	if value == "" {
		return ""
	}
	return label + " " + value
}

func nonEmpty(all ...string) []string {
	var out []string
	for _, s := range all {
		if strings.TrimSpace(s) != "" {
			out = append(out, s)
		}
	}
	return out
}

// FileName is what a document's PDF is called: its title and number, without what a file's name cannot have.
func FileName(name string, d Data) string {
	title := vocabularies[cmp.Or(d.Language, english)].words[kindOf(name)].Title
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '-'
		}
		return r
	}, title+" "+d.Number) + ".pdf"
}
