package core

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"
)

// eventLog is the log as this process reads it: in the order of commits, with
// the newest events in memory, so that however many handlers and browsers
// follow it, each event is read once.
type eventLog struct {
	d     *Desk
	clock clockwork.Clock // the real one: it tells how long to wait
	hint  chan struct{}   // something may have been committed

	switched chan struct{} // settings or plugins were changed: see Desk.keepUp

	commits atomic.Int64 // changes that this process has committed

	mu      sync.Mutex
	tail    []placed // the newest events, without a gap
	base    int64    // the place before the first of tail; beyond all places while nothing follows
	last    int64    // the place of the newest event that was seen
	seen    int64    // so many of commits have their events up to last
	bytes   int      // of the payloads in tail
	changed chan struct{}
	failing time.Time // since when the log cannot be read; zero: it can
}

// placed is an event with its place in the log. One that was purged with its
// ticket leaves its place empty: its ID is 0.
type placed struct {
	seq int64
	Event
}

const (
	pollEvery  = time.Second // the safety net when a wake-up is lost
	batchSize  = 500
	tailEvents = 4_000
	tailBytes  = 8 << 20
	// gather is how long commits are let gather under load.
	gather = 2 * time.Millisecond
)

func newEventLog(d *Desk) *eventLog {
	return &eventLog{
		d: d, clock: clockwork.NewRealClock(), base: math.MaxInt64,
		hint: make(chan struct{}, 1), switched: make(chan struct{}, 1), changed: make(chan struct{}),
	}
}

// wake lets the log look for events now. It never blocks.
func (l *eventLog) wake() {
	select {
	case l.hint <- struct{}{}:
	default: // a look is due already
	}
}

// signal is closed when there are new events.
func (l *eventLog) signal() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// committed notes a change of this process, and lets the log look for its events.
func (l *eventLog) committed() {
	l.commits.Add(1)
	l.wake()
}

// reached is the place of the newest event that was seen, and of how many
// commits of this process the events stand up to there.
func (l *eventLog) reached() (last, commits int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last, l.seen
}

// newest is the place of the newest event that this process has seen.
func (l *eventLog) newest() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// open begins at the end of the log.
func (l *eventLog) open(ctx context.Context) error {
	commits := l.commits.Load()
	if _, _, err := l.place(ctx); err != nil {
		return err
	}
	last, err := l.end(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail, l.bytes, l.base, l.last, l.seen = nil, 0, last, last, commits
	return nil
}

// shut forgets what is in memory, which nothing keeps up to date any more.
func (l *eventLog) shut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail, l.bytes, l.base = nil, 0, math.MaxInt64
}

// follow reads what is committed, here or by another process, until ctx ends.
func (l *eventLog) follow(ctx context.Context) {
	defer l.shut()
	for !l.follows() && ctx.Err() == nil { // the database did not answer yet
		err := l.open(ctx)
		if err == nil {
			err = l.d.catchUp(ctx)
		}
		if l.note(ctx, err); err != nil {
			pause(ctx, pollEvery)
		}
	}
	for ctx.Err() == nil {
		wait := pollEvery
		n, again, err := l.advance(ctx)
		l.note(ctx, err)
		switch {
		case err != nil:
		case n == batchSize:
			continue
		case again:
			wait = gather
		case n > 1:
			pause(ctx, gather)
		}
		select {
		case <-ctx.Done():
		case <-l.hint:
		case <-l.clock.After(wait):
		}
	}
}

// note keeps since when the database does not answer, and says it once.
func (l *eventLog) note(ctx context.Context, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case err == nil && !l.failing.IsZero():
		l.d.log.InfoContext(ctx, "the event log can be read again", "after", l.clock.Since(l.failing))
		l.failing = time.Time{}
	case err != nil && l.failing.IsZero():
		l.d.log.ErrorContext(ctx, "the event log cannot be read; it is tried again each second", "err", err)
		l.failing = l.clock.Now()
	}
}

func (l *eventLog) failingSince() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failing
}

// advance takes up to a batch of new events into the tail.
func (l *eventLog) advance(ctx context.Context) (n int, again bool, err error) {
	commits := l.commits.Load()
	placedNow, again, err := l.place(ctx)
	if err != nil {
		return 0, false, err
	}
	events, err := l.fetch(ctx, l.newest(), batchSize)
	if err != nil {
		return 0, false, err
	}
	l.take(events, commits, again || len(events) == batchSize)
	if l.tellsOfSwitch(events) {
		l.heed()
	}
	if placedNow > 0 {
		l.d.herald.tell()
	}
	return len(events), again, nil
}

// place gives committed events their place, where ids are none.
func (l *eventLog) place(ctx context.Context) (n int, again bool, err error) {
	if s, ok := l.d.store.(Sequencer); ok {
		return s.Sequence(ctx)
	}
	return 0, false, nil
}

// tellsOfSwitch reports whether a setting or a plugin was changed, here or by
// another process.
func (l *eventLog) tellsOfSwitch(events []placed) bool {
	return slices.ContainsFunc(events, func(e placed) bool {
		return e.Type == l.d.hooks.Setting.Save.After.Point().Name || e.Type == pluginEnabled || e.Type == pluginDisabled
	})
}

// heed lets settings and plugins be read again. It never blocks.
func (l *eventLog) heed() {
	select {
	case l.switched <- struct{}{}:
	default: // they are about to be
	}
}

// take adds events to the tail. Unless there are more, they are all those of so
// many commits; a change may also have none.
func (l *eventLog) take(events []placed, commits int64, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	told := l.seen
	if !more {
		l.seen = commits
	}
	if len(events) > 0 {
		l.keep(events)
	}
	if len(events) > 0 || l.seen > told {
		close(l.changed)
		l.changed = make(chan struct{})
	}
}

// keep adds events to the tail, and drops the oldest. The lock is held.
func (l *eventLog) keep(events []placed) {
	for _, e := range events {
		l.bytes += len(e.Payload)
	}
	l.tail = append(l.tail, events...)
	l.last = events[len(events)-1].seq
	drop := 0
	for len(l.tail)-drop > tailEvents || l.bytes > tailBytes && len(l.tail)-drop > 1 {
		l.bytes -= len(l.tail[drop].Payload)
		drop++
	}
	if drop > 0 {
		l.base = l.tail[drop-1].seq
		l.tail = append([]placed(nil), l.tail[drop:]...) // let go of what is dropped
	}
}

// read returns up to limit events behind a place, in order: from memory when
// they are new, else from the database.
func (l *eventLog) read(ctx context.Context, after int64, limit int) ([]placed, error) {
	if events, ok := l.recent(after, limit); ok {
		return events, nil
	}
	events, err := l.fetch(ctx, after, limit)
	if err == nil && len(events) == 0 { // what lay between was purged
		events, _ = l.recent(max(after, l.start()), limit)
	}
	return events, err
}

// recent reads from memory; ok is false for a place before what is kept there.
func (l *eventLog) recent(after int64, limit int) (events []placed, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if after < l.base {
		return nil, false
	}
	return following(l.tail, after, limit), true
}

// follows reports whether this process knows where the log ends.
func (l *eventLog) follows() bool { return l.start() < math.MaxInt64 }

func (l *eventLog) start() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.base
}

// following are up to limit of the events behind a place.
func following(events []placed, after int64, limit int) []placed {
	i, found := slices.BinarySearchFunc(events, after, func(e placed, seq int64) int { return cmp.Compare(e.seq, seq) })
	if found {
		i++
	}
	return slices.Clone(events[i:min(i+limit, len(events))])
}

// numbered reports whether places differ from ids.
func (l *eventLog) numbered() bool {
	_, ok := l.d.store.(Sequencer)
	return ok
}

// end is the place of the newest event in the database.
func (l *eventLog) end(ctx context.Context) (int64, error) {
	if l.numbered() {
		s, _, err := first[eventSeq](ctx, l.d.store, Query{Order: []Order{{"seq", true}}})
		return s.Seq, err
	}
	e, _, err := first[Event](ctx, l.d.store, Query{Order: []Order{{"id", true}}})
	return e.ID, err
}

// fetch reads events from the database.
func (l *eventLog) fetch(ctx context.Context, after int64, limit int) ([]placed, error) {
	if l.numbered() {
		return l.fetchNumbered(ctx, after, limit)
	}
	events, err := find[Event](ctx, l.d.store, Query{Where: []Cond{Where("id", Greater, after)}, Order: []Order{{Column: "id"}}, Limit: limit})
	out := make([]placed, len(events))
	for i, e := range events {
		out[i] = placed{e.ID, e}
	}
	return out, err
}

func (l *eventLog) fetchNumbered(ctx context.Context, after int64, limit int) ([]placed, error) {
	places, err := find[eventSeq](ctx, l.d.store, Query{Where: []Cond{Where("seq", Greater, after)}, Order: []Order{{Column: "seq"}}, Limit: limit})
	if err != nil || len(places) == 0 {
		return nil, err
	}
	ids := make([]int64, len(places))
	for i, p := range places {
		ids[i] = p.EventID
	}
	events, err := find[Event](ctx, l.d.store, Query{Where: []Cond{Where("id", In, ids)}})
	if err != nil {
		return nil, err
	}
	known := make(map[int64]Event, len(events))
	for _, e := range events {
		known[e.ID] = e
	}
	out := make([]placed, len(places))
	for i, p := range places {
		out[i] = placed{p.Seq, known[p.EventID]}
	}
	return out, nil
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
