package document

import (
	"cmp"
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"seneschal/internal/fault"
)

// checking collects what is wrong, each with the path of its field.
type checking struct {
	at    string
	wrong []fault.Field
}

func (c *checking) bad(path, format string, args ...any) {
	c.wrong = append(c.wrong, fault.Field{Name: c.at + path, Message: fmt.Sprintf(format, args...)})
}

func (c *checking) number(path, text string) *big.Rat {
	v, err := decimal(text)
	if err != nil {
		c.bad(path, "%v", err)
		return new(big.Rat)
	}
	return v
}

// Check finds everything that is wrong with the data; at stands before the names of its fields.
func (d Data) Check(at string) error {
	_, err := d.reckoned(at)
	return err
}

// reckoned checks the data and adds it up.
func (d Data) reckoned(at string) (sums, error) {
	c := &checking{at: at}
	for path, text := range d.texts() {
		c.text(path, text)
	}
	if strings.TrimSpace(d.Seller.Name) == "" {
		c.bad("seller.name", "is empty")
	}
	if strings.TrimSpace(d.Customer.Name) == "" {
		c.bad("customer.name", "is empty")
	}
	if _, ok := vocabularies[cmp.Or(d.Language, english)]; !ok {
		c.bad("language", "is %q; there are en and de", d.Language)
	}
	d.checkDates(c)
	digits, err := places(d.Currency)
	if err != nil {
		c.bad("currency", "%v", err)
	}
	if len(d.Lines) == 0 || len(d.Lines) > maxLines {
		c.bad("lines", "must have 1 to %d entries", maxLines)
	}
	s := reckon(d.read(c), digits)
	if len(c.wrong) == 0 && d.Totals != nil {
		d.Totals.compare(c, s)
	}
	return s, fault.OfFields(c.wrong)
}

// text refuses what no printed page has: control characters, and those that turn the direction of others round.
func (c *checking) text(path, text string) {
	if !utf8.ValidString(text) {
		c.bad(path, "is not UTF-8")
		return
	}
	for _, r := range text {
		switch {
		case (r == '\n' || r == '\r' || r == '\t') && paragraphs(path):
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029':
			c.bad(path, "holds the control character %U", r)
			return
		}
	}
}

func (d Data) checkDates(c *checking) {
	on, err := time.Parse(time.DateOnly, d.Date)
	if err != nil {
		c.bad("date", "%q is no date like 2026-11-22", d.Date)
	}
	if d.Until == "" {
		return
	}
	until, wrong := time.Parse(time.DateOnly, d.Until)
	switch {
	case wrong != nil:
		c.bad("until", "%q is no date like 2026-12-06", d.Until)
	case err == nil && until.Before(on):
		c.bad("until", "%s is before the document's date, %s", d.Until, d.Date)
	}
}

// read takes the figures of the lines.
func (d Data) read(c *checking) []reckoned {
	out := make([]reckoned, len(d.Lines))
	for i, l := range d.Lines {
		at := fmt.Sprintf("lines[%d].", i)
		if strings.TrimSpace(l.Description) == "" {
			c.bad(at+"description", "is empty")
		}
		out[i] = reckoned{quantity: c.number(at+"quantity", l.Quantity), price: c.number(at+"unit_price", l.UnitPrice), rate: c.number(at+"tax_rate", l.TaxRate)}
		if r := out[i].rate; r.Sign() < 0 || r.Cmp(big.NewRat(100, 1)) > 0 {
			c.bad(at+"tax_rate", "%s is no rate in percent between 0 and 100", l.TaxRate)
		}
	}
	return out
}

// compare refuses totals that the lines do not come to: whichever is right, a document that contradicts itself must not leave.
func (t Totals) compare(c *checking, s sums) {
	for _, one := range []struct {
		name, given string
		is          *big.Rat
	}{{"net", t.Net, s.net}, {"tax", t.Tax, s.tax}, {"gross", t.Gross, s.gross}} {
		v, err := decimal(one.given)
		switch {
		case err != nil:
			c.bad("totals."+one.name, "%v", err)
		case v.Cmp(one.is) != 0:
			c.bad("totals."+one.name, "is %s; the lines come to %s", one.given, one.is.FloatString(s.places))
		}
	}
}
