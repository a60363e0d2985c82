package sla

import (
	"context"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// Standing is how a ticket's promise stands, and why.
type Standing struct {
	Policy   PolicyRef    `json:"policy"`
	Calendar *CalendarRef `json:"calendar" doc:"null when all hours count"`
	Why      string       `json:"why" doc:"what of the ticket the policy asks for"`
	DueAt    *core.Time   `json:"due_at" doc:"of the clock that is due next; null when none runs"`
	Breached bool         `json:"breached"`
	Held     []string     `json:"held" doc:"why clocks rest now"`
	Clocks   []Reading    `json:"clocks" doc:"the newest first"`
	Pauses   []Break      `json:"pauses" doc:"the newest first"`
}

// PolicyRef names the version of a policy.
type PolicyRef struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Version int    `json:"version"`
	// Who made the policy what it is in this version, and when.
	SavedBy string    `json:"saved_by"`
	SavedAt core.Time `json:"saved_at"`
}

// CalendarRef names a calendar.
type CalendarRef struct {
	Name string `json:"name"`
	Zone string `json:"zone"`
}

// Reading is one clock. Durations are in seconds of the clock's own hours.
type Reading struct {
	Kind       Kind       `json:"kind"`
	Outcome    Outcome    `json:"outcome"`
	Hours      Hours      `json:"hours"`
	Target     int64      `json:"target" doc:"seconds"`
	Elapsed    int64      `json:"elapsed" doc:"seconds"`
	Remaining  int64      `json:"remaining" doc:"seconds; below 0 it is late by so much"`
	StartedAt  core.Time  `json:"started_at"`
	DueAt      *core.Time `json:"due_at" doc:"null while it rests, and when it is never due"`
	Never      string     `json:"never,omitempty" doc:"why it is never due though it runs"`
	Warned     int        `json:"warned" doc:"the last percentage that was told"`
	BreachedAt *core.Time `json:"breached_at"`
	StoppedAt  *core.Time `json:"stopped_at"`
	Segments   []Segment  `json:"segments" doc:"how the time adds up, oldest first"`
}

// Segment is a part of a clock's time in which it ran or rested.
type Segment struct {
	From    core.Time `json:"from"`
	To      core.Time `json:"to"`
	Rests   string    `json:"rests,omitempty" doc:"why; nothing: it runs"`
	Counted int64     `json:"counted" doc:"seconds of it that count"`
}

// Break is a time in which the clocks rest.
type Break struct {
	Why  string     `json:"why"`
	From core.Time  `json:"from"`
	To   *core.Time `json:"to" doc:"null while it lasts"`
}

// Standing tells how a ticket's promise stands. It fails with NotFound when
// nothing was promised. Agents only.
func (s *Levels) Standing(ctx context.Context, ticket int64) (Standing, error) {
	t, err := s.host.Desk().Tickets.Get(ctx, ticket)
	if err == nil && !core.ActorFrom(ctx).IsAgent() {
		err = core.Errorf(core.Forbidden, "what is promised inside the desk is for agents")
	}
	if err != nil {
		return Standing{}, err
	}
	c, err := s.load(ctx, t)
	if err == nil && c == nil {
		err = core.Errorf(core.NotFound, "nothing is promised of ticket %d: no policy was for it when it came, or changed", ticket)
	}
	if err != nil {
		return Standing{}, err
	}
	c.look() // what happened while the plugin was off is not written yet
	c.settle()
	return c.standing(), nil
}

// shownClocks is how many clocks and pauses of a ticket are told.
const shownClocks = 50

func (c *course) standing() Standing {
	out := Standing{
		Policy: PolicyRef{c.promise.PolicyID, c.terms.name, c.terms.number, c.terms.savedBy, c.terms.savedAt}, Why: c.promise.Why, DueAt: c.promise.DueAt,
		Breached: c.promise.Breached, Held: append([]string{}, c.causes()...), Clocks: []Reading{}, Pauses: []Break{},
	}
	if c.terms.calendar != nil {
		out.Calendar = &CalendarRef{c.terms.calendarName, c.terms.zone}
	}
	for i := len(c.clocks) - 1; i >= 0 && len(out.Clocks) < shownClocks; i-- {
		out.Clocks = append(out.Clocks, c.reading(c.clocks[i]))
	}
	for i := len(c.pauses) - 1; i >= 0 && len(out.Pauses) < shownClocks; i-- {
		p := c.pauses[i]
		out.Pauses = append(out.Pauses, Break{p.Why, p.FromAt, p.ToAt})
	}
	return out
}

func (c *course) reading(one *Clock) Reading {
	elapsed := c.elapsed(one, c.now)
	r := Reading{
		Kind: one.Kind, Outcome: one.Outcome, Hours: one.Hours, Target: seconds(one.target()), Elapsed: seconds(elapsed), Remaining: seconds(one.target() - elapsed),
		StartedAt: one.StartedAt, DueAt: one.DueAt, Warned: one.Warned, BreachedAt: one.BreachedAt, StoppedAt: one.StoppedAt, Segments: []Segment{},
	}
	if one.Outcome == Running && one.DueAt == nil && c.promise.Held == "" {
		r.Never = "the calendar has less working time than that in the ten years to come"
	}
	until := c.now
	if one.StoppedAt != nil {
		until = *one.StoppedAt
	}
	from := one.StartedAt
	add := func(to core.Time, rests string) {
		if !from.Before(to.Time) {
			return
		}
		part := Segment{From: from, To: to, Rests: rests}
		if rests == "" {
			part.Counted = seconds(c.calendar(one.Hours).Elapsed(from.Time, to.Time, nil))
		}
		r.Segments = append(r.Segments, part)
		from = to
	}
	for _, p := range c.pauses {
		end := until
		if p.ToAt != nil && p.ToAt.Before(until.Time) {
			end = *p.ToAt
		}
		if p.FromAt.Before(until.Time) {
			add(p.FromAt, "")
			add(end, p.Why)
		}
	}
	add(until, "")
	return r
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
