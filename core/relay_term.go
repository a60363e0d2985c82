package core

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/hookdesk/hookdesk/hooks"
)

// term is the time in which this process serves one handler, from claiming the
// lease to handing it back or losing it. One goroutine owns its fields; calls
// of the handler run in others and report through results.
//
// Events of one ticket are a lane: they are handed over one after the other.
// Lanes run side by side. An event that fails is parked, and so is what follows
// it in its lane, until an attempt succeeds; other lanes go on.
type term struct {
	r       *relay
	c       hooks.Consumer
	token   int64
	cursor  atomic.Int64 // all up to here is handled or parked
	kept    atomic.Int64 // the cursor as it was saved
	saved   atomic.Pointer[time.Time]
	quit    chan struct{}
	ended   chan struct{}
	todo    chan *item // to a goroutine that waits
	results chan result

	read     int64   // all up to here is in the window
	window   []*item // in order; cursor follows its finished head
	lanes    map[int64][]*item
	ready    []*item
	blocked  map[int64]bool // lanes that have a parked event
	ahead    map[int64]bool // places that were parked before a crash kept the cursor from passing them
	running  int
	failures int       // in a row
	rest     time.Time // the breaker is open until then
	look     time.Time // next look at parked events
	stopped  atomic.Bool
	isLost   atomic.Bool
}

type item struct {
	placed
	lane     int64
	attempts int
	parked   *ParkedEvent // the row, once it was parked
	done     bool
}

type result struct {
	it  *item
	err error
	cut bool // the term or the handler ended under it: no attempt
}

const (
	atOnce      = 8   // lanes of one handler at once
	windowSize  = 256 // events in memory, which a crash delivers again at most
	breakAfter  = 5   // failures in a row
	maxAttempts = 16
	firstRetry  = 250 * time.Millisecond
	lastRetry   = time.Hour
	lookEvery   = 200 * time.Millisecond // for parked events that are due
)

func (r *relay) newTerm(ctx context.Context, c hooks.Consumer, row consumer, claimed time.Time) (*term, error) {
	t := &term{
		r: r, c: c, token: row.Token, read: row.Cursor, quit: make(chan struct{}), ended: make(chan struct{}), todo: make(chan *item), results: make(chan result, atOnce),
		lanes: map[int64][]*item{}, blocked: map[int64]bool{}, ahead: map[int64]bool{},
	}
	t.cursor.Store(row.Cursor)
	t.keep(row.Cursor, claimed)
	return t, t.recall(ctx)
}

// stop ends the term once the calls that run have returned.
func (t *term) stop() {
	if t.stopped.CompareAndSwap(false, true) {
		close(t.quit)
	}
}

// lose ends the term without handing back what is another's.
func (t *term) lose() {
	t.isLost.Store(true)
	t.stop()
}

func (t *term) dirty() bool { return t.cursor.Load() > t.kept.Load() }

// ageing reports whether the lease wants to be renewed.
func (t *term) ageing() bool { return t.age() > t.r.d.config.Lease/3 }

func (t *term) age() time.Duration {
	return t.r.clock.Now().Sub(*t.saved.Load())
}

func (t *term) keep(cursor int64, at time.Time) {
	t.kept.Store(cursor)
	t.saved.Store(&at)
}

// serve hands over events until ctx ends, or the handler is gone, or the lease.
func (t *term) serve(ctx context.Context) {
	defer close(t.ended)
	defer t.end(ctx)
	for ctx.Err() == nil && !t.stopped.Load() {
		signal := t.r.log.signal()
		if err := t.step(ctx); err != nil {
			if errors.Is(err, errLost) {
				t.lose()
				return
			}
			t.say(ctx, "events cannot be delivered", err)
			pause(ctx, firstRetry)
			continue
		}
		if err := t.wait(ctx, signal); err != nil {
			t.say(ctx, "what a handler did cannot be written down", err)
			t.lose() // the rows decide: whoever claims next, this process too, goes on from them
		}
	}
}

func (t *term) say(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		t.r.d.log.ErrorContext(ctx, "delivery: "+what, "handler", t.c.Name(), "err", err) //nolint:sloglint // one of a few sentences
	}
}

func (t *term) wait(ctx context.Context, signal <-chan struct{}) error {
	if t.more() {
		signal = closed // there is room, and something to take
	}
	select {
	case r := <-t.results:
		return t.finish(ctx, r)
	default:
	}
	select {
	case r := <-t.results:
		return t.finish(ctx, r)
	case <-signal:
	case <-t.quit:
	case <-ctx.Done():
	case <-t.r.clock.After(t.idle()):
	}
	return nil
}

// closed is a signal that was given.
var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }() //nolint:gochecknoglobals // never changed

// more reports whether a step would take in more events.
func (t *term) more() bool {
	return t.read < t.r.log.newest() && windowSize-len(t.window) > windowSize/4 && !t.resting()
}

func (t *term) resting() bool { return t.r.clock.Now().Before(t.rest) }

// idle is how long nothing needs to be looked at.
func (t *term) idle() time.Duration {
	if len(t.blocked) > 0 || t.resting() {
		return lookEvery / 4
	}
	return pollEvery
}

// end waits for the calls that run and hands the lease back.
func (t *term) end(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	for t.running > 0 {
		if err := t.finish(ctx, <-t.results); err != nil {
			t.lose()
		}
	}
	if t.isLost.Load() {
		return
	}
	t.advance()
	err := handBack[consumer](ctx, t.r.d.store, t.c.Name(), t.token, Set("cursor", t.cursor.Load()))
	if err != nil {
		t.r.d.log.WarnContext(ctx, "a lease could not be handed back; it runs out", "handler", t.c.Name(), "err", err)
	}
}

// advance lets the cursor follow the finished head of the window.
func (t *term) advance() {
	for len(t.window) > 0 && t.window[0].done {
		t.cursor.Store(t.window[0].seq)
		t.window = t.window[1:]
	}
}

// step takes in what there is room for and starts what can run.
func (t *term) step(ctx context.Context) error {
	t.advance()
	if t.resting() {
		return nil
	}
	if room := windowSize - len(t.window); room > windowSize/4 {
		events, err := t.r.log.read(ctx, t.read, room)
		if err == nil {
			err = t.take(ctx, events)
		}
		if err != nil {
			return err
		}
		t.advance()
	}
	if err := t.takeDue(ctx); err != nil {
		return err
	}
	for len(t.ready) > 0 && t.running < atOnce && (t.failures < breakAfter || t.running == 0) {
		if t.age() > t.r.d.config.Lease {
			return errLost // this process was stopped for too long: nothing more may start
		}
		it := t.ready[0]
		t.ready = t.ready[1:]
		t.running++
		select {
		case t.todo <- it:
		default: // nobody waits for work
			go t.work(ctx, it)
		}
	}
	return nil
}

// take puts new events into their lanes; those of a blocked lane are parked.
func (t *term) take(ctx context.Context, events []placed) error {
	var waiting []*item
	for _, e := range events {
		it := &item{placed: e, lane: laneOf(e)}
		t.window, t.read = append(t.window, it), e.seq
		switch {
		case e.ID == 0, t.ahead[e.seq], t.c.Event() != "" && t.c.Event() != e.Type:
			it.done = true
		case t.blocked[it.lane]:
			waiting = append(waiting, it)
		default:
			t.queue(it)
		}
	}
	return t.park(ctx, waiting, nil)
}

// laneOf keeps the order of a ticket; an event without one has no order.
func laneOf(e placed) int64 {
	if e.TicketID != nil {
		return *e.TicketID
	}
	return -e.seq
}

// queue appends to a lane, of which the first is ready to run.
func (t *term) queue(it *item) {
	t.lanes[it.lane] = append(t.lanes[it.lane], it)
	if len(t.lanes[it.lane]) == 1 {
		t.ready = append(t.ready, it)
	}
}

// workerRest is how long a goroutine waits for more to do: a new one for each
// event would grow its stack each time.
const workerRest = 50 * time.Millisecond

func (t *term) work(ctx context.Context, it *item) {
	rest := t.r.clock.NewTimer(workerRest)
	defer rest.Stop()
	for {
		t.call(ctx, it)
		rest.Reset(workerRest)
		select {
		case it = <-t.todo:
		case <-rest.Chan():
			return
		case <-t.ended:
			return
		}
	}
}

// call hands over one event.
func (t *term) call(ctx context.Context, it *item) {
	envelope, err := it.envelope(it.attempts + 1)
	if err == nil {
		err = t.c.Deliver(asConsequence(ctx, t.c.Plugin(), it.ID, it.Depth), envelope)
	}
	if errors.Is(err, errChain) {
		t.say(ctx, "plugins drive each other; the chain is cut", err)
		err = nil
	}
	cut := err != nil && (ctx.Err() != nil || errors.Is(err, hooks.ErrRemoved))
	t.results <- result{it, err, cut}
}

// finish books one result: handled, parked, or out of the park.
func (t *term) finish(ctx context.Context, r result) error {
	t.running--
	lane := t.lanes[r.it.lane][1:]
	delete(t.lanes, r.it.lane)
	if r.cut {
		t.stop() // the event is delivered again
		return nil
	}
	if r.err != nil {
		t.say(ctx, "an After handler failed; the event is offered again", r.err)
	}
	if r.it.parked != nil {
		return t.settle(ctx, r)
	}
	if r.err != nil {
		t.fail()
		t.blocked[r.it.lane] = true
		return t.park(ctx, append([]*item{r.it}, lane...), r.err)
	}
	r.it.done, t.failures = true, 0
	if len(lane) > 0 {
		t.lanes[r.it.lane] = lane
		t.ready = append(t.ready, lane[0])
	}
	return nil
}

// fail counts towards the breaker: a handler that fails for all events rests, so
// that an outage parks a handful of them and not the log.
func (t *term) fail() {
	t.failures++
	if over := t.failures - breakAfter; over >= 0 {
		t.rest = t.r.clock.Now().Add(min(backoff(over+1), time.Minute))
	}
}
