package core

import (
	"fmt"
	"reflect"
	"slices"
)

// memoryHit is a row that a query found, and the one that it is sorted by:
// itself, or that of the side table.
type memoryHit struct{ row, sorted any }

// find returns the rows that q asks for.
func (m memoryState) find(tb *Table, q Query) ([]any, error) {
	sorted := tb
	if q.From != nil {
		sorted = TableOf(q.From.Row)
	}
	if err := checkQuery(tb, sorted, q); err != nil {
		return nil, err
	}
	hits := m.hits(tb, q)
	if len(q.After) > 0 {
		hits = slices.DeleteFunc(hits, func(h memoryHit) bool { return !behind(q, sorted, h.sorted) })
	}
	slices.SortStableFunc(hits, func(a, b memoryHit) int { return compareRows(q.Order, sorted, a.sorted, b.sorted) })
	if q.Limit > 0 && len(hits) > q.Limit {
		hits = hits[:q.Limit]
	}
	rows := make([]any, len(hits))
	for i, h := range hits {
		rows[i] = h.row
	}
	return rows, nil
}

func (m memoryState) hits(tb *Table, q Query) (hits []memoryHit) {
	if q.From == nil {
		for _, row := range m.rows(tb.Name) {
			if holdsAll(q.Where, row) {
				hits = append(hits, memoryHit{row, row})
			}
		}
		return hits
	}
	wanted := map[any]any{}
	for _, row := range m.rows(tb.Name) {
		if holdsAll(q.Where, row) {
			wanted[cellOf(tb, "id", row)] = row
		}
	}
	side := TableOf(q.From.Row)
	for _, row := range m.rows(side.Name) {
		if target, ok := wanted[cellOf(side, q.From.Key, row)]; ok && holdsAll(q.From.Where, row) {
			hits = append(hits, memoryHit{target, row})
		}
	}
	return hits
}

// cellOf is what a column that is known to exist holds.
func cellOf(tb *Table, column string, row any) any {
	c, _ := tb.Column(column) // checked before
	return c.Value(reflect.ValueOf(row).Elem())
}

// compareRows orders two rows; NULL is the least of values.
func compareRows(order []Order, tb *Table, a, b any) int {
	for _, o := range order {
		n := compare(cellOf(tb, o.Column, a), cellOf(tb, o.Column, b))
		if o.Desc {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return 0
}

// behind compares row values as SQL does: a NULL decides for nothing.
func behind(q Query, tb *Table, row any) bool {
	for i, o := range q.Order[len(q.Order)-len(q.After):] {
		v, after := cellOf(tb, o.Column, row), plainValue(q.After[i])
		if v == nil || after == nil {
			return false
		}
		if n := compare(v, after); n != 0 {
			return (n < 0) == q.Order[0].Desc
		}
	}
	return false
}

// What a database would not run.

func checkQuery(tb, sorted *Table, q Query) error {
	if err := checkConds(tb, q.Where); err != nil {
		return err
	}
	if q.From != nil {
		if err := checkConds(sorted, append([]Cond{{Column: q.From.Key, Op: NotNull}}, q.From.Where...)); err != nil {
			return err
		}
	}
	for _, o := range q.Order {
		if err := checkColumn(sorted, o.Column); err != nil {
			return err
		}
	}
	if len(q.After) > 0 && (len(q.After) > len(q.Order) || slices.ContainsFunc(q.Order, func(o Order) bool { return o.Desc != q.Order[0].Desc })) {
		return fmt.Errorf("table %s: a page starts behind values for the entries of an order in one direction", tb.Name)
	}
	return nil
}

func checkConds(tb *Table, conds []Cond) error {
	for _, c := range conds {
		var err error
		switch c.Op {
		case SQL:
			err = fmt.Errorf("%w: it keeps its rows in memory and knows no SQL: %s", ErrNoTable, c.Column)
		case Either:
			err = checkConds(tb, c.Any)
		default:
			err = checkColumn(tb, c.Column)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func checkAssigns(tb *Table, set []Assign) error {
	for i, a := range set {
		if err := checkColumn(tb, a.Column); err != nil {
			return err
		}
		if slices.ContainsFunc(set[:i], func(b Assign) bool { return b.Column == a.Column }) {
			return fmt.Errorf("table %s: column %s is set twice", tb.Name, a.Column)
		}
	}
	if len(set) == 0 {
		return fmt.Errorf("table %s: nothing is set", tb.Name)
	}
	return nil
}

func checkColumn(tb *Table, name string) error {
	if _, ok := tb.Column(name); !ok {
		return fmt.Errorf("table %s has no column %q", tb.Name, name)
	}
	return nil
}
