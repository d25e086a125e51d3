package document

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"golang.org/x/text/currency"
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

// places is how many digits a currency has behind the point.
func places(code string) (int, error) {
	unit, err := currency.ParseISO(code)
	if err != nil || unit.String() != code {
		return 0, fmt.Errorf("%q is no currency's code of ISO 4217, like EUR", code)
	}
	n, _ := currency.Standard.Rounding(unit)
	return n, nil
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
