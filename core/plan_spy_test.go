package core

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/bench/fill"
	"github.com/hookdesk/hookdesk/internal/pgtest"
)

// asked is a statement that a desk ran.
type asked struct {
	sql  string
	args []any
}

// spy is a connection pool that notes what runs through it.
type spy struct {
	gorm.ConnPool
	notes *notes
}

type notes struct {
	mu   sync.Mutex
	list []asked
}

func (s spy) note(query string, args []any) {
	s.notes.mu.Lock()
	defer s.notes.mu.Unlock()
	s.notes.list = append(s.notes.list, asked{query, args})
}

func (s spy) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s.note(query, args)
	return s.ConnPool.ExecContext(ctx, query, args...)
}

func (s spy) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s.note(query, args)
	return s.ConnPool.QueryContext(ctx, query, args...)
}

func (s spy) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s.note(query, args)
	return s.ConnPool.QueryRowContext(ctx, query, args...)
}

// BeginTx makes gorm.ConnPoolBeginner of it.
func (s spy) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	begin, ok := s.ConnPool.(gorm.TxBeginner)
	if !ok {
		return nil, fmt.Errorf("%T begins no transaction", s.ConnPool)
	}
	tx, err := begin.BeginTx(ctx, opts)
	return spyTx{spy{tx, s.notes}, tx}, err
}

type spyTx struct {
	spy
	gorm.TxCommitter
}

// watched is a desk with many tickets whose statements can be explained.
type watched struct {
	*Desk
	t     *testing.T
	db    *sql.DB // that explains
	notes *notes
	modes []string // of the planner
	plans map[string]string
}

// planTickets are enough for PostgreSQL to find an index worth its while.
const planTickets = 20_000

// onFilled runs a test on both databases, filled with tickets. On SQLite it
// runs twice, as a database that was never analysed must serve too.
func onFilled(t *testing.T, test func(w *watched)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		db, err := Open("sqlite:" + filepath.Join(t.TempDir(), "desk.db"))
		fatal(t, err)
		w := watch(t, db)
		w.modes = []string{"SQLite"}
		t.Run("without statistics", func(t *testing.T) { w.t = t; test(w) })
		fatal(t, fill.Analyze(t.Context(), w.db, false))
		clear(w.plans)
		t.Run("with statistics", func(t *testing.T) { w.t = t; test(w) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		db, err := Open(pgtest.New(t))
		fatal(t, err)
		w := watch(t, db)
		fatal(t, fill.Analyze(t.Context(), w.db, true))
		w.db.SetMaxOpenConns(1) // for the settings of the explaining session
		w.modes = []string{"force_custom_plan", "force_generic_plan"}
		test(w)
	})
}

func watch(t *testing.T, db *gorm.DB) *watched {
	t.Helper()
	pool, err := db.DB()
	fatal(t, err)
	t.Cleanup(func() { fatal(t, pool.Close()) })
	d, err := New(Config{DB: db, Files: Dir(t.TempDir())})
	fatal(t, err)
	postgres := db.Name() == "postgres"
	t0 := time.Now()
	defer func() { t.Log("fill", time.Since(t0)) }()
	fatal(t, fill.Fill(t.Context(), fill.Target{DB: pool, Postgres: postgres, Prefix: "hookdesk_"},
		fill.Size{Tickets: planTickets, OpenPercent: 25, Body: 60, Requesters: 10, Quiet: true}))
	w := &watched{Desk: d, t: t, db: pool, notes: &notes{}, plans: map[string]string{}}
	session := db.Session(&gorm.Session{NewDB: true})
	session.Statement.ConnPool = spy{db.Statement.ConnPool, w.notes}
	d.store = newGormStore(session, "hookdesk_")
	return w
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// asked is what fn made the desk ask, without what begins with one of skip.
func (w *watched) asked(fn func() error) []asked {
	w.t.Helper()
	w.notes.list = nil
	fatal(w.t, fn())
	return w.notes.list
}

var badPlan = regexp.MustCompile(`(?m)TEMP B-TREE|AUTOMATIC|\bSort\b|Seq Scan|^SCAN \w+$`)

// uses checks that every plan of the statement walks the index, sorts nothing
// and reads no table from end to end. The index "" is any.
func (w *watched) uses(what string, a asked, index string) {
	w.t.Helper()
	for _, mode := range w.modes {
		plan := w.explain(a, mode)
		if bad := badPlan.FindString(plan); bad != "" {
			w.t.Errorf("%s: %s: %s\n%s\n%s", what, mode, bad, a.sql, plan)
		} else if !strings.Contains(plan, index) {
			w.t.Errorf("%s: %s: without %s\n%s\n%s", what, mode, index, a.sql, plan)
		}
	}
}

func (w *watched) explain(a asked, mode string) string {
	w.t.Helper()
	key := mode + a.sql // generic plans do not depend on values
	if plan, known := w.plans[key]; known {
		return plan
	}
	plan := w.ask(a, mode)
	if mode != "force_custom_plan" {
		w.plans[key] = plan
	}
	return plan
}

func (w *watched) ask(a asked, mode string) string {
	w.t.Helper()
	if mode == "SQLite" {
		rows, err := w.db.QueryContext(w.t.Context(), "EXPLAIN QUERY PLAN "+a.sql, a.args...)
		fatal(w.t, err)
		return w.lines(rows, 3)
	}
	literals := make([]string, len(a.args))
	for i, v := range a.args {
		switch v := v.(type) {
		case string:
			literals[i] = "'" + strings.ReplaceAll(v, "'", "''") + "'"
		case nil:
			literals[i] = "NULL"
		default:
			literals[i] = fmt.Sprint(v)
		}
	}
	execute := "EXPLAIN (COSTS OFF) EXECUTE p"
	if len(literals) > 0 {
		execute += " (" + strings.Join(literals, ",") + ")"
	}
	for _, s := range []string{"SET plan_cache_mode = " + mode, "PREPARE p AS " + a.sql} {
		_, err := w.db.ExecContext(w.t.Context(), s)
		fatal(w.t, err)
	}
	rows, err := w.db.QueryContext(w.t.Context(), execute)
	fatal(w.t, err)
	plan := w.lines(rows, 0)
	_, err = w.db.ExecContext(w.t.Context(), "DEALLOCATE p")
	fatal(w.t, err)
	return plan
}

// lines are the texts of a column.
func (w *watched) lines(rows *sql.Rows, column int) string {
	w.t.Helper()
	defer rows.Close()
	var out []string
	for rows.Next() {
		cells := make([]any, column+1)
		for i := range cells {
			cells[i] = new(any)
		}
		fatal(w.t, rows.Scan(cells...))
		out = append(out, fmt.Sprint(*cells[column].(*any)))
	}
	fatal(w.t, rows.Err())
	return strings.Join(out, "\n")
}

// only are the statements that hold a text.
func only(list []asked, text string) []asked {
	return slices.DeleteFunc(slices.Clone(list), func(a asked) bool { return !strings.Contains(a.sql, text) })
}

func (w *watched) agent(n int) context.Context {
	w.t.Helper()
	return w.as(Identity{UserID: "agent-" + strconv.Itoa(n), Role: Agent})
}

func (w *watched) as(id Identity) context.Context {
	w.t.Helper()
	a, err := w.ActorOf(w.t.Context(), id)
	fatal(w.t, err)
	return As(w.t.Context(), a)
}
