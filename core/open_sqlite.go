package core

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	_ "modernc.org/sqlite" // the engine in pure Go
)

// sqliteMemory is the path of a database that is no file.
const sqliteMemory = ":memory:"

// busyTimeout is how long a write waits for one of another process, and how
// long the switch to WAL waits for everybody.
const busyTimeout = 10 * time.Second

// sqlitePragmas are those of a connection; the journal mode belongs to the file.
func sqlitePragmas() []string {
	return []string{
		fmt.Sprintf("PRAGMA busy_timeout = %d", busyTimeout.Milliseconds()),
		"PRAGMA foreign_keys = ON",
		"PRAGMA synchronous = FULL",
		"PRAGMA journal_size_limit = 67108864", // bytes that a checkpoint leaves of the log
	}
}

// sqlitePath is the file that a DSN names, if it is one of SQLite. Whatever
// follows a "?" is dropped: the DSN does not decide over pragmas.
func sqlitePath(dsn string) (string, bool) {
	path, found := dsn, false
	for _, scheme := range []string{"sqlite:", "file:"} {
		if rest, ok := strings.CutPrefix(path, scheme); ok && !found {
			path, found = strings.TrimPrefix(rest, "//"), true
		}
	}
	if !found && anyScheme.MatchString(dsn) {
		return "", false
	}
	path, _, _ = strings.Cut(path, "?")
	return path, path != ""
}

func openSQLite(path string) (*gorm.DB, error) {
	engine, err := pureGoEngine()
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	var pool *sqlitePool
	if path == sqliteMemory {
		writer := oneConnection(&sqliteConnector{engine: engine, dsn: sqliteMemory, pragmas: sqlitePragmas()})
		pool = &sqlitePool{DB: writer, readers: writer}
	} else if pool, err = openSQLiteFile(engine, path); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	db, err := gormSQLite(pool)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), pool.Close())
	}
	return db, nil
}

// pureGoEngine is the driver that modernc.org/sqlite registers.
func pureGoEngine() (driver.Driver, error) {
	db, err := sql.Open("sqlite", "")
	if err != nil {
		return nil, err
	}
	return db.Driver(), db.Close()
}

// openSQLiteFile makes the writer and the readers of a file.
func openSQLiteFile(engine driver.Driver, path string) (*sqlitePool, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a drive of Windows
	}
	uri := (&url.URL{Scheme: "file", Path: slashed}).String()

	readers := sql.OpenDB(&sqliteConnector{engine: engine, dsn: uri, pragmas: append(sqlitePragmas(), "PRAGMA query_only = ON")})
	n := max(4, 2*runtime.GOMAXPROCS(0))
	readers.SetMaxOpenConns(n)
	readers.SetMaxIdleConns(n)
	// Both engines know _txlock; the rest is said by pragmas, which all know.
	writer := oneConnection(&sqliteConnector{engine: engine, dsn: uri + "?_txlock=immediate", pragmas: sqlitePragmas(), closes: readers})
	pool := &sqlitePool{DB: writer, readers: readers, path: path}
	if err := ensureWAL(writer); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return pool, nil
}

// oneConnection is a pool of one, in which database/sql lets those who wait go
// first come, first served; the busy timeout of SQLite would be a lottery.
func oneConnection(c driver.Connector) *sql.DB {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	db.SetConnMaxLifetime(0)
	db.SetConnMaxIdleTime(0)
	return db
}

// ensureWAL switches the file to the write-ahead log. SQLite does not wait
// (whatever the busy timeout) when several processes do that at once.
func ensureWAL(db *sql.DB) error {
	ctx, cancel := context.WithTimeout(context.Background(), busyTimeout)
	defer cancel()
	for {
		var mode string
		err := db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		if err == nil && mode == "wal" {
			return nil
		}
		failed := errors.Join(fmt.Errorf("switch to the write-ahead log (the journal mode is %q)", mode), err)
		if err != nil && !isBusy(err) {
			return failed
		}
		select {
		case <-ctx.Done():
			return failed
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// sqliteConnector opens connections with pragmas by any engine, whose driver is
// known but not the syntax of its DSN.
type sqliteConnector struct {
	engine  driver.Driver
	dsn     string
	pragmas []string
	closes  *sql.DB // with this one, if any
}

// Connect opens one connection.
func (c *sqliteConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.engine.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	execer, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the SQLite driver %T cannot execute with a context", c.engine), conn.Close())
	}
	for _, pragma := range c.pragmas {
		if _, err := execer.ExecContext(ctx, pragma, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", pragma, err), conn.Close())
		}
	}
	return keepStatements(conn), nil
}

// Driver is the engine.
func (c *sqliteConnector) Driver() driver.Driver { return c.engine }

// Close ends the readers; database/sql calls it when the writer is closed.
func (c *sqliteConnector) Close() error {
	if c.closes == nil {
		return nil
	}
	return c.closes.Close()
}

// sqlitePool is the writer, through which everything goes, except what only
// reads outside a transaction, which goes to the readers.
type sqlitePool struct {
	*sql.DB
	readers *sql.DB
	path    string // absolute; "" for a database in memory
	adopted bool   // opened beside a host's pool, for release to close
}

// GetDBConn is what GORM's DB() returns.
func (p *sqlitePool) GetDBConn() (*sql.DB, error) { return p.DB, nil }

// QueryContext reads from the readers and writes (INSERT … RETURNING) through
// the writer.
func (p *sqlitePool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.route(query).QueryContext(ctx, query, args...) //nolint:gosec,unqueryvet // it passes on what it is given
}

// QueryRowContext is QueryContext for one row.
func (p *sqlitePool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return p.route(query).QueryRowContext(ctx, query, args...) //nolint:unqueryvet // it passes on what it is given
}

// PrepareContext prepares a statement where it would run.
func (p *sqlitePool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return p.route(query).PrepareContext(ctx, query) //nolint:unqueryvet // it passes on what it is given
}

// BeginTx begins with the write lock taken; one that is to read only gets its
// snapshot from a reader. Every transaction of SQLite is serializable, so the
// isolation level is dropped.
func (p *sqlitePool) BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error) {
	if opts != nil && opts.ReadOnly {
		return p.readers.BeginTx(ctx, nil) // mattn would clear query_only after a ReadOnly one
	}
	return p.DB.BeginTx(ctx, nil)
}

var (
	readsOnly = regexp.MustCompile(`(?is)^[\s(]*(select|with)\b`)
	mayWrite  = regexp.MustCompile(`(?i)\b(insert|update|delete|replace)\b`)
)

// route sends a statement to the readers if it certainly only reads: SELECT
// cannot write, WITH can.
func (p *sqlitePool) route(query string) *sql.DB {
	if strings.HasPrefix(query, "SELECT ") { // nearly always
		return p.readers
	}
	m := readsOnly.FindStringSubmatch(query)
	if len(m) == 0 || strings.EqualFold(m[1], "with") && mayWrite.MatchString(query) {
		return p.DB
	}
	return p.readers
}

func gormSQLite(pool *sqlitePool) (*gorm.DB, error) {
	return gorm.Open(sqliteDialector{&sqlite.Dialector{Conn: pool}}, gormConfig())
}

// sqliteDialector is GORM's with the errors of every engine translated.
type sqliteDialector struct{ *sqlite.Dialector }

// Translate adds GORM's meaning to a constraint's error and keeps its text,
// which names the constraint.
func (sqliteDialector) Translate(err error) error {
	switch extendedCode(err) {
	case 1555, 2067: // SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE
		return fmt.Errorf("%w: %w", gorm.ErrDuplicatedKey, err)
	case 787: // SQLITE_CONSTRAINT_FOREIGNKEY
		return fmt.Errorf("%w: %w", gorm.ErrForeignKeyViolated, err)
	case 275: // SQLITE_CONSTRAINT_CHECK
		return fmt.Errorf("%w: %w", gorm.ErrCheckConstraintViolated, err)
	}
	return err
}

// extendedCode is SQLite's result code: a method of modernc's error, a field of
// mattn's, which needs CGO to be named.
func extendedCode(err error) int {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		return coded.Code()
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	var fields struct {
		ExtendedCode int `json:"ExtendedCode"` //nolint:tagliatelle // the driver's name
	}
	text, marshalErr := json.Marshal(err)
	if marshalErr != nil || json.Unmarshal(text, &fields) != nil {
		return 0
	}
	return fields.ExtendedCode
}
