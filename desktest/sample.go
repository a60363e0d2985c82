package desktest

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// The parts of an OpenAPI document that tell what a request may look like.
type apiDocument struct {
	Paths      map[string]map[string]*apiOperation `json:"paths"`
	Components struct {
		Schemas map[string]*apiSchema `json:"schemas"`
	} `json:"components"`
}

type apiOperation struct {
	Tags       []string `json:"tags"`
	Parameters []struct {
		Name     string     `json:"name"`
		In       string     `json:"in"`
		Required bool       `json:"required"`
		Schema   *apiSchema `json:"schema"`
	} `json:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema *apiSchema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"` //nolint:tagliatelle // the word of OpenAPI
}

type apiSchema struct {
	Ref        string                `json:"$ref"`
	Type       string                `json:"type"`
	Format     string                `json:"format"`
	Enum       []string              `json:"enum"`
	Default    any                   `json:"default"`
	Minimum    *float64              `json:"minimum"`
	MinLength  *float64              `json:"minLength"` //nolint:tagliatelle // the word of OpenAPI
	Items      *apiSchema            `json:"items"`
	Properties map[string]*apiSchema `json:"properties"`
	AnyOf      []*apiSchema          `json:"anyOf"` //nolint:tagliatelle // the word of OpenAPI
}

func openAPI(t testing.TB, d *Desk) *apiDocument {
	doc := &apiDocument{}
	d.Do(Admin, "GET /api/openapi.json", nil).Want(200).JSON(doc)
	if len(doc.Paths) == 0 {
		t.Fatal("the OpenAPI document is empty")
	}
	return doc
}

// resolve is what a reference or a choice comes down to; nil for none.
func (doc *apiDocument) resolve(s *apiSchema) *apiSchema {
	for s != nil && (s.Ref != "" || len(s.AnyOf) > 0) {
		if s.Ref == "" {
			s = s.AnyOf[0]
			continue
		}
		s = doc.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	return s
}

// sample is a value that fits s, as far as s tells.
func (doc *apiDocument) sample(s *apiSchema, depth int) any {
	s = doc.resolve(s)
	switch {
	case s == nil || depth > 8:
		return nil
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Format == "date-time":
		return start.AddDate(0, 0, 1).Format("2006-01-02T15:04:05Z07:00")
	}
	switch s.Type {
	case "integer", "number":
		if s.Minimum != nil && *s.Minimum > 1 {
			return *s.Minimum
		}
		return 1
	case "boolean":
		return true
	case "string":
		n := 1
		if s.MinLength != nil {
			n = max(n, int(*s.MinLength))
		}
		return strings.Repeat("x", n)
	case "array":
		return []any{doc.sample(s.Items, depth+1)}
	case "object":
		out := map[string]any{}
		for name, p := range s.Properties {
			out[name] = doc.sample(p, depth+1)
		}
		return out
	}
	return nil
}

// odd are values, as JSON, that some database or some conversion does not bear.
var odd = []string{
	`"\u0000"`, `"a\u0000b"`, `"\ud800"`, `""`, `null`, `[]`, `{}`, `-1`, `0`, `9223372036854775807`, `-9223372036854775808`,
	`9223372036854775808`, `1e400`, `0.5`, `true`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`, `"` + strings.Repeat("👍", 3000) + `"`,
}

// oddBodies are the sample with each field in turn made odd.
func oddBodies(sample any) (bodies []string) {
	fields, ok := sample.(map[string]any)
	if !ok {
		return nil
	}
	for name := range fields {
		for _, v := range odd {
			changed := map[string]any{}
			maps.Copy(changed, fields)
			changed[name] = json.RawMessage(v)
			if text, err := json.Marshal(changed); err == nil {
				bodies = append(bodies, string(text))
			}
		}
	}
	return bodies
}
