package core

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm/schema"
)

// Table says how a row type maps to a table: by the same names and tags as
// GORM, without the prefix.
type Table struct {
	Name    string
	Columns []Column
	places  map[string]int
	id      int    // place of the column "id", -1 without
	list    string // the columns of a table called t, for SELECT
}

// Column is one column and the field that holds it.
type Column struct {
	Name  string
	field int
	form  form
	null  bool
}

type form uint8

const (
	formInt form = iota
	formBool
	formText
	formTime
)

var tables sync.Map //nolint:gochecknoglobals // reflect.Type → *Table, of which each is computed once

// TableOf describes a row, a pointer to one, or a pointer to a slice of them.
func TableOf(row any) *Table { return tableOf(rowType(reflect.TypeOf(row))) }

func rowType(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t
}

func tableOf(t reflect.Type) *Table {
	if known, ok := tables.Load(t); ok {
		return known.(*Table) //nolint:errcheck,forcetypeassert // only tables are stored
	}
	names := schema.NamingStrategy{}
	tb := &Table{Name: names.TableName(t.Name()), places: map[string]int{}, id: -1}
	if named, ok := reflect.TypeAssert[interface{ table() string }](reflect.Zero(t)); ok {
		tb.Name = named.table()
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("gorm") == "-" || !f.IsExported() {
			continue
		}
		c := Column{Name: names.ColumnName("", f.Name), field: i}
		if name, ok := strings.CutPrefix(f.Tag.Get("gorm"), "column:"); ok {
			c.Name = name
		}
		ft := f.Type
		if c.null = ft.Kind() == reflect.Pointer; c.null {
			ft = ft.Elem()
		}
		c.form = formOf(t, f, ft)
		if c.Name == "id" && c.form == formInt {
			tb.id = len(tb.Columns)
		}
		tb.places[c.Name] = len(tb.Columns)
		tb.Columns = append(tb.Columns, c)
		tb.list += ",t." + c.Name
	}
	tb.list = strings.TrimPrefix(tb.list, ",")
	tables.Store(t, tb)
	return tb
}

func formOf(row reflect.Type, f reflect.StructField, t reflect.Type) form {
	switch {
	case t == reflect.TypeFor[Time]():
		return formTime
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		return formInt
	case t.Kind() == reflect.Bool:
		return formBool
	case t.Kind() == reflect.String:
		return formText
	}
	panic(fmt.Sprintf("%v.%s of type %v has no column", row, f.Name, t)) //nolint:forbidigo // a mistake in core's own types
}

// Column finds a column by name.
func (tb *Table) Column(name string) (Column, bool) {
	at, ok := tb.places[name]
	if !ok {
		return Column{}, false
	}
	return tb.Columns[at], true
}

// Value is what the column holds in row: int64, bool, string or nil.
func (c Column) Value(row reflect.Value) any {
	f := row.Field(c.field)
	if c.null {
		if f.IsNil() {
			return nil
		}
		f = f.Elem()
	}
	return plain(f, c.form)
}

func plain(f reflect.Value, as form) any {
	switch as {
	case formBool:
		return f.Bool()
	case formText:
		return f.String()
	case formTime:
		return f.Field(0).Interface().(time.Time).UnixMicro() //nolint:errcheck,forcetypeassert // a Time holds one
	default:
		return f.Int()
	}
}

// Assign puts v, as Value gives it, into the column of row.
func (c Column) Assign(row reflect.Value, v any) error {
	f := row.Field(c.field)
	if c.null {
		if v == nil {
			f.SetZero()
			return nil
		}
		f.Set(reflect.New(f.Type().Elem()))
		f = f.Elem()
	}
	switch v := v.(type) {
	case int64:
		return c.assignInt(f, v)
	case bool:
		if c.form == formBool {
			f.SetBool(v)
			return nil
		}
	case string:
		if c.form == formText {
			f.SetString(v)
			return nil
		}
	case []byte:
		if c.form == formText {
			f.SetString(string(v))
			return nil
		}
	}
	return fmt.Errorf("column %s: %T does not fit", c.Name, v)
}

func (c Column) assignInt(f reflect.Value, n int64) error {
	switch c.form {
	case formInt:
		f.SetInt(n)
	case formBool: // SQLite has no booleans
		f.SetBool(n != 0)
	case formTime:
		f.Set(reflect.ValueOf(timeOfMicros(n)))
	default:
		return fmt.Errorf("column %s: a number does not fit", c.Name)
	}
	return nil
}

// plainValue is v as a column holds it: named integers, times and pointers
// become int64, string, bool or nil.
func plainValue(v any) any {
	switch v := v.(type) {
	case nil, int64, string, bool:
		return v
	case int:
		return int64(v)
	case Time:
		return v.UnixMicro()
	}
	r := reflect.ValueOf(v)
	switch {
	case r.Kind() == reflect.Pointer && r.IsNil():
		return nil
	case r.Kind() == reflect.Pointer:
		return plainValue(r.Elem().Interface())
	case r.CanInt():
		return r.Int()
	case r.Kind() == reflect.String:
		return r.String()
	}
	return v
}

// holds reports whether row, a pointer, meets c: what the database would say.
func holds(c Cond, row any) bool {
	if c.Op == Either {
		return slices.ContainsFunc(c.Any, func(c Cond) bool { return holds(c, row) })
	}
	column, ok := TableOf(row).Column(c.Column)
	if !ok {
		return false
	}
	v := column.Value(reflect.ValueOf(row).Elem())
	switch c.Op {
	case IsNull:
		return v == nil
	case NotNull:
		return v != nil
	case True:
		return v == true
	case Marked:
		return true
	case In:
		list := reflect.ValueOf(c.Value)
		for i := range list.Len() {
			if v != nil && v == plainValue(list.Index(i).Interface()) {
				return true
			}
		}
		return false
	}
	with := plainValue(c.Value)
	if v == nil || with == nil {
		return false // NULL compares with nothing
	}
	return holdsOrder(c.Op, compare(v, with))
}

func holdsOrder(op Op, order int) bool {
	switch op {
	case Equal:
		return order == 0
	case NotEqual:
		return order != 0
	case Less:
		return order < 0
	case LessOrEqual:
		return order <= 0
	case Greater:
		return order > 0
	case GreaterOrEqual:
		return order >= 0
	}
	return false
}

// compare orders two column values of one type; nil is the least.
func compare(a, b any) int {
	switch a := a.(type) {
	case int64:
		if b, ok := b.(int64); ok {
			return cmp.Compare(a, b)
		}
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b)
		}
	case bool:
		if b, ok := b.(bool); ok {
			return cmp.Compare(bit(a), bit(b))
		}
	case nil:
		if b == nil {
			return 0
		}
		return -1
	}
	return 1
}

// bit lets false stand before true.
func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
