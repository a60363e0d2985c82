package snooze

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"gorm.io/gorm/clause"

	"github.com/hookdesk/hookdesk/core"
)

// Snooze is one sleep of a ticket. A ticket has at most one that has not ended.
type Snooze struct {
	ID       int64       `json:"id"`
	TicketID int64       `json:"ticket_id"`
	Until    core.Time   `json:"until"`
	Reason   string      `json:"reason"`
	By       Who         `json:"by" gorm:"embedded;embeddedPrefix:by_"`
	Status   core.Status `json:"status" doc:"of the ticket, when it was put to sleep"`
	SetAt    core.Time   `json:"set_at"`
	WokeAt   *core.Time  `json:"woke_at"`
	Why      Why         `json:"why,omitempty" doc:"it woke"`
}

// Who put a ticket to sleep.
type Who struct {
	ID   *int64 `json:"id" doc:"the person's; null for a plugin"`
	Name string `json:"name"`
}

// Why a ticket woke.
type Why string

// The reasons.
const (
	Due      Why = "due"      // its time had come
	Answered Why = "answered" // by its requester
	Cleared  Why = "cleared"  // by hand, or with the end of the ticket
	Replaced Why = "replaced" // by another snooze, so that it slept on
)

// Values lists the reasons.
func (Why) Values() []string {
	return []string{string(Due), string(Answered), string(Cleared), string(Replaced)}
}

const maxReason = 500

// Snoozes is the service of sleeping tickets. Other plugins find it with
// core.Lookup, by an interface of their own that asks for the methods they need.
type Snoozes struct {
	host  core.Host
	hooks *Hooks
}

// Set puts a ticket to sleep; it replaces a snooze that is under way. It fails
// with Invalid when until is past or too far off, with Conflict when the ticket
// has ended, and with the veto of a Before handler. Agents only.
func (s *Snoozes) Set(ctx context.Context, ticket int64, until time.Time, reason string) (Snooze, error) {
	t, err := s.ticket(ctx, ticket)
	if err == nil {
		err = snoozable(t)
	}
	if err != nil {
		return Snooze{}, err
	}
	draft := Draft{Ticket: t, Until: core.TimeOf(until), Reason: reason}
	if err := s.hooks.Set.Before.Run(ctx, &draft); err != nil {
		return Snooze{}, err
	}
	if err := s.check(draft); err != nil {
		return Snooze{}, err
	}
	var set Snooze
	err = s.host.Change(ctx, func(ctx context.Context) error {
		set, err = s.write(ctx, t.ID, draft)
		return err
	})
	return set, err
}

// Wake ends a ticket's sleep by hand. A ticket that is awake stays so. It fails
// with the veto of a Before handler. Agents only.
func (s *Snoozes) Wake(ctx context.Context, ticket int64) error {
	t, err := s.ticket(ctx, ticket)
	if err != nil {
		return err
	}
	asleep, err := s.asleep(ctx, t.ID)
	if err != nil || len(asleep) == 0 {
		return err
	}
	return s.wake(ctx, Waking{Ticket: t, Snooze: asleep[0], Why: Cleared})
}

// Snoozed tells which of the tickets sleep, and until when. It asks for nobody's
// rights; give it no more than some hundred tickets.
func (s *Snoozes) Snoozed(ctx context.Context, tickets []int64) (map[int64]time.Time, error) {
	asleep, err := s.asleep(ctx, tickets...)
	until := map[int64]time.Time{}
	for _, one := range asleep {
		until[one.TicketID] = one.Until.Time
	}
	return until, err
}

// History lists the former snoozes of a ticket, the latest first: those before
// the id that is given, or from the newest on for 0. Agents only.
func (s *Snoozes) History(ctx context.Context, ticket, before int64, limit int) ([]Snooze, error) {
	t, err := s.ticket(ctx, ticket)
	if err != nil {
		return nil, err
	}
	q := s.host.DB(ctx).Where("ticket_id = ? AND (woke_at IS NOT NULL OR until <= ?)", t.ID, s.now())
	if before != 0 {
		q = q.Where("id < ?", before)
	}
	former := []Snooze{}
	err = q.Order("id DESC").Limit(limit).Find(&former).Error
	return former, err
}

// ticket is one that the actor may see and work on.
func (s *Snoozes) ticket(ctx context.Context, id int64) (core.Ticket, error) {
	t, err := s.host.Desk().Tickets.Get(ctx, id)
	if err == nil && !core.ActorFrom(ctx).IsAgent() {
		err = core.Errorf(core.Forbidden, "only agents snooze tickets")
	}
	return t, err
}

// snoozable refuses a ticket that nobody would work on when it wakes.
func snoozable(t core.Ticket) error {
	switch {
	case t.DeletedAt != nil:
		return core.Errorf(core.Conflict, "the ticket is in the bin: restore it first")
	case t.MergedIntoID != nil:
		return core.Errorf(core.Conflict, "the ticket was merged into HD-%d: snooze that one", *t.MergedIntoID)
	case t.Status.Done():
		return core.Errorf(core.Conflict, "the ticket is %s: reopen it first", t.Status)
	}
	return nil
}

func (s *Snoozes) check(d Draft) error {
	if utf8.RuneCountInString(d.Reason) > maxReason {
		return core.InvalidField("reason", "a reason has at most %d characters", maxReason)
	}
	return s.checkUntil("until", d.Until.Time)
}

func (s *Snoozes) checkUntil(field string, until time.Time) error {
	var settings Settings
	if err := s.host.Settings(&settings); err != nil {
		return err
	}
	switch now := s.host.Now(); {
	case !until.After(now):
		return core.InvalidField(field, "a snooze ends in the future")
	case until.After(now.Add(time.Duration(settings.MaxDays) * 24 * time.Hour)):
		return core.InvalidField(field, "a ticket may sleep for %d days at most", settings.MaxDays)
	}
	return nil
}

// write puts a snooze in the place of the one under way, if there is one.
func (s *Snoozes) write(ctx context.Context, ticket int64, d Draft) (Snooze, error) {
	t, err := s.host.Desk().Tickets.Touch(ctx, ticket)
	if err == nil {
		err = snoozable(t) // somebody may have ended it meanwhile
	}
	if err != nil {
		return Snooze{}, err
	}
	replaced, err := s.end(ctx, Snooze{TicketID: t.ID}, Replaced)
	if err != nil {
		return Snooze{}, err
	}
	set := Snooze{TicketID: t.ID, Until: d.Until, Reason: d.Reason, By: whoOf(core.ActorFrom(ctx)), Status: t.Status, SetAt: s.now()}
	if err := s.host.DB(ctx).Create(&set).Error; err != nil {
		return Snooze{}, fmt.Errorf("snooze ticket %d: %w", t.ID, err)
	}
	if err := core.Perform(ctx, s.host, &s.hooks.Set, t.ID, true, &Snoozed{Ticket: t, Snooze: set, Replaced: replaced}); err != nil {
		return Snooze{}, err
	}
	if c, ok := core.Lookup[clocks](s.host); ok {
		return set, c.Slept(ctx, t)
	}
	return set, nil
}

// clocks is who measures time on tickets, such as the plugin sla: it is told in
// the transaction in which a ticket falls asleep or wakes.
type clocks interface {
	Slept(ctx context.Context, t core.Ticket) error
	Woke(ctx context.Context, t core.Ticket, at core.Time) error
}

func whoOf(a core.Actor) Who {
	if a.Plugin != "" {
		return Who{Name: a.Plugin}
	}
	return Who{ID: &a.Person.ID, Name: a.Person.Name}
}

// end ends the snooze that is like this one, and returns it; nil when it has
// ended already. Of several that try at once, one succeeds.
func (s *Snoozes) end(ctx context.Context, like Snooze, why Why) (*Snooze, error) {
	var ended []Snooze
	err := s.host.DB(ctx).Model(&ended).Clauses(clause.Returning{}).
		Where(&like).Where("woke_at IS NULL").
		Updates(map[string]any{"woke_at": s.now(), "why": why}).Error
	if err != nil || len(ended) == 0 {
		return nil, err
	}
	return &ended[0], nil
}

// asleep finds how these tickets sleep. One whose time has come is awake, even
// when the job has not seen it yet.
func (s *Snoozes) asleep(ctx context.Context, tickets ...int64) ([]Snooze, error) {
	var rows []Snooze
	err := s.host.DB(ctx).Where("ticket_id IN ? AND woke_at IS NULL AND until > ?", tickets, s.now()).Find(&rows).Error
	return rows, err
}

func (s *Snoozes) now() core.Time { return core.TimeOf(s.host.Now()) }
