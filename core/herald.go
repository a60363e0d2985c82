package core

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// herald tells the other processes of a desk that there are new events, and
// hears of theirs. Whatever is lost costs others no more than a poll.
//
// A NOTIFY inside each user's transaction would make them all wait for one lock;
// so there is one for many commits, outside of them.
type herald struct {
	d    *Desk
	news chan struct{}
}

// tellEvery bounds how often this process speaks.
const tellEvery = 5 * time.Millisecond

func newHerald(d *Desk) *herald { return &herald{d, make(chan struct{}, 1)} }

// tell never blocks.
func (h *herald) tell() {
	select {
	case h.news <- struct{}{}:
	default: // the next word says it all
	}
}

// run speaks and listens until ctx ends, where there is somebody to talk to.
func (h *herald) run(ctx context.Context) {
	s, ok := h.d.store.(sequencedStore)
	if !ok {
		return
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for ctx.Err() == nil {
			if err := s.listen(ctx, h.d.events.wake); err != nil && ctx.Err() == nil {
				h.d.log.WarnContext(ctx, "cannot listen to other processes; they are polled", "err", err)
				pause(ctx, pollEvery)
			}
		}
	}()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-h.news:
			if err := s.notify(ctx); err != nil && ctx.Err() == nil {
				h.d.log.WarnContext(ctx, "cannot tell other processes; they poll", "err", err)
				pause(ctx, pollEvery)
			}
			pause(ctx, tellEvery)
		}
	}
	<-heard
}

func (s sequencedStore) channel() string { return s.prefix + "events" }

func (s sequencedStore) notify(ctx context.Context) error {
	_, err := s.db.Statement.ConnPool.ExecContext(ctx, "SELECT pg_notify('"+s.channel()+"', '')")
	return err
}

// listen calls heard for each word of another process, or of this one. It holds
// a connection until ctx ends or the connection breaks.
func (s sequencedStore) listen(ctx context.Context, heard func()) error {
	pool, err := s.db.DB()
	if err != nil {
		return err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it goes back to the pool, or is broken
	return conn.Raw(func(driver any) error {
		pg, ok := driver.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("a connection of %T cannot listen", driver)
		}
		if _, err := pg.Conn().Exec(ctx, "LISTEN "+s.channel()); err != nil {
			return err
		}
		heard() // what was said before
		for {
			if _, err := pg.Conn().WaitForNotification(ctx); err != nil {
				return err
			}
			heard()
		}
	})
}
