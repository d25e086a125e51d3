package document

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/go-fonts/dejavu/dejavusanscondensed"
	"github.com/go-fonts/dejavu/dejavusanscondensedbold"
	"github.com/signintech/gopdf"
	"golang.org/x/text/unicode/norm"

	"seneschal/internal/fault"
)

// The files of an operator's folder that take the place of our fonts, for scripts that ours lack.
const (
	regularFile = "regular.ttf"
	boldFile    = "bold.ttf"
)

// The names that the fonts have in a PDF.
const (
	regular = "regular"
	bold    = "bold"
)

// fonts are the two that a PDF is set in.
type fonts map[string][]byte

// ownFonts are DejaVu Sans Condensed: Latin, Greek, Cyrillic, Armenian and Georgian letters, and free to be embedded.
func ownFonts() fonts {
	return fonts{regular: dejavusanscondensed.TTF, bold: dejavusanscondensedbold.TTF}
}

// replace takes an operator's font.
func (f fonts) replace(file string, ttf []byte) error {
	name := strings.TrimSuffix(file, ".ttf")
	var pdf gopdf.GoPdf
	pdf.Start(gopdf.Config{PageSize: *gopdf.PageSizeA4})
	if err := pdf.AddTTFFontData(name, ttf); err != nil {
		return fmt.Errorf("is no TrueType font that can be embedded: %w", err)
	}
	f[name] = ttf
	return nil
}

// set puts the fonts into a PDF.
func (f fonts) set(pdf *gopdf.GoPdf) error {
	for _, name := range []string{regular, bold} {
		if err := pdf.AddTTFFontDataWithOption(name, f[name], gopdf.TtfOption{UseKerning: true}); err != nil {
			return err
		}
	}
	return nil
}

// unshaped are the scripts whose letters stand as they are, one after the other from the left. Others need what no PDF writer here does: joined
// letters, reordered ones, lines from the right. Half of that would be garbage under a customer's name, so it is refused.
var unshaped = []*unicode.RangeTable{unicode.Common, unicode.Inherited, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian, unicode.Georgian, unicode.Han, unicode.Hiragana, unicode.Katakana,
	unicode.Hangul, unicode.Bopomofo}

// legible is a text as it is drawn: composed letters, and nothing that has no form.
func legible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == '\r', unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, norm.NFC.String(text))
}

// drawable names every field with a letter that the PDF would not show.
func (d Data) drawable(pdf *gopdf.GoPdf) error {
	var wrong []fault.Field
	for path, text := range d.texts() {
		for _, r := range legible(text) {
			shown, err := drawn(pdf, r)
			if err != nil {
				return err
			}
			if !shown {
				wrong = append(wrong, fault.Field{Name: "data." + path, Message: fmt.Sprintf("holds %q (%U), which the font or script of the PDF does not have", r, r)})
				break
			}
		}
	}
	if len(wrong) > 0 {
		return &fault.Error{Kind: fault.Invalid, Code: "not_drawable", Message: "The PDF cannot show every letter of this document", Fields: wrong,
			Cause: "The fonts have Latin, Greek, Cyrillic, Armenian and Georgian letters; an operator's own may have Chinese, Japanese or Korean ones; scripts that join or turn letters are not set",
			Fix:   "Attach a PDF of your own, or put " + regularFile + " and " + boldFile + " with these letters into the folder of SENESCHAL_TEMPLATES", Who: "you, or the operator of this hub"}
	}
	return nil
}

// drawn says whether both fonts have a letter.
func drawn(pdf *gopdf.GoPdf, r rune) (bool, error) {
	if r == '\n' || r == ' ' {
		return true, nil
	}
	if !unicode.In(r, unshaped...) {
		return false, nil
	}
	for _, name := range []string{regular, bold} {
		if err := pdf.SetFont(name, "", 10); err != nil {
			return false, err
		}
		has, err := pdf.IsCurrFontContainGlyph(r)
		if err != nil || !has {
			return false, err
		}
	}
	return true, nil
}

// errNoRoom would be a defect of the layout.
var errNoRoom = errors.New("a block of the document is higher than a page")
