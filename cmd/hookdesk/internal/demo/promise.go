package demo

import (
	"context"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/plugins/sla"
	"github.com/hookdesk/hookdesk/plugins/sla/worktime"
)

// promise makes the policy under which tickets come from now on; nothing was
// promised of those that are there.
func (s *stage) promise(ctx context.Context) error {
	levels, found := core.Lookup[*sla.Levels](s.host)
	if !found {
		return nil
	}
	ctx, err := s.as(ctx, agent(Admin))
	if err != nil {
		return err
	}
	day := []worktime.Span{"08:00-12:00", "13:00-18:00"}
	office, err := levels.SaveCalendar(ctx, 0, sla.CalendarDraft{Name: "Office", CalendarHours: sla.CalendarHours{
		Zone: "Europe/Zurich", National: []string{"ch"},
		Hours: worktime.Week{Monday: day, Tuesday: day, Wednesday: day, Thursday: day, Friday: day},
	}}, nil)
	if err != nil {
		return err
	}
	in := func(first, next, resolution int, hours sla.Hours) *sla.Targets {
		return &sla.Targets{
			FirstResponse: &sla.Target{Minutes: first, Hours: hours}, NextResponse: &sla.Target{Minutes: next, Hours: hours},
			Resolution: &sla.Target{Minutes: resolution, Hours: hours},
		}
	}
	_, err = levels.SavePolicy(ctx, 0, sla.PolicyDraft{Name: "Standard", IsDefault: true, CalendarID: &office.ID, Terms: sla.Terms{
		Targets: sla.PerPriority{
			Low: in(480, 480, 2700, sla.Business), Medium: in(240, 240, 1620, sla.Business), High: in(120, 120, 1080, sla.Business),
			Urgent: in(60, 60, 480, sla.Business), Critical: in(15, 30, 240, sla.AllHours),
		},
	}}, nil)
	return err
}
