package core

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// outage gives the errors of a database that is away, busy or full the form that
// a person may read. Whoever asked may ask again; everything else stays a fault.
func outage(err error) error {
	var message string
	var known *Error
	switch {
	case err == nil, errors.As(err, &known), errors.Is(err, ErrDuplicate), errors.Is(err, ErrForeign):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err // the caller's end, not the database's
	case isFull(err):
		message = "there is no space left in the database: nothing was saved"
	case isBusy(err):
		message = "the database is busy: try again"
	case isAway(err):
		message = "the database does not answer: try again"
	default:
		return err
	}
	return &explained{&Error{Kind: Unavailable, Code: "database", Message: message, RetryAfter: time.Second}, err}
}

// The result codes of SQLite.
const (
	sqliteBusy     = 5
	sqliteLocked   = 6
	sqliteIO       = 10
	sqliteFull     = 13
	sqliteCantOpen = 14
)

// stateOf is PostgreSQL's SQLSTATE.
func stateOf(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

func isFull(err error) bool {
	return stateOf(err) == "53100" || extendedCode(err)&0xff == sqliteFull
}

func isBusy(err error) bool {
	code := extendedCode(err) & 0xff
	return code == sqliteBusy || code == sqliteLocked || stateOf(err) == "53300" // too many connections
}

// isAway tells a connection that broke or could not be made, a server that
// starts or stops, and a file that cannot be read or written.
func isAway(err error) bool {
	var connecting *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connecting) || errors.As(err, &network) {
		return true
	}
	for _, broken := range []error{driver.ErrBadConn, sql.ErrConnDone, pgconn.ErrConnClosed, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, broken) {
			return true
		}
	}
	state, code := stateOf(err), extendedCode(err)&0xff
	return strings.HasPrefix(state, "08") || strings.HasPrefix(state, "57P") || code == sqliteIO || code == sqliteCantOpen
}
