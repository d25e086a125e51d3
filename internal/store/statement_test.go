package store_test

import (
	"fmt"
	"testing"

	"seneschal/internal/store"
)

// Values are bound in the order of their numbers, whatever was collected before.
func TestAStatementNumbersItsValues(t *testing.T) {
	w := store.Where{}
	w.And("a = ? or b like ? escape '\\'", 1, "x?%")
	w.And("c is null")
	w.And("d in (" + store.List(&w.Args, []string{"p", "q"}) + ")")
	limit := w.Add(50)
	if got, want := w.String()+" limit "+limit, `a = $1 or b like $2 escape '\' and c is null and d in ($3, $4) limit $5`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got, want := fmt.Sprint(w.Args), "[1 x?% p q 50]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
