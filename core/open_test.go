package core_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/internal/pgtest"
)

// box is a table of these tests; its rows are referred to by item.
type box struct {
	ID   int64
	Name string
	N    int64
}

const boxes = `CREATE TABLE boxes (id bigint PRIMARY KEY, name text NOT NULL UNIQUE, n bigint NOT NULL CHECK (n >= 0));
	CREATE TABLE items (box_id bigint NOT NULL REFERENCES boxes (id));
	INSERT INTO boxes VALUES (1, 'first', 0)`

// database is one of those on which every promise of Open and adopt is tested.
type database struct {
	name string
	open func(t *testing.T) *gorm.DB
}

func databases() []database {
	return append([]database{
		{"SQLite file", func(t *testing.T) *gorm.DB {
			t.Helper()
			return open(t, "sqlite:"+filepath.Join(t.TempDir(), "desk.db"))
		}},
		{"SQLite in memory", func(t *testing.T) *gorm.DB {
			t.Helper()
			return open(t, "sqlite::memory:")
		}},
		{"PostgreSQL", func(t *testing.T) *gorm.DB {
			t.Helper()
			return open(t, pgtest.New(t))
		}},
		{"host with the pure-Go engine and no pragmas", func(t *testing.T) *gorm.DB {
			t.Helper()
			return adopted(t, goHost(t, ""))
		}},
		{"host with one connection in memory", func(t *testing.T) *gorm.DB {
			t.Helper()
			return adopted(t, memoryHost(t))
		}},
		{"host with PostgreSQL", func(t *testing.T) *gorm.DB {
			t.Helper()
			return adopted(t, host(t, postgres.Open(pgtest.New(t))))
		}},
	}, withCGO()...)
}

// withBoxes makes the tables.
func withBoxes(t *testing.T, db *gorm.DB) *gorm.DB {
	t.Helper()
	for stmt := range strings.SplitSeq(boxes, ";") {
		must(t, db.Exec(stmt).Error)
	}
	return db
}

func open(t *testing.T, dsn string) *gorm.DB {
	t.Helper()
	db, err := core.Open(dsn)
	must(t, err)
	closeAfter(t, db)
	return db
}

// host is a *gorm.DB as a host opens it, which does nothing for the desk.
func host(t *testing.T, d gorm.Dialector) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(d, &gorm.Config{})
	must(t, err)
	closeAfter(t, db)
	return db
}

func goHost(t *testing.T, query string) *gorm.DB {
	t.Helper()
	return host(t, &sqlite.Dialector{DriverName: "sqlite", DSN: "file:" + filepath.Join(t.TempDir(), "host.db") + query})
}

func memoryHost(t *testing.T) *gorm.DB {
	t.Helper()
	pool, err := sql.Open("sqlite", ":memory:")
	must(t, err)
	pool.SetMaxOpenConns(1)
	return host(t, &sqlite.Dialector{Conn: pool})
}

func adopted(t *testing.T, db *gorm.DB) *gorm.DB {
	t.Helper()
	desk, err := core.Adopt(db)
	must(t, err)
	t.Cleanup(func() { must(t, core.Release(desk)) })
	return desk
}

func closeAfter(t *testing.T, db *gorm.DB) {
	t.Helper()
	pool, err := db.DB()
	must(t, err)
	t.Cleanup(func() { must(t, pool.Close()) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	var got string
	must(t, db.QueryRowContext(t.Context(), query).Scan(&got))
	return got
}

func sqlDB(t *testing.T, db *gorm.DB) *sql.DB {
	t.Helper()
	pool, err := db.DB()
	must(t, err)
	return pool
}

func TestSixtyFourReadThenWriteTransactionsAllSucceed(t *testing.T) {
	t.Parallel()
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			db := withBoxes(t, d.open(t))
			const writers, rounds = 64, 5
			var wg sync.WaitGroup
			for range writers {
				wg.Go(func() {
					for range rounds {
						if err := db.Transaction(increment); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			var got box
			must(t, db.First(&got, 1).Error)
			if got.N != writers*rounds {
				t.Errorf("n = %d, want %d", got.N, writers*rounds)
			}
		})
	}
}

func increment(tx *gorm.DB) error {
	var b box
	if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&b, 1).Error; err != nil {
		return err
	}
	return tx.Model(&b).Update("n", b.N+1).Error
}

func TestConstraintErrorsAreTranslatedAndNameTheConstraint(t *testing.T) {
	t.Parallel()
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			db := withBoxes(t, d.open(t))
			for sql, want := range map[string]error{
				"INSERT INTO boxes VALUES (1, 'second', 0)": gorm.ErrDuplicatedKey,
				"INSERT INTO boxes VALUES (2, 'first', 0)":  gorm.ErrDuplicatedKey,
				"INSERT INTO items VALUES (77)":             gorm.ErrForeignKeyViolated,
				"INSERT INTO boxes VALUES (3, 'third', -1)": gorm.ErrCheckConstraintViolated,
			} {
				if err := db.Exec(sql).Error; !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", sql, err, want)
				}
				err := db.Transaction(func(tx *gorm.DB) error { return tx.Exec(sql).Error })
				if !errors.Is(err, want) {
					t.Errorf("%s in a transaction: %v, want %v", sql, err, want)
				}
			}
			err := db.Exec("INSERT INTO boxes VALUES (2, 'first', 0)").Error
			if !strings.Contains(err.Error(), "name") {
				t.Errorf("%q does not say which column", err)
			}
		})
	}
}

func TestARefusedInnerTransactionLeavesTheOuterOne(t *testing.T) {
	t.Parallel()
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			db := withBoxes(t, d.open(t))
			must(t, db.Transaction(func(tx *gorm.DB) error {
				must(t, tx.Exec("INSERT INTO boxes VALUES (2, 'outer', 0)").Error)
				inner := tx.Transaction(func(tx *gorm.DB) error {
					must(t, tx.Exec("INSERT INTO boxes VALUES (3, 'inner', 0)").Error)
					return tx.Exec("INSERT INTO boxes VALUES (3, 'again', 0)").Error
				})
				if !errors.Is(inner, gorm.ErrDuplicatedKey) {
					t.Errorf("inner transaction: %v", inner)
				}
				return nil
			}))
			names := func() (got []string) {
				must(t, db.Model(&box{}).Order("id").Pluck("name", &got).Error)
				return got
			}
			if got := strings.Join(names(), " "); got != "first outer" {
				t.Errorf("boxes: %s", got)
			}
			refused := errors.New("refused")
			err := db.Transaction(func(tx *gorm.DB) error {
				return errors.Join(refused, tx.Exec("DELETE FROM boxes").Error)
			})
			if got := strings.Join(names(), " "); !errors.Is(err, refused) || got != "first outer" {
				t.Errorf("after a rollback (%v): %s", err, got)
			}
		})
	}
}

func TestInsertReturningWritesOutsideATransactionToo(t *testing.T) {
	t.Parallel()
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			db := withBoxes(t, d.open(t))
			var id int64
			must(t, db.Raw("INSERT INTO boxes VALUES (?, ?, 0) RETURNING id", 9, "nine").Scan(&id).Error)
			if id != 9 {
				t.Errorf("id %d", id)
			}
			err := db.Raw("WITH gone AS (SELECT 9 AS id) DELETE FROM boxes WHERE id IN (SELECT id FROM gone) RETURNING id").Scan(&id).Error
			must(t, err)
			var n int64
			must(t, db.Model(&box{}).Count(&n).Error)
			if n != 1 {
				t.Errorf("%d boxes are left", n)
			}
		})
	}
}

func TestAReadOnlyTransactionReads(t *testing.T) {
	t.Parallel()
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			db := withBoxes(t, d.open(t))
			var b box
			err := db.Transaction(func(tx *gorm.DB) error { return tx.First(&b, 1).Error }, &sql.TxOptions{ReadOnly: true})
			must(t, err)
			must(t, db.Exec("UPDATE boxes SET n = 1").Error)
		})
	}
}

func TestACancelledTransactionFreesTheWriter(t *testing.T) {
	t.Parallel()
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			db := withBoxes(t, d.open(t))
			ctx, cancel := context.WithCancel(t.Context())
			tx := db.WithContext(ctx).Begin()
			must(t, tx.Exec("UPDATE boxes SET n = 5").Error)
			cancel()
			ctx, done := context.WithTimeout(t.Context(), 10*time.Second)
			defer done()
			must(t, db.WithContext(ctx).Exec("UPDATE boxes SET n = n + 1").Error)
			var b box
			must(t, db.First(&b, 1).Error)
			if b.N != 1 {
				t.Errorf("n = %d: the cancelled change was kept", b.N)
			}
		})
	}
}

func TestAnUnknownDSNIsRefusedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"":                               "empty",
		" ":                              "empty",
		"mysql://u:hunter2@h/db":         "mysql",
		"postgres://u:hunter2@h:port/db": "PostgreSQL DSN",
		"postgres://u:hun ter2@h/db":     "PostgreSQL DSN",
		"postgres://u:hunter2%zz@h/db":   "PostgreSQL DSN",
		"postgres://u:hunter2@h/db?sslmode=perhaps":                     "sslmode",
		"host=h password='hunter2 dbname=d":                             "PostgreSQL DSN",
		"host=h password=hunter2 port=x":                                "PostgreSQL DSN",
		"host=127.0.0.1 port=1 user=u password=hunter2 sslmode=disable": "connect",
		"sqlite:/nonexistent/hunter/desk.db":                            "/nonexistent/hunter/desk.db",
	} {
		_, err := core.Open(dsn)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, want something about %q", dsn, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "ter2")) {
			t.Errorf("Open(%q) tells the password: %v", dsn, err)
		}
	}
}
