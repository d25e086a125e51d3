package document

import (
	"fmt"
	"iter"
	"strings"
)

// Kind is what a document is.
type Kind string

// The kinds of documents.
const (
	Quote   Kind = "quote"
	Invoice Kind = "invoice"
)

// maxLines is how many lines a document has at most: so many still fit a mail's body.
const maxLines = 500

// Data is what a quote or an invoice says. Decimals are text, so that none is lost on the way.
type Data struct {
	Number    string   `json:"number" minLength:"1" maxLength:"60" doc:"Its number"`
	Date      string   `json:"date" doc:"Its date, like 2026-11-22"`
	Until     string   `json:"until,omitempty" doc:"The day an invoice is due, or a quote holds until, like 2026-12-06"`
	Reference string   `json:"reference,omitempty" maxLength:"120" doc:"The customer's order or reference"`
	Language  string   `json:"language,omitempty" enum:"en,de" doc:"Language of the fixed words, and form of figures and dates; en without"`
	Currency  string   `json:"currency" minLength:"3" maxLength:"3" doc:"ISO 4217 code, like EUR"`
	Seller    Party    `json:"seller" doc:"Whose document it is"`
	Customer  Party    `json:"customer" doc:"Whom it is for"`
	Intro     string   `json:"intro,omitempty" maxLength:"4000" doc:"Words before the lines"`
	Lines     []Line   `json:"lines" minItems:"1" maxItems:"500" doc:"What is sold"`
	Totals    *Totals  `json:"totals,omitempty" doc:"The totals as the caller has them; the document is refused where the lines come to others"`
	Notes     string   `json:"notes,omitempty" maxLength:"4000" doc:"Words after the totals"`
	Terms     string   `json:"terms,omitempty" maxLength:"2000" doc:"Terms of payment"`
	Payment   []string `json:"payment,omitempty" maxItems:"8" doc:"Where to pay, line by line: bank, IBAN, BIC"`
}

// Party is the seller or the customer.
type Party struct {
	Name    string   `json:"name" minLength:"1" maxLength:"200" doc:"Name"`
	Address []string `json:"address,omitempty" maxItems:"8" doc:"Postal address, line by line"`
	TaxID   string   `json:"tax_id,omitempty" maxLength:"60" doc:"Tax number, or number for value added tax"`
	Email   string   `json:"email,omitempty" maxLength:"320" doc:"Address for mail"`
	Phone   string   `json:"phone,omitempty" maxLength:"60" doc:"Telephone"`
}

// Line is one thing that is sold.
type Line struct {
	Description string `json:"description" minLength:"1" maxLength:"500" doc:"What it is"`
	Details     string `json:"details,omitempty" maxLength:"4000" doc:"More about it, in small print"`
	Quantity    string `json:"quantity" doc:"How many, as a decimal in text, like 1.5"`
	Unit        string `json:"unit,omitempty" maxLength:"20" doc:"Of what, like h or pcs"`
	UnitPrice   string `json:"unit_price" doc:"Price of one, without tax, as a decimal in text, like 89.90; a discount is negative"`
	TaxRate     string `json:"tax_rate" doc:"Rate of tax in percent, as a decimal in text, like 19; 0 where there is none"`
}

// Totals are a document's sums, as decimals in text.
type Totals struct {
	Net   string `json:"net" doc:"Without tax"`
	Tax   string `json:"tax" doc:"Tax"`
	Gross string `json:"gross" doc:"To be paid"`
}

// texts gives every text of the data with the path of its field.
func (d Data) texts() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		named := []string{"number", d.Number, "reference", d.Reference, "intro", d.Intro, "notes", d.Notes, "terms", d.Terms}
		named = append(append(named, d.Seller.texts("seller")...), d.Customer.texts("customer")...)
		for i, line := range d.Payment {
			named = append(named, fmt.Sprintf("payment[%d]", i), line)
		}
		for i, l := range d.Lines {
			at := fmt.Sprintf("lines[%d].", i)
			named = append(named, at+"description", l.Description, at+"details", l.Details, at+"unit", l.Unit)
		}
		for i := 0; i < len(named); i += 2 {
			if !yield(named[i], named[i+1]) {
				return
			}
		}
	}
}

func (p Party) texts(at string) []string {
	out := []string{at + ".name", p.Name, at + ".tax_id", p.TaxID, at + ".email", p.Email, at + ".phone", p.Phone}
	for i, line := range p.Address {
		out = append(out, fmt.Sprintf("%s.address[%d]", at, i), line)
	}
	return out
}

// paragraphs says which fields may have several lines.
func paragraphs(path string) bool {
	return path == "intro" || path == "notes" || path == "terms" || strings.HasSuffix(path, ".details")
}
