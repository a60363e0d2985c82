package core

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/hookdesk/hookdesk/hooks"
)

// relay delivers the events of the log to the After handlers: to each at least
// once and, for a ticket, in order. A handler is served by one process at a
// time, the one that holds the lease of its row; see term.
type relay struct {
	d       *Desk
	log     *eventLog
	clock   clockwork.Clock  // the real one
	extra   []hooks.Consumer // core's own
	changed chan struct{}    // handlers were added or removed
	watch   leaseWatch
	wg      sync.WaitGroup

	mu    sync.Mutex
	terms map[string]*term // that this process holds
	own   map[string]int64 // the tokens of terms that have ended here
}

// saveEvery is how often progress is written down; a crash repeats what lies
// between.
const saveEvery = 200 * time.Millisecond

func newRelay(d *Desk) *relay {
	return &relay{
		d: d, log: d.events, clock: clockwork.NewRealClock(), extra: []hooks.Consumer{searchIndex{d}},
		changed: make(chan struct{}, 1), terms: map[string]*term{}, own: map[string]int64{},
	}
}

// consumer is the row of a handler: how far it got in the log, and the lease.
type consumer struct {
	Name   string
	Cursor int64
	Token  int64
	Beat   int64
}

func (c consumer) mark() leaseMark { return leaseMark{c.Token, c.Beat} }

// run serves handlers until ctx ends, the last of them has returned and their
// leases are handed back.
func (r *relay) run(ctx context.Context) {
	for _, l := range r.listeners() {
		l.OnChange(r.look)
	}
	defer r.wg.Wait()
	look, save := r.clock.NewTicker(r.d.config.Lease/5), r.clock.NewTicker(min(saveEvery, r.d.config.Lease/5))
	defer look.Stop()
	defer save.Stop()
	r.attach(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.changed:
			r.attach(ctx)
		case <-look.Chan():
			r.attach(ctx)
		case <-save.Chan():
			r.save(ctx)
		}
	}
}

// look lets the relay see which handlers there are.
func (r *relay) look() {
	select {
	case r.changed <- struct{}{}:
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

// consumers are the handlers as they stand.
func (r *relay) consumers() map[string]hooks.Consumer {
	wanted := map[string]hooks.Consumer{}
	for _, c := range r.extra {
		wanted[c.Name()] = c
	}
	for _, l := range r.listeners() {
		for _, c := range l.Consumers() {
			wanted[c.Name()] = c
		}
	}
	return wanted
}

// attach begins a term for each handler whose lease is free, and ends those of
// handlers that are gone.
func (r *relay) attach(ctx context.Context) {
	wanted := r.consumers()
	for name, t := range r.held() {
		if wanted[name] == nil {
			t.stop()
		}
	}
	rows, err := find[consumer](ctx, r.d.store, Query{Order: []Order{{Column: "name"}}})
	if err != nil {
		if ctx.Err() == nil {
			r.d.log.ErrorContext(ctx, "the places of handlers cannot be read", "err", err)
		}
		return
	}
	known := map[string]consumer{}
	for _, row := range rows {
		known[row.Name] = row
	}
	for name, c := range wanted {
		if r.term(name) != nil {
			continue
		}
		row, found := known[name]
		if err := r.begin(ctx, c, row, found); err != nil && ctx.Err() == nil {
			r.d.log.ErrorContext(ctx, "a handler cannot be served", "handler", name, "err", err)
		}
	}
}

// enrol makes the rows of handlers that are new, before anything else is
// committed: they are told of all that comes, whoever serves them, and when.
func (r *relay) enrol(ctx context.Context) error {
	rows, err := find[consumer](ctx, r.d.store, Query{})
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, row := range rows {
		known[row.Name] = true
	}
	for name, c := range r.consumers() {
		if known[name] {
			continue
		}
		if _, err := r.enter(ctx, c); err != nil {
			return fmt.Errorf("the place of the handler %s: %w", name, err)
		}
	}
	return nil
}

// begin claims the lease of a handler if it is free, and serves it.
func (r *relay) begin(ctx context.Context, c hooks.Consumer, row consumer, found bool) (err error) {
	if !found {
		if row, err = r.enter(ctx, c); err != nil {
			return err
		}
	}
	if !r.isOwn(row) && !r.watch.free(c.Name(), row.mark(), r.clock.Now(), r.d.config.Lease) {
		return nil
	}
	claimed := r.clock.Now()
	// To the end, or the end of the desk might leave a lease that nobody knows of.
	row, ok, err := claim[consumer](context.WithoutCancel(ctx), r.d.store, c.Name(), row.mark())
	if err != nil || !ok {
		return err
	}
	t, err := r.newTerm(ctx, c, row, claimed)
	if err != nil {
		return errors.Join(err, handBack[consumer](context.WithoutCancel(ctx), r.d.store, row.Name, row.Token))
	}
	r.mu.Lock()
	r.terms[c.Name()] = t
	r.mu.Unlock()
	r.wg.Go(func() {
		t.serve(ctx)
		r.mu.Lock()
		delete(r.terms, c.Name())
		r.own[c.Name()] = t.token
		r.mu.Unlock()
		if !t.isLost.Load() { // else the database or another process has the word, and the next regular look is soon enough
			r.look() // a handler that was away for a moment is another one now
		}
	})
	return nil
}

// isOwn reports whether a lease is still this process's, from a term that has
// ended without a word to the database, which did not answer: it need not wait
// for itself.
func (r *relay) isOwn(row consumer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.own[row.Name] == row.Token && row.Token > 0
}

// enter makes the row of a new handler, which starts with what is to come,
// unless it asked for all that is kept.
func (r *relay) enter(ctx context.Context, c hooks.Consumer) (row consumer, err error) {
	row.Name = c.Name()
	if !c.FromStart() {
		if row.Cursor, err = r.log.end(ctx); err != nil {
			return row, err
		}
	}
	if err = r.d.store.Insert(ctx, &row); !errors.Is(err, ErrDuplicate) {
		return row, err
	}
	row, _, err = first[consumer](ctx, r.d.store, Query{Where: []Cond{Is("name", c.Name())}}) // another process was quicker
	return row, err
}

func (r *relay) held() map[string]*term {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.terms)
}

func (r *relay) term(name string) *term {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.terms[name]
}

// save writes down how far the handlers have got, of all in one transaction, and
// so keeps their leases.
func (r *relay) save(ctx context.Context) {
	var due []*term
	renew := false
	for _, t := range r.held() {
		if t.dirty() {
			due = append(due, t)
		}
		renew = renew || t.ageing()
	}
	if renew {
		due = due[:0]
		for _, t := range r.held() {
			due = append(due, t)
		}
	}
	if len(due) == 0 {
		return
	}
	now := r.clock.Now()
	cursors, lost := make([]int64, len(due)), make([]bool, len(due))
	err := r.d.store.Tx(ctx, func(ctx context.Context) error {
		for i, t := range due {
			cursors[i] = t.cursor.Load()
			err := prove[consumer](ctx, r.d.store, t.c.Name(), t.token, Set("cursor", cursors[i]))
			if lost[i] = errors.Is(err, errLost); err != nil && !lost[i] {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return // the log says when the database does not answer; a lease that cannot be kept runs out
	}
	for i, t := range due {
		if lost[i] {
			t.lose()
			continue
		}
		t.keep(cursors[i], now)
	}
}

// drain ends the terms of a plugin's handlers that are gone, and waits until
// those that run have returned.
func (r *relay) drain(ctx context.Context, plugin string) {
	wanted := r.consumers()
	for name, t := range r.held() {
		if t.c.Plugin() == plugin && wanted[name] == nil {
			t.stop()
			select {
			case <-t.ended:
			case <-ctx.Done():
			}
		}
	}
}

// Settled reports whether every After handler has taken all events that were
// committed before the call, none of them parked: for tests, and for a host that
// wants to stop with nothing outstanding.
func (d *Desk) Settled(ctx context.Context) (bool, error) {
	if _, again, err := d.events.place(ctx); err != nil || again {
		return false, err // another process is giving events their places, perhaps not the newest
	}
	last, err := d.events.end(ctx)
	if err != nil || last == 0 {
		return err == nil, err
	}
	d.events.wake()
	for name := range d.relay.consumers() {
		if settled, err := d.relay.settled(ctx, name, last); err != nil || !settled {
			return false, err
		}
	}
	return true, nil
}

func (r *relay) settled(ctx context.Context, name string, last int64) (bool, error) {
	if t := r.term(name); t == nil || t.cursor.Load() < last {
		row, found, err := first[consumer](ctx, r.d.store, Query{Where: []Cond{Is("name", name)}})
		if err != nil || !found || row.Cursor < last {
			return false, err
		}
	}
	_, parked, err := first[ParkedEvent](ctx, r.d.store, Query{Where: []Cond{Is("consumer", name)}})
	return !parked, err
}
