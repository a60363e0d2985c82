package core

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// streams feeds every browser that listens, from one look at the log: each event
// is read, and encoded, once.
type streams struct {
	d      *Desk
	limits StreamLimits

	mu        sync.Mutex
	recheck   time.Duration // how long it is believed who listens
	open      bool
	over      bool               // it was open, and ended
	pos       int64              // all up to here was sent
	admitted  map[*listener]bool // whether it has joined
	byKey     map[string]int     // those of an identity
	byAddress map[string]int
}

const (
	heartbeat     = 15 * time.Second
	recheckEvery  = 30 * time.Second // who is it that listens?
	maxPending    = 256 << 10        // bytes that a slow reader may leave lying
	slowFor       = 10 * time.Second
	retryAfter    = 5 * time.Second
	housekeeping  = 250 * time.Millisecond
	reconnectSoon = 500 // milliseconds, at least; as much again at random
)

func newStreams(d *Desk) *streams {
	return &streams{
		d: d, limits: d.config.Streams.orDefaults(), recheck: recheckEvery,
		admitted: map[*listener]bool{}, byKey: map[string]int{}, byAddress: map[string]int{},
	}
}

// run feeds until ctx ends; then all streams end, and the browsers come back to
// whoever serves then.
func (s *streams) run(ctx context.Context) {
	for !s.d.events.follows() {
		if pause(ctx, gather); ctx.Err() != nil {
			return
		}
	}
	s.mu.Lock()
	s.open, s.over, s.pos = true, false, s.d.events.newest()
	s.mu.Unlock()
	defer s.close()
	kept := make(chan struct{})
	go func() { defer close(kept); s.keep(ctx) }()
	defer func() { <-kept }()
	for ctx.Err() == nil {
		signal := s.d.events.signal()
		n, err := s.send(ctx)
		if n > 0 && err == nil {
			pause(ctx, gather) // a burst is written at once
			continue
		}
		select {
		case <-ctx.Done():
		case <-signal:
		case <-s.d.events.clock.After(pollEvery): // after an error
		}
	}
}

// send passes new events on.
func (s *streams) send(ctx context.Context) (int, error) {
	s.mu.Lock()
	pos := s.pos
	s.mu.Unlock()
	events, err := s.d.events.read(ctx, pos, batchSize)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	shown, err := s.d.display(ctx, events)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for l, joined := range s.admitted {
		if joined && !l.own {
			l.offer(ctx, shown)
		}
	}
	s.pos = events[len(events)-1].seq
	return len(events), nil
}

// keep looks after the listeners until ctx ends.
func (s *streams) keep(ctx context.Context) {
	tick := s.d.events.clock.NewTicker(housekeeping)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.Chan():
			s.lookAfter(now)
		}
	}
}

// lookAfter sends heartbeats, asks who is listening, and cuts who does not read.
func (s *streams) lookAfter(now time.Time) {
	s.mu.Lock()
	all, pos, recheck := s.joined(), s.pos, s.recheck
	s.mu.Unlock()
	for _, l := range all {
		if l.over(now) || !l.mayStay(now, recheck) {
			s.leave(l)
			continue
		}
		if now.Sub(l.beat) >= heartbeat {
			l.beat = now
			l.write(l.pulse(pos))
		}
	}
}

func (s *streams) close() {
	s.mu.Lock()
	s.open, s.over = false, true
	all := s.joined()
	clear(s.admitted)
	clear(s.byKey)
	clear(s.byAddress)
	s.mu.Unlock()
	for _, l := range all {
		l.write(comeBack())
		l.end()
	}
}

// comeBack tells a browser to ask again soon, but not when all others do.
func comeBack() []byte {
	return []byte("retry: " + strconv.Itoa(reconnectSoon+rand.IntN(reconnectSoon)) + "\n\n")
}

func (s *streams) feeds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// listener is one browser. Where the connection allows it no goroutine waits for
// it: see wire.
type listener struct {
	d       *Desk
	r       *http.Request // asked again who it is
	key     string
	address string
	beat    time.Time
	checked time.Time
	told    int64 // all up to here was sent when it joined
	own     bool  // a Listener: it is not told of events
	watcher atomic.Pointer[watcher]

	mu      sync.Mutex
	pending []byte
	since   time.Time // when the oldest of pending could not be written
	ended   bool
	raw     *wire         // writes by itself; nil: a goroutine does
	more    chan struct{} // tells that goroutine of something pending, or the end
}

// pulse is what a stream sends when nothing else is; it also moves the place to go
// on from.
func (l *listener) pulse(pos int64) []byte {
	if l.own {
		return []byte(": \n\n")
	}
	return []byte("id: " + itoa(pos) + "\n\n")
}

// offer writes what of the events the listener may see.
func (l *listener) offer(ctx context.Context, shown []*displayed) {
	if text := l.frames(ctx, shown); len(text) > 0 {
		l.write(text)
	}
}

// frames is what of the events the listener may see, as it is sent.
func (l *listener) frames(ctx context.Context, shown []*displayed) (text []byte) {
	w := l.watcher.Load()
	err := guard(func() error { // the host's See may panic
		for _, e := range shown {
			switch {
			case e.seq <= l.told || !w.sees(ctx, e):
			case text == nil:
				text = slices.Clip(e.frame(w.actor)) // mostly the only one: it is not copied
			default:
				text = append(text, e.frame(w.actor)...)
			}
		}
		return nil
	})
	if err != nil {
		l.d.log.ErrorContext(ctx, "events cannot be shown", "err", err)
	}
	return text
}

// write adds to what is pending and lets it be written.
func (l *listener) write(text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	switch {
	case l.raw == nil:
		l.pending = append(l.pending, text...)
		l.push()
	case len(l.pending) > 0: // it waits for its reader: see lookAfter
		l.pending = append(l.pending, text...)
	default: // mostly the connection takes all of it, and nothing is copied
		n, broken := l.raw.write(text)
		l.ended = l.ended || broken
		if n < len(text) {
			l.pending, l.since = bytes.Clone(text[n:]), l.d.events.clock.Now()
		}
	}
}

// push writes what the connection takes now. The lock is held.
func (l *listener) push() {
	if l.raw == nil {
		select {
		case l.more <- struct{}{}:
		default:
		}
		if l.since.IsZero() {
			l.since = l.d.events.clock.Now()
		}
		return
	}
	n, broken := l.raw.write(l.pending)
	l.took(n)
	l.ended = l.ended || broken
}

// took notes that so many bytes are on their way. The lock is held.
func (l *listener) took(n int) {
	if n >= len(l.pending) {
		l.pending, l.since = nil, time.Time{}
		return
	}
	l.pending = l.pending[n:]
	if l.since.IsZero() || n > 0 {
		l.since = l.d.events.clock.Now()
	}
}

// over reports whether the listener has gone, or reads too slowly: it comes back,
// and is told from the log what it has missed.
func (l *listener) over(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) > 0 && !l.ended {
		l.push()
	}
	return l.ended || len(l.pending) > maxPending || !l.since.IsZero() && now.Sub(l.since) > slowFor
}

// mayStay asks the host again who it is that listens.
func (l *listener) mayStay(now time.Time, recheck time.Duration) bool {
	if now.Sub(l.checked) < recheck {
		return true
	}
	l.checked = now
	was := l.watcher.Load().actor
	a, err := l.d.Identify(l.r)
	if err != nil || a.Kind == Nobody || a.key() != was.key() || a.guestOf != was.guestOf {
		return false
	}
	if l.own && a.Kind < was.Kind { // the policy of the route may be no more for this caller
		return false
	}
	w := l.d.watcher(a)
	l.watcher.Store(&w)
	return true
}

// end lets go of the connection once what is pending was offered to it.
func (l *listener) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.raw != nil {
		l.raw.close()
	}
	if !l.ended {
		l.ended = true
		close(l.more)
	}
}

// addressOf is where a request comes from.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
