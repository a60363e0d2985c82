package core

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/schema"
)

// gormStore is the Store on SQLite and PostgreSQL. GORM keeps the connections,
// the transactions and the dialects; the statements are written here and run
// on GORM's connection pool, which costs half of what its query builder does.
type gormStore struct {
	db       *gorm.DB
	prefix   string
	postgres bool
}

// NewStore is the Store that a desk makes of Config.DB by itself, for a host
// that wraps one in its own, and for tests. It brings the tables up to date. The
// prefix is that of Config.TablePrefix, and db is one of Open, which stays the
// caller's to close. On PostgreSQL the Store is a Sequencer as well.
func NewStore(db *gorm.DB, prefix string) (Store, error) {
	adopted, err := adopt(db)
	if err != nil {
		return nil, fmt.Errorf("core: the database: %w", err)
	}
	if adopted != db && adopted.Name() == "sqlite" {
		return nil, errors.Join(errors.New("core: the database: it is not one of core.Open"), release(adopted))
	}
	m, err := schema.New(adopted, prefix, schema.Owner{ID: coreID, Migrations: schema.Core()})
	if err == nil {
		err = m.Up(context.Background())
	}
	if err != nil {
		return nil, fmt.Errorf("core: %w", err)
	}
	return newGormStore(adopted, prefix), nil
}

func newGormStore(db *gorm.DB, prefix string) Store {
	s := &gormStore{db: db, prefix: prefix, postgres: db.Name() == "postgres"}
	if s.postgres {
		return sequencedStore{s}
	}
	return s
}

type txKey struct{}

// carried is the transaction that a context carries.
type carried struct {
	*gorm.DB
	host bool // not checked yet: see adoptTx
}

// WithTx puts the changes that are made through the returned context into tx,
// the host's own transaction: rolled back, there is no row, no event, no mail.
// The transaction must be one on the desk's database; a change fails otherwise.
// While tx is open, hooks that the desk would run without a transaction run
// inside it all the same. A call that fails is undone by itself; the host decides
// about the rest. On SQLite, which has one writer, a change without the returned
// context waits for tx to end: until its own context does.
func WithTx(ctx context.Context, tx *gorm.DB) context.Context {
	return context.WithValue(ctx, txKey{}, carried{tx, true})
}

func withTx(ctx context.Context, tx *gorm.DB) context.Context {
	return context.WithValue(ctx, txKey{}, carried{tx, false})
}

func txFrom(ctx context.Context) *gorm.DB {
	tx, _ := ctx.Value(txKey{}).(carried) // none is none
	return tx.DB
}

// pool is the transaction that ctx carries, or the pool of connections.
func (s *gormStore) pool(ctx context.Context) gorm.ConnPool {
	if tx := txFrom(ctx); tx != nil {
		return tx.Statement.ConnPool
	}
	return s.db.Statement.ConnPool
}

// Tx implements Store.
func (s *gormStore) Tx(ctx context.Context, fn func(context.Context) error) error {
	if tx, ok := ctx.Value(txKey{}).(carried); ok && tx.host {
		adopted, err := adoptTx(s.db, tx.DB.WithContext(ctx))
		if err != nil {
			return fmt.Errorf("core.WithTx: %w", err)
		}
		return s.part(ctx, adopted, func() error { return fn(withTx(ctx, adopted)) })
	} else if ok {
		return s.part(ctx, tx.DB, func() error { return fn(ctx) })
	}
	var failed error
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		failed = fn(withTx(ctx, tx))
		return failed
	})
	if failed != nil {
		return s.name(failed) // a network that a plugin misses is not the database's
	}
	return s.translate(err)
}

// part runs fn as a part of tx that is undone by itself when it fails: whoever
// began the transaction may have a use for the rest.
func (s *gormStore) part(ctx context.Context, tx *gorm.DB, fn func() error) (err error) {
	exec := func(ctx context.Context, query string) error {
		_, err := tx.Statement.ConnPool.ExecContext(ctx, query) //nolint:unqueryvet // one of the three below
		return s.translate(err)
	}
	if err := exec(ctx, "SAVEPOINT hookdesk_part"); err != nil {
		return err
	}
	kept := false
	defer func() {
		if !kept { // also after a panic
			ctx := context.WithoutCancel(ctx)
			err = errors.Join(err, exec(ctx, "ROLLBACK TO SAVEPOINT hookdesk_part"), exec(ctx, "RELEASE SAVEPOINT hookdesk_part"))
		}
	}()
	if err := fn(); err != nil {
		return s.name(err)
	}
	kept = true
	return exec(ctx, "RELEASE SAVEPOINT hookdesk_part")
}

func (s *gormStore) statement() *statement { return &statement{postgres: s.postgres} }

// Find implements Store.
func (s *gormStore) Find(ctx context.Context, into any, q Query) error {
	tb := TableOf(into)
	st := s.statement()
	st.WriteString("SELECT " + tb.list)
	s.from(st, tb, q)
	if q.Lock && s.postgres {
		st.WriteString(" FOR UPDATE OF t")
	}
	reflect.ValueOf(into).Elem().Grow(min(q.Limit, firstRoom))
	return s.query(ctx, st, tb, into)
}

// firstRoom is for how many rows a list has room before it grows: a page.
const firstRoom = 26

// Count implements Store.
func (s *gormStore) Count(ctx context.Context, row any, q Query) (int, error) {
	st := s.statement()
	st.WriteString("SELECT count(*) FROM (SELECT 1")
	s.from(st, TableOf(row), q)
	st.WriteString(") n")
	var n int
	if st.err != nil {
		return 0, st.err
	}
	err := s.pool(ctx).QueryRowContext(ctx, st.String(), st.args...).Scan(&n)
	return n, s.translate(err)
}

// from writes all of a SELECT behind its columns.
func (s *gormStore) from(st *statement, tb *Table, q Query) {
	sorted, keys, where := "t", tb, q.Where
	st.WriteString(" FROM " + s.prefix + tb.Name + " t")
	if q.From != nil {
		sorted, keys, where = "x", q.From.describe(), q.From.Where
		table := q.From.Table
		if table == "" {
			table = s.prefix + keys.Name
		}
		// By "+ 0" a planner cannot walk the tickets instead, looking for a word in each.
		st.WriteString(" JOIN " + table + " x ON t.id = x." + q.From.Key + " + 0")
	}
	st.WriteString(" WHERE 1=1")
	if q.From != nil {
		st.and("x", q.From.Where)
	}
	st.and("t", q.Where)
	st.after(sorted, q)
	if len(q.Order) > 0 {
		st.WriteString(" ORDER BY ")
		st.list(len(q.Order), func(i int) { st.order(sorted, keys, where, q.Order[i]) })
	}
	if q.Limit > 0 { // a literal: planners cost a page of 25 by it
		st.WriteString(" LIMIT " + strconv.Itoa(q.Limit))
	}
}

// Insert implements Store.
func (s *gormStore) Insert(ctx context.Context, row any) error {
	tb, v := TableOf(row), reflect.ValueOf(row).Elem()
	makesID := tb.id >= 0 && tb.Columns[tb.id].Value(v) == int64(0)
	st := s.statement()
	pending := s.postgres && tb.Name == "events"
	if pending {
		st.WriteString("WITH e AS (")
	}
	st.insert(s.prefix+tb.Name, tb, v, makesID)
	switch {
	case pending:
		st.WriteString(" RETURNING id) INSERT INTO " + s.prefix + "event_pending SELECT id FROM e RETURNING event_id")
	case makesID:
		st.WriteString(" RETURNING id")
	default:
		_, err := s.pool(ctx).ExecContext(ctx, st.String(), st.args...)
		return s.translate(err)
	}
	var id int64
	if err := s.pool(ctx).QueryRowContext(ctx, st.String(), st.args...).Scan(&id); err != nil {
		return s.translate(err)
	}
	return tb.Columns[tb.id].Assign(v, id)
}

// Update implements Store.
func (s *gormStore) Update(ctx context.Context, into any, set []Assign, where ...Cond) error {
	tb := TableOf(into)
	st := s.statement()
	st.WriteString("UPDATE " + s.prefix + tb.Name + " AS t SET ")
	st.list(len(set), func(i int) {
		st.WriteString(set[i].Column + " = ")
		if set[i].Add {
			st.WriteString("t." + set[i].Column + " + ")
		}
		st.bind(set[i].Value)
	})
	st.WriteString(" WHERE 1=1")
	st.and("t", where)
	st.WriteString(" RETURNING ")
	st.list(len(tb.Columns), func(i int) { st.WriteString(tb.Columns[i].Name) })
	return s.query(ctx, st, tb, into)
}

// Delete implements Store.
func (s *gormStore) Delete(ctx context.Context, row any, where ...Cond) (int, error) {
	st := s.statement()
	st.WriteString("DELETE FROM " + s.prefix + TableOf(row).Name + " AS t WHERE 1=1")
	st.and("t", where)
	if st.err != nil {
		return 0, st.err
	}
	done, err := s.pool(ctx).ExecContext(ctx, st.String(), st.args...)
	if err != nil {
		return 0, s.translate(err)
	}
	n, err := done.RowsAffected()
	return int(n), err
}

// cell takes a column's value as the driver gives it.
type cell struct{ value any }

// Scan keeps v; text is copied, as drivers use their buffers again.
func (c *cell) Scan(v any) error {
	if text, ok := v.([]byte); ok {
		v = string(text)
	}
	c.value = v
	return nil
}

func (s *gormStore) query(ctx context.Context, st *statement, tb *Table, into any) error {
	if st.err != nil {
		return st.err
	}
	rows, err := s.pool(ctx).QueryContext(ctx, st.String(), st.args...)
	if err != nil {
		return s.translate(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err has said all
	err = scanAll(rows, tb, reflect.ValueOf(into).Elem(), nil)
	return s.translate(errors.Join(err, rows.Err()))
}

// sorted implements sideSorter.
func (s *gormStore) sorted(ctx context.Context, q Query) (tickets []Ticket, values []int64, err error) {
	tb, st := TableOf(&tickets), s.statement()
	st.WriteString("SELECT " + tb.list + ", x." + q.Order[0].Column)
	s.from(st, tb, q)
	if st.err != nil {
		return nil, nil, st.err
	}
	rows, err := s.pool(ctx).QueryContext(ctx, st.String(), st.args...)
	if err != nil {
		return nil, nil, s.translate(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err has said all
	err = scanAll(rows, tb, reflect.ValueOf(&tickets).Elem(), &values)
	return tickets, values, s.translate(errors.Join(err, rows.Err()))
}

// scanAll fills list with rows of a table; of an integer that stands behind its
// columns, if there is one, more.
func scanAll(rows *sql.Rows, tb *Table, list reflect.Value, more *[]int64) error {
	cells := make([]cell, len(tb.Columns))
	targets := make([]any, len(cells), len(cells)+1)
	for i := range cells {
		targets[i] = &cells[i]
	}
	var last int64
	if more != nil {
		targets = append(targets, &last)
	}
	list.SetLen(0)
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		n := list.Len()
		list.Grow(1)
		list.SetLen(n + 1)
		row := list.Index(n)
		row.SetZero()
		for i, c := range tb.Columns {
			if err := c.Assign(row, cells[i].value); err != nil {
				return fmt.Errorf("table %s: %w", tb.Name, err)
			}
		}
		if more != nil {
			*more = append(*more, last)
		}
	}
	return nil
}

// translate gives the database's errors the names that services know.
func (s *gormStore) translate(err error) error { return outage(s.name(err)) }

// name tells what a row's neighbours forbade.
func (s *gormStore) name(err error) error {
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	if t, ok := s.db.Dialector.(gorm.ErrorTranslator); ok {
		switch named := t.Translate(err); {
		case errors.Is(named, gorm.ErrDuplicatedKey):
			return fmt.Errorf("%w: %w", ErrDuplicate, err)
		case errors.Is(named, gorm.ErrForeignKeyViolated):
			return fmt.Errorf("%w: %w", ErrForeign, err)
		}
	}
	return err
}
