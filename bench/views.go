package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/adapters/nethttp"
	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/savedviews"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

// lists are the filters of 20 views such as a desk has them: queues, what is
// whose, the archive, and some of two or three filters that no one index serves.
var lists = []map[string][]string{
	{}, {"open": {"true"}}, {"open": {"false"}}, {"assignee": {"me"}, "open": {"true"}}, {"assignee": {"none"}, "open": {"true"}},
	{"status": {"open"}}, {"status": {"in_progress", "waiting_on_customer"}}, {"status": {"resolved", "closed"}}, {"priority": {"critical"}},
	{"priority": {"urgent", "critical"}, "open": {"true"}}, {"type": {"incident"}}, {"type": {"task"}, "open": {"true"}},
	{"department": {"3"}, "open": {"true"}}, {"department": {"1", "2"}}, {"assignee": {"5"}, "priority": {"critical"}, "open": {"true"}},
	{"requester": {"21"}}, {"tag": {"tag-1"}, "open": {"true"}}, {"tag": {"tag-7"}}, {"status": {"reopened"}, "type": {"question"}},
	{"snoozed": {"only"}},
}

// counters is a desk on the same database with saved views.
type counters struct {
	*core.Desk
	views *savedviews.Views
	ids   []int64
	ctx   context.Context //nolint:containedctx // who acts
}

// openCounters makes the desk, with the views; it does not run yet.
func (d *desk) openCounters(ctx context.Context, db *gorm.DB) (err error) {
	var host core.Host
	with, err := core.New(core.Config{DB: db, Logger: slog.New(slog.DiscardHandler), Plugins: []core.Plugin{
		savedviews.New(savedviews.Config{}), snooze.New(snooze.Config{}),
		core.Inline("bench", func(h core.Host) error { host = h; return nil }),
	}})
	if err != nil {
		return err
	}
	d.undo = append(d.undo, with.Close)
	nethttp.Handler("", with) // a view may filter by the parameters of the list's route
	c := &counters{Desk: with, ctx: core.As(ctx, d.agent)}
	c.views, _ = core.Lookup[*savedviews.Views](host)
	for i, filters := range lists {
		v, err := c.views.Create(c.ctx, savedviews.Draft{Name: strconv.Itoa(i), Filters: filters})
		if err != nil {
			return err
		}
		c.ids = append(c.ids, v.ID)
	}
	d.counters = c
	// The log of what was filled in is nobody's to work through.
	return db.WithContext(ctx).Exec("UPDATE hookdesk_consumers SET cursor = (SELECT max(id) FROM hookdesk_events)").Error
}

// countCases measure the counts of 20 views: by the database, while the desk does
// not run and so remembers nothing, and from memory; and what it takes to hold a
// changed ticket against a view.
func (o options) countCases(d *desk) ([]result, error) {
	c := d.counters
	count := func() error { _, err := c.views.Counts(c.ctx, c.ids); return err }
	asked, err := o.medianOf(count)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(c.ctx)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	remembered, err := o.remembered(count)
	stop()
	if err := errors.Join(err, <-ended); err != nil {
		return nil, err
	}
	held, err := o.held(c)
	return []result{
		{name: "20 counts by the database", database: d.name, desk: asked, most: 20e6, unit: milliseconds},
		{name: "20 counts from memory", database: d.name, desk: remembered, most: 100e3, unit: microseconds},
		{name: "a change held against a view", database: d.name, desk: held, most: 1000, unit: nanoseconds},
	}, err
}

func (o options) medianOf(fn func() error) (float64, error) {
	var times []time.Duration
	for end := time.Now().Add(o.time); len(times) < max(3, min(o.rounds, 500)) && (len(times) < 3 || time.Now().Before(end)); {
		start := time.Now()
		if err := fn(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(start))
	}
	return median(times), nil
}

// remembered is how long counts take once they are: a running desk follows the log
// from some moment on.
func (o options) remembered(count func() error) (nanos float64, err error) {
	const enough = 1e6 // of what the database takes
	for range 100 {
		if nanos, err = o.medianOf(count); err != nil || nanos < enough {
			return nanos, err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nanos, err
}

// held is how long it takes to see whether a ticket belongs to a list, per list.
func (o options) held(c *counters) (float64, error) {
	var sets []*core.TicketSet
	for _, filters := range lists {
		q, err := c.Tickets.Query(c.ctx, filters)
		if err != nil {
			return 0, err
		}
		set, err := c.Tickets.Set(c.ctx, q)
		if err != nil {
			return 0, err
		}
		sets = append(sets, set)
	}
	page, err := c.Tickets.List(c.ctx, core.TicketQuery{Limit: 100})
	if err != nil || len(page.Tickets) == 0 {
		return 0, fmt.Errorf("no ticket to hold against views: %w", err)
	}
	belong := 0
	nanos, err := o.medianOf(func() error {
		for i := range page.Tickets {
			for _, set := range sets {
				if may, _ := set.Holds(&page.Tickets[i]); may {
					belong++
				}
			}
		}
		return nil
	})
	if belong == 0 {
		return 0, errors.New("no ticket belongs to any view")
	}
	return nanos / float64(len(page.Tickets)*len(sets)), err
}
