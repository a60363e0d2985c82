// Package fill writes a helpdesk of any size into the tables of a migrated
// desk, the same one each time: for measurements and for tests of query plans,
// which need many rows and the skew of real ones.
//
// It writes SQL by hand, so that what is measured had no part in it.
package fill

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// What every filled desk has, whatever its size. People 1 to Agents are agents,
// the others requesters; their user ids are "agent-1", "user-201" and so on.
const (
	Departments = 10
	Agents      = 40
	Tags        = 50
)

// Size says how much to write.
type Size struct {
	Tickets     int
	OpenPercent int  // of them; most of the newest
	Body        int  // bytes of a message, on average
	Requesters  int  // people who ask
	Quiet       bool // nobody answers, but on every 20th ticket
}

// Replies is how many messages a ticket has, the opening one included: 20 for
// every 20th, else four or five.
func (s Size) Replies(ticket int) int {
	switch {
	case ticket%20 == 0:
		return 20
	case s.Quiet || merged(ticket):
		return 1
	}
	return 4 + int(hash(7, ticket)%2)
}

// merged tickets lie in the one before them.
func merged(ticket int) bool { return ticket%200 == 101 }

func deleted(ticket int) bool { return ticket%200 == 51 }

// Target is one database.
type Target struct {
	DB       *sql.DB // that writes
	Postgres bool
	Prefix   string
}

// Fill writes everything in one transaction. Indexes are made after the rows,
// which is several times quicker.
func Fill(ctx context.Context, to Target, size Size) error {
	tx, err := to.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	w := &writer{Target: to, ctx: ctx, tx: tx, size: size}
	indexes := w.takeIndexes()
	for _, step := range []func(){w.people, w.labels, w.tickets, w.replies, w.files, w.tags, w.events, w.words, w.tokens, w.sequences} {
		if step(); w.err != nil {
			return w.err
		}
	}
	w.run(indexes...)
	if w.err != nil {
		return w.err
	}
	return tx.Commit()
}

// Analyze gives the planner its statistics, the way a running database has them.
func Analyze(ctx context.Context, db *sql.DB, postgres bool) error {
	statements := []string{"PRAGMA analysis_limit = 1000", "PRAGMA optimize = 0x10002"}
	if postgres {
		statements = []string{"VACUUM ANALYZE"}
	}
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// writer keeps the first error and does nothing after it.
type writer struct {
	Target
	ctx  context.Context //nolint:containedctx // of the one call that it lives for
	tx   *sql.Tx
	size Size
	err  error
}

// maxParameters is what SQLite takes in one statement; PostgreSQL takes twice that.
const maxParameters = 32_000

// table collects rows and writes many with one statement.
type table struct {
	w     *writer
	head  string
	width int
	args  []any
	full  string // the statement of a full batch
	batch int    // rows of it
}

func (w *writer) table(name, columns string) *table {
	width := strings.Count(columns, ",") + 1
	t := &table{w: w, head: "INSERT INTO " + w.Prefix + name + " (" + columns + ") VALUES ", width: width, batch: min(300, maxParameters/width)}
	t.full = t.head + w.rows(t.batch, width)
	return t
}

func (w *writer) rows(n, width int) string {
	var b strings.Builder
	for i := range n * width {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%width == 0:
			b.WriteString("),(")
		default:
			b.WriteString(",")
		}
		b.WriteString(w.parameter(i + 1))
	}
	return b.String() + ")"
}

func (w *writer) parameter(n int) string {
	if w.Postgres {
		return fmt.Sprintf("$%d", n)
	}
	return "?"
}

func (t *table) add(row ...any) {
	if t.args = append(t.args, row...); len(t.args) == t.batch*t.width {
		t.write(t.full)
	}
}

// flush writes what is left.
func (t *table) flush() {
	if len(t.args) > 0 {
		t.write(t.head + t.w.rows(len(t.args)/t.width, t.width))
	}
}

func (t *table) write(statement string) {
	if t.w.err == nil {
		if _, err := t.w.tx.ExecContext(t.w.ctx, statement, t.args...); err != nil {
			t.w.err = fmt.Errorf("%s…: %w", t.head, err)
		}
	}
	t.args = t.args[:0]
}

func (w *writer) run(statements ...string) {
	for _, s := range statements {
		if _, err := w.tx.ExecContext(w.ctx, s); err != nil && w.err == nil {
			w.err = fmt.Errorf("%s: %w", s, err)
		}
	}
}

// takeIndexes drops the indexes that no constraint needs and returns the
// statements that make them again.
func (w *writer) takeIndexes() []string {
	query := "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE INDEX%'"
	if w.Postgres {
		query = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND indexdef LIKE 'CREATE INDEX%'"
	}
	rows, err := w.tx.QueryContext(w.ctx, query) //nolint:unqueryvet // one of two constants
	if err != nil {
		w.err = err
		return nil
	}
	defer rows.Close()
	var names, made []string
	for rows.Next() {
		var name, statement string
		if w.err = rows.Scan(&name, &statement); w.err != nil {
			return nil
		}
		if strings.HasPrefix(name, w.Prefix) {
			names, made = append(names, "DROP INDEX "+name), append(made, statement)
		}
	}
	w.err = rows.Err()
	w.run(names...)
	return made
}

// sequences tells PostgreSQL which ids are taken.
func (w *writer) sequences() {
	if !w.Postgres {
		return
	}
	for _, name := range []string{"people", "departments", "tags", "tickets", "replies", "attachments", "events"} {
		full := w.Prefix + name
		w.run("SELECT setval(pg_get_serial_sequence('" + full + "', 'id'), (SELECT max(id) FROM " + full + "))")
	}
}
