package dispatch

import (
	"slices"
	"strconv"
	"strings"
)

// Listed writes categories in one line, with commas between. It tells them apart also where a name has a comma: that one stands in quotes.
func Listed(categories []string) string {
	out := slices.Sorted(slices.Values(categories))
	for i, c := range out {
		if strings.ContainsAny(c, `,"`) {
			out[i] = strconv.Quote(c)
		}
	}
	return strings.Join(out, ", ")
}

// Unlisted reads what Listed wrote, or somebody by its rule.
func Unlisted(line string) (categories []string) {
	for line = strings.TrimSpace(line); line != ""; {
		name, rest, whole := quoted(line)
		if !whole {
			name, rest, _ = strings.Cut(line, ",")
			name = strings.TrimSpace(name)
		}
		if name != "" {
			categories = append(categories, name)
		}
		line = strings.TrimSpace(rest)
	}
	return categories
}

// quoted reads a name in quotes from the beginning of a line. Quotes that do not enclose all up to the next comma are part of a name.
func quoted(line string) (name, rest string, whole bool) {
	literal, err := strconv.QuotedPrefix(line)
	if err != nil || literal[0] != '"' {
		return "", "", false
	}
	rest = strings.TrimSpace(line[len(literal):])
	if rest != "" && rest[0] != ',' {
		return "", "", false
	}
	name, err = strconv.Unquote(literal)
	return name, strings.TrimPrefix(rest, ","), err == nil
}
