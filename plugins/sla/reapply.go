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
