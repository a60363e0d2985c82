// Package catalogue reads a desk's hook points for people: by name, with where
// handlers are attached, what these look like and what they are given. All of it
// comes from the Go types, so it is never behind them.
package catalogue

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// Point is a hook point of a desk.
type Point struct {
	hooks.Inspector
	// Field is where handlers are attached, below Host.Hooks: "Ticket.Create.Before".
	// It is "" for a point of a plugin's own, which is reached through that plugin.
	Field string
}

// Of lists the points of a desk, core's first.
func Of(d *core.Desk) []Point {
	fields := map[hooks.Inspector]string{}
	walk(reflect.ValueOf(d.Hooks()).Elem(), "", fields)
	var points []Point
	for _, p := range d.Points() {
		points = append(points, Point{p, fields[p]})
	}
	return points
}

// walk notes the path of every point below the struct v.
func walk(v reflect.Value, path string, into map[hooks.Inspector]string) {
	for i := range v.NumField() {
		field, name := v.Field(i), strings.TrimPrefix(path+"."+v.Type().Field(i).Name, ".")
		if p, ok := reflect.TypeAssert[hooks.Inspector](field.Addr()); ok {
			into[p] = name
		} else if field.Kind() == reflect.Struct {
			walk(field, name, into)
		}
	}
}

// Find returns the point of that name. The error for a wrong one tells the names
// that are most like it.
func Find(points []Point, name string) (Point, error) {
	names := make([]string, 0, len(points))
	for _, p := range points {
		if p.Point().Name == name {
			return p, nil
		}
		names = append(names, p.Point().Name)
	}
	return Point{}, Unknown(name, names)
}

// Unknown is the error for a name that is none of those that there are.
func Unknown(name string, names []string) error {
	if like := nearest(name, names); len(like) > 0 {
		return fmt.Errorf("there is no hook point %s; did you mean %s?", name, strings.Join(like, ", "))
	}
	return fmt.Errorf("there is no hook point %s; hookdesk hooks lists them", name)
}

// Transient says that a point's events are not in the log: they have no id.
func (p Point) Transient() bool { return p.Point().Transient }

// OnFailure says what becomes of the operation when a handler fails.
func (p Point) OnFailure() string {
	switch {
	case p.Transient():
		return "-"
	case p.Kind() == "before":
		return p.Point().OnFailure.String()
	case p.Kind() == "within":
		return hooks.Abort.String()
	case p.Kind() == "after":
		return "retry"
	}
	return hooks.Skip.String()
}

// Params are the parameters of a handler, as Go writes them; value is what the
// payload, or the event around it, is called.
func (p Point) Params(value string) string {
	payload := p.PayloadType().String()
	switch p.Kind() {
	case "within":
		return fmt.Sprintf("ctx context.Context, tx *gorm.DB, %s *%s", value, payload)
	case "after":
		return fmt.Sprintf("ctx context.Context, %s hooks.Event[%s]", value, payload)
	}
	return fmt.Sprintf("ctx context.Context, %s *%s", value, payload)
}

// nearest are up to three names like name, the likest first.
func nearest(name string, names []string) []string {
	type rated struct {
		name string
		far  int
	}
	var like []rated
	for _, other := range names {
		if far := distance(name, other); far <= max(3, len(name)/3) {
			like = append(like, rated{other, far})
		}
	}
	slices.SortStableFunc(like, func(a, b rated) int { return a.far - b.far })
	var out []string
	for _, r := range like[:min(3, len(like))] {
		out = append(out, r.name)
	}
	return out
}

// distance is how many letters have to be put in, taken out or replaced to make
// b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
