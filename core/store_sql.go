package core

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// statement is SQL being written, with its arguments.
type statement struct {
	strings.Builder
	postgres bool
	args     []any
	err      error
}

func (st *statement) bind(v any) {
	st.args = append(st.args, plainValue(v))
	if st.postgres {
		st.WriteByte('$')
		st.WriteString(strconv.Itoa(len(st.args)))
		return
	}
	st.WriteByte('?')
}

// list writes what each writes for 0..n-1, with commas between.
func (st *statement) list(n int, each func(int)) {
	for i := range n {
		if i > 0 {
			st.WriteByte(',')
		}
		each(i)
	}
}

// order writes a sort key. NULL is the least of values, which PostgreSQL is told
// where there may be some among others; told elsewhere, it would not use the index.
func (st *statement) order(table string, tb *Table, where []Cond, o Order) {
	st.WriteString(table + "." + o.Column)
	if o.Desc {
		st.WriteString(" DESC")
	}
	c, _ := tb.Column(o.Column) // one that does not exist is the database's to refuse
	if !st.postgres || !c.null || slices.ContainsFunc(where, func(w Cond) bool { return w.Column == o.Column }) {
		return
	}
	st.WriteString(map[bool]string{false: " NULLS FIRST", true: " NULLS LAST"}[o.Desc])
}

// after writes the keyset as a row value: the form that both databases turn
// into one range of the index.
func (st *statement) after(table string, q Query) {
	if len(q.After) == 0 {
		return
	}
	order := q.Order[len(q.Order)-len(q.After):]
	st.WriteString(" AND (")
	st.list(len(order), func(i int) { st.WriteString(table + "." + order[i].Column) })
	st.WriteString(map[bool]string{true: ") < (", false: ") > ("}[q.Order[0].Desc])
	st.list(len(q.After), func(i int) { st.bind(q.After[i]) })
	st.WriteString(")")
}

func (st *statement) and(table string, conds []Cond) {
	for _, c := range conds {
		st.WriteString(" AND ")
		st.cond(table, c)
	}
}

var operators = map[Op]string{Equal: " = ", NotEqual: " <> ", Less: " < ", LessOrEqual: " <= ", Greater: " > ", GreaterOrEqual: " >= "}

func (st *statement) cond(table string, c Cond) {
	column := table + "." + c.Column
	switch c.Op {
	case IsNull:
		st.WriteString(column + " IS NULL")
	case NotNull:
		st.WriteString(column + " IS NOT NULL")
	case True:
		st.WriteString(column)
	case Marked:
		st.WriteString(column + " <> -1")
	case In:
		st.in(column, c.Value)
	case Either:
		st.WriteString("(1=0")
		for _, alternative := range c.Any {
			st.WriteString(" OR ")
			st.cond(table, alternative)
		}
		st.WriteString(")")
	case SQL:
		st.raw(c)
	default:
		st.WriteString(column + operators[c.Op])
		st.bind(c.Value)
	}
}

func (st *statement) in(column string, values any) {
	list := reflect.ValueOf(values)
	if list.Len() == 0 {
		st.WriteString("1=0")
		return
	}
	if ids, ok := values.([]int64); ok && len(ids) > maxValues { // no filter: rows that were found by their ids
		st.WriteString(column)
		st.oneOf(ids)
		return
	}
	st.WriteString(column + " IN (")
	st.list(list.Len(), func(i int) { st.bind(list.Index(i).Interface()) })
	st.WriteString(")")
}

// raw writes a plugin's condition; each ? takes one argument.
func (st *statement) raw(c Cond) {
	args, _ := c.Value.([]any) // none is allowed
	parts := strings.Split(c.Column, "?")
	if len(parts) != len(args)+1 {
		st.err = fmt.Errorf("the condition %q has %d arguments", c.Column, len(args))
		return
	}
	st.WriteString("(" + parts[0])
	for i, v := range args {
		st.bind(v)
		st.WriteString(parts[i+1])
	}
	st.WriteString(")")
}

func (st *statement) insert(table string, tb *Table, row reflect.Value, skipID bool) {
	var columns []Column
	for i, c := range tb.Columns {
		if !skipID || i != tb.id {
			columns = append(columns, c)
		}
	}
	st.WriteString("INSERT INTO " + table + " (")
	st.list(len(columns), func(i int) { st.WriteString(columns[i].Name) })
	st.WriteString(") VALUES (")
	st.list(len(columns), func(i int) { st.bind(columns[i].Value(row)) })
	st.WriteString(")")
}

// ids implements idFinder.
func (s *gormStore) ids(ctx context.Context, q Query) (ids []int64, err error) {
	st := s.statement()
	st.WriteString("SELECT t.id")
	s.from(st, TableOf(Ticket{}), q)
	if st.err != nil {
		return nil, st.err
	}
	rows, err := s.pool(ctx).QueryContext(ctx, st.String(), st.args...)
	if err != nil {
		return nil, s.translate(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, s.translate(err)
		}
		ids = append(ids, id)
	}
	return ids, s.translate(rows.Err())
}
