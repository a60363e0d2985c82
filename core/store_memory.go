package core

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
)

// NewMemoryStore is a Store that is gone with the process: for tests, and as
// the model that other Stores are compared with. It keeps the unique values and
// the references of core's tables.
//
// It is the strictest of the Stores. One transaction writes at a time, and
// whoever reads outside sees what was committed; so a write without the context
// of the transaction that is under way waits for it in vain. A call that fails
// inside a transaction spoils it, as on PostgreSQL. A condition in SQL is
// refused with ErrNoTable. Every call walks its table from end to end, which
// serves thousands of rows, not millions. It takes no transaction of core.WithTx.
func NewMemoryStore() Store {
	s := &memoryStore{writing: make(chan struct{}, 1)}
	s.committed.Store(&memoryState{})
	return s
}

type memoryStore struct {
	committed atomic.Pointer[memoryState]
	writing   chan struct{} // full while a transaction is open
}

// memoryState is all rows at one moment, by table. A committed one never
// changes.
type memoryState map[string]*memoryTable

type memoryTable struct {
	rows []any // pointers to rows, which never change, in order of insertion
	last int64 // the id given last
}

// memoryTx is a transaction: the state that it would commit.
type memoryTx struct {
	mu    sync.Mutex
	state memoryState
	own   map[*memoryTable]bool // copied for this transaction
	err   error                 // what spoilt or ended it
}

type memoryKey struct{ store *memoryStore }

// part runs fn, and takes back what it did when it fails.
func (tx *memoryTx) part(fn func() error) error {
	tx.mu.Lock()
	state, own, was := maps.Clone(tx.state), tx.own, tx.err
	tx.own = map[*memoryTable]bool{} // what there is stays as it is
	tx.mu.Unlock()
	kept := false
	defer func() {
		if !kept {
			tx.mu.Lock()
			defer tx.mu.Unlock()
			tx.state, tx.own, tx.err = state, own, was
		}
	}()
	err := fn()
	kept = err == nil
	return err
}

// Tx implements Store.
func (s *memoryStore) Tx(ctx context.Context, fn func(context.Context) error) error {
	if tx := s.tx(ctx); tx != nil {
		return tx.part(func() error { return fn(ctx) })
	}
	if host, ok := ctx.Value(txKey{}).(carried); ok && host.host {
		return errors.New("core.WithTx: this desk keeps its rows in memory, not in the host's database")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	tx := &memoryTx{state: maps.Clone(*s.committed.Load()), own: map[*memoryTable]bool{}}
	defer func() {
		tx.end()
		<-s.writing
	}()
	if err := fn(context.WithValue(ctx, memoryKey{s}, tx)); err != nil {
		return err
	}
	if err := cmp.Or(tx.failed(), ctx.Err()); err != nil {
		return err
	}
	s.committed.Store(&tx.state)
	return nil
}

func (s *memoryStore) tx(ctx context.Context) *memoryTx {
	tx, _ := ctx.Value(memoryKey{s}).(*memoryTx) // none is none
	return tx
}

var errTxOver = errors.New("the transaction of this context has ended")

func (tx *memoryTx) end() {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	tx.err = errTxOver
}

func (tx *memoryTx) failed() error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return tx.err
}

// do runs one call of the Store inside the transaction.
func (tx *memoryTx) do(ctx context.Context, fn func() error) error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.err != nil {
		return tx.err
	}
	err := ctx.Err()
	if err == nil {
		err = fn()
	}
	if err != nil {
		tx.err = fmt.Errorf("the transaction failed before: %w", err)
	}
	return err
}

// write runs one call in the transaction of ctx or in one of its own.
func (s *memoryStore) write(ctx context.Context, fn func(*memoryTx) error) error {
	return s.Tx(ctx, func(ctx context.Context) error {
		tx := s.tx(ctx)
		return tx.do(ctx, func() error { return fn(tx) })
	})
}

// read runs one call on what ctx sees: its transaction, or what is committed.
func (s *memoryStore) read(ctx context.Context, fn func(memoryState) error) error {
	if tx := s.tx(ctx); tx != nil {
		return tx.do(ctx, func() error { return fn(tx.state) })
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn(*s.committed.Load())
}

// rows are those of a table, in order of insertion.
func (m memoryState) rows(table string) []any {
	if t := m[table]; t != nil {
		return t.rows
	}
	return nil
}

// table is a table that the transaction may change.
func (tx *memoryTx) table(name string) *memoryTable {
	t := tx.state[name]
	switch {
	case t == nil:
		t = &memoryTable{}
	case tx.own[t]:
		return t
	default:
		t = &memoryTable{slices.Clone(t.rows), t.last}
	}
	tx.state[name], tx.own[t] = t, true
	return t
}

// Find implements Store.
func (s *memoryStore) Find(ctx context.Context, into any, q Query) error {
	return s.read(ctx, func(m memoryState) error {
		rows, err := m.find(TableOf(into), q)
		if err != nil {
			return err
		}
		return fillRows(into, rows)
	})
}

// Count implements Store.
func (s *memoryStore) Count(ctx context.Context, row any, q Query) (n int, err error) {
	err = s.read(ctx, func(m memoryState) error {
		rows, err := m.find(TableOf(row), q)
		n = len(rows)
		return err
	})
	return n, err
}

// Insert implements Store.
func (s *memoryStore) Insert(ctx context.Context, row any) error {
	return s.write(ctx, func(tx *memoryTx) error {
		tb := TableOf(row)
		kept, err := copyRow(tb, row)
		if err != nil {
			return err
		}
		table := tx.table(tb.Name)
		if tb.id >= 0 {
			id := tb.Columns[tb.id]
			given, _ := id.Value(reflect.ValueOf(kept).Elem()).(int64) // an id is an integer
			if given == 0 {
				given = table.last + 1
			}
			table.last = max(table.last, given)
			if err := id.Assign(reflect.ValueOf(kept).Elem(), given); err != nil {
				return err
			}
		}
		table.rows = append(table.rows, kept)
		if err := tx.state.keeps(tb, kept); err != nil || tb.id < 0 {
			return err
		}
		return tb.Columns[tb.id].Assign(reflect.ValueOf(row).Elem(), tb.Columns[tb.id].Value(reflect.ValueOf(kept).Elem()))
	})
}

// Update implements Store.
func (s *memoryStore) Update(ctx context.Context, into any, set []Assign, where ...Cond) error {
	return s.write(ctx, func(tx *memoryTx) error {
		tb := TableOf(into)
		if err := checkAssigns(tb, set); err != nil {
			return err
		}
		if err := checkConds(tb, where); err != nil {
			return err
		}
		var changed []any
		table := tx.table(tb.Name)
		for i, row := range table.rows {
			if !holdsAll(where, row) {
				continue
			}
			now, err := changedRow(tb, row, set)
			if err != nil {
				return err
			}
			table.rows[i] = now
			if err := tx.state.keeps(tb, now); err != nil {
				return err
			}
			changed = append(changed, now)
		}
		return fillRows(into, changed)
	})
}

// Delete implements Store.
func (s *memoryStore) Delete(ctx context.Context, row any, where ...Cond) (n int, err error) {
	err = s.write(ctx, func(tx *memoryTx) error {
		tb := TableOf(row)
		if err := checkConds(tb, where); err != nil {
			return err
		}
		n, err = tx.remove(tb.Name, func(row any) bool { return holdsAll(where, row) })
		return err
	})
	if err != nil {
		n = 0
	}
	return n, err
}

func holdsAll(conds []Cond, row any) bool {
	return !slices.ContainsFunc(conds, func(c Cond) bool { return !holds(c, row) })
}

// copyRow copies a row as deep as it goes, with what a database would make of
// its values.
func copyRow(tb *Table, row any) (any, error) {
	from := reflect.ValueOf(row).Elem()
	to := reflect.New(from.Type())
	for _, c := range tb.Columns {
		if err := c.Assign(to.Elem(), c.Value(from)); err != nil {
			return nil, fmt.Errorf("table %s: %w", tb.Name, err)
		}
	}
	return to.Interface(), nil
}

func changedRow(tb *Table, row any, set []Assign) (any, error) {
	now, err := copyRow(tb, row)
	if err != nil {
		return nil, err
	}
	for _, a := range set {
		c, _ := tb.Column(a.Column) // checkAssigns has found it
		v := plainValue(a.Value)
		if a.Add {
			old, isNumber := c.Value(reflect.ValueOf(row).Elem()).(int64)
			more, isInt := v.(int64)
			if v = any(old + more); !isNumber || !isInt { // NULL + 1 is NULL
				v = nil
			}
		}
		if err := c.Assign(reflect.ValueOf(now).Elem(), v); err != nil {
			return nil, fmt.Errorf("table %s: %w", tb.Name, err)
		}
	}
	return now, nil
}

// fillRows puts copies of rows into a slice.
func fillRows(into any, rows []any) error {
	list := reflect.ValueOf(into).Elem()
	filled := reflect.MakeSlice(list.Type(), 0, len(rows))
	for _, row := range rows {
		copied, err := copyRow(TableOf(row), row)
		if err != nil {
			return err
		}
		filled = reflect.Append(filled, reflect.ValueOf(copied).Elem())
	}
	list.Set(filled)
	return nil
}
