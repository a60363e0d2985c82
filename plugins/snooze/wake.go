package snooze

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// atOnce is how many due snoozes are read at once.
const atOnce = 100

// wakeDue wakes every ticket whose time has come. One that cannot be woken
// delays no other and is tried again at the next run.
func (s *Snoozes) wakeDue(ctx context.Context) error {
	now, last := s.now(), Snooze{}
	var failed []error
	for {
		var due []Snooze
		err := s.host.DB(ctx).Where("woke_at IS NULL AND until <= ? AND (until, id) > (?, ?)", now, last.Until, last.ID).
			Order("until, id").Limit(atOnce).Find(&due).Error
		if err != nil || len(due) == 0 {
			return errors.Join(err, worst(failed))
		}
		for _, one := range due {
			if err := s.wakeOne(ctx, one); err != nil {
				failed = append(failed, err)
			}
		}
		last = due[len(due)-1]
	}
}

// wakeOne wakes a ticket whose time has come. A veto, or a ticket that was
// purged meanwhile, is no failure.
func (s *Snoozes) wakeOne(ctx context.Context, due Snooze) error {
	t, err := s.host.Desk().Tickets.Get(ctx, due.TicketID)
	if err == nil {
		err = s.wake(ctx, Waking{Ticket: t, Snooze: due, Why: whyDue(t)})
	}
	var veto *hooks.Refusal
	if errors.As(err, &veto) || core.KindOf(err) == core.NotFound {
		return nil
	}
	return err
}

// whyDue: a ticket that ended while the plugin was off still has its snooze.
func whyDue(t core.Ticket) Why {
	if !t.IsOpen {
		return Cleared
	}
	return Due
}

func worst(failed []error) error {
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d tickets could not be woken; the first: %w", len(failed), failed[0])
}

var errAwake = errors.New("the ticket was woken meanwhile")

// wake ends a snooze after the hooks had their say, and brings the ticket to
// the top of the agents' lists. That it has ended meanwhile is no failure.
func (s *Snoozes) wake(ctx context.Context, w Waking) error {
	ticket, like, why := w.Ticket.ID, Snooze{ID: w.Snooze.ID}, w.Why
	if err := s.hooks.Wake.Before.Run(ctx, &w); err != nil {
		return err
	}
	err := s.host.Change(ctx, func(ctx context.Context) error {
		t, err := s.host.Desk().Tickets.Touch(ctx, ticket)
		if err != nil {
			return err
		}
		woken, err := s.wakeWithin(ctx, t, like, why)
		if err == nil && !woken {
			err = errAwake // and the touch is undone
		}
		return err
	})
	if errors.Is(err, errAwake) {
		return nil
	}
	return err
}

// wakeWithin ends a snooze in the transaction of ctx, which holds the ticket,
// and reports whether there was one.
func (s *Snoozes) wakeWithin(ctx context.Context, t core.Ticket, like Snooze, why Why) (bool, error) {
	ended, err := s.end(ctx, like, why)
	if err != nil || ended == nil {
		return false, err
	}
	if err := core.Perform(ctx, s.host, &s.hooks.Wake, t.ID, true, &Woken{Ticket: t, Snooze: *ended, AssigneeID: t.AssigneeID}); err != nil {
		return false, err
	}
	if c, ok := core.Lookup[clocks](s.host); ok {
		return true, c.Woke(ctx, t, ended.awakeAt())
	}
	return true, nil
}

// awakeAt is when a snooze that has ended was over, which the job may have seen
// later.
func (s Snooze) awakeAt() core.Time {
	if s.Why == Due && s.Until.Before(s.WokeAt.Time) {
		return s.Until
	}
	return *s.WokeAt
}

// wakeOnAnswer wakes with the reply of whoever is not the desk.
func (s *Snoozes) wakeOnAnswer(ctx context.Context, _ *gorm.DB, e *core.ReplyAdded) error {
	if e.Reply.ByAgent || e.Reply.Kind != core.ReplyPublic {
		return nil
	}
	_, err := s.wakeWithin(ctx, e.Ticket, Snooze{TicketID: e.Ticket.ID}, Answered)
	return err
}

func (s *Snoozes) clearWhenDone(ctx context.Context, _ *gorm.DB, e *core.TicketChanged) error {
	if !e.Ticket.Status.Done() {
		return nil
	}
	return s.clear(ctx, e.Ticket)
}

func (s *Snoozes) clearMerged(ctx context.Context, _ *gorm.DB, e *core.TicketMerged) error {
	return s.clear(ctx, e.Source)
}

func (s *Snoozes) clearDeleted(ctx context.Context, _ *gorm.DB, e *core.TicketRemoved) error {
	return s.clear(ctx, e.Ticket)
}

// clear ends the sleep of a ticket that has ended.
func (s *Snoozes) clear(ctx context.Context, t core.Ticket) error {
	_, err := s.wakeWithin(ctx, t, Snooze{TicketID: t.ID}, Cleared)
	return err
}
