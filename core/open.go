package core

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// A DSN is a PostgreSQL one by its scheme or by its first keyword.
var (
	postgresURL  = regexp.MustCompile(`^postgres(ql)?://`)
	postgresKeys = regexp.MustCompile(`^\s*(host|hostaddr|port|dbname|database|user|password|passfile|service|servicefile|sslmode|application_name|connect_timeout)\s*=`)
	anyScheme    = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):`) // a single letter is a drive of Windows
)

// Open opens the database that dsn names, with the settings that a desk
// needs:
//
//	sqlite:desk.db             a file; sqlite:///var/lib/desk.db, file:desk.db and a bare path mean the same
//	sqlite::memory:            gone when it is closed, for examples and tests; see below
//	postgres://user@host/name  also postgresql:// and host=… user=… dbname=…
//
// SQLite runs on the engine in pure Go with WAL, synchronous FULL, foreign
// keys, a busy timeout and one writer beside a pool of readers; what dsn says
// about such things after a "?" does not count. On PostgreSQL the pool holds at
// most 20 connections and the server ends a transaction that idles for a
// minute, which frees the locks of a process that hangs. db.DB() is the pool of
// connections (on SQLite the writer); closing it closes everything, and its
// Set… methods change the limits of a PostgreSQL pool.
//
// A database in memory has a single connection: a query outside a transaction
// waits for the open transaction and for rows that are still read.
//
// The error of a dsn that is not understood never repeats it, for it may hold a
// password.
func Open(dsn string) (*gorm.DB, error) {
	switch path, isSQLite := sqlitePath(dsn); {
	case strings.TrimSpace(dsn) == "":
		return nil, errors.New("open database: the DSN is empty; sqlite:desk.db makes a file in the current directory")
	case postgresURL.MatchString(dsn), postgresKeys.MatchString(dsn):
		return openPostgres(dsn)
	case isSQLite:
		return openSQLite(path)
	default:
		return nil, fmt.Errorf("open database: unknown kind %q; a desk runs on sqlite:… or postgres://…", anyScheme.FindStringSubmatch(dsn)[1])
	}
}

// gormConfig is how a desk uses GORM. PrepareStmt stays off (3.6 times slower
// inside transactions on PostgreSQL) and errors are returned, not logged.
// QueryFields names the columns of a SELECT, so that a process keeps working
// while a newer one adds a column: PostgreSQL refuses to run a prepared
// SELECT * whose result has changed.
func gormConfig() *gorm.Config {
	return &gorm.Config{
		SkipDefaultTransaction: true,
		TranslateError:         true,
		QueryFields:            true,
		Logger:                 logger.Discard,
		NowFunc:                func() time.Time { return time.Now().UTC() }, //nolint:forbidigo // the default of the clock
	}
}
