package desktest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/internal/pgtest"
)

// Database is a kind of database.
type Database string

// The databases that a desk runs on.
const (
	SQLite   Database = "sqlite"
	Postgres Database = "postgres"
)

// Each runs fn on both databases, as parallel subtests.
func Each(t *testing.T, fn func(t *testing.T, db Database)) {
	t.Helper()
	for _, db := range []Database{SQLite, Postgres} {
		t.Run(string(db), func(t *testing.T) {
			t.Parallel()
			fn(t, db)
		})
	}
}

// dsn is a database for t alone, with the tables of the desk of c in it. These are
// made once per process and set of migrations, and copied from then on.
func (kind Database) dsn(t testing.TB, c core.Config) (dsn string) {
	t.Helper()
	switch key := keyOf(c); {
	case kind == Postgres && key == "":
		dsn = pgtest.New(t)
	case kind == Postgres:
		dsn = pgtest.FromTemplate(t, key, func(dsn string) error { return migrate(dsn, c) })
	case kind == SQLite:
		dsn = filepath.Join(t.TempDir(), "desk.db")
		if err := copySQLite(dsn, key, c); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("desktest: there is no database %q; take one of Each", kind)
	}
	return dsn
}

// open opens such a database.
func (kind Database) open(t testing.TB, c core.Config) *gorm.DB {
	t.Helper()
	db, err := core.Open(kind.dsn(t, c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeDB(db); err != nil {
			t.Error(err)
		}
	})
	return db
}

func closeDB(db *gorm.DB) error {
	pool, err := db.DB()
	if err != nil {
		return err
	}
	return pool.Close()
}

// keyOf tells sets of tables apart. It is "" where a manifest cannot be read: the
// desk itself will say what is wrong with it.
func keyOf(c core.Config) string {
	sum := sha256.New()
	fmt.Fprintln(sum, c.TablePrefix)
	for _, p := range c.Plugins {
		m, err := manifestOf(p)
		if err != nil {
			return ""
		}
		fmt.Fprintln(sum, m.ID, m.Version, m.Requires)
		if m.Migrations == nil {
			continue
		}
		err = fs.WalkDir(m.Migrations, ".", func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := fs.ReadFile(m.Migrations, path)
			fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
			return err
		})
		if err != nil {
			return ""
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func manifestOf(p core.Plugin) (m core.Manifest, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("Manifest panics: %v", p)
		}
	}()
	return p.Manifest(), nil
}

// tablesOnly is a plugin that has its tables and does nothing.
type tablesOnly struct{ core.Plugin }

func (tablesOnly) Register(core.Host) error { return nil }

// migrate makes the tables of a desk. A failure is left to the desk itself,
// which meets it again and can say more.
func migrate(dsn string, c core.Config) error {
	db, err := core.Open(dsn)
	if err != nil {
		return err
	}
	own := core.Config{DB: db, TablePrefix: c.TablePrefix, Secret: c.Secret, Logger: c.Logger}
	for _, p := range c.Plugins {
		own.Plugins = append(own.Plugins, tablesOnly{p})
	}
	if d, err := core.New(own); err == nil {
		return errors.Join(d.Close(), closeDB(db))
	}
	return closeDB(db)
}

// sqliteFiles are migrated databases by their key.
var sqliteFiles struct {
	mu   sync.Mutex
	made map[string]func() ([]byte, error)
}

// copySQLite writes a migrated database to path.
func copySQLite(path, key string, c core.Config) error {
	if key == "" {
		return nil // SQLite makes an empty one
	}
	sqliteFiles.mu.Lock()
	if sqliteFiles.made == nil {
		sqliteFiles.made = map[string]func() ([]byte, error){}
	}
	made := sqliteFiles.made[key]
	if made == nil {
		made = sync.OnceValues(func() ([]byte, error) { return makeSQLite(c) })
		sqliteFiles.made[key] = made
	}
	sqliteFiles.mu.Unlock()
	content, err := made()
	if err != nil {
		return fmt.Errorf("desktest: %w", err)
	}
	return os.WriteFile(path, content, 0o600)
}

func makeSQLite(c core.Config) ([]byte, error) {
	dir, err := os.MkdirTemp("", "desktest")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // the system clears what is left
	path := filepath.Join(dir, "desk.db")
	if err := migrate(path, c); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
