package sla

import (
	"slices"
	"strings"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/sla/worktime"
)

// Promise is what a ticket's requester was promised, and how it stands. There is
// one for each ticket that a policy was for.
type Promise struct {
	TicketID        int64 `gorm:"primaryKey"`
	PolicyID        int64
	PolicyVersion   int64
	CalendarVersion *int64
	Why             string
	Held            string // causes for which clocks rest, by commas
	DueAt           *core.Time
	DueKind         Kind
	AlarmAt         *core.Time // the next warning or breach
	Breached        bool
	Untouched       bool // the clocks are those of a new ticket, and not written yet
}

// Outcome is how a clock ended.
type Outcome string

// The outcomes.
const (
	Running   Outcome = "running"
	Met       Outcome = "met"
	Missed    Outcome = "missed"
	Cancelled Outcome = "cancelled" // the ticket ended before it could be kept
	Withdrawn Outcome = "withdrawn" // the ticket came under another policy, or none, that does not promise it
)

// Values lists the outcomes.
func (Outcome) Values() []string {
	return []string{string(Running), string(Met), string(Missed), string(Cancelled), string(Withdrawn)}
}

// Clock measures one promise of a ticket, once.
type Clock struct {
	ID         int64
	TicketID   int64
	Kind       Kind
	Hours      Hours
	Minutes    int
	StartedAt  core.Time
	DueAt      *core.Time // null: never, as things stand
	Warned     int        // the last percentage that was told; past is a breach
	BreachedAt *core.Time
	StoppedAt  *core.Time
	Outcome    Outcome
	Elapsed    int64 // microseconds of working time, when it stopped
}

func (c *Clock) target() time.Duration { return time.Duration(c.Minutes) * time.Minute }

var kinds = []Kind{FirstResponse, NextResponse, Resolution}

// past is beyond every warning.
const past = 100

// Pause is a time in which the clocks of a ticket rest.
type Pause struct {
	ID       int64
	TicketID int64
	Why      string
	FromAt   core.Time
	ToAt     *core.Time
}

// course is a ticket's promise with its clocks, in memory. What happens to the
// ticket is told to it, and changes it; it knows no database, so that a month
// that has passed can be run again under other terms.
type course struct {
	now     core.Time
	ticket  core.Ticket
	terms   *terms
	warn    []int // percentages, rising
	promise Promise
	clocks  []*Clock // the oldest first, also those that have stopped
	pauses  []*Pause // the oldest first; the last may last
	news    []any    // *Alarm and *Rest, in order
}

// running finds the clock of a kind that runs; nil is none.
func (c *course) running(kind Kind) *Clock {
	for _, one := range c.clocks {
		if one.Kind == kind && one.StoppedAt == nil {
			return one
		}
	}
	return nil
}

func (c *course) calendar(h Hours) *worktime.Calendar {
	if h == AllHours {
		return nil
	}
	return c.terms.calendar
}

// rests are the pauses as the calendar takes them.
func (c *course) rests() []worktime.Pause {
	out := make([]worktime.Pause, len(c.pauses))
	for i, p := range c.pauses {
		out[i].From = p.FromAt.Time
		if p.ToAt != nil {
			out[i].To = p.ToAt.Time
		}
	}
	return out
}

// start begins a clock, where the terms promise something of the kind and none
// runs yet.
func (c *course) start(kind Kind, at core.Time) {
	target := c.terms.body.Targets.of(c.ticket.Priority, kind)
	if target == nil || c.running(kind) != nil {
		return
	}
	c.clocks = append(c.clocks, &Clock{
		TicketID: c.ticket.ID, Kind: kind, Hours: target.Hours, Minutes: target.Minutes, StartedAt: at, Outcome: Running,
	})
}

// stop ends a clock that runs, after all that rang before. When it is late, the
// promise is missed, unless it was withdrawn.
func (c *course) stop(kind Kind, at core.Time, how Outcome) {
	one := c.running(kind)
	if one == nil {
		return
	}
	if at.Before(one.StartedAt.Time) {
		at = one.StartedAt
	}
	c.ring(at)
	one.Elapsed = c.elapsed(one, at).Microseconds()
	one.StoppedAt, one.Outcome = &at, how
	if how != Withdrawn && one.Elapsed > one.target().Microseconds() {
		one.Outcome = Missed
	}
}

// elapsed is how much of a clock has run until then, or until it stopped.
func (c *course) elapsed(one *Clock, until core.Time) time.Duration {
	if one.StoppedAt != nil {
		return time.Duration(one.Elapsed) * time.Microsecond
	}
	return c.calendar(one.Hours).Elapsed(one.StartedAt.Time, until.Time, c.rests())
}

// Causes for which clocks rest.
const (
	byStatus = "status"
	bySnooze = "snoozed"
	byBin    = "deleted"
	byMerge  = "merged"
)

// hold lets the clocks rest for a cause, from at on.
func (c *course) hold(cause string, at core.Time) {
	causes := c.causes()
	if slices.Contains(causes, cause) {
		return
	}
	if len(causes) == 0 {
		if last := len(c.pauses) - 1; last >= 0 && c.pauses[last].ToAt.After(at.Time) {
			at = *c.pauses[last].ToAt
		}
		c.ring(at)
		c.pauses = append(c.pauses, &Pause{TicketID: c.ticket.ID, Why: cause, FromAt: at})
		c.news = append(c.news, &Rest{Ticket: c.ticket, Why: cause, Since: at})
	}
	c.promise.Held = strings.Join(append(causes, cause), ",")
}

// release takes a cause away; the clocks run from at on, when it was the last.
func (c *course) release(cause string, at core.Time) {
	causes := c.causes()
	if !slices.Contains(causes, cause) {
		return
	}
	causes = slices.DeleteFunc(causes, func(one string) bool { return one == cause })
	c.promise.Held = strings.Join(causes, ",")
	if len(causes) > 0 || len(c.pauses) == 0 {
		return
	}
	last := c.pauses[len(c.pauses)-1]
	if at.Before(last.FromAt.Time) {
		at = last.FromAt
	}
	last.ToAt = &at
	c.news = append(c.news, &Rest{Ticket: c.ticket, Why: last.Why, Since: last.FromAt, Until: &at})
}

func (c *course) causes() []string {
	if c.promise.Held == "" {
		return nil
	}
	return strings.Split(c.promise.Held, ",")
}

// opened is a new ticket.
func (c *course) opened() {
	c.promise.Untouched = true
	c.begin()
	c.look()
}

// begin starts the clocks of a new ticket.
func (c *course) begin() {
	c.start(FirstResponse, c.ticket.CreatedAt)
	c.start(Resolution, c.ticket.CreatedAt)
}

// look makes the clocks what the ticket says that they should be. So it does not
// matter by which way the ticket has come there, nor whether the plugin was on at
// the time.
func (c *course) look() {
	t := c.ticket
	if t.FirstResponseAt != nil {
		c.stop(FirstResponse, *t.FirstResponseAt, Met)
	}
	c.set(byBin, t.DeletedAt != nil, t.DeletedAt)
	c.set(byMerge, t.MergedIntoID != nil, nil)
	switch {
	case t.DeletedAt != nil || t.MergedIntoID != nil:
		return
	case t.Status.Done():
		c.done()
		return
	}
	c.set(byStatus, slices.Contains(c.terms.body.PauseIn, t.Status), nil)
	if c.ended(Resolution) {
		c.start(Resolution, c.now)
	}
	if t.FirstResponseAt == nil && c.ended(FirstResponse) {
		c.start(FirstResponse, c.now)
	}
}

// done is a ticket that is resolved or closed.
func (c *course) done() {
	at := c.now
	if c.ticket.ResolvedAt != nil {
		at = *c.ticket.ResolvedAt
	}
	c.release(byStatus, at)
	c.stop(FirstResponse, at, Cancelled)
	c.stop(NextResponse, at, Cancelled)
	c.stop(Resolution, at, Met)
	c.forgo(NextResponse)
}

// set lets the clocks rest for a cause, or not, from at on; nil is now.
func (c *course) set(cause string, rests bool, at *core.Time) {
	switch {
	case !rests:
		c.release(cause, c.now)
	case at != nil:
		c.hold(cause, *at)
	default:
		c.hold(cause, c.now)
	}
}

// ended reports whether the last clock of a kind ended with the ticket.
func (c *course) ended(kind Kind) (ended bool) {
	for _, one := range c.clocks {
		if one.Kind == kind {
			ended = one.StoppedAt != nil && one.Outcome != Withdrawn
		}
	}
	return ended
}

// replied is a reply. A note is for nobody outside, and what a plugin says by
// itself, such as "we have received your message", is no answer.
func (c *course) replied(r core.Reply, plugin bool) {
	switch {
	case r.Kind != core.ReplyPublic || plugin:
	case r.ByAgent:
		c.stop(NextResponse, c.now, Met)
		c.forgo(NextResponse)
	case !c.ticket.Status.Done() && c.running(FirstResponse) == nil:
		c.start(NextResponse, c.now)
	}
}

// reset puts what runs under the terms, which are others than before, or under
// another priority of the same ones.
func (c *course) reset() {
	for _, kind := range kinds {
		one, target := c.running(kind), c.terms.body.Targets.of(c.ticket.Priority, kind)
		switch {
		case one != nil && target == nil:
			c.stop(kind, c.now, Withdrawn)
		case one != nil:
			c.retarget(one, target)
		case target != nil && c.withdrawn(kind) != nil && c.awaited(kind):
			one = c.withdrawn(kind)
			one.StoppedAt, one.Outcome, one.Elapsed = nil, Running, 0
			c.retarget(one, target)
		case c.outstanding(kind):
			c.start(kind, c.ticket.CreatedAt)
		}
	}
	c.look()
}

func (c *course) retarget(one *Clock, to *Target) {
	one.Hours, one.Minutes = to.Hours, to.Minutes
	c.rewarn(one)
}

// withdrawn is the last clock of a kind when it was withdrawn; else nil.
func (c *course) withdrawn(kind Kind) (last *Clock) {
	for _, one := range c.clocks {
		if one.Kind == kind {
			last = one
		}
	}
	if last != nil && last.Outcome != Withdrawn {
		return nil
	}
	return last
}

// forgo lets what was withdrawn rest for good: it has happened.
func (c *course) forgo(kind Kind) {
	if one := c.withdrawn(kind); one != nil {
		one.Outcome = Cancelled
	}
}

// awaited reports whether what a clock measures has not happened yet.
func (c *course) awaited(kind Kind) bool {
	return !c.ticket.Status.Done() && (kind != FirstResponse || c.ticket.FirstResponseAt == nil)
}

// outstanding reports whether what a clock would measure has not happened yet,
// and no clock has measured it.
func (c *course) outstanding(kind Kind) bool {
	return !c.ended(kind) && c.awaited(kind) && kind != NextResponse
}

// end withdraws all that runs: no policy is for the ticket any more.
func (c *course) end() {
	for _, kind := range kinds {
		c.stop(kind, c.now, Withdrawn)
	}
}
