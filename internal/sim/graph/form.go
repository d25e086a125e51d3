package graph

import (
	"math"
	"net/http"
	"strings"

	"seneschal/internal/sim/world"
)

// form is what a client may write of an entity: each property by its kind. Another one is refused, as by every OData service.
type form map[string]kind

// kind is a property's kind; most bounds a list, 0 does not.
type kind struct {
	list, object, boolean bool
	number                bool
	most                  int
	words                 []string // of an enumeration
}

var (
	aText    = kind{}
	anObject = kind{object: true}
	aBool    = kind{boolean: true}
	aNumber  = kind{number: true}
)

func wordOf(words ...string) kind { return kind{words: words} }

func texts(most int) kind   { return kind{list: true, most: most} }
func objects(most int) kind { return kind{list: true, object: true, most: most} }

// check names the first property that cannot be. null clears what is no list. Annotations, such as the @odata.type that Microsoft's own SDKs
// send, are no properties and are taken out.
func (f form) check(in world.Object) *problem {
	for name, v := range in {
		if strings.HasPrefix(name, "@") {
			delete(in, name)
			continue
		}
		k, known := f[name]
		if !known {
			return fail(http.StatusBadRequest, "RequestBodyRead", "The property '"+name+"' does not exist on the type. Make sure to only use property names that are defined by the type.")
		}
		if !k.takes(v) {
			return fail(http.StatusBadRequest, "ErrorPropertyValidationFailure", "At least one property failed validation: "+name+".")
		}
	}
	return nil
}

func (k kind) takes(v any) bool {
	switch {
	case k.list:
		list, isList := v.([]any)
		if !isList || k.most > 0 && len(list) > k.most {
			return false
		}
		for _, x := range list {
			if !(kind{object: k.object}).takes(x) || x == nil {
				return false
			}
		}
		return true
	case v == nil:
		return true
	case k.object:
		_, is := v.(world.Object)
		return is
	case k.boolean:
		_, is := v.(bool)
		return is
	case k.number:
		n, is := v.(float64)
		return is && n == math.Trunc(n)
	case len(k.words) > 0:
		for _, w := range k.words {
			if v == w {
				return true
			}
		}
		return false
	}
	_, is := v.(string)
	return is
}
