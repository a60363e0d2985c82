package core

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"gorm.io/gorm"
)

// adopt returns db, a host's own or one of Open, as a desk needs it; release
// frees it. The host's is neither changed nor closed: its plugins, its logger
// and its settings do not reach the desk.
//
// A SQLite file is opened a second time by the host's own engine, for one
// writer and several readers of ours, because the host's DSN decides over
// pragmas. A SQLite database in memory is used through the host's pool, which
// must be limited to one connection.
func adopt(db *gorm.DB) (*gorm.DB, error) {
	if _, inTx := db.Statement.ConnPool.(gorm.TxCommitter); inTx {
		return nil, errors.New("this *gorm.DB is a transaction; pass the database itself")
	}
	if _, ours := db.Statement.ConnPool.(*sqlitePool); ours {
		return db, nil
	}
	switch name := db.Name(); name {
	case "sqlite":
		return adoptSQLite(db)
	case "postgres":
		return adoptPostgres(db)
	default:
		return nil, fmt.Errorf("a desk runs on sqlite or postgres, not on %s", name)
	}
}

// release closes what adopt opened for db and leaves everything else open.
func release(db *gorm.DB) error {
	if pool, ours := db.Statement.ConnPool.(*sqlitePool); ours && pool.adopted {
		return pool.Close()
	}
	return nil
}

// adoptTx returns desk, a database of adopt, inside tx, a transaction that the
// host began on its own *gorm.DB and ends itself. It fails if tx is not a
// transaction or belongs to another kind of database. On SQLite it also fails
// for another file, and where foreign keys are not enforced, for they cannot be
// switched on inside a transaction (mattn: _foreign_keys=on, modernc:
// _pragma=foreign_keys(1)); and the host should begin with _txlock=immediate,
// or a transaction that reads first fails when somebody else has written.
func adoptTx(desk, tx *gorm.DB) (*gorm.DB, error) {
	if _, ok := tx.Statement.ConnPool.(gorm.TxCommitter); !ok {
		return nil, errors.New("adopt transaction: this *gorm.DB is not a transaction; pass the one of Begin or Transaction")
	}
	if got, want := tx.Name(), desk.Name(); got != want {
		return nil, fmt.Errorf("adopt transaction: it is one of %s, the desk's database is %s", got, want)
	}
	pool := tx.Statement.ConnPool
	if prepared, ok := pool.(*gorm.PreparedStmtTX); ok {
		pool = prepared.Tx
	}
	if own, ok := desk.Statement.ConnPool.(*sqlitePool); ok {
		if err := own.accepts(tx.Statement.Context, pool); err != nil {
			return nil, err
		}
	}
	session := desk.Session(&gorm.Session{NewDB: true, Context: tx.Statement.Context})
	session.Statement.ConnPool = pool
	return session, nil
}

// adoptSQLite opens the host's file again, with the host's engine: two copies
// of SQLite in one process would drop each other's file locks.
func adoptSQLite(db *gorm.DB) (*gorm.DB, error) {
	host, err := db.DB()
	if err != nil {
		return nil, err
	}
	path, err := hostFile(host)
	if err != nil {
		return nil, err
	}
	if path == "" {
		return adoptMemory(host)
	}
	pool, err := openSQLiteFile(host.Driver(), path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	pool.adopted = true
	adopted, err := gormSQLite(pool)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), pool.Close())
	}
	return adopted, nil
}

// hostFile is the path of the host's main database, "" if that is no file. The
// first query makes SQLite create a file that does not exist yet.
func hostFile(host *sql.DB) (string, error) {
	ctx := context.Background()
	var n int
	if err := host.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&n); err != nil {
		return "", err
	}
	var path string
	if err := host.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path); err != nil {
		return "", err
	}
	if !sameFile(path, path) {
		return "", nil // in memory, or in a VFS of the host's
	}
	return path, nil
}

// adoptMemory uses the host's only connection.
func adoptMemory(host *sql.DB) (*gorm.DB, error) {
	if host.Stats().MaxOpenConnections != 1 {
		return nil, errors.New("a SQLite database in memory needs SetMaxOpenConns(1): each connection would have its own")
	}
	for _, pragma := range sqlitePragmas() {
		if _, err := host.ExecContext(context.Background(), pragma); err != nil {
			return nil, fmt.Errorf("%s: %w", pragma, err)
		}
	}
	return gormSQLite(&sqlitePool{DB: host, readers: host})
}

// accepts checks that tx, a transaction of the host, is one on our file that
// enforces foreign keys.
func (p *sqlitePool) accepts(ctx context.Context, tx gorm.ConnPool) error {
	var enforced bool
	var path string
	err := tx.QueryRowContext(ctx, `SELECT (SELECT foreign_keys FROM pragma_foreign_keys),
		(SELECT file FROM pragma_database_list WHERE name = 'main')`).Scan(&enforced, &path)
	switch {
	case err != nil:
		return fmt.Errorf("adopt transaction: %w", err)
	case p.path != "" && !sameFile(path, p.path):
		return fmt.Errorf("adopt transaction: it is one on %q, the desk's database is %q", path, p.path)
	case !enforced:
		return errors.New("adopt transaction: this connection does not enforce foreign keys; open the database with foreign_keys on")
	}
	return nil
}

// sameFile is false for what is no file.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
