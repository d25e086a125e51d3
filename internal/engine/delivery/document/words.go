package document

import "time"

// Words are the fixed words of a language.
type Words struct {
	Title, From, Number, Date, Until, Reference, TaxID, Customer            string
	Position, Description, Quantity, UnitPrice, TaxRate, Amount             string
	Net, Tax, On, Gross, Payment, Terms, Page, Of, Carried, Hello, Attached string
}

// vocabulary is a language: its words by kind of document, and how it writes figures and dates.
type vocabulary struct {
	words  map[Kind]Words
	german bool
	date   func(time.Time) string
}

// english is the language of documents that name none.
const english = "en"

var vocabularies = map[string]vocabulary{
	english: {words: map[Kind]Words{Invoice: englishWords("Invoice", "Due", "Amount due", "please find our invoice attached."), Quote: englishWords("Quote", "Valid until", "Total", "please find our quote attached.")},
		date: func(t time.Time) string { return t.Format("2 January 2006") }},
	"de": {words: map[Kind]Words{Invoice: germanWords("Rechnung", "Fällig am", "Zu zahlen", "anbei erhalten Sie unsere Rechnung."), Quote: germanWords("Angebot", "Gültig bis", "Gesamt", "anbei erhalten Sie unser Angebot.")},
		german: true, date: func(t time.Time) string { return t.Format("02.01.2006") }},
}

func englishWords(title, until, gross, attached string) Words {
	return Words{Title: title, From: "from", Number: "Number", Date: "Date", Until: until, Reference: "Your reference", TaxID: "Tax ID", Customer: "For", Position: "#", Description: "Description",
		Quantity: "Quantity", UnitPrice: "Unit price", TaxRate: "Tax", Amount: "Amount", Net: "Net", Tax: "Tax", On: "on", Gross: gross, Payment: "Payment", Terms: "Terms", Page: "Page", Of: "of",
		Carried: "continued", Hello: "Hello,", Attached: attached}
}

func germanWords(title, until, gross, attached string) Words {
	return Words{Title: title, From: "von", Number: "Nummer", Date: "Datum", Until: until, Reference: "Ihr Zeichen", TaxID: "USt-IdNr.", Customer: "Für", Position: "Pos.", Description: "Beschreibung",
		Quantity: "Menge", UnitPrice: "Einzelpreis", TaxRate: "USt", Amount: "Betrag", Net: "Netto", Tax: "USt", On: "auf", Gross: gross, Payment: "Zahlung", Terms: "Zahlungsbedingungen", Page: "Seite", Of: "von",
		Carried: "Fortsetzung", Hello: "Guten Tag,", Attached: attached}
}
