package schema_test

import (
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/internal/pgtest"
)

func TestDesksWithOtherPrefixesDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	db := open(t, dsn)
	goOn := holdUp(t, dsn, "a_")
	// An index built concurrently would wait for a_'s transaction, whoever builds it.
	plain := with(t, toy(), map[string]string{"0003_index.sql": "-- +goose Up\nSELECT 1;"})
	must(t, upWithin(t, db, 10*time.Second, "b_", plain, plug()))
	must(t, upWithin(t, db, 10*time.Second, "a_", toy())) // nothing pending: no lock is needed
	if err := upWithin(t, db, 3*time.Second, "a_", toy(), plug()); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("another owner of the same desk did not wait: %v", err)
	}
	goOn()
	must(t, migrator(t, db, "a_", toy(), plug()).Up(t.Context()))
}

// building tells whether an index is being built concurrently.
func building(t *testing.T, db *gorm.DB) bool {
	t.Helper()
	return query[bool](t, db, "SELECT count(*) > 0 FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase LIKE 'waiting for%'")
}

func TestAnIndexIsBuiltWithoutStoppingWriters(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	db := open(t, dsn)
	older := with(t, toy(), map[string]string{"0003_index.sql": "-- +goose Up\nSELECT 1;"})
	must(t, migrator(t, db, "hd_", older).Up(t.Context()))
	must(t, db.Exec("DELETE FROM hd_toy_migrations WHERE version_id = 3").Error)

	busy := db.Begin() // a transaction that has written to the table and goes on
	must(t, busy.Exec("INSERT INTO hd_things (name) VALUES ('before')").Error)
	done := make(chan error, 1)
	go func() { done <- migrator(t, db, "hd_", toy()).Up(t.Context()) }()
	waitFor(t, func() bool { return waits(t, db) })
	err := db.Transaction(func(tx *gorm.DB) error {
		must(t, tx.Exec("SET LOCAL lock_timeout = '2s'").Error)
		return tx.Exec("INSERT INTO hd_things (name) VALUES ('meanwhile')").Error
	})
	if err != nil {
		t.Errorf("a writer beside the build: %v", err)
	}
	select {
	case err := <-done:
		t.Fatalf("the build was over before the test: %v", err)
	default:
	}
	must(t, busy.Commit().Error)
	must(t, <-done)
	if !query[bool](t, db, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'hd_things_name'::regclass") {
		t.Error("the index is not valid")
	}
}

// A child is killed while it builds an index. The server goes on building for
// it, until it is done or, here, until somebody ends the backend too.
func TestAnIndexWhoseBuildWasKilledIsBuiltAgain(t *testing.T) {
	t.Parallel()
	for _, serverToo := range []bool{false, true} {
		t.Run(map[bool]string{false: "the server finishes it", true: "the server ends it"}[serverToo], func(t *testing.T) {
			t.Parallel()
			dsn := pgtest.New(t)
			db := open(t, dsn)
			must(t, migrator(t, db, "hd_", toy()).Up(t.Context()))
			busy := db.Begin()
			must(t, busy.Exec("INSERT INTO hd_things (id, name, n) VALUES (99, 'before', 0)").Error)
			must(t, busy.Exec("DELETE FROM hd_things WHERE id = 99").Error)

			must(t, db.Exec(`INSERT INTO hd_toy_migrations (version_id, is_applied) SELECT v, true FROM generate_series(4, 8) v`).Error)
			must(t, busy.Exec("SELECT 1").Error)
			cmd, out := child(t, dsn)
			waitFor(t, func() bool { return building(t, db) })
			must(t, cmd.Process.Kill())
			_ = cmd.Wait() // says that it was killed
			if query[bool](t, db, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'hd_things_n'::regclass") {
				t.Fatalf("the build was over already\n%s", out)
			}
			if serverToo {
				must(t, db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index WHERE datname = current_database()`).Error)
				waitFor(t, func() bool { return !building(t, db) })
			}
			must(t, busy.Commit().Error)
			must(t, db.Exec("UPDATE hd_things SET n = n + 5").Error) // what 4 to 8 would have done
			must(t, migrator(t, db, "hd_", slow(t)).Up(t.Context()))
			complete(t, db)
		})
	}
}

func TestAnUnfinishedIndexOfSomebodyElseStays(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.New(t))
	must(t, db.Exec("CREATE TABLE host (id int)").Error)
	must(t, db.Exec("INSERT INTO host VALUES (1), (1)").Error)
	if err := db.Exec("CREATE UNIQUE INDEX CONCURRENTLY host_id ON host (id)").Error; err == nil {
		t.Fatal("the index should be left invalid")
	}
	must(t, migrator(t, db, "hd_", toy()).Up(t.Context()))
	if n := query[int](t, db, "SELECT count(*) FROM pg_index WHERE indexrelid = 'host_id'::regclass"); n != 1 {
		t.Error("the host's index was dropped")
	}
}

func TestALimitOnStatementsDoesNotStopAMigration(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.New(t)+"&statement_timeout=150")
	pool(t, db).SetMaxOpenConns(1)
	long := with(t, toy(), map[string]string{"0004_long.sql": "-- +goose Up\nSELECT pg_sleep(0.4);"})
	must(t, migrator(t, db, "hd_", long).Up(t.Context()))
	if got := query[string](t, db, "SHOW statement_timeout"); got != "150ms" {
		t.Errorf("afterwards the limit is %s", got)
	}
}
