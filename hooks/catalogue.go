package hooks

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Inspector is a point of any kind and payload, for lists, settings and tests.
type Inspector interface {
	Point() Point
	Kind() string // before, within, after, filter
	PayloadType() reflect.Type
	Handlers() []HandlerInfo
	Override(handler string, options ...Option)
}

// Walk collects every point of a catalogue in the order of its fields. A catalogue
// is a pointer to a struct whose exported fields are points, actions, structs of
// these, or pointers to them; Walk panics on anything else and passes over nil
// pointers, which Check reports.
func Walk(catalogue any) []Inspector {
	var points []Inspector
	err := eachPoint(catalogue, func(_ string, p Inspector) {
		if p != nil {
			points = append(points, p)
		}
	})
	if err != nil {
		panic(err.Error())
	}
	return points
}

// Listeners are the points of a catalogue that need the log: every After that is
// not transient. It panics as Walk does.
func Listeners(catalogue any) []Listener {
	var listeners []Listener
	for _, p := range Walk(catalogue) {
		if l, ok := p.(Listener); ok && !p.Point().Transient {
			listeners = append(listeners, l)
		}
	}
	return listeners
}

// Tap attaches a handler to a point of whatever type, which shows a copy of the
// payload to see: for transcripts and tests. With a durable After it is one more
// consumer. It panics as Add does, and on an Inspector from elsewhere.
func Tap(p Inspector, by Owner, name string, see func(ctx context.Context, payload any), o ...Option) (remove func()) {
	t, ok := p.(interface {
		tap(Owner, string, func(context.Context, any), []Option) func()
	})
	if !ok {
		panic(fmt.Sprintf("hooks: %T is no point of this package", p))
	}
	return t.tap(by, name, see, o)
}

// Check proofreads catalogues together: each point must have a name and a doc, no
// two may share a name, only a Before or Filter has writable fields and these must
// be fields of the payload's JSON, only an After is transient. The error lists all
// that is wrong, by field.
func Check(catalogues ...any) error {
	var wrong []error
	field := map[string]string{} // by point name
	report := func(path string, p Inspector) {
		if p == nil {
			wrong = append(wrong, fmt.Errorf("%s is nil", path))
			return
		}
		for _, fault := range faults(p) {
			wrong = append(wrong, fmt.Errorf("%s %s", path, fault))
		}
		name := p.Point().Name
		if other, taken := field[name]; taken && name != "" {
			wrong = append(wrong, fmt.Errorf("%s has the same name as %s: %s", path, other, name))
		}
		field[name] = path
	}
	for _, c := range catalogues {
		if err := eachPoint(c, report); err != nil {
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}

// faults are the ends of sentences that begin with the point's field.
func faults(p Inspector) []string {
	var found []string
	point, k := p.Point(), kind(p.Kind())
	if strings.TrimSpace(point.Name) == "" {
		found = append(found, "has no name")
	}
	if strings.ContainsAny(point.Name, "@ \t\r\n") {
		found = append(found, fmt.Sprintf("has a name with a space or an @ in it: %q", point.Name))
	}
	if strings.TrimSpace(point.Doc) == "" {
		found = append(found, "has no doc")
	}
	if point.Transient && k != after {
		found = append(found, "is transient, which only an After can be")
	}
	return append(found, writableFaults(point, k, p.PayloadType())...)
}

func writableFaults(point Point, k kind, payload reflect.Type) []string {
	if len(point.Writable) == 0 {
		return nil
	}
	if k != before && k != filter {
		return []string{"has writable fields, which only a Before or Filter can have"}
	}
	var found []string
	known := jsonFields(payload)
	for _, name := range point.Writable {
		if known[name] == nil {
			found = append(found, fmt.Sprintf("calls %q writable, which is no JSON field of %s", name, payload))
		}
	}
	return found
}

// jsonFields are the fields of t by their names in JSON, each as [reflect.Value.FieldByIndex]
// finds it.
func jsonFields(t reflect.Type) map[string][]int {
	fields := map[string][]int{}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return fields
	}
	for _, f := range reflect.VisibleFields(t) {
		if name := jsonName(f); name != "" && fields[name] == nil {
			fields[name] = f.Index
		}
	}
	return fields
}

// jsonName is what JSON calls a field; "" if it does not know it.
func jsonName(f reflect.StructField) string {
	tag := f.Tag.Get("json")
	name, _, _ := strings.Cut(tag, ",")
	switch {
	case !f.IsExported() || tag == "-" || f.Anonymous && name == "":
		return ""
	case name == "":
		return f.Name
	}
	return name
}

// eachPoint visits every point below catalogue with the path of its field, and
// nil for a pointer that leads nowhere.
func eachPoint(catalogue any, visit func(path string, p Inspector)) error {
	v := reflect.ValueOf(catalogue)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("hooks: a catalogue is a pointer to a struct of points, not %T", catalogue)
	}
	w := walker{visit: visit, seen: map[place]bool{}}
	w.walk(v, v.Elem().Type().Name())
	return nil
}

type walker struct {
	visit func(path string, p Inspector)
	seen  map[place]bool // against circles
}

// place tells a struct from its first field, which has the same address.
type place struct {
	address uintptr
	typ     reflect.Type
}

// walk goes through what the pointer v points to.
func (w *walker) walk(v reflect.Value, path string) {
	if v.IsNil() {
		w.visit(path, nil)
		return
	}
	here := place{v.Pointer(), v.Type()}
	if w.seen[here] {
		return
	}
	w.seen[here] = true
	if p, ok := reflect.TypeAssert[Inspector](v); ok {
		w.visit(path, p)
		return
	}
	for i := range v.Elem().NumField() {
		f := v.Elem().Type().Field(i)
		if f.IsExported() {
			w.enter(v.Elem().Field(i), strings.TrimPrefix(path+"."+f.Name, "."))
		}
	}
}

// enter follows a field that may hold points.
func (w *walker) enter(field reflect.Value, path string) {
	switch {
	case field.Kind() == reflect.Struct:
		w.walk(field.Addr(), path)
	case field.Kind() == reflect.Pointer && field.Type().Elem().Kind() == reflect.Struct:
		w.walk(field, path)
	}
}
