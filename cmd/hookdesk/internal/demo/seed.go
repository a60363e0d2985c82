// Package demo fills a desk with two months of an invented company's tickets:
// Ledgerlark, which makes software for time sheets and invoices.
package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/hookdesk/hookdesk/core"
)

// ErrTickets says that the database was left alone.
var ErrTickets = errors.New("the database has tickets already")

// Seed fills the database of c with what happened until now. It needs the
// plugin snooze in the list of c, and a desk must not run on the database. It
// fails with ErrTickets where there are tickets, and on any error no row stays.
func Seed(ctx context.Context, c core.Config, now time.Time) error {
	steps, err := plan(now)
	if err != nil {
		return err
	}
	s := &stage{clock: clockwork.NewFakeClockAt(now.UTC().AddDate(0, 0, -days-7)), departments: map[string]int64{}}
	c.Clock = s.clock
	c.Plugins = append(slices.Clone(c.Plugins), core.Inline("demo", func(h core.Host) error { s.host = h; return nil }))
	if s.Desk, err = core.New(c); err != nil {
		return err
	}
	var found bool
	if s.naps, found = core.Lookup[sleeper](s.host); !found {
		return errors.Join(errors.New("the demo needs the plugin snooze"), s.Close())
	}
	// One transaction: a second instead of a minute, and all or nothing.
	err = s.host.Change(ctx, func(ctx context.Context) error {
		if err := s.empty(ctx); err != nil {
			return err
		}
		if err := s.play(ctx, steps); err != nil {
			return err
		}
		return errors.Join(s.promise(ctx), s.write(ctx))
	})
	if err != nil {
		err = fmt.Errorf("seed the demo: %w", err)
	}
	return errors.Join(err, s.Close())
}

// empty fails where there are tickets.
func (s *stage) empty(ctx context.Context) error {
	page, err := s.Tickets.List(s.host.As(ctx), core.TicketQuery{Limit: 1})
	if err == nil && len(page.Tickets) > 0 {
		err = ErrTickets
	}
	return err
}
