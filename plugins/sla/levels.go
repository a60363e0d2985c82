package sla

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
)

// Levels is the service of service levels. Other plugins find it with
// core.Lookup, by an interface of their own that asks for the methods they need.
type Levels struct {
	host  core.Host
	hooks *Hooks
	book  book
}

func (s *Levels) now() core.Time { return core.TimeOf(s.host.Now()) }

// settings are those of now.
func (s *Levels) settings() (v Settings, err error) {
	err = s.host.Settings(&v)
	return v, err
}

// promise begins the clocks of a ticket that no policy was for until now, if one
// is. It is called in the ticket's transaction.
func (s *Levels) promise(ctx context.Context, t core.Ticket, tags []int64, begin func(*course)) error {
	policies, err := s.book.current(ctx)
	if err != nil {
		return err
	}
	chosen, why := choose(policies, t, tags)
	if chosen == nil {
		return nil
	}
	c, err := s.course(t, chosen)
	if err != nil {
		return err
	}
	c.take(chosen, why)
	begin(c)
	c.settle()
	return s.insert(ctx, c)
}

func (s *Levels) course(t core.Ticket, under *terms) (*course, error) {
	settings, err := s.settings()
	return &course{now: s.now(), ticket: t, terms: under, warn: settings.WarnAt, promise: Promise{TicketID: t.ID}}, err
}

// take puts the promise under the terms.
func (c *course) take(under *terms, why string) {
	c.terms = under
	c.promise.PolicyID, c.promise.PolicyVersion, c.promise.CalendarVersion, c.promise.Why = under.policyID, under.version, under.calendarVersion, why
}

// insert writes a course that is new. The clocks of a new ticket are not written:
// they follow from the promise until something happens to them.
func (s *Levels) insert(ctx context.Context, c *course) error {
	p := &c.promise
	err := s.host.DB(ctx).Exec("INSERT INTO "+s.host.Table("promises")+ //nolint:unqueryvet // the name of a table; GORM's own way takes twice the time
		" (ticket_id, policy_id, policy_version, calendar_version, why, held, due_at, due_kind, alarm_at, breached, untouched) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		p.TicketID, p.PolicyID, p.PolicyVersion, p.CalendarVersion, p.Why, p.Held, p.DueAt, p.DueKind, p.AlarmAt, p.Breached, p.Untouched).Error
	if err == nil && !p.Untouched && len(c.clocks) > 0 {
		err = s.host.DB(ctx).Create(&c.clocks).Error
	}
	if err == nil && len(c.pauses) > 0 {
		err = s.host.DB(ctx).Create(&c.pauses).Error
	}
	if err != nil {
		return fmt.Errorf("promise of ticket %d: %w", c.ticket.ID, err)
	}
	return s.publish(ctx, c)
}

// step tells a ticket's course what has happened, after all that rang before,
// and writes what has become of it. A ticket without a promise has no course. It
// is called in a transaction that holds the ticket.
func (s *Levels) step(ctx context.Context, t core.Ticket, happen func(*course) error) error {
	c, err := s.load(ctx, t)
	if err != nil || c == nil {
		return err
	}
	was := c.copies()
	c.look()
	c.ring(c.now)
	if err := happen(c); err != nil {
		return err
	}
	if err := s.wake(ctx, c); err != nil {
		return err
	}
	c.settle()
	c.promise.Untouched = false
	if err := s.save(ctx, c, was); err != nil {
		return err
	}
	return s.publish(ctx, c)
}

// sleeper is who puts tickets to sleep, such as the plugin snooze.
type sleeper interface {
	Snoozed(ctx context.Context, tickets []int64) (map[int64]time.Time, error)
}

// wake lets the clocks of a ticket run that woke while this plugin was off.
func (s *Levels) wake(ctx context.Context, c *course) error {
	sleepers, ok := core.Lookup[sleeper](s.host)
	if !ok || !slices.Contains(c.causes(), bySnooze) {
		return nil
	}
	asleep, err := sleepers.Snoozed(ctx, []int64{c.ticket.ID})
	if _, sleeps := asleep[c.ticket.ID]; err == nil && !sleeps {
		c.release(bySnooze, c.now)
	}
	return err
}

// maxPast bounds what of a ticket's past is read: of one that was reopened, or
// put on hold, more often than that, the oldest is not.
const maxPast = 500

// load reads the course of a ticket; nil when it has none.
func (s *Levels) load(ctx context.Context, t core.Ticket) (*course, error) {
	var p Promise
	err := s.host.DB(ctx).Take(&p, "ticket_id = ?", t.ID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil //nolint:nilnil // most tickets of some desks
	}
	if err != nil {
		return nil, err
	}
	under, err := s.book.at(ctx, p.PolicyVersion, p.CalendarVersion)
	if err != nil {
		return nil, err
	}
	c, err := s.course(t, under)
	if err != nil {
		return nil, err
	}
	c.promise = p
	db := s.host.DB(ctx).Where("ticket_id = ?", t.ID).Order("id DESC").Limit(maxPast)
	if err := db.Session(&gorm.Session{}).Find(&c.clocks).Error; err != nil {
		return nil, err
	}
	if err := db.Session(&gorm.Session{}).Find(&c.pauses).Error; err != nil {
		return nil, err
	}
	slices.Reverse(c.clocks)
	slices.Reverse(c.pauses)
	if p.Untouched {
		c.begin()
	}
	return c, nil
}

// copies are the rows as they were read.
func (c *course) copies() *course {
	was := &course{promise: c.promise}
	for _, one := range c.clocks {
		if one.ID == 0 {
			continue
		}
		row := *one
		was.clocks = append(was.clocks, &row)
	}
	for _, one := range c.pauses {
		row := *one
		was.pauses = append(was.pauses, &row)
	}
	return was
}

// save writes what differs.
func (s *Levels) save(ctx context.Context, c, was *course) error {
	if err := saveRows(s.host.DB(ctx), c.pauses, was.pauses); err != nil {
		return fmt.Errorf("pauses of ticket %d: %w", c.ticket.ID, err)
	}
	if err := saveRows(s.host.DB(ctx), c.clocks, was.clocks); err != nil {
		return fmt.Errorf("clocks of ticket %d: %w", c.ticket.ID, err)
	}
	if reflect.DeepEqual(c.promise, was.promise) {
		return nil
	}
	if err := s.host.DB(ctx).Save(&c.promise).Error; err != nil {
		return fmt.Errorf("promise of ticket %d: %w", c.ticket.ID, err)
	}
	return nil
}

// saveRows writes rows that are others than before, or new: those that were read
// stand first.
func saveRows[T any](db *gorm.DB, rows, was []*T) error {
	for i, row := range rows {
		if i < len(was) && reflect.DeepEqual(row, was[i]) {
			continue
		}
		if err := db.Session(&gorm.Session{}).Save(row).Error; err != nil {
			return err
		}
	}
	return nil
}

// publish writes the events of what has happened to the course.
func (s *Levels) publish(ctx context.Context, c *course) error {
	for _, one := range c.news {
		if err := s.tell(ctx, c.ticket.ID, one); err != nil {
			return err
		}
	}
	c.news = nil
	return nil
}

func (s *Levels) tell(ctx context.Context, ticket int64, one any) error {
	switch news := one.(type) {
	case *Alarm:
		point := &s.hooks.Warn
		if news.Percent == past {
			point = &s.hooks.Breach
		}
		return core.Announce(ctx, s.host, point, ticket, true, news)
	case *Rest:
		point := &s.hooks.Pause
		if news.Until != nil {
			point = &s.hooks.Resume
		}
		return core.Announce(ctx, s.host, point, ticket, true, news)
	}
	return nil
}
