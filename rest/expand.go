package rest

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"reflect"
)

// expansion says which parameters the value of another stands for.
type expansion func(ctx context.Context, value string) (url.Values, error)

// Expand is Query for a parameter that stands for others, such as "view" for
// the filters that were saved under it: fn is given its value, once it is known
// who is calling, and says which. Names that the request has itself stay as they
// are there. What fn gives is decoded as if the request had it, so it may name
// parameters of any owner, but none that is expanded in its turn. An Error of fn
// is the answer.
func (o *Owner) Expand(pattern, name string, example any, doc string, fn func(ctx context.Context, value string) (url.Values, error)) {
	if fn == nil {
		o.wrong(fmt.Errorf("plugin %s: query %q of route %q: it stands for nothing: fn is nil", o.ID, name, pattern))
		return
	}
	o.addQuery(pattern, name, example, doc, fn)
}

// expand adds to the query what its parameters stand for. A value that is not
// well-formed stands for nothing: the decoder refuses it later.
func (rt *Route) expand(ctx context.Context, query url.Values) error {
	said := maps.Clone(query)
	for _, q := range *rt.extra.Load() {
		texts := said[q.param.name]
		if q.expand == nil || len(texts) != 1 || q.owner.off.Load() {
			continue
		}
		trial := &decoder{}
		if trial.param(q.param, texts, reflect.New(q.goType).Elem()); trial.bad != nil {
			continue
		}
		more, err := q.expanded(ctx, texts[0])
		if err != nil {
			return err
		}
		for name, values := range more {
			if _, has := query[name]; !has {
				query[name] = values
			}
		}
	}
	return nil
}

func (q *query) expanded(ctx context.Context, value string) (url.Values, error) {
	q.owner.busy.Add(1)
	defer q.owner.busy.Add(-1)
	more, err := q.expand(ctx, value)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: query %q: %w", q.owner.ID, q.param.name, err)
	}
	return more, nil
}

// DecodeQuery reads query parameters into the input of the typed row of that
// pattern, which into points to, as a request to the row is read: those of
// plugins too, defaults, and the same errors. It expands nothing, and fails when
// there is no such row yet.
func (t *Table) DecodeQuery(pattern string, values url.Values, into any) error {
	rt := t.row(pattern)
	if rt == nil || rt.op.fresh == nil || reflect.TypeOf(rt.op.fresh()) != reflect.TypeOf(into) {
		return fmt.Errorf("no typed row %q with the input %T", pattern, into)
	}
	d := &decoder{}
	rt.op.readQuery(d, rt, maps.Clone(values), reflect.ValueOf(into).Elem())
	if d.bad != nil {
		return invalid(d.bad)
	}
	return nil
}

// HasQuery tells whether an owner who is on has added a query parameter of that
// name to the row, which may be registered later.
func (t *Table) HasQuery(pattern, name string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, o := range t.owners {
		for _, q := range o.queries {
			if q.pattern == pattern && q.param.name == name && !o.off.Load() {
				return true
			}
		}
	}
	return false
}

func (t *Table) row(pattern string) *Route {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, rt := range t.routes {
		if rt.Pattern() == pattern {
			return rt
		}
	}
	return nil
}
