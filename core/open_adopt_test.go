package core_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/internal/pgtest"
)

func TestTheDeskJoinsATransactionOfTheHost(t *testing.T) {
	t.Parallel()
	hosts := map[string]func(t *testing.T) *gorm.DB{
		"SQLite": func(t *testing.T) *gorm.DB {
			t.Helper()
			return goHost(t, "?_pragma=foreign_keys(1)&_txlock=immediate")
		},
		"in memory": memoryHost,
		"PostgreSQL": func(t *testing.T) *gorm.DB {
			t.Helper()
			return host(t, postgres.Open(pgtest.New(t)))
		},
		"one that prepares statements": func(t *testing.T) *gorm.DB {
			t.Helper()
			return goHost(t, "?_pragma=foreign_keys(1)").Session(&gorm.Session{PrepareStmt: true})
		},
	}
	for name, open := range hosts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			desk := adopted(t, db)
			must(t, db.Exec("CREATE TABLE x (id int PRIMARY KEY)").Error)
			refused := errors.New("refused by the host")
			err := db.Transaction(func(tx *gorm.DB) error {
				joined, err := core.AdoptTx(desk, tx)
				must(t, err)
				must(t, joined.Exec("INSERT INTO x VALUES (1)").Error)
				inner := joined.Transaction(func(tx *gorm.DB) error {
					return tx.Exec("INSERT INTO x VALUES (1)").Error
				})
				if !errors.Is(inner, gorm.ErrDuplicatedKey) {
					t.Errorf("untranslated: %v", inner)
				}
				return refused
			})
			var n int64
			must(t, desk.Table("x").Count(&n).Error)
			if !errors.Is(err, refused) || n != 0 {
				t.Errorf("the host rolled back (%v), %d rows are there", err, n)
			}
			if desk.Statement.ConnPool == nil || desk.Exec("INSERT INTO x VALUES (3)").Error != nil {
				t.Error("the desk's own session was changed")
			}
		})
	}
}

func TestATransactionThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	db := goHost(t, "")
	desk := adopted(t, db)
	lax, other := db.Begin(), goHost(t, "?_pragma=foreign_keys(1)").Begin()
	foreign := host(t, postgres.Open(pgtest.New(t))).Begin()
	t.Cleanup(func() { lax.Rollback(); other.Rollback(); foreign.Rollback() })
	for want, tx := range map[string]*gorm.DB{
		"not a transaction": db, "foreign keys": lax, "the desk's database is": other, "one of postgres": foreign,
	} {
		if _, err := core.AdoptTx(desk, tx); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("AdoptTx: %v, want something about %q", err, want)
		}
	}
	if _, err := core.Adopt(lax); err == nil {
		t.Error("Adopt took a transaction")
	}
}

func TestPostgreSQLConnectionsAreSetUp(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	db := open(t, dsn)
	for setting, want := range map[string]string{
		"application_name": "hookdesk", "idle_in_transaction_session_timeout": "1min", "statement_timeout": "0", "timezone": "UTC",
	} {
		if got := text(t, sqlDB(t, db), "SHOW "+setting); got != want {
			t.Errorf("%s is %s, want %s", setting, got, want)
		}
	}
	if n := sqlDB(t, db).Stats().MaxOpenConnections; n != 20 {
		t.Errorf("the pool has %d connections", n)
	}
	named := open(t, dsn+"&application_name=shop&idle_in_transaction_session_timeout=5000&timezone=Asia%2FTokyo")
	for setting, want := range map[string]string{
		"application_name": "shop", "idle_in_transaction_session_timeout": "5s", "timezone": "UTC",
	} {
		if got := text(t, sqlDB(t, named), "SHOW "+setting); got != want {
			t.Errorf("%s is %s, want %s", setting, got, want)
		}
	}
}

func TestAKeywordDSNIsPostgreSQL(t *testing.T) {
	t.Parallel()
	cfg, err := pgx.ParseConfig(pgtest.New(t))
	must(t, err)
	db := open(t, "host="+cfg.Host+" user="+cfg.User+" password='"+cfg.Password+"' dbname="+cfg.Database+" sslmode=disable")
	if got := text(t, sqlDB(t, db), "SELECT current_database()"); got != cfg.Database {
		t.Errorf("connected to %s", got)
	}
}

func TestAnUnsuitablePostgreSQLIsRefused(t *testing.T) {
	t.Parallel()
	if err := core.CheckPostgres(120022, "UTF8"); err == nil || !strings.Contains(err.Error(), "12 is too old") {
		t.Errorf("version 12: %v", err)
	}
	must(t, core.CheckPostgres(130000, "UTF8"))
	dsn := pgtest.New(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	must(t, err)
	cfg := conn.Config()
	ascii := cfg.Database + "_ascii"
	_, err = conn.Exec(t.Context(), "CREATE DATABASE "+ascii+" ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
	must(t, err)
	t.Cleanup(func() {
		_, err := conn.Exec(context.Background(), "DROP DATABASE "+ascii+" WITH (FORCE)")
		must(t, errors.Join(err, conn.Close(context.Background())))
	})
	db := host(t, postgres.Open(strings.Replace(dsn, cfg.Database, ascii, 1)))
	if _, err := core.Adopt(db); err == nil || !strings.Contains(err.Error(), "SQL_ASCII") {
		t.Errorf("Adopt: %v", err)
	}
}

// During a rolling upgrade a newer process adds a column to a table that an
// older one has prepared statements for.
func TestANewColumnDoesNotDisturbAProcessThatDoesNotKnowIt(t *testing.T) {
	t.Parallel()
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			db := withBoxes(t, d.open(t))
			var b box
			for range 3 {
				must(t, db.First(&b, 1).Error)
			}
			must(t, db.Exec("ALTER TABLE boxes ADD COLUMN added integer NOT NULL DEFAULT 0").Error)
			must(t, db.First(&b, 1).Error)
		})
	}
}
