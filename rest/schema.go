package rest

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Schema is JSON Schema 2020-12 as OpenAPI 3.1 uses it. One value of it is
// both printed and walked by the decoder.
type Schema struct {
	Ref         string             `json:"$ref,omitempty"`
	Type        string             `json:"type,omitempty"`
	Format      string             `json:"format,omitempty"`
	Description string             `json:"description,omitempty"`
	Default     any                `json:"default,omitempty"`
	Example     any                `json:"example,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Minimum     *float64           `json:"minimum,omitempty"`
	Maximum     *float64           `json:"maximum,omitempty"`
	MinLength   *float64           `json:"minLength,omitempty"`
	MaxLength   *float64           `json:"maxLength,omitempty"`
	MinItems    *float64           `json:"minItems,omitempty"`
	MaxItems    *float64           `json:"maxItems,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Values      *Schema            `json:"additionalProperties,omitempty"` // of a map; structs leave it open in print
	AnyOf       []*Schema          `json:"anyOf,omitempty"`

	to    *Schema          // what Ref or AnyOf[0] means
	null  bool             // AnyOf[0] or null
	maybe bool             // decodes into Maybe
	leaf  bool             // the Go type decodes itself
	forms []reflect.Type   // of an output with several forms
	index map[string][]int // of an object: the Go field of each property
}

// Schemer is a type that decodes itself and says what it looks like.
type Schemer interface{ Schema() Schema }

// Enum is a type that lists its values: a string type, or one that decodes
// itself from text.
type Enum interface{ Values() []string }

// Maybe is a field of a PATCH body, tagged json:"…,omitzero": missing (the
// zero value), null (Set, Value nil) or a value.
type Maybe[T any] struct {
	Set   bool
	Value *T
}

// MarshalJSON writes the value or null. What is missing is left out by
// omitzero.
func (m Maybe[T]) MarshalJSON() ([]byte, error) { return json.Marshal(m.Value) }

// UnmarshalJSON sets m, to null as well.
func (m *Maybe[T]) UnmarshalJSON(text []byte) error {
	m.Set = true
	return json.Unmarshal(text, &m.Value)
}

func (Maybe[T]) value() reflect.Type { return reflect.TypeFor[*T]() }

// base is s without its reference and without null.
func (s *Schema) base() *Schema {
	for s.to != nil {
		s = s.to
	}
	return s
}

// notNull is s without null.
func (s *Schema) notNull() *Schema {
	if s.null {
		return s.to
	}
	return s
}

// read makes of a text the JSON value that s asks for, or leaves it a string
// for the decoder to refuse.
func (s *Schema) read(text string) any {
	switch s = s.base(); {
	case (s.Type == "integer" || s.Type == "number") && strings.IndexAny(text, "-0123456789") == 0 && json.Valid([]byte(text)):
		return json.Number(text)
	case s.Type == "boolean" && (text == "true" || text == "false"):
		return text == "true"
	}
	return text
}

// collect adds the components that s needs to into.
func (s *Schema) collect(into map[string]*Schema) {
	if s == nil {
		return
	}
	if s.Ref != "" {
		name := s.Ref[len(components):]
		if into[name] != nil {
			return
		}
		into[name] = s.to
		s.to.collect(into)
		return
	}
	for _, p := range s.Properties {
		p.collect(into)
	}
	for _, p := range s.AnyOf {
		p.collect(into)
	}
	s.Items.collect(into)
	s.Values.collect(into)
}
