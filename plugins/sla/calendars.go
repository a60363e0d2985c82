package sla

import (
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/sla/worktime"
)

// CalendarHours say when is worked.
type CalendarHours struct {
	Zone     string             `json:"zone" min:"1" max:"64" doc:"IANA name, such as Europe/Zurich"`
	Hours    worktime.Week      `json:"hours" doc:"spans of each day, such as 09:00-12:30; 22:00-06:00 goes on after midnight"`
	Holidays []worktime.Holiday `json:"holidays,omitempty" max:"1000"`
	National []string           `json:"national,omitempty" max:"10" doc:"countries whose national holidays are holidays, such as ch"`
}

func (h CalendarHours) compile() (*worktime.Calendar, error) {
	return worktime.New(worktime.Hours{Zone: h.Zone, Week: h.Hours, Holidays: h.Holidays, National: h.National})
}

// CalendarDraft is a calendar about to be saved.
type CalendarDraft struct {
	Name string `json:"name" min:"1" max:"100"`
	CalendarHours
}

func (d CalendarDraft) check() error {
	if err := checkName(d.Name); err != nil {
		return err
	}
	if _, err := worktime.Zone(d.Zone); err != nil {
		return core.InvalidField("zone", "%v", err)
	}
	if _, err := d.compile(); err != nil {
		return core.InvalidField("hours", "%v", err)
	}
	return nil
}

// Calendar is a calendar as it is saved.
type Calendar struct {
	ID int64 `json:"id"`
	CalendarDraft
	Version int `json:"version"`
}

type calendarRow struct {
	ID      int64
	Name    string
	Version int
	Current int64 // the row of its version
	Body    string
}

func (r calendarRow) calendar() (c Calendar, err error) {
	c = Calendar{ID: r.ID, CalendarDraft: CalendarDraft{Name: r.Name}, Version: r.Version}
	err = json.Unmarshal([]byte(r.Body), &c.CalendarHours)
	return c, err
}

func (s *Levels) calendars(ctx context.Context) *gorm.DB {
	return s.host.DB(ctx).Table(s.host.Table("calendars"))
}

// Calendars lists all calendars, by name. Agents only.
func (s *Levels) Calendars(ctx context.Context) ([]Calendar, error) {
	if err := agentsOnly(ctx); err != nil {
		return nil, err
	}
	var rows []calendarRow
	if err := s.calendars(ctx).Order("name, id").Limit(maxDocuments).Find(&rows).Error; err != nil {
		return nil, err
	}
	out := make([]Calendar, 0, len(rows))
	for _, row := range rows {
		c, err := row.calendar()
		if err != nil {
			return nil, fmt.Errorf("calendar %s: %w", row.Name, err)
		}
		out = append(out, c)
	}
	return out, nil
}

// Calendar finds one calendar. Agents only.
func (s *Levels) Calendar(ctx context.Context, id int64) (Calendar, error) {
	if err := agentsOnly(ctx); err != nil {
		return Calendar{}, err
	}
	row, err := s.calendarRow(ctx, id)
	if err != nil {
		return Calendar{}, err
	}
	return row.calendar()
}

// SaveCalendar makes a calendar, with id 0, or replaces one. Clocks that run keep
// the one that they have; see Reapply. It fails with Invalid, and with Conflict
// when it is not at the version that was seen. Admins only.
func (s *Levels) SaveCalendar(ctx context.Context, id int64, d CalendarDraft, seen *int) (c Calendar, err error) {
	err = s.edit(ctx, func(ctx context.Context) error {
		if err := d.check(); err != nil {
			return err
		}
		row, err := s.calendarToSave(ctx, id, seen)
		if err != nil {
			return err
		}
		body, err := json.Marshal(d.CalendarHours)
		if err != nil {
			return err
		}
		row.Name, row.Body, row.Version = d.Name, string(body), row.Version+1
		if err := s.calendars(ctx).Save(&row).Error; err != nil {
			return err
		}
		v, err := s.keepVersion(ctx, aCalendar, row.ID, row.Version, d.Name, d.CalendarHours)
		if err != nil {
			return err
		}
		c = Calendar{row.ID, d, row.Version}
		return s.calendars(ctx).Where("id = ?", row.ID).Update("current", v.ID).Error
	})
	return c, err
}

func (s *Levels) calendarToSave(ctx context.Context, id int64, seen *int) (row calendarRow, err error) {
	if id == 0 {
		return row, s.room(ctx, "calendars")
	}
	if row, err = s.calendarRow(ctx, id); err != nil {
		return row, err
	}
	return row, stale(seen, row.Version, "calendar")
}

func (s *Levels) calendarRow(ctx context.Context, id int64) (row calendarRow, err error) {
	return row, take(s.calendars(ctx), &row, "calendar", id)
}

// DeleteCalendar deletes a calendar; it fails with Conflict while a policy uses
// it. Clocks that run by it go on. Admins only.
func (s *Levels) DeleteCalendar(ctx context.Context, id int64) error {
	return s.edit(ctx, func(ctx context.Context) error {
		if _, err := s.calendarRow(ctx, id); err != nil {
			return err
		}
		var users []string
		if err := s.policies(ctx).Where("calendar_id = ?", id).Limit(1).Pluck("name", &users).Error; err != nil {
			return err
		}
		if len(users) > 0 {
			return core.Errorf(core.Conflict, "the policy %q uses the calendar", users[0])
		}
		return s.calendars(ctx).Where("id = ?", id).Delete(&calendarRow{}).Error
	})
}
