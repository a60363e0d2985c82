package sla

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hookdesk/hookdesk/core"
)

type replay struct {
	PolicyID int64        `json:"policy_id,omitempty" min:"1" doc:"a policy that is saved, or"`
	Policy   *PolicyDraft `json:"policy,omitempty" doc:"one that is not"`
	From     core.Time    `json:"from" doc:"the first moment of creation"`
	To       core.Time    `json:"to" doc:"exclusive"`
	Cursor   string       `json:"cursor,omitempty" max:"200" doc:"next_cursor of the answer before"`
}

// Replayed is what would have become of tickets under a policy.
type Replayed struct {
	Tickets       int        `json:"tickets" doc:"that the policy would have been for"`
	Others        int        `json:"others" doc:"for which it would not"`
	FirstResponse Tally      `json:"first_response"`
	NextResponse  Tally      `json:"next_response"`
	Resolution    Tally      `json:"resolution"`
	Worst         []Lateness `json:"worst" doc:"the latest, most first; 20 at most"`
	NextCursor    *string    `json:"next_cursor" doc:"there are more tickets: add up the answers"`
}

// Tally counts clocks by how they ended.
type Tally struct {
	Met       int `json:"met"`
	Missed    int `json:"missed" doc:"also those that run and are late"`
	Running   int `json:"running"`
	Cancelled int `json:"cancelled" doc:"also those that were withdrawn"`
}

// Lateness is a promise that would have been broken, and by how much.
type Lateness struct {
	Ticket  int64 `json:"ticket"`
	Kind    Kind  `json:"kind"`
	Seconds int64 `json:"seconds" doc:"of the clock's own hours"`
}

const (
	maxWorst  = 20
	maxReplay = 100 // tickets of one call
)

func (s *Levels) postReplay(ctx context.Context, in replay) (out Replayed, err error) {
	if !in.From.Before(in.To.Time) {
		return out, core.InvalidField("to", "must be later than from")
	}
	under, err := s.termsOf(ctx, in)
	if err != nil {
		return out, err
	}
	page, err := s.host.Desk().Tickets.List(s.host.As(ctx), core.TicketQuery{
		CreatedFrom: &in.From, CreatedTo: &in.To, Sort: "created", Limit: maxReplay, Cursor: in.Cursor,
	})
	if err != nil {
		return out, err
	}
	out.Worst = []Lateness{}
	for _, t := range page.Tickets {
		if err := s.replayOne(ctx, t, under, &out); err != nil {
			return out, fmt.Errorf("ticket %d: %w", t.ID, err)
		}
	}
	slices.SortFunc(out.Worst, func(a, b Lateness) int { return cmp.Compare(b.Seconds, a.Seconds) })
	out.Worst = out.Worst[:min(maxWorst, len(out.Worst))]
	if page.NextCursor != "" {
		out.NextCursor = &page.NextCursor
	}
	return out, nil
}

// termsOf are the terms that are asked for, with the calendar as it is now.
func (s *Levels) termsOf(ctx context.Context, in replay) (*terms, error) {
	if (in.PolicyID == 0) == (in.Policy == nil) {
		return nil, core.InvalidField("policy_id", "give policy_id or policy")
	}
	draft := in.Policy
	if draft == nil {
		saved, err := s.Policy(ctx, in.PolicyID)
		if err != nil {
			return nil, err
		}
		draft = &saved.PolicyDraft
	}
	draft.fill()
	if err := draft.check(draft.IsDefault, draft.CalendarID); err != nil {
		return nil, err
	}
	one := &terms{name: draft.Name, body: draft.Terms}
	if draft.CalendarID == nil {
		return one, nil
	}
	row, err := s.calendarRow(ctx, *draft.CalendarID)
	if core.KindOf(err) == core.NotFound {
		return nil, core.InvalidField("calendar_id", "there is no calendar %d", *draft.CalendarID)
	}
	if err != nil {
		return nil, err
	}
	saved, err := row.calendar()
	if err == nil {
		one.calendar, err = saved.compile()
	}
	return one, err
}

func (s *Levels) replayOne(ctx context.Context, t core.Ticket, under *terms, out *Replayed) error {
	var c *course
	page := core.Page{Limit: maxReplay}
	for more := true; more; more = page.Cursor != "" {
		events, next, err := s.host.Desk().Activity.List(s.host.As(ctx), t.ID, page)
		if err != nil {
			return err
		}
		page.Cursor = next
		if c == nil && len(events) > 0 {
			if c, err = opening(events[0], under); err != nil {
				return err
			}
			if events = events[1:]; c == nil {
				out.Others++
				return nil
			}
		}
		for _, e := range events {
			if err := c.relive(e); err != nil {
				return err
			}
		}
	}
	if c != nil { // else nothing is known of its past
		c.now = s.now()
		out.count(c)
	}
	return nil
}

// opening begins a course with the first event of a ticket; nil when the terms
// are not for it.
func opening(e core.ActivityItem, under *terms) (*course, error) {
	var created core.TicketCreated
	if err := json.Unmarshal(e.Data, &created); err != nil {
		return nil, err
	}
	if _, ok := under.body.Conditions.match(created.Ticket, created.Tags); !ok {
		return nil, nil //nolint:nilnil // as it says
	}
	c := &course{now: e.At, ticket: created.Ticket, terms: under, promise: Promise{TicketID: created.Ticket.ID}}
	c.opened()
	return c, nil
}

// relive tells the course what has happened, as it was told when it happened.
func (c *course) relive(e core.ActivityItem) error {
	var data struct {
		Ticket *core.Ticket `json:"ticket"`
		Source *core.Ticket `json:"source"`
		Reply  core.Reply   `json:"reply"`
		Why    string       `json:"why"`
		Until  *core.Time   `json:"until"`
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return err
	}
	for _, t := range []*core.Ticket{data.Ticket, data.Source} {
		if t != nil && t.ID == c.ticket.ID {
			c.ticket = *t
		}
	}
	c.now = e.At
	c.look()
	switch {
	case e.Type == "ticket.updated":
		c.reset()
	case e.Type == "reply.added":
		c.replied(data.Reply, e.Actor.Kind == "plugin")
	case data.Why != bySnooze: // of this plugin's events, what else rests follows from the ticket
	case e.Type == "sla.paused":
		c.hold(bySnooze, c.now)
	case e.Type == "sla.resumed" && data.Until != nil:
		c.release(bySnooze, *data.Until)
	}
	return nil
}

func (r *Replayed) count(c *course) {
	r.Tickets++
	for _, one := range c.clocks {
		tally := map[Kind]*Tally{FirstResponse: &r.FirstResponse, NextResponse: &r.NextResponse, Resolution: &r.Resolution}[one.Kind]
		late := c.elapsed(one, c.now) - one.target()
		switch {
		case late > 0 && one.Outcome != Withdrawn:
			tally.Missed++
			r.Worst = append(r.Worst, Lateness{c.ticket.ID, one.Kind, seconds(late)})
		case one.Outcome == Met:
			tally.Met++
		case one.Outcome == Running:
			tally.Running++
		default:
			tally.Cancelled++
		}
	}
}
