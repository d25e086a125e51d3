package document

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// decimalForm bounds what callers give: enough for any price, and no number that costs time to reckon with.
var decimalForm = regexp.MustCompile(`^-?[0-9]{1,12}(\.[0-9]{1,6})?$`)

// decimal reads an exact decimal.
func decimal(text string) (*big.Rat, error) {
	if !decimalForm.MatchString(text) {
		return nil, fmt.Errorf("%q is no decimal like 1234.50: digits, and a point with at most six behind it", text)
	}
	v, _ := new(big.Rat).SetString(text) // has the form
	return v, nil
}

// currencies are the codes of ISO 4217 by the digits behind the point (its column "minor unit"), with those withdrawn since 2022, as credits are
// still written in them. Libraries that take their digits from CLDR round as cash is paid, and not as invoices are written: no para for RSD.
var currencies = map[int]string{
	0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
	2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB " +
		"EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP " +
		"MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP " +
		"SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ZWL",
	3: "BHD IQD JOD KWD LYD OMR TND",
	4: "CLF UYW",
}

// places is how many digits a currency has behind the point.
func places(code string) (int, error) {
	for n, codes := range currencies {
		if len(code) == 3 && strings.Contains(codes, code) && !strings.Contains(code, " ") {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%q is no currency's code of ISO 4217, like EUR", code)
}

// rounded is the nearest value with so many places, the half away from zero, as invoices are rounded.
func rounded(v *big.Rat, places int) *big.Rat {
	out, _ := new(big.Rat).SetString(v.FloatString(places)) // what was printed reads back
	return out
}

// figures writes a decimal with at least so many places, and as many more as it has.
func figures(v *big.Rat, atLeast int, german bool) string {
	n := atLeast
	for ; n < 6 && rounded(v, n).Cmp(v) != 0; n++ {
	}
	whole, fraction, _ := strings.Cut(v.FloatString(n), ".")
	sign := ""
	if digits, negative := strings.CutPrefix(whole, "-"); negative {
		sign, whole = "-", digits
	}
	thousands, point := ",", "."
	if german {
		thousands, point = ".", ","
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + thousands + whole[i:]
	}
	if fraction == "" {
		return sign + whole
	}
	return sign + whole + point + fraction
}
