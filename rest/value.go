package rest

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
)

// OneOf is a type that is encoded as one of several forms, by who asks: it
// lists a value of each.
type OneOf interface{ OneOf() []any }

// oneOf describes a type by its forms.
func (b *book) oneOf(v OneOf) (*Schema, error) {
	s := &Schema{}
	for _, form := range v.OneOf() {
		one, err := b.of(reflect.TypeOf(form))
		if err != nil {
			return nil, err
		}
		s.AnyOf, s.forms = append(s.AnyOf, one), append(s.forms, reflect.TypeOf(form))
	}
	return s, nil
}

// isOutput tells whether s holds a OneOf, which cannot be read.
func (s *Schema) isOutput(seen map[*Schema]bool) bool {
	if s == nil || seen[s] {
		return false
	}
	seen[s] = true
	if s.forms != nil || s.to.isOutput(seen) || s.Items.isOutput(seen) || s.Values.isOutput(seen) {
		return true
	}
	for _, p := range s.Properties {
		if p.isOutput(seen) {
			return true
		}
	}
	return false
}

// anyForm accepts v when one of the forms does. It sets nothing: such a type is
// an output, which is only ever checked.
func (d *decoder) anyForm(s *Schema, v any, at string) {
	var trial *decoder
	for i, form := range s.forms {
		trial = &decoder{}
		if trial.set(s.AnyOf[i], v, reflect.New(form).Elem(), at); trial.bad == nil {
			return
		}
	}
	for _, bad := range trial.bad {
		d.say(bad.Field, "%s", bad.Message)
	}
}

// SchemaOf describes the struct v, such as the settings of a plugin, or says
// why it has no form in JSON. The description stands by itself: it refers to other
// schemas only where a type holds itself.
func SchemaOf(v any) (Schema, error) {
	s, err := schemaOf(v)
	if err != nil {
		return Schema{}, err
	}
	return *s.base().whole(nil), nil
}

// whole is a copy of s with what it refers to in place of references. Inside are the
// schemas around it, which cannot be repeated.
func (s *Schema) whole(inside []*Schema) *Schema {
	if s.Ref != "" && !slices.Contains(inside, s.to) {
		out := s.to.whole(append(inside, s.to))
		out.Description = cmp.Or(s.Description, out.Description)
		return out
	}
	out := *s
	if s.Items != nil {
		out.Items = s.Items.whole(inside)
	}
	if s.Values != nil {
		out.Values = s.Values.whole(inside)
	}
	if s.Properties != nil {
		out.Properties = map[string]*Schema{}
	}
	for name, property := range s.Properties {
		out.Properties[name] = property.whole(inside)
	}
	out.AnyOf = nil
	for _, form := range s.AnyOf {
		out.AnyOf = append(out.AnyOf, form.whole(inside))
	}
	return &out
}

func schemaOf(v any) (*Schema, error) {
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%T is not a struct", v)
	}
	s, err := newBook().of(t)
	if err == nil && s.isOutput(map[*Schema]bool{}) {
		return nil, fmt.Errorf("%v holds a OneOf, which can only be written", t)
	}
	return s, err
}

// Decode reads the JSON text into the struct that into points to, as the body
// of a typed row is read: unknown and missing keys, and what the tags forbid,
// are an Invalid error.
func Decode(text []byte, into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("%T is not a pointer", into)
	}
	s, err := schemaOf(v.Elem().Interface())
	if err != nil {
		return err
	}
	tree, err := parse(text)
	if err != nil {
		return err
	}
	d := &decoder{}
	if d.set(s, tree, v.Elem(), ""); d.bad != nil {
		return invalid(d.bad)
	}
	return nil
}
