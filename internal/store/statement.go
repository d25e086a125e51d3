package store

import (
	"strconv"
	"strings"
)

// Args are the values of a statement, in the order of their numbers.
type Args []any

// Add takes a value, and gives its place in the statement: $1, $2 and so on.
func (a *Args) Add(value any) string {
	*a = append(*a, value)
	return "$" + strconv.Itoa(len(*a))
}

// List takes values, and gives their places as they stand in "in (...)" and "values (...)".
func List[T any](a *Args, values []T) string {
	places := make([]string, len(values))
	for i, v := range values {
		places[i] = a.Add(v)
	}
	return strings.Join(places, ", ")
}

// Where is what stands after "where": conditions that all hold, with their values.
type Where struct {
	Args
	conditions []string
}

// And takes a condition; each ? in it is one of the values.
func (w *Where) And(condition string, values ...any) {
	for _, v := range values {
		condition = strings.Replace(condition, "?", w.Add(v), 1)
	}
	w.conditions = append(w.conditions, condition)
}

func (w *Where) String() string { return strings.Join(w.conditions, " and ") }
