package core

import "context"

// Store keeps the core's rows. The default is GORM on SQLite or PostgreSQL; a
// host may implement another one. A row is a pointer to one of core's row
// types; TableOf says how it maps to a table.
//
// Unique values and references are the store's to enforce: it reports
// ErrDuplicate and ErrForeign, in any wrapping.
type Store interface { //nolint:interfacebloat // six verbs
	// Tx runs fn in one transaction: all that is written through the context
	// that fn gets is kept, or, when fn fails, nothing. Inside a transaction it is
	// a part of that one, and undone by itself when fn fails.
	Tx(ctx context.Context, fn func(context.Context) error) error
	// Find fills into, a *[]T, with the rows of T that q asks for, in q's order.
	Find(ctx context.Context, into any, q Query) error
	// Count tells how many rows like row match q, but counts no further than
	// q.Limit.
	Count(ctx context.Context, row any, q Query) (int, error)
	// Insert adds row and, when it has an ID of 0, gives it one.
	Insert(ctx context.Context, row any) error
	// Update changes the rows of into's type that match where, and fills into,
	// a *[]T, with what they are now.
	Update(ctx context.Context, into any, set []Assign, where ...Cond) error
	// Delete removes the rows like row that match where and tells how many.
	Delete(ctx context.Context, row any, where ...Cond) (int, error)
}

// Sequencer is a Store whose rows can become visible in another order than
// their ids. Sequence gives every committed event its place in the log, a row of
// the table event_seq, and tells how many it placed; again says that it could not
// see to all, because another process was at it. A Store that wraps a Sequencer
// must be one too: without it, events that commit late are skipped.
type Sequencer interface {
	Sequence(ctx context.Context) (n int, again bool, err error)
}

// Query asks a Store for rows.
type Query struct {
	Where []Cond
	Order []Order
	// After is the place behind which the page starts: a value for each of the
	// last entries of Order, which all have the same direction then. What stands
	// before them is the same in all rows.
	After []any
	Limit int // 0: all
	// Lock keeps the rows as they are until the transaction ends.
	Lock bool
	// From walks a side table that holds the filter and the sort keys.
	From *Side
}

// Side is a table whose rows point at the wanted ones by the column Key.
// Order and After then speak of the side table's columns.
type Side struct {
	Row   any
	Table string // instead of Row, the full name of a table of a plugin's
	Key   string
	Where []Cond
}

// describe is the table, without columns where core does not know it.
func (s *Side) describe() *Table {
	if s.Row == nil {
		return &Table{}
	}
	return TableOf(s.Row)
}

// Order is one sort key.
type Order struct {
	Column string
	Desc   bool
}

// Op is what a Cond compares.
type Op uint8

// The comparisons.
const (
	Equal Op = iota
	NotEqual
	Less
	LessOrEqual
	Greater
	GreaterOrEqual
	In     // Value is a slice
	IsNull // of the column
	NotNull
	True   // the boolean column, said literally: partial indexes match it
	Marked // always true: "column <> -1", literally, as the indexes say that are meant to be used
	Either // Any holds the alternatives
	SQL    // Column is a condition in SQL on table t, Value its []any arguments
)

// Cond is one condition; all of a list hold.
type Cond struct {
	Column string
	Op     Op
	Value  any
	Any    []Cond
}

// Where compares a column with a value.
func Where(column string, op Op, value any) Cond { return Cond{Column: column, Op: op, Value: value} }

// Is compares a column for equality.
func Is(column string, value any) Cond { return Cond{Column: column, Value: value} }

// Assign sets a column, or adds to it.
type Assign struct {
	Column string
	Value  any
	Add    bool
}

// Set gives a column a value.
func Set(column string, value any) Assign { return Assign{Column: column, Value: value} }

// Add raises an integer column by n.
func Add(column string, n int64) Assign { return Assign{Column: column, Value: n, Add: true} }

// byID finds one row of T or says that there is none.
func byID[T any](ctx context.Context, s Store, what string, id int64, more ...Cond) (T, error) {
	row, ok, err := first[T](ctx, s, Query{Where: append([]Cond{Is("id", id)}, more...)})
	if err == nil && !ok {
		err = notFound(what, id)
	}
	return row, err
}

// first finds the first row that q asks for.
func first[T any](ctx context.Context, s Store, q Query) (row T, ok bool, err error) {
	q.Limit = 1
	rows, err := find[T](ctx, s, q)
	if err != nil || len(rows) == 0 {
		return row, false, err
	}
	return rows[0], true, nil
}

func find[T any](ctx context.Context, s Store, q Query) ([]T, error) {
	var rows []T
	err := s.Find(ctx, &rows, q)
	return rows, err
}

// update changes rows and returns what they are now.
func update[T any](ctx context.Context, s Store, set []Assign, where ...Cond) ([]T, error) {
	var rows []T
	err := s.Update(ctx, &rows, set, where...)
	return rows, err
}
