package document

import (
	"cmp"
	"math/big"
	"time"
)

// View is what templates are given: the data with every figure and date written out in its language.
type View struct {
	Kind                                     Kind
	Language                                 string
	Words                                    Words
	Number, Date, Until, Reference, Currency string
	Seller, Customer                         Party
	Intro, Notes, Terms                      string
	Lines                                    []ViewLine
	Taxes                                    []ViewTax
	Net, Tax, Gross                          string
	Payment                                  []string
}

// ViewLine is a line written out.
type ViewLine struct {
	Position                                                         int
	Description, Details, Quantity, Unit, UnitPrice, TaxRate, Amount string
}

// ViewTax is the tax of one rate written out.
type ViewTax struct{ Rate, Base, Amount string }

// view writes the data out.
func (d Data) view(kind Kind, s sums) View {
	language := cmp.Or(d.Language, english)
	spoken := vocabularies[language]
	money := func(v *big.Rat) string { return figures(v, s.places, spoken.german) + " " + d.Currency }
	percent := func(v *big.Rat) string { return figures(v, 0, spoken.german) + " %" }
	day := func(text string) string {
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return ""
		}
		return spoken.date(t)
	}
	v := View{Kind: kind, Language: language, Words: spoken.words[kind], Number: d.Number, Date: day(d.Date), Until: day(d.Until), Reference: d.Reference, Currency: d.Currency,
		Seller: d.Seller, Customer: d.Customer, Intro: d.Intro, Notes: d.Notes, Terms: d.Terms, Payment: d.Payment, Net: money(s.net), Tax: money(s.tax), Gross: money(s.gross)}
	for i, l := range d.Lines {
		r := s.lines[i]
		v.Lines = append(v.Lines, ViewLine{Position: i + 1, Description: l.Description, Details: l.Details, Quantity: figures(r.quantity, 0, spoken.german), Unit: l.Unit,
			UnitPrice: figures(r.price, s.places, spoken.german), TaxRate: percent(r.rate), Amount: figures(r.net, s.places, spoken.german)})
	}
	for _, t := range s.taxes {
		v.Taxes = append(v.Taxes, ViewTax{Rate: percent(t.rate), Base: money(t.base), Amount: money(t.tax)})
	}
	return v
}
