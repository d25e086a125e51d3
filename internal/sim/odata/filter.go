package odata

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Filter is a parsed $filter.
type Filter struct{ root node }

// Match evaluates the filter on an object.
func (f *Filter) Match(o map[string]any) bool { return f.root.match(o) }

// Paths adds the properties that are compared, in their order, each with its operator or function.
func (f *Filter) Paths(add func(path, operator string)) { f.root.paths(add) }

// node is one part of a filter that is true or false.
type node interface {
	match(o map[string]any) bool
	paths(add func(path, operator string))
}

// ErrSyntax is what ParseFilter says of a filter that is none.
var ErrSyntax = errors.New("invalid filter clause")

const maxDepth = 60

// ParseFilter reads a $filter: eq ne gt ge lt le, in, and or not, startswith endswith contains, tolower, any().
func ParseFilter(s string) (*Filter, error) {
	toks, err := tokens(s)
	if err != nil {
		return nil, err
	}
	p := &parser{toks: toks}
	e, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if !p.done() {
		return nil, fmt.Errorf("%w: unexpected %q", ErrSyntax, p.peek().text)
	}
	return &Filter{e}, nil
}

type tokenKind uint8

const (
	word tokenKind = iota
	quoted
	mark
)

type token struct {
	kind tokenKind
	text string
}

func tokens(s string) ([]token, error) {
	var out []token
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case ' ', '\t', '\n', '\r':
			i++
		case '\'':
			text, n, ok := quotedText(s[i:])
			if !ok {
				return nil, fmt.Errorf("%w: there is an unterminated string literal at position %d", ErrSyntax, i)
			}
			out = append(out, token{quoted, text})
			i += n
		case '(', ')', ',':
			out = append(out, token{mark, string(c)})
			i++
		default:
			j := i
			for j < len(s) && !strings.ContainsRune(" \t\r\n'(),", rune(s[j])) {
				j++
			}
			out = append(out, token{word, s[i:j]})
			i = j
		}
	}
	return out, nil
}

// quotedText reads 'it”s' and tells how many bytes it took.
func quotedText(s string) (string, int, bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}

type parser struct {
	toks []token
	pos  int
}

func (p *parser) done() bool { return p.pos >= len(p.toks) }

func (p *parser) peek() token {
	if p.done() {
		return token{}
	}
	return p.toks[p.pos]
}

func (p *parser) next() token {
	t := p.peek()
	p.pos++
	return t
}

func (p *parser) word(w string) bool {
	if t := p.peek(); t.kind == word && strings.EqualFold(t.text, w) && !p.done() {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expect(m string) error {
	if t := p.next(); t.kind != mark || t.text != m {
		return fmt.Errorf("%w: %q expected, found %q", ErrSyntax, m, t.text)
	}
	return nil
}

func (p *parser) or(depth int) (node, error) {
	left, err := p.and(depth)
	for err == nil && p.word("or") {
		var right node
		if right, err = p.and(depth); err == nil {
			left = either{left, right}
		}
	}
	return left, err
}

func (p *parser) and(depth int) (node, error) {
	left, err := p.unary(depth)
	for err == nil && p.word("and") {
		var right node
		if right, err = p.unary(depth); err == nil {
			left = both{left, right}
		}
	}
	return left, err
}

func (p *parser) unary(depth int) (node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: nested too deeply", ErrSyntax)
	}
	if p.word("not") {
		e, err := p.unary(depth + 1)
		return negation{e}, err
	}
	if t := p.peek(); t.kind == mark && t.text == "(" {
		p.pos++
		e, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	}
	return p.term(depth)
}

func (p *parser) term(depth int) (node, error) {
	left, err := p.operand(depth)
	if err != nil {
		return nil, err
	}
	if l, ok := left.(node); ok && !p.comparison() {
		return l, nil // a boolean function or a lambda stands for itself
	}
	if p.word("in") {
		return p.in(left, depth)
	}
	t := p.next()
	op := strings.ToLower(t.text)
	switch op {
	case "eq", "ne", "gt", "ge", "lt", "le":
	default:
		return nil, fmt.Errorf("%w: an operator is expected, found %q", ErrSyntax, t.text)
	}
	right, err := p.operand(depth)
	if err != nil {
		return nil, err
	}
	return comparison{left, op, right}, nil
}

func (p *parser) comparison() bool {
	switch strings.ToLower(p.peek().text) {
	case "eq", "ne", "gt", "ge", "lt", "le", "in":
		return p.peek().kind == word && !p.done()
	}
	return false
}

func (p *parser) in(left operand, depth int) (node, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	m := membership{left: left}
	for {
		o, err := p.operand(depth)
		if err != nil {
			return nil, err
		}
		m.list = append(m.list, o)
		t := p.next()
		if t.kind == mark && t.text == ")" {
			return m, nil
		}
		if t.kind != mark || t.text != "," {
			return nil, fmt.Errorf("%w: a list is not closed", ErrSyntax)
		}
	}
}

// operand is something with a value.
type operand interface {
	value(o map[string]any) any
	path() string // "" for a literal
}

func (p *parser) operand(depth int) (operand, error) {
	if p.done() {
		return nil, fmt.Errorf("%w: it ends too early", ErrSyntax)
	}
	t := p.next()
	if t.kind == quoted {
		return literal{t.text}, nil
	}
	if t.kind == mark {
		return nil, fmt.Errorf("%w: unexpected %q", ErrSyntax, t.text)
	}
	if n := p.peek(); n.kind == mark && n.text == "(" && !p.done() {
		return p.function(t.text, depth)
	}
	return wordOperand(t.text), nil
}

func wordOperand(s string) operand {
	switch strings.ToLower(s) {
	case "true":
		return literal{true}
	case "false":
		return literal{false}
	case "null":
		return literal{nil}
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return literal{n}
	}
	if _, ok := instant(s); ok {
		return literal{s}
	}
	return member(s)
}

func (p *parser) function(name string, depth int) (operand, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: nested too deeply", ErrSyntax)
	}
	p.pos++ // the parenthesis
	lower := strings.ToLower(name)
	if strings.HasSuffix(lower, "/any") || strings.HasSuffix(lower, "/all") {
		return p.lambda(name, depth)
	}
	want := map[string]int{"startswith": 2, "endswith": 2, "contains": 2, "tolower": 1, "toupper": 1}[lower]
	if want == 0 {
		return nil, fmt.Errorf("%w: an unknown function with name '%s' was found", ErrSyntax, name)
	}
	f := call{name: lower}
	for i := range want {
		if i > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		a, err := p.operand(depth + 1)
		if err != nil {
			return nil, err
		}
		f.args = append(f.args, a)
	}
	return f, p.expect(")")
}

// lambda reads any(x: expression) after its opening parenthesis; any() alone asks for a non-empty list.
func (p *parser) lambda(name string, depth int) (operand, error) {
	l := lambda{list: name[:strings.LastIndexByte(name, '/')], every: strings.HasSuffix(strings.ToLower(name), "/all")}
	if t := p.peek(); t.kind == mark && t.text == ")" {
		p.pos++
		return l, nil
	}
	t := p.next()
	variable, rest, ok := strings.Cut(t.text, ":")
	if t.kind != word || !ok {
		return nil, fmt.Errorf("%w: a lambda needs a variable", ErrSyntax)
	}
	l.variable = variable
	if rest != "" { // any(x:x eq 1) without a space
		p.pos--
		p.toks[p.pos] = token{word, rest}
	}
	e, err := p.or(depth + 1)
	if err != nil {
		return nil, err
	}
	l.cond = e
	return l, p.expect(")")
}

type both struct{ a, b node }

func (e both) match(o map[string]any) bool { return e.a.match(o) && e.b.match(o) }
func (e both) paths(add func(path, op string)) {
	e.a.paths(add)
	e.b.paths(add)
}

type either struct{ a, b node }

func (e either) match(o map[string]any) bool { return e.a.match(o) || e.b.match(o) }
func (e either) paths(add func(path, op string)) {
	e.a.paths(add)
	e.b.paths(add)
}

type negation struct{ e node }

func (e negation) match(o map[string]any) bool { return !e.e.match(o) }
func (e negation) paths(add func(path, op string)) {
	e.e.paths(func(path, _ string) { add(path, "not") })
}

type comparison struct {
	left  operand
	op    string
	right operand
}

func (e comparison) match(o map[string]any) bool {
	a, b := e.left.value(o), e.right.value(o)
	if e.op == "eq" || e.op == "ne" {
		return same(a, b) == (e.op == "eq")
	}
	c, ok := compare(a, b)
	if !ok {
		return false
	}
	switch e.op {
	case "gt":
		return c > 0
	case "ge":
		return c >= 0
	case "lt":
		return c < 0
	}
	return c <= 0
}

func (e comparison) paths(add func(path, op string)) {
	addPath(e.left, e.op, add)
	addPath(e.right, e.op, add)
}

func addPath(o operand, op string, add func(path, op string)) {
	if p := o.path(); p != "" {
		add(p, op)
	}
}

type membership struct {
	left operand
	list []operand
}

func (e membership) match(o map[string]any) bool {
	v := e.left.value(o)
	for _, m := range e.list {
		if same(v, m.value(o)) {
			return true
		}
	}
	return false
}

func (e membership) paths(add func(path, op string)) { addPath(e.left, "in", add) }

type literal struct{ v any }

func (l literal) value(map[string]any) any { return l.v }
func (literal) path() string               { return "" }

type member string

func (p member) value(o map[string]any) any { return Lookup(o, string(p)) }
func (p member) path() string               { return string(p) }

type call struct {
	name string
	args []operand
}

func (c call) value(o map[string]any) any {
	a, ok := c.args[0].value(o).(string)
	switch c.name {
	case "tolower":
		return strings.ToLower(a)
	case "toupper":
		return strings.ToUpper(a)
	}
	b, ok2 := c.args[1].value(o).(string)
	if !ok || !ok2 {
		return false
	}
	a, b = strings.ToLower(a), strings.ToLower(b)
	switch c.name {
	case "startswith":
		return strings.HasPrefix(a, b)
	case "endswith":
		return strings.HasSuffix(a, b)
	}
	return strings.Contains(a, b)
}

func (c call) path() string { return c.args[0].path() }

func (c call) match(o map[string]any) bool { b, _ := c.value(o).(bool); return b }

func (c call) paths(add func(path, op string)) { addPath(c.args[0], c.name, add) }

type lambda struct {
	list, variable string
	cond           node
	every          bool
}

func (l lambda) value(o map[string]any) any { return l.match(o) }
func (l lambda) path() string               { return l.list }

func (l lambda) match(o map[string]any) bool {
	items := anySlice(Lookup(o, l.list))
	if l.cond == nil {
		return len(items) > 0
	}
	for _, item := range items {
		inner := map[string]any{l.variable: item}
		if l.cond.match(inner) != l.every {
			return !l.every
		}
	}
	return l.every
}

func (l lambda) paths(add func(path, op string)) { add(l.list, "any") }

func anySlice(v any) []any {
	switch l := v.(type) {
	case []any:
		return l
	case []string:
		out := make([]any, len(l))
		for i := range l {
			out[i] = l[i]
		}
		return out
	case []map[string]any:
		out := make([]any, len(l))
		for i := range l {
			out[i] = l[i]
		}
		return out
	}
	return nil
}

func same(a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	c, ok := compare(a, b)
	return ok && c == 0
}

func compare(a, b any) (int, bool) {
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		if !ok {
			return 0, false
		}
		if s, ok := instant(x); ok {
			if t, ok := instant(y); ok {
				return s.Compare(t), true
			}
		}
		// Text compares without case, as the services do.
		return cmp.Compare(strings.ToLower(x), strings.ToLower(y)), true
	case bool:
		if y, ok := b.(bool); ok {
			return boolNumber(x) - boolNumber(y), true
		}
		if y, ok := b.(string); ok { // isRead eq 'true' is accepted
			return cmp.Compare(strconv.FormatBool(x), y), true
		}
	case map[string]any:
		if s, ok := x["dateTime"].(string); ok { // start/dateTime may be written without the slash
			return compare(s, b)
		}
	}
	x, ok1 := float(a)
	y, ok2 := float(b)
	return cmp.Compare(x, y), ok1 && ok2
}

func boolNumber(b bool) int {
	if b {
		return 1
	}
	return 0
}

func float(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// instant reads 2026-01-02, 2026-01-02T03:04:05Z and the forms between.
func instant(s string) (time.Time, bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
