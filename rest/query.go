package rest

import (
	"errors"
	"fmt"
	"reflect"
)

// Query adds a query parameter to a typed row of any owner, such as "snoozed"
// to "GET /api/tickets". Its type is that of example, which OpenAPI shows
// unless it is a zero value. The row receives it through its field tagged
// query:"*", checked but as text. The row may be registered later: Table.Err
// reports a pattern that is unknown at last, or takes no further names.
func (o *Owner) Query(pattern, name string, example any, doc string) {
	o.addQuery(pattern, name, example, doc, nil)
}

func (o *Owner) addQuery(pattern, name string, example any, doc string, expand expansion) {
	if err := o.query(pattern, name, example, doc, expand); err != nil {
		o.wrong(fmt.Errorf("plugin %s: query %q of route %q: %w", o.ID, name, pattern, err))
	}
}

func (o *Owner) query(pattern, name string, example any, doc string, expand expansion) error {
	t := o.table
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case o.gone:
		return errors.New("added after Remove")
	case example == nil:
		return errors.New("an example is needed, for its type")
	case name == "" || name == "*":
		return errors.New("no name")
	}
	q := &query{owner: o, pattern: pattern, goType: reflect.TypeOf(example), doc: doc, expand: expand}
	return t.book.try(func() error {
		s, err := paramSchema(t.book, q.goType)
		if err != nil {
			return err
		}
		if s.Description = doc; !reflect.ValueOf(example).IsZero() {
			s.Example = example
		}
		q.param = param{in: "query", name: name, schema: s}
		o.queries = append(o.queries, q)
		t.link()
		return nil
	})
}

// checkQuery tells what keeps q from working, now that all is registered.
func (t *Table) checkQuery(q *query) error {
	fail := func(why string) error {
		return fmt.Errorf("plugin %s: query %q of route %q: %s", q.owner.ID, q.param.name, q.pattern, why)
	}
	for _, rt := range t.routes {
		switch {
		case rt.Pattern() != q.pattern:
			continue
		case rt.op.extra == nil:
			return fail(`the row takes no further names: its input has no field tagged query:"*"`)
		case rt.op.param("query", q.param.name) != nil:
			return fail("the row has that name itself")
		}
		for _, other := range *rt.extra.Load() {
			if other != q && other.param.name == q.param.name {
				return fail("plugin " + other.owner.ID + " adds that name too")
			}
		}
		return nil
	}
	return fail("no such route")
}

// link gives each row the parameters that owners add to it, and makes the
// document anew. The caller holds t.mu.
func (t *Table) link() {
	added := map[string][]*query{}
	for _, o := range t.owners {
		for _, q := range o.queries {
			added[q.pattern] = append(added[q.pattern], q)
		}
	}
	for _, rt := range t.routes {
		list := added[rt.Pattern()]
		rt.extra.Store(&list)
	}
	t.gen.Add(1)
}

// extraQuery finds a parameter that an owner who is on has added.
func (rt *Route) extraQuery(name string) *query {
	if rt.op.extra == nil {
		return nil
	}
	for _, q := range *rt.extra.Load() {
		if q.param.name == name && !q.owner.off.Load() {
			return q
		}
	}
	return nil
}
