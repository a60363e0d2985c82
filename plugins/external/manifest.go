package external

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/external/protocol"
)

// manifestOf makes the desk's manifest of what a binary says.
func manifestOf(m *protocol.Manifest, granted []string) (core.Manifest, error) {
	if m.GetProtocol() != protocol.Version {
		return core.Manifest{}, fmt.Errorf("it speaks version %d of the protocol, the desk %d", m.GetProtocol(), protocol.Version)
	}
	out := core.Manifest{ID: m.GetId(), Name: m.GetName(), Version: m.GetVersion(), Doc: m.GetDoc()}
	for _, p := range m.GetPermissions() {
		if slices.Contains(granted, p) {
			out.Permissions = append(out.Permissions, p)
		}
	}
	for _, n := range m.GetRequires() {
		out.Requires = append(out.Requires, core.Need{Plugin: n.GetPlugin(), Version: n.GetVersion()})
	}
	for _, c := range m.GetUi() {
		one := core.Contribution{Slot: c.GetSlot(), Title: c.GetTitle(), Path: c.GetPath(), Order: int(c.GetOrder())}
		if c.GetRole() != "" {
			if err := one.Role.UnmarshalText([]byte(c.GetRole())); err != nil {
				return out, fmt.Errorf("panel %q: role %w", c.GetTitle(), err)
			}
		}
		out.UI = append(out.UI, one)
	}
	if m.GetSettingsSchema() == "" {
		return out, nil
	}
	settings, err := settingsOf(m.GetSettingsSchema(), m.GetSettingsDefaults())
	if err != nil {
		return out, fmt.Errorf("settings: %w", err)
	}
	out.Settings = settings
	return out, nil
}

// shape is what of JSON Schema settings may use.
//
//nolint:tagliatelle // the words are JSON Schema's
type shape struct {
	Type        any               `json:"type"`
	Description string            `json:"description"`
	WriteOnly   bool              `json:"writeOnly"`
	Enum        []any             `json:"enum"` // of strings
	Minimum     *float64          `json:"minimum"`
	Maximum     *float64          `json:"maximum"`
	MinLength   *float64          `json:"minLength"`
	MaxLength   *float64          `json:"maxLength"`
	MinItems    *float64          `json:"minItems"`
	MaxItems    *float64          `json:"maxItems"`
	Items       *shape            `json:"items"`
	Properties  map[string]*shape `json:"properties"`
	More        json.RawMessage   `json:"additionalProperties"` // of a map: what its values are
	AnyOf       []*shape          `json:"anyOf"`                // something or null
}

// settingsOf is a struct for a schema, filled with the defaults: the desk keeps
// settings of all plugins as Go structs, so these are held to the same rules.
func settingsOf(schema, defaults string) (any, error) {
	var s shape
	if err := json.Unmarshal([]byte(schema), &s); err != nil {
		return nil, err
	}
	if s.Type != "object" {
		return nil, errors.New("the schema is of no object")
	}
	t, err := s.goType()
	if err != nil {
		return nil, err
	}
	v := reflect.New(t)
	if defaults != "" {
		if err := json.Unmarshal([]byte(defaults), v.Interface()); err != nil {
			return nil, fmt.Errorf("the defaults do not fit: %w", err)
		}
	}
	return v.Elem().Interface(), nil
}

func (s *shape) goType() (reflect.Type, error) {
	switch s.Type {
	case "string":
		return reflect.TypeFor[string](), nil
	case "integer":
		return reflect.TypeFor[int64](), nil
	case "number":
		return reflect.TypeFor[float64](), nil
	case "boolean":
		return reflect.TypeFor[bool](), nil
	case "array":
		if s.Items == nil {
			return nil, errors.New("an array does not say of what")
		}
		item, err := s.Items.goType()
		if err != nil {
			return nil, err
		}
		return reflect.SliceOf(item), nil
	case "object":
		if len(s.Properties) == 0 && bytes.HasPrefix(s.More, []byte("{")) {
			return s.mapType()
		}
		return s.structType()
	}
	if in := s.notNull(); in != s {
		t, err := in.goType()
		if err != nil {
			return nil, err
		}
		return reflect.PointerTo(t), nil
	}
	return nil, fmt.Errorf("type %v is not known here: string, integer, number, boolean, array or object", s.Type)
}

// notNull is s, or what s is where it is not null.
func (s *shape) notNull() *shape {
	if len(s.AnyOf) == 2 && s.AnyOf[1].Type == "null" {
		return s.AnyOf[0]
	}
	return s
}

func (s *shape) mapType() (reflect.Type, error) {
	var values shape
	if err := json.Unmarshal(s.More, &values); err != nil {
		return nil, err
	}
	t, err := values.goType()
	if err != nil {
		return nil, err
	}
	return reflect.MapOf(reflect.TypeFor[string](), t), nil
}

func (s *shape) structType() (reflect.Type, error) {
	var fields []reflect.StructField
	for name, property := range s.Properties {
		t, err := property.goType()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		tag, err := property.tag(name)
		if err != nil {
			return nil, err
		}
		fields = append(fields, reflect.StructField{Name: "F_" + fieldName(name), Type: t, Tag: tag})
	}
	slices.SortFunc(fields, func(a, b reflect.StructField) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(fields); i++ {
		if fields[i].Name == fields[i-1].Name {
			return nil, fmt.Errorf("two settings are too much alike: %s", fields[i].Tag.Get("json"))
		}
	}
	return reflect.StructOf(fields), nil
}

// fieldName is a name of JSON as Go can have one; different names stay different,
// as far as letters, digits and _ go.
func fieldName(name string) string {
	return strings.Map(func(c rune) rune {
		if c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '_'
	}, name)
}

func (s *shape) tag(name string) (reflect.StructTag, error) {
	if name == "" || strings.ContainsAny(name, "\",`\\ ") {
		return "", fmt.Errorf("%q is no name for a setting", name)
	}
	tags := []string{fmt.Sprintf("json:%q doc:%q", name, s.Description)}
	if s.WriteOnly {
		tags = append(tags, `secret:"true"`)
	}
	in := s.notNull()
	values, err := in.values()
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if len(values) > 0 {
		tags = append(tags, fmt.Sprintf("enum:%q", strings.Join(values, "|")))
	}
	for _, least := range []*float64{in.Minimum, in.MinLength, in.MinItems} {
		if least != nil {
			tags = append(tags, fmt.Sprintf(`min:"%v"`, *least))
		}
	}
	for _, most := range []*float64{in.Maximum, in.MaxLength, in.MaxItems} {
		if most != nil {
			tags = append(tags, fmt.Sprintf(`max:"%v"`, *most))
		}
	}
	return reflect.StructTag(strings.Join(tags, " ")), nil
}

// values are those of an enumeration, or of one whose items are listed.
func (s *shape) values() (out []string, err error) {
	list := s.Enum
	if s.Type == "array" && s.Items != nil {
		list = s.Items.Enum
	}
	for _, v := range list {
		text, ok := v.(string)
		if !ok || strings.Contains(text, "|") {
			return nil, fmt.Errorf("enum: %v is no string, or has a | in it", v)
		}
		out = append(out, text)
	}
	return out, nil
}

// ungranted are the permissions that the binary asks for in vain.
func (p *Plugin) ungranted() (missing []string) {
	for _, want := range p.told.GetPermissions() {
		if !slices.Contains(p.o.granted, want) {
			missing = append(missing, want)
		}
	}
	return missing
}
