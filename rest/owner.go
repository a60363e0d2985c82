package rest

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

// Owner is the core or a plugin, and what it has registered.
type Owner struct {
	ID string

	table   *Table
	off     atomic.Bool
	busy    atomic.Int64 // requests to its rows that run
	gone    bool         // guarded by table.mu, like what follows
	errs    []error
	queries []*query
}

// query is a parameter that an owner adds to another's row.
type query struct {
	owner   *Owner
	pattern string
	goType  reflect.Type
	param   param
	doc     string
	expand  expansion // nil: the parameter stands for itself
}

var (
	patternForm = regexp.MustCompile(`^(?:([A-Z]+) )?((?:/(?:\{[a-z][a-z0-9_]*(?:\.\.\.)?\}|[\w.~-]+))+)$`)
	wildcard    = regexp.MustCompile(`\{([a-z0-9_]+)`)
	seenAt      = regexp.MustCompile(` \(registered at [^)]*\)`)
	conflicting = regexp.MustCompile(`conflicts with pattern "([^"]+)"`)
)

// Handle adds a row such as "PUT /api/tickets/{id}/snooze"; without a method
// it takes them all. h is JSON, Stream, Func, Describe or any http.Handler.
// What is wrong with the row is reported by Table.Err.
func (o *Owner) Handle(pattern string, p Policy, h http.Handler) {
	if err := o.handle(pattern, p, h); err != nil {
		o.wrong(fmt.Errorf("plugin %s: route %q: %w", o.ID, pattern, err))
	}
}

func (o *Owner) wrong(err error) {
	o.table.mu.Lock()
	defer o.table.mu.Unlock()
	o.errs = append(o.errs, err)
}

func (o *Owner) handle(pattern string, p Policy, h http.Handler) error {
	m := patternForm.FindStringSubmatch(pattern)
	if m == nil {
		return errors.New("the pattern is not METHOD /path/{name} without a slash at the end")
	}
	if p.name == "" {
		return errors.New("no policy: say who may call it, such as rest.Agents")
	}
	rt := &Route{Method: m[1], Path: m[2], Policy: p, Owner: o.ID, owner: o, table: o.table}
	if rt.Method != "" && !slices.Contains(everyMethod(), rt.Method) || rt.Method == http.MethodHead {
		return fmt.Errorf("no rows for the method %s", rt.Method)
	}
	for _, w := range wildcard.FindAllStringSubmatch(rt.Path, -1) {
		rt.Wildcards = append(rt.Wildcards, w[1])
	}
	t := o.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if o.gone {
		return errors.New("added after Remove")
	}
	err := t.book.try(func() (err error) {
		rt.op, err = bindHandler(rt, t.book, h)
		return err
	})
	if err != nil {
		return err
	}
	return t.add(rt)
}

// add puts a row into the table unless it conflicts. The caller holds t.mu.
func (t *Table) add(rt *Route) error {
	for _, other := range t.routes {
		a, b := rt.printed(), other.printed()
		if rt.Path == other.Path || wildcard.ReplaceAllString(a, "{") != wildcard.ReplaceAllString(b, "{") {
			continue
		}
		if a != b || rt.Method == other.Method && rt.op.listed && other.op.listed {
			return fmt.Errorf("OpenAPI cannot tell the path from %q of %s: use the same names or other methods", other.Path, other.Owner)
		}
	}
	if err := t.mount(rt); err != nil {
		t.remount() // a row of all methods may have got half way
		return err
	}
	rt.id = t.operationID(rt)
	t.routes = append(t.routes, rt)
	t.link()
	return nil
}

// mount adds rt to the scratch ServeMux, whose panics are what it conflicts
// with.
func (t *Table) mount(rt *Route) (err error) {
	defer func() {
		if p := recover(); p != nil {
			text := seenAt.ReplaceAllString(fmt.Sprint(p), "")
			if m := conflicting.FindStringSubmatch(text); m != nil {
				text += t.ownerOf(m[1])
			}
			err = errors.New(text)
		}
	}()
	for _, method := range rt.Methods() {
		if method != http.MethodHead { // GET serves it
			t.mux.Handle(method+" "+rt.Path, rt)
		}
	}
	return nil
}

func (t *Table) ownerOf(pattern string) string {
	method, path, _ := strings.Cut(pattern, " ")
	for _, rt := range t.routes {
		if rt.Path == path && slices.Contains(rt.Methods(), method) {
			return " (a row of " + rt.Owner + ")"
		}
	}
	return ""
}

func (t *Table) remount() {
	t.mux = http.NewServeMux()
	for _, rt := range t.routes {
		if err := t.mount(rt); err != nil { // it stood there before
			t.errs = append(t.errs, err)
		}
	}
}

// Switch turns the owner on or off. Off, its rows answer 404 and leave the
// document, its middleware rests, and its query names are unknown. Requests
// that already run are not cut. The core stays on.
func (o *Owner) Switch(on bool) {
	o.table.mu.Lock()
	defer o.table.mu.Unlock()
	if o.ID != core && !o.gone {
		o.off.Store(!on)
		o.table.gen.Add(1)
	}
}

// Busy tells how many requests to the owner's rows run.
func (o *Owner) Busy() int64 { return o.busy.Load() }

// Remove takes all that the owner has registered away again, errors too, as
// when its plugin failed to start. Rows that a router already holds answer
// 404. The owner is spent; Table.Owner makes a new one. The core stays.
func (o *Owner) Remove() {
	t := o.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if o.ID == core || o.gone {
		return
	}
	o.gone = true
	o.off.Store(true)
	t.owners = slices.DeleteFunc(t.owners, func(other *Owner) bool { return other == o })
	t.routes = slices.DeleteFunc(slices.Clone(t.routes), func(rt *Route) bool { return rt.owner == o })
	t.layers = slices.DeleteFunc(slices.Clone(t.layers), func(l *layer) bool { return l.owner == o })
	t.remount()
	t.relink()
	t.link()
}

// Err is what is wrong with the owner's registrations.
func (o *Owner) Err() error {
	o.table.mu.RLock()
	defer o.table.mu.RUnlock()
	return o.err()
}

func (o *Owner) err() error {
	errs := slices.Clone(o.errs)
	for _, q := range o.queries {
		errs = append(errs, o.table.checkQuery(q))
	}
	return errors.Join(errs...)
}
