package core

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookdesk/hookdesk/hooks"
)

// relay delivers the events of the log to the After handlers: to each in the
// order of the log, at least once, from where it stopped. A handler that fails
// is offered the event again and delays nobody but itself.
type relay struct {
	d        *Desk
	mu       sync.Mutex
	changed  chan struct{} // closed, and made anew, when there may be events
	running  map[string]*follower
	wg       sync.WaitGroup
	extra    []hooks.Consumer // core's own
	consumer chan struct{}    // handlers were added or removed
}

const (
	pollEvery  = time.Second // the safety net when a wake-up is lost
	batchSize  = 100
	firstPause = 100 * time.Millisecond
	lastPause  = time.Minute
)

func newRelay(d *Desk) *relay {
	return &relay{
		d: d, changed: make(chan struct{}), running: map[string]*follower{},
		extra: []hooks.Consumer{searchIndex{d}}, consumer: make(chan struct{}, 1),
	}
}

// wake lets the relay look for events now. It never blocks.
func (r *relay) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *relay) signal() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// run delivers until ctx ends and the last handler has returned.
func (r *relay) run(ctx context.Context) {
	for _, l := range r.listeners() {
		l.OnChange(r.look)
	}
	defer r.wg.Wait()
	for {
		signal := r.signal()
		r.attach(ctx)
		if n := r.sequence(ctx); n > 0 {
			r.wake()
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-signal:
		case <-r.consumer:
		case <-time.After(pollEvery):
		}
	}
}

// look lets the relay compare the followers with the handlers. It never blocks.
func (r *relay) look() {
	select {
	case r.consumer <- struct{}{}:
	default: // a look is due already
	}
}

func (r *relay) listeners() []hooks.Listener {
	list := hooks.Listeners(r.d.hooks)
	for _, h := range r.d.hosts {
		for _, own := range h.catalogues {
			list = append(list, hooks.Listeners(own)...)
		}
	}
	return list
}

// sequence gives committed events their place in the log.
func (r *relay) sequence(ctx context.Context) int {
	s, ok := r.d.store.(Sequencer)
	if !ok {
		return 0
	}
	n, err := s.Sequence(ctx)
	if err != nil && ctx.Err() == nil {
		r.d.log.ErrorContext(ctx, "events cannot be placed", "err", err)
	}
	return n
}

// follower delivers to one handler until it is stopped, or the handler is gone.
type follower struct {
	stop context.CancelFunc
	gone atomic.Bool
}

// attach starts a follower for each new handler and stops those of removed ones.
// A handler that was away for a moment only is not seen to be a new one here: its
// follower finds out, and says so by gone.
func (r *relay) attach(ctx context.Context) {
	wanted := map[string]hooks.Consumer{}
	for _, c := range r.extra {
		wanted[c.Name()] = c
	}
	for _, l := range r.listeners() {
		for _, c := range l.Consumers() {
			wanted[c.Name()] = c
		}
	}
	for name, f := range r.running {
		if wanted[name] == nil || f.gone.Load() {
			f.stop()
			delete(r.running, name)
		}
	}
	for name, c := range wanted {
		if r.running[name] == nil {
			own, stop := context.WithCancel(ctx)
			f := &follower{stop: stop}
			r.running[name] = f
			r.wg.Go(func() {
				r.follow(own, c)
				f.gone.Store(true)
				r.look()
			})
		}
	}
}

// consumer is how far a handler has got in the log.
type consumer struct {
	Name   string
	Cursor int64
}

// follow hands a handler its events until ctx ends or the handler is removed.
func (r *relay) follow(ctx context.Context, c hooks.Consumer) {
	cursor, err := r.start(ctx, c)
	for pause := firstPause; err != nil && ctx.Err() == nil; cursor, err = r.start(ctx, c) {
		r.d.log.ErrorContext(ctx, "the place of a handler cannot be read", "handler", c.Name(), "err", err)
		sleep(ctx, pause)
		pause = min(2*pause, lastPause)
	}
	for ctx.Err() == nil {
		signal := r.signal()
		events, err := r.read(ctx, cursor)
		if err == nil && len(events) > 0 {
			cursor, err = r.deliver(ctx, c, cursor, events)
		}
		switch {
		case errors.Is(err, hooks.ErrRemoved):
			return
		case err != nil && ctx.Err() == nil:
			r.d.log.ErrorContext(ctx, "events cannot be delivered", "handler", c.Name(), "err", err)
			sleep(ctx, firstPause)
		case len(events) == 0:
			select {
			case <-ctx.Done():
			case <-signal:
			case <-time.After(pollEvery):
			}
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// start finds where the handler stopped. A new one starts with what is to
// come, unless it asked for all that is kept.
func (r *relay) start(ctx context.Context, c hooks.Consumer) (int64, error) {
	known, found, err := first[consumer](ctx, r.d.store, Query{Where: []Cond{Is("name", c.Name())}})
	if err != nil || found {
		return known.Cursor, err
	}
	row := consumer{Name: c.Name()}
	if !c.FromStart() {
		if row.Cursor, err = r.last(ctx); err != nil {
			return 0, err
		}
	}
	if err := r.d.store.Insert(ctx, &row); err != nil && !errors.Is(err, ErrDuplicate) {
		return 0, err
	}
	return row.Cursor, nil
}

// placed is an event with its place in the log.
type placed struct {
	seq int64
	Event
}

func (r *relay) numbered() bool {
	_, ok := r.d.store.(Sequencer)
	return ok
}

func (r *relay) last(ctx context.Context) (int64, error) {
	if r.numbered() {
		s, _, err := first[eventSeq](ctx, r.d.store, Query{Order: []Order{{"seq", true}}})
		return s.Seq, err
	}
	e, _, err := first[Event](ctx, r.d.store, Query{Order: []Order{{"id", true}}})
	return e.ID, err
}

// read returns the events behind a place, in order.
func (r *relay) read(ctx context.Context, after int64) ([]placed, error) {
	if !r.numbered() {
		events, err := find[Event](ctx, r.d.store, Query{Where: []Cond{Where("id", Greater, after)}, Order: []Order{{Column: "id"}}, Limit: batchSize})
		out := make([]placed, len(events))
		for i, e := range events {
			out[i] = placed{e.ID, e}
		}
		return out, err
	}
	places, err := find[eventSeq](ctx, r.d.store, Query{Where: []Cond{Where("seq", Greater, after)}, Order: []Order{{Column: "seq"}}, Limit: batchSize})
	if err != nil || len(places) == 0 {
		return nil, err
	}
	ids := make([]int64, len(places))
	for i, p := range places {
		ids[i] = p.EventID
	}
	events, err := find[Event](ctx, r.d.store, Query{Where: []Cond{Where("id", In, ids)}})
	known := map[int64]Event{}
	for _, e := range events {
		known[e.ID] = e
	}
	out := make([]placed, 0, len(places))
	for _, p := range places { // an event that was purged with its ticket leaves its place empty
		out = append(out, placed{p.Seq, known[p.EventID]})
	}
	return out, err
}

// deliver hands over a batch and keeps how far it got.
func (r *relay) deliver(ctx context.Context, c hooks.Consumer, cursor int64, events []placed) (int64, error) {
	done := cursor
	var stopped error
	for _, e := range events {
		if e.ID != 0 && (c.Event() == "" || c.Event() == e.Type) {
			if stopped = r.insist(ctx, c, e.Event); stopped != nil {
				break // the event is offered again at the next start
			}
		}
		done = e.seq
	}
	if done == cursor {
		return cursor, stopped
	}
	_, err := update[consumer](context.WithoutCancel(ctx), r.d.store, []Assign{Set("cursor", done)}, Is("name", c.Name()))
	if err != nil {
		return cursor, err
	}
	return done, stopped
}

// insist offers one event until the handler takes it. It fails when ctx ends, and
// with hooks.ErrRemoved.
func (r *relay) insist(ctx context.Context, c hooks.Consumer, e Event) error {
	pause := firstPause
	for attempt := 1; ctx.Err() == nil; attempt++ {
		envelope, err := e.envelope(attempt)
		if err == nil {
			err = c.Deliver(asConsequence(ctx, c.Plugin(), e.ID, e.Depth), envelope)
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, hooks.ErrRemoved):
			return err
		}
		if errors.Is(err, errChain) {
			r.d.log.ErrorContext(ctx, "plugins drive each other; the chain is cut", "handler", c.Name(), "event", e.ID, "err", err)
			return nil
		}
		r.d.log.ErrorContext(ctx, "an After handler failed; the event is offered again", "handler", c.Name(), "event", e.ID, "attempt", attempt, "err", err)
		sleep(ctx, pause)
		pause = min(2*pause, lastPause)
	}
	return ctx.Err()
}

// Settled reports whether every After handler has taken all events that were
// committed before the call: for tests, and for a host that wants to stop with
// nothing outstanding.
func (d *Desk) Settled(ctx context.Context) (bool, error) {
	d.relay.sequence(ctx)
	last, err := d.relay.last(ctx)
	if err != nil || last == 0 {
		return err == nil, err
	}
	for _, l := range d.relay.listeners() {
		for _, c := range l.Consumers() {
			known, found, err := first[consumer](ctx, d.store, Query{Where: []Cond{Is("name", c.Name())}})
			if err != nil || !found || known.Cursor < last {
				return false, err
			}
		}
	}
	known, found, err := first[consumer](ctx, d.store, Query{Where: []Cond{Is("name", searchIndex{}.Name())}})
	return found && known.Cursor >= last, err
}
