package core_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
)

func TestAStatementIsKeptAndNeverRunTwiceAtOnce(t *testing.T) {
	t.Parallel()
	db := open(t, "sqlite:"+filepath.Join(t.TempDir(), "desk.db"))
	pool := sqlDB(t, db)
	for _, s := range []string{"CREATE TABLE x (id int); CREATE TABLE y (id int)", "INSERT INTO x VALUES (1), (2), (3)"} {
		_, err := pool.ExecContext(t.Context(), s)
		must(t, err)
	}
	tx, err := pool.BeginTx(t.Context(), nil)
	must(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	const query = "SELECT id FROM x WHERE id > ? ORDER BY id"
	ids := func(after int, each func(id int)) {
		rows, err := tx.QueryContext(t.Context(), query, after)
		must(t, err)
		defer rows.Close()
		for rows.Next() {
			var id int
			must(t, rows.Scan(&id))
			each(id)
		}
		must(t, rows.Err())
	}
	var got []int
	for range 3 { // the first one compiles, the next ones find it idle
		ids(0, func(outer int) { ids(outer, func(inner int) { got = append(got, 10*outer+inner) }) })
	}
	if want := "[12 13 23 12 13 23 12 13 23]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestAKeptStatementSeesANewColumnAndManyStatementsComeAndGo(t *testing.T) {
	t.Parallel()
	db := open(t, "sqlite:"+filepath.Join(t.TempDir(), "desk.db"))
	pool := sqlDB(t, db)
	width := func() int {
		rows, err := pool.QueryContext(t.Context(), "SELECT * FROM x")
		must(t, err)
		defer rows.Close()
		columns, err := rows.Columns()
		must(t, errors.Join(err, rows.Err()))
		return len(columns)
	}
	for i, s := range []string{"CREATE TABLE x (id int)", "ALTER TABLE x ADD COLUMN more int", "DROP TABLE x; CREATE TABLE x (a int, b int, c int)"} {
		_, err := pool.ExecContext(t.Context(), s)
		must(t, err)
		if n := width(); n != i+1 {
			t.Errorf("%s: %d columns, want %d", s, n, i+1)
		}
	}
	for i := range 1000 {
		var n int
		must(t, pool.QueryRowContext(t.Context(), fmt.Sprintf("SELECT ? + %d", i), 1).Scan(&n))
		if n != i+1 {
			t.Fatalf("%d", n)
		}
	}
	if err := pool.QueryRowContext(t.Context(), "SELECT a FROM x WHERE a = ?", 1).Scan(new(int)); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("%v", err)
	}
}
