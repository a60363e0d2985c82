package snooze

import (
	"context"

	"github.com/hookdesk/hookdesk/core"
)

// Filter is what a list of tickets may ask for in its query "snoozed". The zero
// value hides what sleeps.
type Filter string

// The filters.
const (
	Only    Filter = "only"    // what sleeps
	Include Filter = "include" // what sleeps and what does not
)

// Values lists the filters.
func (Filter) Values() []string { return []string{string(Only), string(Include)} }

// hideSnoozed leaves sleeping tickets out of the lists of agents. Customers see
// theirs whatever they ask, and a plugin, which may be counting or exporting,
// sees all unless it asks. A ticket whose time has come is there at once: lists
// do not wait for the job.
func (s *Snoozes) hideSnoozed(_ context.Context, q *core.TicketQuery) error {
	asked, a, now := Filter(q.Extra.Get("snoozed")), q.Actor(), s.now()
	from := " FROM " + s.host.Table("snoozes") + " s WHERE s.woke_at IS NULL AND s.until > ?"
	switch {
	case !a.IsAgent(), asked == Include, asked == "" && a.Plugin != "":
	case asked == Only: // IN lets the database begin with the few that sleep
		q.WhereLasting(s.nextWake(now), "t.id IN (SELECT s.ticket_id"+from+")", now)
	default:
		q.WhereLasting(s.nextWake(now), "NOT EXISTS (SELECT 1"+from+" AND s.ticket_id = t.id)", now)
	}
	return nil
}

// nextWake tells which time after now is the next at which a ticket wakes.
func (s *Snoozes) nextWake(now core.Time) func(context.Context) (core.Time, error) {
	return func(ctx context.Context) (core.Time, error) {
		var next []Snooze
		err := s.host.DB(ctx).Select("until").Where("woke_at IS NULL AND until > ?", now).Order("until, id").Limit(1).Find(&next).Error
		if err != nil || len(next) == 0 {
			return core.Time{}, err
		}
		return next[0].Until, nil
	}
}

// shown is what agents read beside a ticket, as extras.snooze.
type shown struct {
	Until  core.Time `json:"until"`
	By     Who       `json:"by"`
	Reason string    `json:"reason"`
}

// showSnooze tells agents of a page of tickets which of them sleep.
func (s *Snoozes) showSnooze(ctx context.Context, page *core.TicketsShown) error {
	if !page.Actor.IsAgent() || len(page.Tickets) == 0 {
		return nil
	}
	ids := make([]int64, len(page.Tickets))
	for i, t := range page.Tickets {
		ids[i] = t.ID
	}
	asleep, err := s.asleep(ctx, ids...)
	if err != nil {
		return err
	}
	for _, one := range asleep {
		if err := page.Add(one.TicketID, "snooze", shown{one.Until, one.By, one.Reason}); err != nil {
			return err
		}
	}
	return nil
}
