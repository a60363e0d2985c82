package schema

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
)

// retryAfter is how often a locker that found the lock taken tries again.
const retryAfter = 20 * time.Millisecond

// locker makes the lock of one run. All owners of a desk share it, desks with
// another prefix in the same PostgreSQL do not. It goes with its process,
// however that ends.
func (m *Migrator) locker() lock.SessionLocker {
	if m.dialect == database.DialectPostgres {
		return &advisoryLock{prefix: m.prefix, log: m.log}
	}
	return &fileLock{engine: m.db.Driver(), dsn: m.lockFile, log: m.log}
}

// locked runs fn on a connection while this process holds the lock.
func (m *Migrator) locked(ctx context.Context, fn func(*sql.Conn) error) (err error) {
	conn, err := m.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	l := m.locker()
	if err := l.SessionLock(ctx, conn); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.SessionUnlock(context.WithoutCancel(ctx), conn)) }()
	return fn(conn)
}

// ensureTable makes an owner's version table. goose would do so without the
// lock and, where several do, pause for a second.
func (m *Migrator) ensureTable(ctx context.Context, o owner) error {
	exists, err := m.tableExists(ctx, m.db, o.store.Tablename())
	if err != nil || exists {
		return err
	}
	return m.locked(ctx, func(conn *sql.Conn) error {
		exists, err := m.tableExists(ctx, conn, o.store.Tablename())
		if err != nil || exists {
			return err
		}
		tx, err := conn.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := o.store.CreateVersionTable(ctx, tx); err != nil {
			return err
		}
		if err := o.store.Insert(ctx, tx, database.InsertRequest{Version: 0}); err != nil {
			return err
		}
		return tx.Commit()
	})
}

func (m *Migrator) tableExists(ctx context.Context, db database.DBTxConn, table string) (exists bool, err error) {
	query := "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = $1"
	if m.dialect == database.DialectPostgres {
		query = "SELECT count(*) > 0 FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1"
	}
	err = db.QueryRowContext(ctx, query, table).Scan(&exists) //nolint:unqueryvet // one of two constants
	return exists, err
}

// advisoryLock is a session lock of PostgreSQL on the connection that goose
// migrates on: should this process die in the middle of a statement, the server
// still runs that to its end, and holds the lock until then.
type advisoryLock struct {
	prefix string
	log    *slog.Logger
}

func (l *advisoryLock) id() int64 {
	h := fnv.New64a()
	h.Write([]byte("hookdesk migrations " + l.prefix)) // never fails, see hash.Hash
	return int64(h.Sum64())
}

// SessionLock waits for the lock, lifts the host's limit on statements, which a
// long build of an index would hit, and clears away what a killed run left.
//
// It asks again and again: pg_advisory_lock would wait inside a transaction,
// for whose end CREATE INDEX CONCURRENTLY waits.
func (l *advisoryLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	err := patiently(ctx, l.log, func() (ok bool, err error) {
		err = conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", l.id()).Scan(&ok)
		return ok, err
	})
	if err != nil {
		return err
	}
	if _, err = conn.ExecContext(ctx, "SET statement_timeout = 0"); err == nil {
		err = l.dropInvalidIndexes(ctx, conn)
	}
	if err != nil {
		return errors.Join(err, l.SessionUnlock(context.WithoutCancel(ctx), conn))
	}
	return nil
}

// SessionUnlock gives the connection back as it was.
func (l *advisoryLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, resetErr := conn.ExecContext(ctx, "RESET statement_timeout")
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", l.id())
	return errors.Join(resetErr, err)
}

// invalidIndexes are those of a concurrent build that did not finish and that
// nobody is working on, of tables with the prefix. IF NOT EXISTS would take
// them for finished ones.
const invalidIndexes = `SELECT quote_ident(n.nspname) || '.' || quote_ident(i.relname)
	FROM pg_index x
	JOIN pg_class i ON i.oid = x.indexrelid
	JOIN pg_class t ON t.oid = x.indrelid
	JOIN pg_namespace n ON n.oid = i.relnamespace
	WHERE NOT x.indisvalid AND n.nspname = current_schema() AND starts_with(t.relname::text, $1)
	AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = x.indexrelid)`

func (l *advisoryLock) dropInvalidIndexes(ctx context.Context, conn *sql.Conn) error {
	rows, err := conn.QueryContext(ctx, invalidIndexes, l.prefix)
	if err != nil {
		return err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, name := range names {
		l.log.WarnContext(ctx, "dropping an index whose build was interrupted", "index", name)
		if _, err := conn.ExecContext(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+name); err != nil { //nolint:unqueryvet // a name from the catalogue
			return fmt.Errorf("drop the unfinished index %s: %w", name, err)
		}
	}
	return nil
}

// fileLock is a SQLite database of its own, beside the one that is migrated,
// which stays empty. An exclusive transaction on it is a lock that the
// operating system takes back from a dead process, on every system and by any
// engine; one on the database itself would get into the way of goose's
// transactions.
type fileLock struct {
	engine driver.Driver
	dsn    string
	log    *slog.Logger
	held   *sql.DB
}

// lockFile is the DSN of the lock: <file>-migrate, or a name in the memory of
// this process for a database that is there too.
func lockFile(db *sql.DB) (string, error) {
	var path string
	err := db.QueryRowContext(context.Background(), "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path)
	if err != nil {
		return "", err
	}
	if path == "" || !isDir(filepath.Dir(path)) {
		return "file:hookdesk-migrate?mode=memory&cache=shared", nil
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive of Windows
	}
	return (&url.URL{Scheme: "file", Path: path + "-migrate"}).String(), nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// SessionLock waits for the lock. The connection plays no part in it.
func (l *fileLock) SessionLock(ctx context.Context, _ *sql.Conn) error {
	l.held = sql.OpenDB(&lockConnector{l})
	l.held.SetMaxOpenConns(1)
	err := patiently(ctx, l.log, func() (bool, error) {
		_, err := l.held.ExecContext(ctx, "BEGIN EXCLUSIVE")
		if err != nil && strings.Contains(err.Error(), "locked") {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return errors.Join(fmt.Errorf("lock %s: %w", l.dsn, err), l.held.Close())
	}
	return nil
}

// SessionUnlock ends the transaction with its connection.
func (l *fileLock) SessionUnlock(context.Context, *sql.Conn) error { return l.held.Close() }

type lockConnector struct{ *fileLock }

// Connect opens the lock's database without waiting for a lock, so that a
// context that ends is seen.
func (c *lockConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.engine.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	execer, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the SQLite driver %T cannot execute with a context", c.engine), conn.Close())
	}
	if _, err := execer.ExecContext(ctx, "PRAGMA busy_timeout = 0", nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// Driver is the engine.
func (c *lockConnector) Driver() driver.Driver { return c.engine }

// patiently tries until it succeeds, fails or ctx ends.
func patiently(ctx context.Context, log *slog.Logger, try func() (bool, error)) error {
	for waited := false; ; waited = true {
		if ok, err := try(); ok || err != nil {
			return err
		}
		if !waited {
			log.InfoContext(ctx, "waiting for another process that migrates")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("while another process migrates: %w", ctx.Err())
		case <-time.After(retryAfter):
		}
	}
}
