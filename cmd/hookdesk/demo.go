package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/hookdesk/hookdesk/cmd/hookdesk/internal/demo"
	"github.com/hookdesk/hookdesk/core"
)

const demoPrefix = "/support"

type demoCommand struct {
	Addr string `env:"ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where to listen (default: ${default})."`
	DB   string `name:"db" type:"path" placeholder:"FILE" help:"Keep the desk in this SQLite file, and its attachments in FILE-files. Without it, both are removed when the demo stops. A file with tickets in it is served as it is."`
}

// Run seeds a desk and serves it until ctx ends.
func (c demoCommand) Run(ctx context.Context, to output) (err error) {
	l, err := listen(ctx, c.Addr) // before the work of seeding, not after
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }() // when the server did not come to it
	file := c.DB
	if file == "" {
		dir, err := os.MkdirTemp("", "hookdesk-demo-")
		if err != nil {
			return fmt.Errorf("the demo's folder: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }() // the system clears what is left
		file = filepath.Join(dir, "desk.db")
	}
	db, end, err := tables{Database: "sqlite:" + file}.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	config := core.Config{
		DB: db, Files: core.Dir(file + "-files"), Identify: caller, BaseURL: "http://" + l.Addr().String() + demoPrefix,
		Logger: to.logger(slog.LevelWarn),
	}
	if err := c.seed(ctx, config, file, to); err != nil {
		return err
	}
	config.Plugins = firstParty()
	desk, err := core.New(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	if err := welcome(ctx, desk, l, to); err != nil {
		return err
	}
	return server{desk, l, demoPrefix, config.Logger}.run(ctx)
}

// seed fills the database, and says what it did.
func (c demoCommand) seed(ctx context.Context, config core.Config, file string, to output) error {
	to.printf("Filling a desk with two months of tickets ...\n")
	start := time.Now()
	config.Plugins = firstParty()
	err := demo.Seed(ctx, config, start)
	switch {
	case errors.Is(err, demo.ErrTickets):
		to.printf("%s has tickets already: nothing was added.\n", file)
		return nil
	case err != nil:
		return err
	}
	to.printf("Done in %.1f seconds: %s, attachments in %s-files.\n", time.Since(start).Seconds(), file, file)
	if c.DB == "" {
		to.printf("Both are removed when the demo stops; --db FILE keeps them.\n")
	}
	return nil
}

// welcome prints where the desk is and what to try.
func welcome(ctx context.Context, desk *core.Desk, l net.Listener, to output) error {
	hers, err := newestOf(ctx, desk, core.Identity{UserID: demo.Customer}, core.TicketQuery{})
	if err != nil {
		return err
	}
	work, err := newestOf(ctx, desk, core.Identity{UserID: demo.Agent, Role: core.Agent}, core.TicketQuery{Open: new(true)})
	if err != nil {
		return err
	}
	to.printf(`
The API, described:  %[1]s/api/docs
Whether all is well: %[1]s/api/health

  ###########################################################################
  #  WARNING: a caller is whoever the headers X-User, X-Agent and X-Admin   #
  #  say, and anybody can send them. Never let others reach this desk.      #
  ###########################################################################
`, desk.BaseURL())
	for _, t := range tour(desk.BaseURL(), hers, work) {
		to.printf("\n%s\n", t.heading)
		for _, line := range t.lines {
			to.printf("  %s\n", line)
		}
	}
	to.printf("\nListening on %s. Ctrl-C stops the demo.\n", l.Addr())
	return nil
}

// newestOf is the ticket on top of somebody's list; 0 without any.
func newestOf(ctx context.Context, desk *core.Desk, who core.Identity, list core.TicketQuery) (int64, error) {
	a, err := desk.ActorOf(ctx, who)
	if err != nil {
		return 0, err
	}
	page, err := desk.Tickets.List(core.As(ctx, a), list)
	if err != nil || len(page.Tickets) == 0 {
		return 0, err
	}
	return page.Tickets[0].ID, nil
}
