package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// eventsCommand looks after the events that are on their way to plugins, in the
// database: servers may run, or not.
type eventsCommand struct {
	tables
	List  eventsList  `cmd:"" default:"withargs" help:"Show how far each handler has got, and which events it failed on (this is what events alone does)."`
	Retry eventsRetry `cmd:"" help:"Let parked events be tried again now."`
	Drop  eventsDrop  `cmd:"" help:"Give parked events up: their handlers never see them, and what waits behind them goes on."`
}

// Help is what stands above the flags.
func (eventsCommand) Help() string {
	return `A handler that fails is offered its event again, after longer and longer pauses.
Meanwhile the event is parked, and with it what follows on the same ticket; all
other tickets go on. After 16 attempts only you decide: retry it, or drop it.`
}

// deliveries opens the desk's service.
func (c eventsCommand) deliveries(to output) (s core.Deliveries, end func() error, err error) {
	secret, err := secretOf(os.Getenv(secretEnv))
	if err != nil {
		return s, nil, err
	}
	db, endDB, err := c.open()
	if err != nil {
		return s, nil, err
	}
	desk, err := core.New(core.Config{DB: db, TablePrefix: c.TablePrefix, Plugins: firstParty(), Secret: secret, Logger: to.logger(slog.LevelWarn)})
	if err != nil {
		return s, nil, errors.Join(err, endDB())
	}
	return desk.Deliveries, func() error { return errors.Join(desk.Close(), endDB()) }, nil
}

// asAdmin acts for whoever may read and write the database anyway.
func asAdmin(ctx context.Context) context.Context {
	return core.As(ctx, core.Actor{Kind: core.Admin})
}

type eventsList struct {
	Handler string `placeholder:"NAME" help:"Only the parked events of this handler, such as core.search@*."`
}

// Run prints the handlers, and then the parked events.
func (c eventsList) Run(ctx context.Context, to output, all *eventsCommand) (err error) {
	s, end, err := all.deliveries(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	admin := asAdmin(ctx)
	handlers, err := s.List(admin)
	if err != nil {
		return err
	}
	for _, h := range handlers {
		if c.Handler == "" || c.Handler == h.Handler {
			to.printf("%-40s %s\n", h.Handler, progressWords(h))
		}
	}
	page := core.Page{Limit: 100}
	for more := true; more; more = page.Cursor != "" {
		var parked []core.ParkedEvent
		if parked, page.Cursor, err = s.Parked(admin, c.Handler, page); err != nil {
			return err
		}
		for _, p := range parked {
			to.printf("\n%d: event %d for %s, %s\n", p.ID, p.EventID, p.Consumer, attemptWords(p))
			if p.LastError != "" {
				to.printf("    %s\n", p.LastError)
			}
		}
	}
	return nil
}

func progressWords(h core.Delivery) string {
	text := "has seen all"
	if h.Behind > 0 {
		text = fmt.Sprintf("is %d places behind", h.Behind)
	}
	if h.Parked {
		text += ", but for those that are parked"
	}
	return text
}

func attemptWords(p core.ParkedEvent) string {
	switch {
	case p.Attempts == 0:
		return "waits behind another of its ticket"
	case p.NextAt == nil:
		return fmt.Sprintf("attempt %d failed, the last: it waits for you", p.Attempts)
	}
	return fmt.Sprintf("attempt %d failed, the next is at %s", p.Attempts, p.NextAt.UTC().Format(time.DateTime))
}

type eventsRetry struct {
	IDs []int64 `arg:"" name:"id" help:"The numbers that the list begins its lines with."`
}

// Run lets each of the events be tried again.
func (c eventsRetry) Run(ctx context.Context, to output, all *eventsCommand) error {
	return all.each(ctx, to, c.IDs, "is tried again as soon as a server runs", func(s core.Deliveries, admin context.Context, id int64) error {
		_, err := s.Retry(admin, id)
		return err
	})
}

type eventsDrop struct {
	IDs []int64 `arg:"" name:"id" help:"The numbers that the list begins its lines with."`
}

// Run gives each of the events up.
func (c eventsDrop) Run(ctx context.Context, to output, all *eventsCommand) error {
	return all.each(ctx, to, c.IDs, "is dropped", func(s core.Deliveries, admin context.Context, id int64) error {
		return s.Drop(admin, id)
	})
}

// each does something to all of the events that it can be done to.
func (c eventsCommand) each(ctx context.Context, to output, ids []int64, done string, do func(core.Deliveries, context.Context, int64) error) (err error) {
	s, end, err := c.deliveries(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	var errs []error
	for _, id := range ids {
		if err := do(s, asAdmin(ctx), id); err != nil {
			errs = append(errs, fmt.Errorf("%d: %w", id, err))
			continue
		}
		to.printf("%d %s\n", id, done)
	}
	return errors.Join(errs...)
}
