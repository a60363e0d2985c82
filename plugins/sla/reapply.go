package sla

import (
	"context"

	"github.com/hookdesk/hookdesk/core"
)

// Reapply puts tickets that are under a policy, open ones, under the policies and
// calendars as they are now, a hundred at a time: those with ids beyond after. It
// returns where to go on, 0 at the end. Admins only.
func (s *Levels) Reapply(ctx context.Context, policy, after int64) (tickets int, next int64, err error) {
	if core.ActorFrom(ctx).Kind != core.Admin {
		return 0, 0, core.Errorf(core.Forbidden, "only admins change what was promised")
	}
	var ids []int64
	err = s.host.DB(ctx).Model(&Promise{}).Where("policy_id = ? AND ticket_id > ?", policy, after).
		Order("ticket_id").Limit(atOnce).Pluck("ticket_id", &ids).Error
	if err != nil {
		return 0, 0, err
	}
	for _, id := range ids {
		done, err := s.reapplyTo(ctx, id)
		if err != nil {
			return tickets, 0, err
		}
		if done {
			tickets++
		}
	}
	if len(ids) == atOnce {
		next = ids[len(ids)-1]
	}
	return tickets, next, nil
}

// Apply puts open tickets under the policies and calendars as they are now, a
// hundred at a time, also those of which nothing was promised yet: for a desk that
// had tickets before it had policies. It returns the cursor of the next, "" at the
// end. Admins only.
func (s *Levels) Apply(ctx context.Context, cursor string) (tickets int, next string, err error) {
	if core.ActorFrom(ctx).Kind != core.Admin {
		return 0, "", core.Errorf(core.Forbidden, "only admins change what was promised")
	}
	open := true
	page, err := s.host.Desk().Tickets.List(s.host.As(ctx), core.TicketQuery{Open: &open, Sort: "created", Limit: atOnce, Cursor: cursor})
	if err != nil {
		return 0, "", err
	}
	for _, t := range page.Tickets {
		if _, err := s.reapplyTo(ctx, t.ID); err != nil {
			return tickets, "", err
		}
		tickets++
	}
	return tickets, page.NextCursor, nil
}

func (s *Levels) reapplyTo(ctx context.Context, ticket int64) (done bool, err error) {
	err = s.host.Change(ctx, func(ctx context.Context) error {
		t, err := s.host.Desk().Tickets.Touch(ctx, ticket)
		if err != nil || !t.IsOpen {
			return err
		}
		done = true
		return s.chooseAgain(ctx, t, true)
	})
	if core.KindOf(err) == core.NotFound {
		return false, nil // purged meanwhile
	}
	return done, err
}
