package rest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
)

// param is a field of an input that comes from path, query or header.
type param struct {
	in, name string
	must     bool
	index    []int
	schema   *Schema
}

// versionHeader asks for a change only if nobody else made one. A row that does
// not look at it must not pretend to.
const versionHeader = "If-Match"

func paramTag(f reflect.StructField) (in, name string, ok bool) {
	for _, in := range []string{"path", "query", "header"} {
		if name := f.Tag.Get(in); name != "" {
			return in, name, true
		}
	}
	return "", "", false
}

// takeParams reads the parameters off the input type and fits them to the
// row: each wildcard has one field and the other way.
func (op *operation) takeParams(b *book, in reflect.Type, rt *Route) error {
	used := []string{}
	for _, f := range reflect.VisibleFields(in) {
		from, name, ok := paramTag(f)
		switch {
		case !ok:
			continue
		case !f.IsExported():
			return fmt.Errorf("%v.%s: is not exported", in, f.Name)
		case from == "query" && name == "*":
			if f.Type != reflect.TypeFor[url.Values]() {
				return fmt.Errorf("%v.%s: query:\"*\" needs the type url.Values", in, f.Name)
			}
			op.extra = f.Index
			continue
		case from == "path":
			used = append(used, name)
		}
		p, err := newParam(b, from, name, f)
		if err != nil {
			return fmt.Errorf("%v.%s: %w", in, f.Name, err)
		}
		if op.param(from, name) != nil {
			return fmt.Errorf("%v.%s: is the second field for %s", in, f.Name, name)
		}
		op.params = append(op.params, p)
	}
	slices.Sort(used)
	if want := slices.Sorted(slices.Values(rt.Wildcards)); !slices.Equal(used, want) {
		return fmt.Errorf("the pattern has %v, %v has the path fields %v", want, in, used)
	}
	return nil
}

func newParam(b *book, from, name string, f reflect.StructField) (param, error) {
	s, err := paramSchema(b, f.Type)
	if err != nil {
		return param{}, err
	}
	if s.Type == "array" && from == "path" {
		return param{}, errors.New("a path has one value of a name")
	}
	p := param{in: from, name: name, index: f.Index, schema: s, must: from == "path" || f.Tag.Get("required") == "true"}
	return p, s.narrow(f, !p.must)
}

// paramSchema describes a type that fits into a path, a query or a header.
func paramSchema(b *book, t reflect.Type) (*Schema, error) {
	s, err := b.of(t)
	if err != nil {
		return nil, err
	}
	s = s.notNull()
	one := s
	if s.Type == "array" && !s.leaf {
		one = s.Items
	}
	scalar := one.leaf && (one.Type != "" || one.AnyOf != nil) || one.Type == "string" || one.Type == "boolean" ||
		one.Type == "integer" || one.Type == "number"
	if s.maybe || !scalar {
		return nil, fmt.Errorf("%v does not fit into a path, query or header", t)
	}
	return s, nil
}

func (op *operation) param(in, name string) *param {
	for i, p := range op.params {
		if p.in == in && p.name == name {
			return &op.params[i]
		}
	}
	return nil
}

// readParams sets the parameters; query names that no field and no plugin
// knows are refused.
func (op *operation) readParams(ctx context.Context, d *decoder, rt *Route, r *http.Request, in reflect.Value) error {
	var query url.Values
	if r.URL.RawQuery != "" {
		var err error
		if query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			return &Error{Kind: Malformed, Message: "the query is not well-formed"}
		}
		if err := rt.expand(ctx, query); err != nil {
			return err
		}
	}
	for _, p := range op.params {
		switch p.in {
		case "path":
			d.param(p, []string{r.PathValue(p.name)}, in.FieldByIndex(p.index))
		case "header":
			d.param(p, r.Header.Values(p.name), in.FieldByIndex(p.index))
		}
	}
	if op.param("header", versionHeader) == nil && r.Header.Get(versionHeader) != "" {
		d.say(versionHeader, "has no meaning here: leave it out")
	}
	op.readQuery(d, rt, query, in)
	return nil
}

// readQuery sets the parameters of the query, which it uses up.
func (op *operation) readQuery(d *decoder, rt *Route, query url.Values, in reflect.Value) {
	for _, p := range op.params {
		if p.in == "query" {
			d.param(p, query[p.name], in.FieldByIndex(p.index))
			delete(query, p.name)
		}
	}
	if len(query) > 0 {
		op.readExtra(d, rt, query, in)
	}
}

// readExtra takes the query names that no field has.
func (op *operation) readExtra(d *decoder, rt *Route, query url.Values, in reflect.Value) {
	extra := url.Values{}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		q := rt.extraQuery(name)
		if q == nil {
			d.say(name, "is not a parameter here")
			continue
		}
		d.param(q.param, query[name], reflect.New(q.goType).Elem())
		extra[name] = query[name]
	}
	if op.extra != nil {
		in.FieldByIndex(op.extra).Set(reflect.ValueOf(extra))
	}
}

// param sets one parameter like a value of a body.
func (d *decoder) param(p param, texts []string, into reflect.Value) {
	switch s := p.schema; {
	case len(texts) == 0 && p.must:
		d.say(p.name, "is missing")
	case len(texts) == 0 && s.Default != nil:
		d.set(s, s.Default, into, p.name)
	case len(texts) == 0:
	case s.Type == "array":
		list := make([]any, len(texts))
		for i, t := range texts {
			list[i] = s.Items.read(t)
		}
		d.set(s, list, into, p.name)
	case len(texts) > 1:
		d.say(p.name, "must come once")
	default:
		d.set(s, s.read(texts[0]), into, p.name)
	}
}
