package sla

import (
	"context"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
)

// The handlers of this file run in the transaction of what they follow: a ticket
// and its clocks are never apart.

func (s *Levels) follow(h core.Host) {
	on := h.Hooks()
	on.Ticket.Create.Within.Add(h, "start-clocks", s.onCreate)
	on.Ticket.Update.Within.Add(h, "choose-policy", s.onUpdate)
	on.Ticket.Tag.Within.Add(h, "choose-policy", s.onUpdate)
	on.Ticket.Status.Within.Add(h, "follow-status", s.onChange)
	on.Reply.Add.Within.Add(h, "follow-reply", s.onReply)
	on.Ticket.Delete.Within.Add(h, "hold-deleted", s.onRemoval)
	on.Ticket.Restore.Within.Add(h, "release-restored", s.onRemoval)
	on.Ticket.Merge.Within.Add(h, "hold-merged", s.onMerge)
	on.Ticket.Unmerge.Within.Add(h, "release-unmerged", s.onMerge)
}

func (s *Levels) onCreate(ctx context.Context, _ *gorm.DB, e *core.TicketCreated) error {
	return s.promise(ctx, e.Ticket, e.Tags, (*course).opened)
}

// onUpdate chooses again. The policy that a ticket is under already keeps its
// version; another one is taken as it is now.
func (s *Levels) onUpdate(ctx context.Context, _ *gorm.DB, e *core.TicketChanged) error {
	return s.chooseAgain(ctx, e.Ticket, false)
}

func (s *Levels) chooseAgain(ctx context.Context, t core.Ticket, renew bool) error {
	tags, err := s.tags(ctx, t)
	if err != nil {
		return err
	}
	policies, err := s.book.current(ctx)
	if err != nil {
		return err
	}
	chosen, why := choose(policies, t, tags)
	known := false
	err = s.step(ctx, t, func(c *course) error {
		known = true
		switch {
		case chosen == nil:
			c.end()
			return nil
		case renew || chosen.policyID != c.promise.PolicyID:
			c.take(chosen, why)
		}
		c.promise.Why = why
		c.reset()
		return nil
	})
	if err != nil || known || chosen == nil {
		return err
	}
	return s.promise(ctx, t, tags, (*course).reset)
}

// tags are the ids of a ticket's tags.
func (s *Levels) tags(ctx context.Context, t core.Ticket) ([]int64, error) {
	if t.TagCount == 0 {
		return nil, nil
	}
	views, err := s.host.Desk().Tickets.View(s.host.As(ctx), t)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, tag := range views[0].Agent.Tags {
		ids = append(ids, tag.ID)
	}
	return ids, nil
}

func (s *Levels) onChange(ctx context.Context, _ *gorm.DB, e *core.TicketChanged) error {
	return s.lookAt(ctx, e.Ticket)
}

func (s *Levels) onRemoval(ctx context.Context, _ *gorm.DB, e *core.TicketRemoved) error {
	return s.lookAt(ctx, e.Ticket)
}

func (s *Levels) onMerge(ctx context.Context, _ *gorm.DB, e *core.TicketMerged) error {
	return s.lookAt(ctx, e.Source)
}

// lookAt lets the clocks follow what the ticket has become.
func (s *Levels) lookAt(ctx context.Context, t core.Ticket) error {
	return s.step(ctx, t, func(*course) error { return nil })
}

func (s *Levels) onReply(ctx context.Context, _ *gorm.DB, e *core.ReplyAdded) error {
	return s.step(ctx, e.Ticket, func(c *course) error {
		c.replied(e.Reply, core.ActorFrom(ctx).Plugin != "")
		return nil
	})
}

// Slept lets the clocks of a ticket rest that was put to sleep, in the
// transaction of ctx, which holds it. Whoever puts tickets to sleep calls it.
func (s *Levels) Slept(ctx context.Context, t core.Ticket) error {
	settings, err := s.settings()
	if err != nil || !settings.PauseWhileSnoozed {
		return err
	}
	return s.step(ctx, t, func(c *course) error {
		c.hold(bySnooze, c.now)
		return nil
	})
}

// Woke lets the clocks of a ticket run again from at on, in the transaction of
// ctx, which holds it.
func (s *Levels) Woke(ctx context.Context, t core.Ticket, at core.Time) error {
	return s.step(ctx, t, func(c *course) error {
		c.release(bySnooze, at)
		return nil
	})
}
