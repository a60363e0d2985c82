package catalogue

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
)

// Field is a field of a payload, or of a struct in it.
type Field struct {
	Name  string // in Go
	Type  string // in Go, such as "*core.Time"
	JSON  string // its name in JSON; "-" for one that does not leave the process
	Doc   string
	Depth int // 0 for a field of the payload itself
}

// deepest is how far structs in structs are unfolded.
const deepest = 3

// Fields lists the fields of a payload, each struct followed by its own. One that
// comes twice is unfolded once.
func Fields(payload reflect.Type) []Field {
	l := &lister{seen: map[reflect.Type]bool{payload: true}}
	l.list(payload, 0)
	return l.fields
}

type lister struct {
	seen   map[reflect.Type]bool
	fields []Field
}

func (l *lister) list(t reflect.Type, depth int) {
	if t.Kind() != reflect.Struct || depth > deepest {
		return
	}
	for f := range t.Fields() {
		if f.IsExported() {
			l.add(f, depth)
		}
	}
}

func (l *lister) add(f reflect.StructField, depth int) {
	l.fields = append(l.fields, Field{f.Name, f.Type.String(), jsonName(f), f.Tag.Get("doc"), depth})
	inner := f.Type
	for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
		inner = inner.Elem()
	}
	if !l.seen[inner] && !writesItself(inner) {
		l.seen[inner] = true
		l.list(inner, depth+1)
	}
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		return f.Name
	}
	return name
}

// writesItself tells a type that is one value in JSON, whatever is in it.
func writesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Marshaler]()) || p.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}
