package desktest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"regexp"
	"sync"

	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// fuse ends a database for one process, as the death of that process would: what
// was committed stays, what was not is gone, and from then on nothing works. A
// process can die at any moment, but only what it has committed tells when.
type fuse struct {
	mu    sync.Mutex
	left  int // commits until the end; 0: it is not armed
	blown bool
}

var errDead = errors.New("the process is dead")

// arm lets the process die just before its nth commit from now on.
func (f *fuse) arm(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = n
}

func (f *fuse) alive() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.blown {
		return errDead
	}
	return nil
}

// commit is about to happen.
func (f *fuse) commit() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left > 0 {
		f.left--
		f.blown = f.blown || f.left == 0
	}
	if f.blown {
		return errDead
	}
	return nil
}

// open is the database behind the fuse, as a host would open it by a driver of
// its own.
func (f *fuse) open(kind Database, dsn string) (*gorm.DB, error) {
	if kind == Postgres {
		engine := fused{f, stdlib.GetDefaultDriver()}
		return gorm.Open(postgres.New(postgres.Config{Conn: sql.OpenDB(connector{engine, dsn})}), &gorm.Config{})
	}
	plain, err := sql.Open("sqlite", "")
	if err != nil {
		return nil, err
	}
	engine := fused{f, plain.Driver()}
	if err := plain.Close(); err != nil {
		return nil, err
	}
	return gorm.Open(&sqlite.Dialector{Conn: sql.OpenDB(connector{engine, dsn})}, &gorm.Config{})
}

type connector struct {
	engine fused
	dsn    string
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.engine.Open(c.dsn) }
func (c connector) Driver() driver.Driver                        { return c.engine }

// fused is a driver whose connections die together.
type fused struct {
	fuse   *fuse
	engine driver.Driver
}

// Open implements driver.Driver.
func (d fused) Open(dsn string) (driver.Conn, error) {
	if err := d.fuse.alive(); err != nil {
		return nil, err
	}
	c, err := d.engine.Open(dsn)
	if err != nil {
		return nil, err
	}
	able, ok := c.(ableConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a connection of %T cannot be taken away", c), c.Close())
	}
	return &fusedConn{ableConn: able, fuse: d.fuse}, nil
}

// ableConn and ableStmt are what the drivers of both databases have.
type ableConn interface {
	driver.Conn
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnPrepareContext
	driver.ConnBeginTx
}

type ableStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// fusedConn is a connection that counts.
type fusedConn struct {
	ableConn
	fuse  *fuse
	inTx  bool
	wrote bool // in the transaction, something that counts
}

// Which commits count: those that change what people and plugins have written,
// not those by which the desk keeps its own books.
var (
	changing = regexp.MustCompile(`(?i)\b(insert|update|delete)\b`)
	books    = regexp.MustCompile(`(?i)(consumers|event_seq|event_pending|jobs|job_runs|parked_events|ticket_words)\b`)
)

// may reports whether a statement may run. One outside of a transaction that
// writes is a transaction of its own.
func (c *fusedConn) may(query string) error {
	switch counts := changing.MatchString(query) && !books.MatchString(query); {
	case !counts:
		return c.fuse.alive()
	case c.inTx:
		c.wrote = true
		return c.fuse.alive()
	}
	return c.fuse.commit()
}

func (c *fusedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.may(query); err != nil {
		return nil, err
	}
	return c.ableConn.ExecContext(ctx, query, args)
}

func (c *fusedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.may(query); err != nil {
		return nil, err
	}
	return c.ableConn.QueryContext(ctx, query, args)
}

func (c *fusedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.ableConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	able, ok := s.(ableStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a statement of %T cannot be taken away", s), s.Close())
	}
	return &fusedStmt{ableStmt: able, conn: c, query: query}, nil
}

func (c *fusedConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if err := c.fuse.alive(); err != nil {
		return nil, err
	}
	tx, err := c.ableConn.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	c.inTx, c.wrote = true, false
	return &fusedTx{tx, c}, nil
}

// CheckNamedValue lets the driver have its own types.
func (c *fusedConn) CheckNamedValue(v *driver.NamedValue) error {
	if own, ok := c.ableConn.(driver.NamedValueChecker); ok {
		return own.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type fusedStmt struct {
	ableStmt
	conn  *fusedConn
	query string
}

func (s *fusedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.conn.may(s.query); err != nil {
		return nil, err
	}
	return s.ableStmt.ExecContext(ctx, args)
}

func (s *fusedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.conn.may(s.query); err != nil {
		return nil, err
	}
	return s.ableStmt.QueryContext(ctx, args)
}

func (s *fusedStmt) CheckNamedValue(v *driver.NamedValue) error { return s.conn.CheckNamedValue(v) }

type fusedTx struct {
	driver.Tx
	conn *fusedConn
}

// Commit is where a process dies, or does not.
func (t *fusedTx) Commit() error {
	t.conn.inTx = false
	dies := t.conn.fuse.alive
	if t.conn.wrote {
		dies = t.conn.fuse.commit
	}
	if err := dies(); err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	return t.Tx.Commit()
}

func (t *fusedTx) Rollback() error {
	t.conn.inTx = false
	return t.Tx.Rollback()
}
