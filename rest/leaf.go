package rest

import (
	"encoding"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// leaf lets a type that decodes itself try. Only an *Error of it is shown.
func (d *decoder) leaf(s *Schema, v any, into reflect.Value, at string) {
	if !d.storable(v, at) {
		return
	}
	err := d.own(v, into.Addr().Interface())
	var e *Error
	switch {
	case err == nil:
	case errors.As(err, &e):
		d.say(at, "%s", e.Message)
	case s.Enum != nil:
		d.say(at, "must be one of %s", strings.Join(s.Enum, ", "))
	default:
		d.say(at, "must be a valid %s", kindOf(s))
	}
}

var errForm = errors.New("of another form")

func (d *decoder) own(v, into any) error {
	text, isText := v.(string)
	switch to := into.(type) {
	case *time.Time:
		if err := to.UnmarshalText([]byte(text)); err != nil || !isText {
			return errForm
		}
		if y := to.UTC().Year(); y < 1 || y > 9999 {
			return errForm // neither database nor JSON could carry it
		}
		return nil
	case encoding.TextUnmarshaler:
		if isText {
			return to.UnmarshalText([]byte(text))
		}
	}
	if _, raw := into.(*json.RawMessage); v == nil && !raw {
		return errForm
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

func kindOf(s *Schema) string {
	if kind := strings.TrimSpace(s.Format + " " + s.Type); kind != "" {
		return kind
	}
	return "value"
}

// storable looks through a value that the decoder does not know the inside of.
func (d *decoder) storable(v any, at string) bool {
	ok := true
	switch v := v.(type) {
	case string:
		return d.clean(v, at)
	case json.Number:
		if x, err := v.Float64(); err != nil || math.IsInf(x, 0) {
			d.say(at, "is too large a number")
			return false
		}
	case []any:
		for i, e := range v {
			ok = d.storable(e, at+"["+strconv.Itoa(i)+"]") && ok
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			ok = d.clean(k, at+"."+k) && d.storable(v[k], at+"."+k) && ok
		}
	}
	return ok
}
