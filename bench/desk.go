package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/bench/fill"
	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/internal/pgtest"
)

// desk is a desk full of tickets, and what measures it.
type desk struct {
	*core.Desk
	name     string
	hand     *byHand
	pairs    []pair
	counters *counters
	agent    core.Actor // of two departments, so that each query asks what it may see
	asker    core.Actor
	whole    []int64 // tickets of 20 replies that the agent sees
	busy     []int64 // tickets that wait for the customer: a further answer changes no status
	undo     []func() error
}

const prefix = "hookdesk_"

func open(ctx context.Context, name string, tickets int) (_ *desk, err error) {
	d := &desk{name: name}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", name, err), d.close())
		}
	}()
	dsn, err := d.create(name)
	if err != nil {
		return nil, err
	}
	db, err := core.Open(dsn)
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	d.undo = append(d.undo, pool.Close)
	if d.Desk, err = core.New(core.Config{DB: db, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		return nil, err
	}
	d.undo = append(d.undo, d.Desk.Close)
	if err := d.fill(ctx, pool, tickets); err != nil {
		return nil, err
	}
	return d, d.prepare(ctx, db, pool, tickets)
}

// create makes an empty database.
func (d *desk) create(name string) (dsn string, err error) {
	switch name {
	case "sqlite":
		dir, err := os.MkdirTemp("", "hookdesk-bench-*")
		d.undo = append(d.undo, func() error { return os.RemoveAll(dir) })
		return "sqlite:" + filepath.Join(dir, "desk.db"), err
	case "postgres":
		dsn, drop, err := pgtest.Create()
		if err == nil {
			d.undo = append(d.undo, drop)
		}
		return dsn, err
	}
	return "", errors.New("there is no such database: sqlite and postgres are")
}

func (d *desk) fill(ctx context.Context, pool *sql.DB, tickets int) error {
	postgres := d.name == "postgres"
	size := fill.Size{Tickets: tickets, OpenPercent: 10, Body: 500, Requesters: max(50, tickets/20)}
	if err := fill.Fill(ctx, fill.Target{DB: pool, Postgres: postgres, Prefix: prefix}, size); err != nil {
		return err
	}
	return fill.Analyze(ctx, pool, postgres)
}

func (d *desk) prepare(ctx context.Context, db *gorm.DB, pool *sql.DB, tickets int) (err error) {
	if d.agent, err = d.ActorOf(ctx, core.Identity{UserID: "agent-2", Role: core.Agent}); err != nil {
		return err
	}
	if d.asker, err = d.ActorOf(ctx, core.Identity{UserID: "user-" + strconv.Itoa(fill.Agents+1)}); err != nil {
		return err
	}
	d.hand = &byHand{agent: d.agent, asker: d.asker, postgres: d.name == "postgres", writer: pool}
	if err := d.hand.prepare(ctx, db.Statement.ConnPool); err != nil {
		return err
	}
	d.undo = append(d.undo, d.hand.close)
	sees := " FROM hookdesk_tickets t WHERE " + d.hand.scope() + " AND t.deleted_at IS NULL AND t.merged_into_id IS NULL"
	if d.whole, err = ids(ctx, pool, "SELECT t.id"+sees+" AND t.id % 20 = 0 AND t.id % 200 <> 100 ORDER BY t.id DESC LIMIT 200"); err != nil {
		return err
	}
	if d.busy, err = ids(ctx, pool, "SELECT t.id"+sees+" AND t.is_open AND t.status = 2 ORDER BY t.id DESC LIMIT 200"); err != nil {
		return err
	}
	if len(d.whole) == 0 || len(d.busy) == 0 {
		return errors.New("the agent sees too few tickets: measure with more")
	}
	if d.pairs, err = d.cases(ctx); err != nil {
		return err
	}
	levels, err := d.levelCases(ctx, db)
	if err != nil {
		return err
	}
	if err := d.openCounters(ctx, db); err != nil {
		return err
	}
	articles, err := d.articleCases(ctx, db, tickets)
	d.pairs = append(append(d.pairs, levels...), articles...)
	return err
}

func ids(ctx context.Context, pool *sql.DB, query string) ([]int64, error) {
	rows, err := pool.QueryContext(ctx, query) //nolint:unqueryvet // put together above, of constants
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

func (d *desk) close() error {
	var err error
	for _, undo := range slices.Backward(d.undo) {
		err = errors.Join(err, undo())
	}
	return err
}
