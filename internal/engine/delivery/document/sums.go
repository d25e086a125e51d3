package document

import (
	"math/big"
	"slices"
)

// sums are the figures of a checked document. Tax is reckoned on the sum of each rate, not on each line, as EN 16931 (BR-CO-17) has it.
type sums struct {
	places          int
	lines           []reckoned
	taxes           []taxed // by falling rate
	net, tax, gross *big.Rat
}

type reckoned struct{ quantity, price, rate, net *big.Rat }

type taxed struct{ rate, base, tax *big.Rat }

// reckon adds up lines that were read.
func reckon(lines []reckoned, places int) sums {
	s := sums{places: places, lines: lines, net: new(big.Rat), tax: new(big.Rat)}
	for i := range s.lines {
		l := &s.lines[i]
		l.net = rounded(new(big.Rat).Mul(l.quantity, l.price), places)
		s.net.Add(s.net, l.net)
		at := slices.IndexFunc(s.taxes, func(t taxed) bool { return t.rate.Cmp(l.rate) == 0 })
		if at < 0 {
			at, s.taxes = len(s.taxes), append(s.taxes, taxed{rate: l.rate, base: new(big.Rat)})
		}
		s.taxes[at].base.Add(s.taxes[at].base, l.net)
	}
	for i := range s.taxes {
		t := &s.taxes[i]
		t.tax = rounded(new(big.Rat).Quo(new(big.Rat).Mul(t.base, t.rate), big.NewRat(100, 1)), places)
		s.tax.Add(s.tax, t.tax)
	}
	slices.SortFunc(s.taxes, func(a, b taxed) int { return b.rate.Cmp(a.rate) })
	s.gross = new(big.Rat).Add(s.net, s.tax)
	return s
}

// totals are the sums as the caller would give them.
func (s sums) totals() Totals {
	return Totals{Net: s.net.FloatString(s.places), Tax: s.tax.FloatString(s.places), Gross: s.gross.FloatString(s.places)}
}
