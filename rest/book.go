package rest

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const components = "#/components/schemas/"

// book describes each named struct once, for all rows of a table.
type book struct {
	types map[reflect.Type]*Schema
	names map[string]reflect.Type
}

func newBook() *book {
	return &book{types: map[reflect.Type]*Schema{}, names: map[string]reflect.Type{}}
}

// try undoes what a failing f has added: a type that is described by half
// would pass at the next row that uses it.
func (b *book) try(f func() error) (err error) {
	types, names := maps.Clone(b.types), maps.Clone(b.names)
	defer func() {
		if p := recover(); p != nil { // of a Schema or Values method
			err = fmt.Errorf("panic: %v", p)
		}
		if err != nil {
			b.types, b.names = types, names
		}
	}()
	return f()
}

var (
	importPath = regexp.MustCompile(`[\w.\-]+/`)
	unsafeRune = regexp.MustCompile(`[^A-Za-z0-9.]+`)
)

// name is Ticket for a type of the core and snooze.Snooze for a plugin's.
func (b *book) name(t reflect.Type) string {
	n, from := importPath.ReplaceAllString(t.Name(), ""), path.Base(t.PkgPath())
	if from != "rest" && from != "core" && from != "api" {
		n = from + "." + n
	}
	n = strings.Trim(unsafeRune.ReplaceAllString(n, "_"), "_")
	for b.names[n] != nil && b.names[n] != t {
		n += "2" // two packages of one name
	}
	b.names[n] = t
	return n
}

// of describes t, or says why t has no form in JSON.
func (b *book) of(t reflect.Type) (*Schema, error) {
	v := reflect.New(t).Interface()
	switch v := v.(type) {
	case interface{ value() reflect.Type }:
		s, err := b.of(v.value())
		if err != nil {
			return nil, err
		}
		s.maybe = true
		return s, nil
	case Schemer:
		s := v.Schema()
		s.leaf = true
		return &s, nil
	case OneOf:
		return b.oneOf(v)
	case *time.Time:
		return &Schema{Type: "string", Format: "date-time", leaf: true}, nil
	case *json.RawMessage:
		return &Schema{leaf: true}, nil
	}
	reads, writes := ownForm(v)
	if enum, ok := v.(Enum); ok {
		if t.Kind() != reflect.String && !reads {
			return nil, fmt.Errorf("%v lists values, but is neither a string nor reads itself from text", t)
		}
		return &Schema{Type: "string", Enum: enum.Values(), leaf: reads}, nil
	}
	if reads != writes {
		return nil, fmt.Errorf("%v has only one of marshal and unmarshal: give it the other, or Schema()", t)
	}
	if reads {
		return &Schema{Type: "string", leaf: true}, nil
	}
	return b.byKind(t)
}

// ownForm tells whether v decodes and encodes itself.
func ownForm(v any) (reads, writes bool) {
	_, a := v.(json.Unmarshaler)
	_, b := v.(encoding.TextUnmarshaler)
	_, c := v.(json.Marshaler)
	_, d := v.(encoding.TextMarshaler)
	return a || b, c || d
}

func (b *book) byKind(t reflect.Type) (*Schema, error) {
	switch k := t.Kind(); {
	case k == reflect.Bool:
		return &Schema{Type: "boolean"}, nil
	case k == reflect.String:
		return &Schema{Type: "string"}, nil
	case k >= reflect.Int && k <= reflect.Uint64:
		return integer(t), nil
	case k == reflect.Float32, k == reflect.Float64:
		return &Schema{Type: "number"}, nil
	case k == reflect.Struct && t.Name() == "":
		s := &Schema{}
		return s, b.fill(s, t)
	case k == reflect.Struct:
		return b.component(t)
	}
	return b.byElement(t)
}

// byElement describes what consists of others.
func (b *book) byElement(t reflect.Type) (*Schema, error) {
	list := t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8
	table := t.Kind() == reflect.Map && t.Key().Kind() == reflect.String
	pointer := t.Kind() == reflect.Pointer && t.Elem().Kind() != reflect.Pointer && !isMaybe(t.Elem())
	if !list && !table && !pointer {
		return nil, fmt.Errorf("%v has no form in JSON", t)
	}
	s, err := b.of(t.Elem())
	switch {
	case err != nil:
		return nil, err
	case list:
		return &Schema{Type: "array", Items: s}, nil
	case table:
		return &Schema{Type: "object", Values: s}, nil
	}
	return &Schema{AnyOf: []*Schema{s, {Type: "null"}}, to: s, null: true}, nil
}

func isMaybe(t reflect.Type) bool {
	_, ok := reflect.TypeAssert[interface{ value() reflect.Type }](reflect.Zero(t))
	return ok
}

func (b *book) component(t reflect.Type) (*Schema, error) {
	ref := &Schema{Ref: components + b.name(t), to: b.types[t]}
	if ref.to == nil {
		ref.to = &Schema{} // before its fields: a type may hold itself
		b.types[t] = ref.to
		return ref, b.fill(ref.to, t)
	}
	return ref, nil
}

// integer says what the Go type can hold, as far as JSON's numbers go.
func integer(t reflect.Type) *Schema {
	s, bits := &Schema{Type: "integer"}, t.Bits()
	lo, hi := float64(0), float64(uint64(1)<<min(bits, 63))-1
	if t.Kind() <= reflect.Int64 {
		lo, hi = -float64(uint64(1)<<(bits-1)), float64(uint64(1)<<(bits-1))-1
		s.Format = map[int]string{32: "int32", 64: "int64"}[bits]
	}
	if s.Format == "" {
		s.Minimum = &lo
	}
	if s.Format == "" && bits < 64 {
		s.Maximum = &hi
	}
	return s
}

// fill describes the fields of a struct.
func (b *book) fill(s *Schema, t reflect.Type) error {
	s.Type, s.Properties, s.index = "object", map[string]*Schema{}, map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		if err := b.field(s, f); err != nil {
			return fmt.Errorf("%v.%s: %w", t, f.Name, err)
		}
	}
	slices.Sort(s.Required)
	return nil
}

func (b *book) field(s *Schema, f reflect.StructField) error {
	name, opts, err := jsonKey(f)
	if err != nil || name == "" {
		return err
	}
	if s.Properties[name] != nil {
		return fmt.Errorf("is the second field called %q", name)
	}
	fs, err := b.of(f.Type)
	if err != nil {
		return err
	}
	if fs.maybe && opts != "omitzero" {
		return errors.New("a Maybe needs omitzero")
	}
	if opts != "" && f.Type.Kind() == reflect.Pointer {
		fs = fs.notNull()
	}
	s.Properties[name], s.index[name] = fs, f.Index
	secret := f.Tag.Get("secret") == "true" // stays as it is when it is left out
	if opts == "" && !secret {
		s.Required = append(s.Required, name)
	}
	return fs.narrow(f, opts != "" || secret)
}

// jsonKey reads the json tag; name is "" for a field that is not in the JSON.
func jsonKey(f reflect.StructField) (name, opts string, err error) {
	name, opts, _ = strings.Cut(f.Tag.Get("json"), ",")
	_, _, isParam := paramTag(f)
	embedded := f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct // its fields follow
	switch {
	case f.Anonymous && f.Type.Kind() == reflect.Pointer:
		return "", "", fmt.Errorf("embeds the pointer %v", f.Type)
	case isParam && name != "" && name != "-":
		return "", "", errors.New("comes from two places")
	case embedded, isParam, name == "-", !f.IsExported():
		return "", "", nil
	case name == "" || f.Anonymous:
		return "", "", errors.New("needs a json name")
	case opts != "" && opts != "omitempty" && opts != "omitzero":
		return "", "", fmt.Errorf("the json option %q is not known here", opts)
	}
	return name, opts, nil
}

// narrow adds what the tags of one field say: doc, enum, min, max, default.
func (s *Schema) narrow(f reflect.StructField, optional bool) error {
	s.Description = f.Tag.Get("doc")
	in := s.notNull()
	if err := in.list(f); err != nil {
		return err
	}
	to := map[string][2]**float64{
		"integer": {&in.Minimum, &in.Maximum}, "number": {&in.Minimum, &in.Maximum},
		"string": {&in.MinLength, &in.MaxLength}, "array": {&in.MinItems, &in.MaxItems},
	}[in.Type]
	for i, tag := range []string{"min", "max"} {
		text, ok := f.Tag.Lookup(tag)
		if !ok {
			continue
		}
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || to[i] == nil || in.leaf {
			return fmt.Errorf("%s:%q does not fit", tag, text)
		}
		*to[i] = &x
	}
	text, ok := f.Tag.Lookup("default")
	if !ok {
		return nil
	}
	if !optional {
		return fmt.Errorf("default:%q of a field that must be there", text)
	}
	d := &decoder{}
	s.Default = s.read(text)
	if d.set(s, s.Default, reflect.New(f.Type).Elem(), ""); d.bad != nil {
		return fmt.Errorf("default:%q %s", text, d.bad[0].Message)
	}
	return nil
}

// list adds the values of the tag enum, such as "low|high", to a string or to the
// items of a list of strings.
func (s *Schema) list(f reflect.StructField) error {
	text, ok := f.Tag.Lookup("enum")
	if !ok {
		return nil
	}
	in := s
	if s.Type == "array" && s.Items != nil {
		in = s.Items
	}
	if in.Type != "string" || in.leaf || in.Enum != nil {
		return fmt.Errorf("enum:%q does not fit", text)
	}
	in.Enum = strings.Split(text, "|")
	return nil
}
