package sla

import (
	"context"
	"errors"
	"fmt"

	"github.com/hookdesk/hookdesk/core"
)

// atOnce is how many tickets that ring are read at once.
const atOnce = 100

// Ring tells of every warning and breach whose time has come. After a time in
// which nobody called it, it tells of all of them, each ticket's in order and with
// the times at which they were. A ticket that fails delays no other and is tried
// again at the next call. The plugin's job calls it each second.
func (s *Levels) Ring(ctx context.Context) error {
	now, last := s.now(), Promise{AlarmAt: &core.Time{}}
	var failed []error
	for {
		var due []Promise
		err := s.host.DB(ctx).Select("ticket_id, alarm_at").Where("alarm_at <= ? AND (alarm_at, ticket_id) > (?, ?)", now, last.AlarmAt, last.TicketID).
			Order("alarm_at, ticket_id").Limit(atOnce).Find(&due).Error
		if err != nil || len(due) == 0 {
			return errors.Join(err, worst(failed))
		}
		for _, one := range due {
			if err := s.ringFor(ctx, one.TicketID); err != nil {
				failed = append(failed, err)
			}
		}
		last = due[len(due)-1]
	}
}

// ringFor tells of what is due of one ticket, and brings it to the top of its
// agents' lists. That nothing is due any more, or the ticket gone, is no failure.
func (s *Levels) ringFor(ctx context.Context, ticket int64) error {
	err := s.host.Change(ctx, func(ctx context.Context) error {
		t, err := s.host.Desk().Tickets.Touch(ctx, ticket)
		if err != nil {
			return err
		}
		return s.lookAt(ctx, t)
	})
	if core.KindOf(err) == core.NotFound {
		return nil
	}
	return err
}

func worst(failed []error) error {
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d tickets could not be looked after; the first: %w", len(failed), failed[0])
}
