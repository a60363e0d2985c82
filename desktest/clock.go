package desktest

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// start is when every test begins: a Monday.
var start = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// Clock is the time of a desk. It stands still until Desk.Advance or Desk.Leap
// moves it, for these run the jobs as well.
type Clock struct {
	*clockwork.FakeClock
	mu     sync.Mutex
	timers []*jobTimer
	last   int // the rank of the newest job
	heir   int // the rank of the next timer; 0: it is that of a new job
}

// jobTimer is when a job is due next. The scheduler sets one after the other
// for each job; all of these have one rank, so that jobs that are due at once
// run in the order in which they were registered.
type jobTimer struct {
	clock *Clock
	at    time.Time
	rank  int
	run   func()
}

func newClock() *Clock { return &Clock{FakeClock: clockwork.NewFakeClockAt(start)} }

// AfterFunc is how the scheduler waits until a job is due.
func (c *Clock) AfterFunc(d time.Duration, run func()) clockwork.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &jobTimer{clock: c, at: c.Now().Add(d), rank: c.heir, run: run}
	if c.heir = 0; t.rank == 0 {
		c.last++
		t.rank = c.last
	}
	c.timers = append(c.timers, t)
	return t
}

// Chan is nil, as that of time.AfterFunc.
func (t *jobTimer) Chan() <-chan time.Time { return nil }

// Reset sets the timer again, for d from now.
func (t *jobTimer) Reset(d time.Duration) bool {
	was := t.Stop()
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	t.at = t.clock.Now().Add(d)
	t.clock.timers = append(t.clock.timers, t)
	return was
}

// Stop takes the timer away and reports whether it was set.
func (t *jobTimer) Stop() bool {
	c := t.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.timers)
	c.timers = slices.DeleteFunc(c.timers, func(o *jobTimer) bool { return o == t })
	return len(c.timers) < before
}

// due lists the timers that are due at end or before, in the order to run.
func (c *Clock) due(end time.Time) []*jobTimer {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(c.timers), func(t *jobTimer) bool { return t.at.After(end) })
	slices.SortFunc(list, func(a, b *jobTimer) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.rank, b.rank)) })
	return list
}

func (c *Clock) set() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}

// Advance moves the clock by d and, on the way, runs each job as often as it is
// due, at the time it is due, one after the other. It returns when the last of
// them has. For many days use Leap, which does not run what is due each minute
// thousands of times.
func (d *Desk) Advance(by time.Duration) {
	d.t.Helper()
	end := d.Clock.Now().Add(by)
	for due := d.Clock.due(end); len(due) > 0; due = d.Clock.due(end) {
		d.Clock.FakeClock.Advance(max(0, due[0].at.Sub(d.Clock.Now())))
		d.runDue(due[0])
	}
	d.Clock.FakeClock.Advance(end.Sub(d.Clock.Now()))
}

// Leap moves the clock by d as on a machine that slept so long: each job that
// has become due runs once, at the end.
func (d *Desk) Leap(by time.Duration) {
	d.t.Helper()
	d.Clock.FakeClock.Advance(by)
	for _, t := range d.Clock.due(d.Clock.Now()) {
		d.runDue(t)
	}
}

// runDue runs the job of t and waits until it has run and knows when it is due
// again.
func (d *Desk) runDue(t *jobTimer) {
	d.t.Helper()
	set, fired := d.Clock.set(), d.Fired()
	t.Stop()
	d.Clock.mu.Lock()
	d.Clock.heir = t.rank
	d.Clock.mu.Unlock()
	t.run()
	if !eventually(func() bool { return d.Fired() > fired && d.Clock.set() >= set }) {
		d.t.Fatalf("a job did not end within %v\n%s", patience, d.stacks())
	}
}

// patience is how long the kit waits for what should happen by itself.
const patience = 10 * time.Second

// eventually waits until ok holds, and reports whether it did in time.
func eventually(ok func() bool) bool { return within(patience, ok) }

func within(limit time.Duration, ok func() bool) bool {
	pause := 20 * time.Microsecond
	for end := time.Now().Add(limit); !ok(); pause = min(2*pause, 5*time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
		time.Sleep(pause)
	}
	return true
}
