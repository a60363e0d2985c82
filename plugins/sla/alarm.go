package sla

import (
	"slices"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// tick is the least time: a promise is kept at the very moment when it is due,
// and broken a tick later.
const tick = time.Microsecond

// settle computes when clocks are due and what rings next, and writes it into
// the promise. It is called after every change.
func (c *course) settle() {
	p := &c.promise
	p.DueAt, p.DueKind, p.AlarmAt, p.Breached = nil, "", nil, false
	for _, one := range c.clocks {
		if one.StoppedAt != nil {
			continue
		}
		one.DueAt = c.reaches(one, past)
		p.Breached = p.Breached || one.BreachedAt != nil
		if earlier(one.DueAt, p.DueAt) {
			p.DueAt, p.DueKind = one.DueAt, one.Kind
		}
		if _, at := c.next(one); earlier(at, p.AlarmAt) {
			p.AlarmAt = at
		}
	}
}

func earlier(a, b *core.Time) bool {
	return a != nil && (b == nil || a.Before(b.Time))
}

// reaches is when so many percent of a clock's target have passed; nil is never,
// as things stand.
func (c *course) reaches(one *Clock, percent int) *core.Time {
	due, ok := c.calendar(one.Hours).Due(one.StartedAt.Time, one.target()*time.Duration(percent)/past, c.rests())
	if !ok {
		return nil
	}
	at := core.TimeOf(due)
	return &at
}

// next is what a clock rings for next, and when; nil is never.
func (c *course) next(one *Clock) (percent int, at *core.Time) {
	if one.Warned >= past {
		return 0, nil
	}
	for _, percent := range c.warn {
		if percent > one.Warned {
			return percent, c.reaches(one, percent)
		}
	}
	if at = c.reaches(one, past); at != nil {
		late := core.TimeOf(at.Add(tick))
		at = &late
	}
	return past, at
}

// ring tells of every warning and breach until then, each once, in the order of
// their times, however late it is.
func (c *course) ring(until core.Time) {
	for {
		var first *Clock
		var percent int
		var when *core.Time
		for _, one := range c.clocks {
			if one.StoppedAt != nil {
				continue
			}
			if n, at := c.next(one); earlier(at, when) {
				first, percent, when = one, n, at
			}
		}
		if first == nil || when.After(until.Time) {
			return
		}
		c.tell(first, percent)
	}
}

func (c *course) tell(one *Clock, percent int) {
	at := *c.reaches(one, percent) // next has found it
	one.Warned = percent
	due := c.reaches(one, past)
	if percent == past {
		one.BreachedAt = &at
	}
	c.news = append(c.news, &Alarm{
		Ticket: c.ticket, AssigneeID: c.ticket.AssigneeID, PolicyID: c.promise.PolicyID, Policy: c.terms.name,
		Kind: one.Kind, Percent: percent, At: at, DueAt: due, Minutes: one.Minutes,
	})
}

// rewarn forgets the warnings of a target that has become another one, as far as
// the new one has not come to them.
func (c *course) rewarn(one *Clock) {
	reached := 0
	for _, percent := range slices.Concat(c.warn, []int{past}) {
		if at := c.reaches(one, percent); at != nil && at.Before(c.now.Time) {
			reached = percent
		}
	}
	if one.Warned = min(one.Warned, reached); one.Warned < past {
		one.BreachedAt = nil
	}
}
