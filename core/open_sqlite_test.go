package core_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
)

func TestTheDSNDoesNotDecideOverPragmas(t *testing.T) { // alone: it changes the directory
	dir := t.TempDir()
	bad := "?_pragma=journal_mode(DELETE)&_pragma=foreign_keys(0)&_pragma=synchronous(OFF)&_txlock=deferred&mode=memory"
	t.Chdir(dir)
	for dsn, file := range map[string]string{
		"sqlite:" + dir + "/a.db" + bad:   "a.db",
		"sqlite://" + dir + "/b.db" + bad: "b.db",
		"file:" + dir + "/c.db" + bad:     "c.db",
		dir + "/d.db" + bad:               "d.db",
		"e.db":                            "e.db",
		"sqlite:f 100% #1.db":             "f 100% #1.db",
	} {
		db := open(t, dsn)
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Errorf("%s: %v", dsn, err)
		}
		checkPragmas(t, db)
	}
}

func checkPragmas(t *testing.T, db *gorm.DB) {
	t.Helper()
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "foreign_keys": "1", "synchronous": "2", "busy_timeout": "10000", "query_only": "0",
	} {
		if got := text(t, sqlDB(t, db), "PRAGMA "+pragma); got != want {
			t.Errorf("the writer's %s is %s, want %s", pragma, got, want)
		}
	}
	if got := text(t, core.Readers(db), "PRAGMA query_only"); got != "1" {
		t.Errorf("a reader's query_only is %s", got)
	}
}

func TestAHostsFileGetsTheRightPragmasWithoutTouchingTheHost(t *testing.T) {
	t.Parallel()
	db := goHost(t, "?_pragma=foreign_keys(0)&_pragma=synchronous(OFF)")
	desk, err := core.Adopt(db)
	must(t, err)
	checkPragmas(t, desk)
	if db.TranslateError || text(t, sqlDB(t, db), "PRAGMA foreign_keys") != "0" {
		t.Error("the host's own settings were changed")
	}
	must(t, core.Release(desk))
	if err := desk.Exec("SELECT 1").Error; err == nil {
		t.Error("a released database still works")
	}
	must(t, db.Exec("CREATE TABLE host (id int)").Error)
}

func TestADatabaseOfOurOwnIsAdoptedAsItIs(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "desk.db"))
	same, err := core.Adopt(db)
	must(t, err)
	if same != db {
		t.Error("it was opened twice")
	}
	must(t, core.Release(same))
	must(t, db.Exec("CREATE TABLE x (id int)").Error) // still open
}

func TestReadersAndTheWriterDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "desk.db"))
	must(t, db.Exec("CREATE TABLE x (id int)").Error)
	must(t, db.Exec("INSERT INTO x VALUES (1), (2), (3)").Error)
	var seen int64
	must(t, db.Transaction(func(tx *gorm.DB) error {
		must(t, tx.Exec("INSERT INTO x VALUES (4)").Error)
		return db.Raw("SELECT count(*) FROM x").Scan(&seen).Error // waits for nobody
	}))
	if seen != 3 {
		t.Errorf("outside the open transaction there are %d rows", seen)
	}
	rows, err := db.Raw("SELECT id FROM x").Rows()
	must(t, err)
	t.Cleanup(func() { must(t, rows.Close()) })
	for rows.Next() {
		must(t, db.Exec("INSERT INTO x VALUES (5)").Error)
	}
	must(t, rows.Err())
	must(t, db.Raw("SELECT count(*) FROM x").Scan(&seen).Error)
	if seen != 8 {
		t.Errorf("%d rows: a committed write is not read", seen)
	}
}

func TestAReaderCannotWrite(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "desk.db"))
	_, err := core.Readers(db).ExecContext(t.Context(), "CREATE TABLE x (id int)")
	if err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("a write on a reader: %v", err)
	}
}

func TestOnlyWhatSurelyReadsGoesToTheReaders(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]bool{
		"SELECT 1":                             true,
		"  \n\tselect\n1":                      true,
		"(SELECT 1)":                           true,
		"SELECT * FROM updates":                true,
		"SELECT 'delete from x'":               true,
		"WITH a AS (SELECT 1) SELECT * FROM a": true,
		"with a as (select 1) delete from b":   false,
		"WITH a AS (SELECT 1) INSERT INTO b SELECT * FROM a RETURNING id": false,
		"INSERT INTO a VALUES (1) RETURNING id":                           false,
		"UPDATE a SET b = (SELECT 1) RETURNING b":                         false,
		"DELETE FROM a RETURNING id":                                      false,
		"PRAGMA wal_checkpoint":                                           false,
		"-- a comment\nDELETE FROM a":                                     false,
		"selectively":                                                     false,
		"":                                                                false,
	} {
		if got := core.IsRead(query); got != want {
			t.Errorf("%q is a read: %t, want %t", query, got, want)
		}
	}
}

func TestClosingTheDatabaseClosesTheReaders(t *testing.T) {
	t.Parallel()
	db, err := core.Open(filepath.Join(t.TempDir(), "desk.db"))
	must(t, err)
	must(t, sqlDB(t, db).Close())
	if err := core.Readers(db).PingContext(t.Context()); err == nil {
		t.Error("the readers are still open")
	}
}

func TestManyOpenANewFileAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "desk.db")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			db, err := core.Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			pool, err := db.DB()
			if err != nil {
				t.Error(err)
				return
			}
			if err := pool.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestAMemoryDatabaseWithSeveralConnectionsIsRefused(t *testing.T) {
	t.Parallel()
	db := host(t, &sqlite.Dialector{DriverName: "sqlite", DSN: ":memory:"})
	if _, err := core.Adopt(db); err == nil || !strings.Contains(err.Error(), "SetMaxOpenConns(1)") {
		t.Errorf("Adopt: %v", err)
	}
}

func TestTheHostWaitsForTheDeskAndTheDeskForTheHost(t *testing.T) {
	t.Parallel()
	db := goHost(t, "?_pragma=busy_timeout(10000)&_txlock=immediate")
	desk := adopted(t, db)
	must(t, db.Exec("CREATE TABLE x (id int)").Error)
	tx := db.Begin()
	must(t, tx.Exec("INSERT INTO x VALUES (1)").Error)
	written := make(chan error, 1)
	go func() { written <- desk.Exec("INSERT INTO x VALUES (2)").Error }()
	select {
	case err := <-written:
		t.Fatalf("the desk did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	must(t, tx.Commit().Error)
	must(t, <-written)
}

// Two processes, as far as SQLite can tell: without immediate transactions the
// one that read first could not write after the other has.
func TestTwoProcessesReadAndWriteOneFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "desk.db")
	first, second := withBoxes(t, open(t, path)), open(t, path)
	var wg sync.WaitGroup
	for i := range 32 {
		db := first
		if i%2 == 0 {
			db = second
		}
		wg.Go(func() {
			for range 5 {
				if err := db.Transaction(increment); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	var got box
	must(t, first.First(&got, 1).Error)
	if got.N != 32*5 {
		t.Errorf("n = %d, want %d", got.N, 32*5)
	}
}
