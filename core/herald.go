package core

import (
	"context"
	"time"
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
