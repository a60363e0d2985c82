package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/adapters/nethttp"
	"github.com/hookdesk/hookdesk/core"
)

// live is a desk that runs and serves, on a database of its own with one ticket
// in it: its log is what is measured.
type live struct {
	*core.Desk
	db     *gorm.DB
	url    string
	ticket int64
	agent  context.Context //nolint:containedctx // who acts
	undo   []func() error
}

const userHeader = "X-User"

// everybody is an agent: what is measured is not who may see what.
func everybody(r *http.Request) (core.Identity, error) {
	return core.Identity{UserID: r.Header.Get(userHeader), Role: core.Agent}, nil
}

// openLive makes a desk; it does not run yet.
func openLive(ctx context.Context, dsn string, plugins ...core.Plugin) (l *live, err error) {
	l = &live{}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.db, err = core.Open(dsn); err != nil {
		return l, err
	}
	pool, err := l.db.DB()
	if err != nil {
		return l, err
	}
	l.undo = append(l.undo, pool.Close)
	l.Desk, err = core.New(core.Config{DB: l.db, Identify: everybody, Plugins: plugins, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return l, err
	}
	l.undo = append(l.undo, l.Desk.Close)
	a, err := l.ActorOf(ctx, core.Identity{UserID: "agent", Role: core.Agent})
	l.agent = core.As(ctx, a)
	return l, err
}

// start lets the desk run and serve.
func (l *live) start(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l.url = "http://" + listener.Addr().String()
	web := &http.Server{Handler: nethttp.Handler("", l.Desk), ReadHeaderTimeout: time.Minute}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 2)
	go func() { ended <- web.Serve(listener) }()
	go func() { ended <- l.Run(running) }()
	l.undo = append(l.undo, func() error {
		err := web.Close()
		stop()
		if failed := errors.Join(<-ended, <-ended); !errors.Is(failed, http.ErrServerClosed) {
			err = errors.Join(err, failed)
		}
		return err
	})
	for l.Ready(ctx) != nil {
		if !rest(ctx, time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// startLive opens a desk and lets it run.
func startLive(ctx context.Context, dsn string, plugins ...core.Plugin) (*live, error) {
	l, err := openLive(ctx, dsn, plugins...)
	if err != nil {
		return nil, err
	}
	if err := l.start(ctx); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func closeLive(two [2]*live) (err error) {
	for _, l := range two {
		if l != nil {
			err = errors.Join(err, l.close())
		}
	}
	return err
}

func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (l *live) close() error {
	var err error
	for _, undo := range slices.Backward(l.undo) {
		err = errors.Join(err, undo())
	}
	return err
}

// say answers the one ticket, which is made for the first answer.
func (l *live) say(context.Context, int) ([]int64, error) {
	if l.ticket == 0 {
		t, err := l.Tickets.Create(l.agent, core.TicketDraft{Subject: subject, Body: body})
		if err != nil {
			return nil, err
		}
		l.ticket = t.ID
	}
	r, err := l.Replies.Add(l.agent, l.ticket, core.ReplyDraft{Body: body, Channel: core.ViaAPI})
	return []int64{r.ID}, err
}

// ears are plugins that hear each reply and do nothing.
func ears(n int) (plugins []core.Plugin) {
	for i := range n {
		plugins = append(plugins, core.Inline("ear"+strconv.Itoa(i), func(h core.Host) error {
			h.Hooks().Reply.Add.After.Add(h, "hear", func(context.Context, added) error { return nil })
			return nil
		}))
	}
	return plugins
}

// liveCases measures the log on one kind of database.
func (o options) liveCases(ctx context.Context, name string) (results []result, err error) {
	for _, c := range []struct {
		name    string
		measure func(context.Context, string) (result, error)
	}{
		{"commit to a stream", o.toStream},
		{"commit to a stream of another process", o.toStreamBeside},
		{"relay, each event of a backlog", o.relay},
		{"reply with five handlers (against none)", o.fiveHandlers},
		{"last of 5,000 streams (against a bare hub)", o.lastStream},
	} {
		if !o.wanted(c.name) {
			continue
		}
		d := &desk{name: name} // for its database alone
		dsn, err := d.create(name)
		if err != nil {
			return results, err
		}
		r, err := c.measure(ctx, dsn)
		if err = errors.Join(err, d.close()); err != nil {
			return results, fmt.Errorf("%s on %s: %w", c.name, name, err)
		}
		if r.most > 0 { // not measured on this database
			r.name, r.database = c.name, name
			results = append(results, r)
		}
	}
	return results, nil
}
