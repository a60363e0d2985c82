package core

import (
	"context"
	"database/sql/driver"
	"errors"
	"regexp"
)

// maxStatements is how many compiled statements a connection keeps. One takes
// some ten kilobytes.
const maxStatements = 100

// engineConn is what a connection needs for its statements to be kept. An
// engine that does less, such as mattn's, works without.
type engineConn interface { //nolint:interfacebloat // what an engine implements, not we
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type engineStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// keepingConn keeps the statements of a SQLite connection compiled, as pgx does
// on PostgreSQL: to compile a short one takes longer than to run it.
//
// It has no QueryContext, so database/sql prepares each statement, runs it and
// closes it: preparing takes it out of idle and closing puts it back. So none
// is ever run twice at once. database/sql locks the connection meanwhile.
type keepingConn struct {
	engineConn
	idle map[string]*keptStmt // by their text; nil: the connection is closed
}

type keptStmt struct {
	engineStmt
	conn *keepingConn
	text string
}

// keepStatements wraps conn if its engine can do it.
func keepStatements(conn driver.Conn) driver.Conn {
	if able, ok := conn.(engineConn); ok {
		return &keepingConn{able, map[string]*keptStmt{}}
	}
	return conn
}

// keepable tells what can be run again: SQLite obeys some pragmas while it
// compiles them.
var keepable = regexp.MustCompile(`(?i)^\s*(select|with|insert|update|delete)\b`)

// PrepareContext takes an idle statement or compiles one.
func (c *keepingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if kept, ok := c.idle[query]; ok {
		delete(c.idle, query)
		return kept, nil
	}
	stmt, err := c.engineConn.PrepareContext(ctx, query) //nolint:unqueryvet // a driver passes on what it is given
	if err != nil {
		return nil, err
	}
	if able, ok := stmt.(engineStmt); ok && keepable.MatchString(query) {
		return &keptStmt{able, c, query}, nil
	}
	return stmt, nil
}

// ExecContext runs what has no arguments at once: it may be several statements.
func (c *keepingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) > 0 {
		return nil, driver.ErrSkip // to prepare it
	}
	return c.engineConn.ExecContext(ctx, query, nil) //nolint:unqueryvet // as above
}

// Close ends the statements, without which SQLite would not let go of the file.
func (c *keepingConn) Close() error {
	var err error
	for _, s := range c.idle {
		err = errors.Join(err, s.engineStmt.Close())
	}
	c.idle = nil
	return errors.Join(err, c.engineConn.Close())
}

// Close makes the statement idle, in place of any other when there are too many.
func (s *keptStmt) Close() error {
	c := s.conn
	if _, twice := c.idle[s.text]; twice || c.idle == nil {
		return s.engineStmt.Close()
	}
	c.idle[s.text] = s
	for text, other := range c.idle {
		if len(c.idle) <= maxStatements {
			break
		}
		delete(c.idle, text)
		if err := other.engineStmt.Close(); err != nil {
			return err
		}
	}
	return nil
}
