package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	mostErrors = 20  // an answer must not outgrow its question
	longestAt  = 200 // bytes of a field's name in an error
)

// decoder sets an input from a decoded JSON tree and notes all that is wrong.
// Checking and setting are one walk: with two, a key given twice or in another
// case would be checked in one form and used in another.
type decoder struct{ bad []FieldError }

func (d *decoder) say(at, format string, a ...any) {
	if len(d.bad) == mostErrors {
		return
	}
	if len(at) > longestAt {
		at = strings.ToValidUTF8(at[:longestAt], "") + "…"
	}
	d.bad = append(d.bad, FieldError{at, fmt.Sprintf(format, a...)})
}

// set puts v into a fresh value, as far as s allows.
func (d *decoder) set(s *Schema, v any, into reflect.Value, at string) {
	if s.maybe {
		into.Field(0).SetBool(true)
		into = into.Field(1)
	}
	if v == nil && s.null {
		return
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	s = s.base()
	if s.forms != nil {
		d.anyForm(s, v, at)
		return
	}
	if s.leaf {
		d.leaf(s, v, into, at)
		return
	}
	if is := d.byType(s, v, into, at); s.Type != is {
		d.say(at, "must be of type %s, not %s", s.Type, is)
	}
}

// byType sets v when it is of the type that s asks for and returns its type.
func (d *decoder) byType(s *Schema, v any, into reflect.Value, at string) (is string) {
	switch v := v.(type) {
	case map[string]any:
		if is = "object"; s.Type == is {
			d.object(s, v, into, at)
		}
	case []any:
		if is = "array"; s.Type == is {
			d.array(s, v, into, at)
		}
	case string:
		if is = "string"; s.Type == is {
			d.text(s, v, into, at)
		}
	case json.Number:
		if is = "number"; s.Type == "integer" || s.Type == is {
			d.number(s, v, into, at)
			return s.Type
		}
	case bool:
		if is = "boolean"; s.Type == is {
			into.SetBool(v)
		}
	default:
		is = "null"
	}
	return is
}

func (d *decoder) object(s *Schema, v map[string]any, into reflect.Value, at string) {
	if at != "" {
		at += "."
	}
	if s.Values != nil {
		into.Set(reflect.MakeMapWithSize(into.Type(), len(v)))
	}
	for _, k := range slices.Sorted(maps.Keys(v)) {
		switch p := s.Properties[k]; {
		case p != nil:
			d.set(p, v[k], into.FieldByIndex(s.index[k]), at+k)
		case s.Values != nil:
			d.clean(k, at+k)
			e := reflect.New(into.Type().Elem()).Elem()
			d.set(s.Values, v[k], e, at+k)
			into.SetMapIndex(reflect.ValueOf(k).Convert(into.Type().Key()), e)
		default:
			d.say(at+k, "is not a field here")
		}
	}
	d.absent(s, v, into, at)
}

// absent names the keys that must be there, and sets the defaults of others.
func (d *decoder) absent(s *Schema, v map[string]any, into reflect.Value, at string) {
	for _, k := range s.Required {
		if _, ok := v[k]; !ok {
			d.say(at+k, "is missing")
		}
	}
	for k, p := range s.Properties {
		if _, ok := v[k]; !ok && p.Default != nil {
			d.set(p, p.Default, into.FieldByIndex(s.index[k]), at+k)
		}
	}
}

func (d *decoder) array(s *Schema, v []any, into reflect.Value, at string) {
	if !d.within(at, "entries", float64(len(v)), s.MinItems, s.MaxItems) {
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(v), len(v)))
	for i, e := range v {
		d.set(s.Items, e, into.Index(i), at+"["+strconv.Itoa(i)+"]")
	}
}

func (d *decoder) text(s *Schema, v string, into reflect.Value, at string) {
	switch {
	case !d.clean(v, at):
	case s.Enum != nil && !slices.Contains(s.Enum, v):
		d.say(at, "must be one of %s", strings.Join(s.Enum, ", "))
	case d.within(at, "characters", float64(utf8.RuneCountInString(v)), s.MinLength, s.MaxLength):
		into.SetString(v)
	}
}

// clean refuses what PostgreSQL cannot store as text, and what a path or query
// can smuggle past JSON.
func (d *decoder) clean(v, at string) bool {
	switch {
	case strings.IndexByte(v, 0) >= 0:
		d.say(at, "must not hold the character NUL")
	case !utf8.ValidString(v):
		d.say(at, "must be valid UTF-8")
	default:
		return true
	}
	return false
}

func (d *decoder) number(s *Schema, v json.Number, into reflect.Value, at string) {
	x, err := v.Float64()
	bits := into.Type().Bits()
	switch {
	case err != nil || into.CanFloat() && into.OverflowFloat(x):
		d.say(at, "is too large a number")
		return
	case into.CanFloat():
		into.SetFloat(x)
	case into.CanInt():
		var n int64
		n, err = strconv.ParseInt(digits(v, x), 10, bits)
		into.SetInt(n)
	default:
		var n uint64
		n, err = strconv.ParseUint(digits(v, x), 10, bits)
		into.SetUint(n)
	}
	if !d.within(at, "", x, s.Minimum, s.Maximum) || err == nil {
		return
	}
	if errors.Is(err, strconv.ErrRange) {
		d.say(at, "is too large a number")
		return
	}
	d.say(at, "must be a whole number")
}

// digits is a whole number without its fraction or exponent: to JSON Schema,
// 1.0 and 1e3 are integers too.
func digits(v json.Number, x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1<<53 && strings.ContainsAny(string(v), ".eE") {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return string(v)
}

func (d *decoder) within(at, unit string, x float64, lo, hi *float64) bool {
	if lo != nil && x < *lo {
		d.say(at, "must be at least %s", amount(*lo, unit))
		return false
	}
	if hi != nil && x > *hi {
		d.say(at, "must be at most %s", amount(*hi, unit))
		return false
	}
	return true
}

// amount is a bound in words: 10, 1 entry, 5 characters.
func amount(x float64, unit string) string {
	text := strconv.FormatFloat(x, 'f', -1, 64)
	switch {
	case unit == "":
		return text
	case x == 1 && unit == "entries":
		return "1 entry"
	case x == 1:
		return "1 character"
	}
	return text + " " + unit
}
