package schema_test

import (
	"bytes"
	"context"
	"database/sql"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite"

	"github.com/hookdesk/hookdesk/internal/pgtest"
	"github.com/hookdesk/hookdesk/schema"
)

const pragmas = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_txlock=immediate"

// connect opens a DSN of dsns. It does not use core.OpenDB: core builds on
// this package.
func connect(dsn string) (*gorm.DB, error) {
	var d gorm.Dialector = &sqlite.Dialector{DriverName: "sqlite", DSN: dsn}
	if strings.HasPrefix(dsn, "postgres") {
		d = postgres.Open(dsn)
	}
	return gorm.Open(d, &gorm.Config{Logger: logger.Discard})
}

func open(t *testing.T, dsn string) *gorm.DB {
	t.Helper()
	db, err := connect(dsn)
	must(t, err)
	pool, err := db.DB()
	must(t, err)
	if strings.HasPrefix(dsn, ":memory:") {
		pool.SetMaxOpenConns(1)
	}
	t.Cleanup(func() { must(t, pool.Close()) })
	return db
}

// both are empty databases of the two kinds that a desk runs on.
func both(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"SQLite":     "file:" + filepath.Join(t.TempDir(), "desk.db") + pragmas,
		"PostgreSQL": pgtest.New(t),
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// toy is an owner with three migrations: tables, a change of rows, an index.
func toy() schema.Owner { return schema.Owner{ID: "toy", Migrations: os.DirFS("testdata/toy")} }

// plug is one whose table refers to toy's and whose files lie in a folder.
func plug() schema.Owner { return schema.Owner{ID: "plug", Migrations: os.DirFS("testdata/plug")} }

// with is an owner with more files.
func with(t *testing.T, o schema.Owner, more map[string]string) schema.Owner {
	t.Helper()
	files := fstest.MapFS{}
	names, err := fs.Glob(o.Migrations, "*.sql")
	must(t, err)
	for _, name := range names {
		text, err := fs.ReadFile(o.Migrations, name)
		must(t, err)
		files[name] = &fstest.MapFile{Data: text}
	}
	for name, text := range more {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return schema.Owner{ID: o.ID, Migrations: files}
}

func migrator(t *testing.T, db *gorm.DB, prefix string, owners ...schema.Owner) *schema.Migrator {
	t.Helper()
	m, err := schema.New(db, prefix, owners...)
	must(t, err)
	return m
}

func query[T any](t *testing.T, db *gorm.DB, sql string) T {
	t.Helper()
	var got T
	must(t, db.Raw(sql).Row().Scan(&got))
	return got
}

// tables lists what there is, without SQLite's own.
func tables(t *testing.T, db *gorm.DB) string {
	t.Helper()
	list := "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'sqlite_sequence' ORDER BY 1"
	if db.Name() == "postgres" {
		list = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
	}
	var names []string
	must(t, db.Raw(list).Scan(&names).Error)
	return strings.Join(names, " ")
}

func TestUpDownUp(t *testing.T) {
	t.Parallel()
	for name, dsn := range both(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, dsn)
			m := migrator(t, db, "hd_", toy(), plug())
			const all = "hd_plug_migrations hd_plug_parts hd_things hd_toy_migrations"
			for range 2 {
				must(t, m.Up(t.Context()))
				if got := tables(t, db); got != all {
					t.Errorf("after up: %s", got)
				}
				if n := query[int](t, db, "SELECT sum(n) FROM hd_things"); n != 2 {
					t.Errorf("the change of rows ran %d times", n/2)
				}
				want := "toy " + map[bool]string{true: "postgres", false: "sqlite"}[db.Name() == "postgres"]
				var names []string
				must(t, db.Raw("SELECT name FROM hd_things ORDER BY id").Scan(&names).Error)
				if got := strings.Join(names, " "); got != want {
					t.Errorf("rendered %q, want %q", got, want)
				}
				must(t, m.Down(t.Context(), "plug"))
				must(t, m.Down(t.Context(), "toy"))
				if got := tables(t, db); got != "" {
					t.Errorf("after down: %s", got)
				}
			}
		})
	}
}

func TestUpAgainDoesNothing(t *testing.T) {
	t.Parallel()
	for name, dsn := range both(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, dsn)
			for range 3 {
				must(t, migrator(t, db, "hd_", toy(), plug()).Up(t.Context()))
			}
			if n := query[int](t, db, "SELECT count(*) FROM hd_toy_migrations WHERE version_id > 0"); n != 3 {
				t.Errorf("%d versions are recorded", n)
			}
		})
	}
}

func TestTheCoreGoesUpDownUpUnderAnyPrefix(t *testing.T) {
	t.Parallel()
	for name, dsn := range both(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, dsn)
			owner := schema.Owner{ID: "core", Migrations: schema.Core()}
			for _, prefix := range []string{"hookdesk_", "b_", "hookdesk_"} {
				m := migrator(t, db, prefix, owner)
				must(t, m.Up(t.Context()))
				for name := range strings.FieldsSeq(tables(t, db)) {
					if !strings.HasPrefix(name, "hookdesk_") && !strings.HasPrefix(name, "b_") {
						t.Errorf("the table %s has no prefix", name)
					}
				}
				if prefix == "b_" {
					continue
				}
				must(t, m.Down(t.Context(), "core"))
				if left := tables(t, db); strings.Contains(left, prefix) {
					t.Errorf("after down: %s", left)
				}
			}
		})
	}
}

func TestTwoDesksShareADatabase(t *testing.T) {
	t.Parallel()
	for name, dsn := range both(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, dsn)
			a, b := migrator(t, db, "a_", toy(), plug()), migrator(t, db, "b_", toy())
			must(t, a.Up(t.Context()))
			must(t, b.Up(t.Context()))
			must(t, a.Down(t.Context(), "plug"))
			must(t, a.Down(t.Context(), "toy"))
			if got := tables(t, db); got != "b_things b_toy_migrations" {
				t.Errorf("tables: %s", got)
			}
		})
	}
}

func TestAnImportBringsItsOwnIDs(t *testing.T) {
	t.Parallel()
	for name, dsn := range both(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, dsn)
			must(t, migrator(t, db, "hd_", toy()).Up(t.Context()))
			must(t, db.Exec("INSERT INTO hd_things (id, name) VALUES (4711, 'imported')").Error)
			if id := query[int](t, db, "INSERT INTO hd_things (name) VALUES ('made') RETURNING id"); id < 3 {
				t.Errorf("the database made the id %d", id)
			}
		})
	}
}

func TestADatabaseInMemoryIsMigrated(t *testing.T) {
	t.Parallel()
	db := open(t, ":memory:")
	must(t, migrator(t, db, "hd_", toy(), plug()).Up(t.Context()))
	if n := query[int](t, db, "SELECT sum(n) FROM hd_things"); n != 2 {
		t.Errorf("sum %d", n)
	}
}

func TestAMigrationThatFailsLeavesNothingOfItself(t *testing.T) {
	t.Parallel()
	for name, dsn := range both(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, dsn)
			bad := with(t, toy(), map[string]string{"0004_bad.sql": `-- +goose Up
CREATE TABLE {{.Prefix}}half (id int);
INSERT INTO {{.Prefix}}nowhere VALUES (1);`})
			err := migrator(t, db, "hd_", bad).Up(t.Context())
			if err == nil || !strings.Contains(err.Error(), "0004_bad.sql") || !strings.Contains(err.Error(), "migrate toy") {
				t.Errorf("the error does not name the owner and the file: %v", err)
			}
			if got := tables(t, db); got != "hd_things hd_toy_migrations" {
				t.Errorf("tables: %s", got)
			}
			good := with(t, toy(), map[string]string{"0004_bad.sql": "-- +goose Up\nCREATE TABLE {{.Prefix}}half (id int);"})
			must(t, migrator(t, db, "hd_", good).Up(t.Context()))
		})
	}
}

func TestADatabaseOfANewerProgramIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, dsn := range both(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, dsn)
			newer := with(t, toy(), map[string]string{"0004_more.sql": "-- +goose Up\nALTER TABLE {{.Prefix}}things ADD COLUMN more bigint;"})
			must(t, migrator(t, db, "hd_", newer).Up(t.Context()))

			var log bytes.Buffer
			old := migrator(t, db, "hd_", toy()).WithLogger(slog.New(slog.NewTextHandler(&log, nil)))
			must(t, old.Up(t.Context()))
			if !strings.Contains(log.String(), "newer program") || !strings.Contains(log.String(), "version=4 known=3") {
				t.Errorf("the log says %q", log.String())
			}
			status, err := old.Status(t.Context())
			must(t, err)
			if s := status[0]; s.Version != 4 || s.Known != 3 || len(s.Pending) != 0 {
				t.Errorf("status %+v", s)
			}
			if err := old.Down(t.Context(), "toy"); err == nil || !strings.Contains(err.Error(), "newer program") {
				t.Errorf("down: %v", err)
			}
			if n := query[int](t, db, "SELECT sum(n) FROM hd_things"); n != 2 {
				t.Error("the refused down changed something")
			}
		})
	}
}

func TestStatusTellsWhatIsPendingAndChangesNothing(t *testing.T) {
	t.Parallel()
	for name, dsn := range both(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, dsn)
			m := migrator(t, db, "hd_", toy(), plug())
			status, err := m.Status(t.Context())
			must(t, err)
			want := []string{"0001_tables.sql", "0002_count.sql", "0003_index.sql"}
			if s := status[0]; s.Owner != "toy" || s.Version != 0 || s.Known != 3 || !slices.Equal(s.Pending, want) {
				t.Errorf("before: %+v", s)
			}
			if got := tables(t, db); got != "" {
				t.Errorf("status made %s", got)
			}
			must(t, m.Up(t.Context()))
			if status, err = m.Status(t.Context()); err != nil || status[1].Version != 1 || len(status[0].Pending) != 0 {
				t.Errorf("after: %+v, %v", status, err)
			}
		})
	}
}

func TestWhatIsNotAPlainNameIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, ":memory:")
	for _, prefix := range []string{"", "x; DROP TABLE things; --", "Hd_", "1_", "hd-", `hd"`, "hd_\n", strings.Repeat("x", 32)} {
		if _, err := schema.New(db, prefix, toy()); err == nil || !strings.Contains(err.Error(), "prefix") {
			t.Errorf("the prefix %q: %v", prefix, err)
		}
	}
	long := strings.Repeat("x", 31)
	for id, prefix := range map[string]string{
		"": "hd_", "x; DROP": "hd_", "Toy": "hd_", "_toy": "hd_", "to-y": "hd_", long: long,
	} {
		if _, err := schema.New(db, prefix, schema.Owner{ID: id, Migrations: toy().Migrations}); err == nil {
			t.Errorf("the owner %q with the prefix %q was taken", id, prefix)
		}
	}
	if _, err := schema.New(db, "hd_", toy(), toy()); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("an owner given twice: %v", err)
	}
	if err := migrator(t, db, "hd_", toy()).Down(t.Context(), "plug"); err == nil {
		t.Error("an unknown owner was taken back")
	}
	must(t, migrator(t, db, strings.Repeat("p", 31), toy()).Up(t.Context()))
}

func TestAFileThatCannotWorkIsRefusedByName(t *testing.T) {
	t.Parallel()
	db := open(t, ":memory:")
	for name, text := range map[string]string{
		"0001_unknown_key.sql": "-- +goose Up\nCREATE TABLE {{.Prefx}}x (id int);",
		"0001_no_template.sql": "-- +goose Up\nCREATE TABLE {{.Prefix x (id int);",
		"0001_index.sql":       "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE UNIQUE INDEX {{.Concurrently}}\n x ON y (z);",
		"0001_drop.sql":        "-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;\n-- +goose Down\ndrop index concurrently x;",
		"tables.sql":           "-- +goose Up\nSELECT 1;",
		"0000_zero.sql":        "-- +goose Up\nSELECT 1;",
	} {
		files := fstest.MapFS{name: &fstest.MapFile{Data: []byte(text)}}
		_, err := schema.New(db, "hd_", schema.Owner{ID: "bad", Migrations: files})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for what, files := range map[string]fs.FS{"nil": nil, "empty": fstest.MapFS{}, "another folder": os.DirFS("testdata")} {
		if _, err := schema.New(db, "hd_", schema.Owner{ID: "bad", Migrations: files}); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	fine := "-- +goose NO TRANSACTION\n-- CREATE INDEX in a comment\n-- +goose Up\ncreate unique index if not exists a on b (c);"
	_, err := schema.New(db, "hd_", schema.Owner{ID: "fine", Migrations: fstest.MapFS{"0001_a.sql": {Data: []byte(fine)}}})
	must(t, err)
}

func TestUpEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, dsn := range both(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, dsn)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := migrator(t, db, "hd_", toy()).Up(ctx); err == nil {
				t.Error("no error")
			}
			must(t, migrator(t, db, "hd_", toy()).Up(t.Context()))
		})
	}
}

// slow adds migrations that take a while and count how often they ran.
func slow(t *testing.T) schema.Owner {
	t.Helper()
	more := map[string]string{}
	for _, n := range []string{"0004", "0005", "0006", "0007", "0008"} {
		more[n+"_slow.sql"] = `-- +goose Up
{{if .Postgres}}SELECT pg_sleep(0.03);{{else}}CREATE TABLE {{.Prefix}}busy AS
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 60000) SELECT x FROM c;
DROP TABLE {{.Prefix}}busy;{{end}}
UPDATE {{.Prefix}}things SET n = n + 1;`
	}
	more["0009_index.sql"] = `-- +goose NO TRANSACTION
-- +goose Up
CREATE INDEX {{.Concurrently}} IF NOT EXISTS {{.Prefix}}things_n ON {{.Prefix}}things (n);`
	o := with(t, toy(), more)
	if files, err := fs.Glob(o.Migrations, "*.sql"); err != nil || len(files) != 9 {
		t.Fatal("files are missing")
	}
	return o
}

// complete checks that every migration of slow ran once.
func complete(t *testing.T, db *gorm.DB) {
	t.Helper()
	if n := query[int](t, db, "SELECT sum(n) FROM hd_things"); n != 2*6 {
		t.Errorf("the changes of rows add up to %d, want 12", n)
	}
	if n := query[int](t, db, "SELECT count(*) FROM hd_toy_migrations WHERE version_id > 0"); n != 9 {
		t.Errorf("%d versions are recorded, want 9", n)
	}
	indexes := "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name LIKE 'hd!_things!_n%' ESCAPE '!'"
	if db.Name() == "postgres" {
		indexes = "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid IN ('hd_things_n'::regclass, 'hd_things_name'::regclass)"
	}
	if n := query[int](t, db, indexes); n != 2 {
		t.Errorf("%d indexes, want 2", n)
	}
}

func pool(t *testing.T, db *gorm.DB) *sql.DB {
	t.Helper()
	p, err := db.DB()
	must(t, err)
	return p
}
