package sla_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/sla"
)

func TestPlugin(t *testing.T) {
	t.Parallel()
	desktest.Exercise(t, func() core.Plugin { return sla.New(sla.Config{}) }, desktest.With(
		func(t testing.TB, d *desktest.Desk, ticket core.Ticket) {
			t.Helper()
			calendar := idOf(d.Do(desktest.Admin, "POST /api/sla/calendars", office()).Want(201))
			policy := map[string]any{"name": "Gold", "calendar_id": calendar, "pause_in": []string{"waiting_on_customer"}, "targets": every(60, 120, 240)}
			id := idOf(d.Do(desktest.Admin, "POST /api/sla/policies", policy).Want(201))
			d.Do(desktest.Agent, fmt.Sprintf("PATCH /api/tickets/%d", ticket.ID), map[string]any{"priority": "urgent"}).Want(200)
			d.Do(desktest.Agent, fmt.Sprintf("POST /api/tickets/%d/replies", ticket.ID), map[string]any{"body": "We are on it."}).Want(201)
			d.Do(desktest.Agent, fmt.Sprintf("GET /api/tickets/%d/sla", ticket.ID), nil).Want(200)
			d.Do(desktest.Admin, fmt.Sprintf("DELETE /api/sla/policies/%d", id), nil).Want(204)
		}))
}

// desk is a desk with service levels, and what these tests ask of it.
type desk struct {
	*desktest.Desk
	t *testing.T
}

func open(t *testing.T, db desktest.Database, others ...core.Plugin) desk {
	t.Helper()
	return desk{desktest.New(t, db, append(others, sla.New(sla.Config{}))...), t}
}

func idOf(r *desktest.Response) int64 {
	var made struct{ ID int64 }
	r.JSON(&made)
	return made.ID
}

// office is a calendar of five days, with lunch, in Zurich.
func office() map[string]any {
	day := []string{"08:00-12:00", "13:00-17:00"}
	return map[string]any{"name": "Office", "zone": "Europe/Zurich", "hours": map[string]any{
		"monday": day, "tuesday": day, "wednesday": day, "thursday": day, "friday": day,
	}}
}

// every are targets in minutes for each priority.
func every(first, next, resolution int) map[string]any {
	return byHours("business", first, next, resolution)
}

func byHours(hours string, first, next, resolution int) map[string]any {
	targets := map[string]any{}
	for kind, minutes := range map[string]int{"first_response": first, "next_response": next, "resolution": resolution} {
		if minutes > 0 {
			targets[kind] = map[string]any{"minutes": minutes, "hours": hours}
		}
	}
	all := map[string]any{}
	for _, priority := range []string{"low", "medium", "high", "urgent", "critical"} {
		all[priority] = targets
	}
	return all
}

func (d desk) calendar(c map[string]any) int64 {
	d.t.Helper()
	return idOf(d.Do(desktest.Admin, "POST /api/sla/calendars", c).Want(201))
}

// policy makes the default policy, with more of it, or other fields.
func (d desk) policy(more map[string]any) int64 {
	d.t.Helper()
	body := map[string]any{"name": "Gold", "is_default": true, "targets": byHours("calendar", 60, 30, 240)}
	maps.Copy(body, more)
	return idOf(d.Do(desktest.Admin, "POST /api/sla/policies", body).Want(201))
}

func (d desk) standing(ticket core.Ticket) (s sla.Standing) {
	d.t.Helper()
	d.Do(desktest.Admin, fmt.Sprintf("GET /api/tickets/%d/sla", ticket.ID), nil).Want(200).JSON(&s)
	return s
}

// clocks are a ticket's clocks in a line, oldest first.
func (d desk) clocks(ticket core.Ticket) string {
	d.t.Helper()
	var lines []string
	s := d.standing(ticket)
	for _, c := range slices.Backward(s.Clocks) {
		lines = append(lines, fmt.Sprintf("%s %s %v/%v", c.Kind, c.Outcome, time.Duration(c.Elapsed)*time.Second, time.Duration(c.Target)*time.Second))
	}
	return strings.Join(lines, ", ")
}

func (d desk) wantClocks(ticket core.Ticket, want string) {
	d.t.Helper()
	if got := d.clocks(ticket); got != want {
		d.t.Errorf("the clocks are\n%s, want\n%s", got, want)
	}
}

// news are a ticket's events of this plugin, in lines: the time of day, what, of which clock.
func (d desk) news(ticket core.Ticket) string {
	d.t.Helper()
	var lines []string
	for _, e := range d.Events(ticket.ID) {
		if !strings.HasPrefix(e.Type, "sla.") {
			continue
		}
		var alarm sla.Alarm
		var rest sla.Rest
		if err := json.Unmarshal([]byte(e.Payload), &alarm); err != nil {
			d.t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(e.Payload), &rest); err != nil {
			d.t.Fatal(err)
		}
		line := strings.TrimPrefix(e.Type, "sla.")
		switch {
		case alarm.Kind != "":
			line = fmt.Sprintf("%s %s %s %d", alarm.At.Format("15:04:05"), line, alarm.Kind, alarm.Percent)
		default:
			line += " " + rest.Why
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func (d desk) wantNews(ticket core.Ticket, want ...string) {
	d.t.Helper()
	if got := d.news(ticket); got != strings.Join(want, "\n") {
		d.t.Errorf("told was\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func (d desk) reply(who desktest.Who, ticket core.Ticket, more map[string]any) {
	d.t.Helper()
	body := map[string]any{"body": "Something."}
	maps.Copy(body, more)
	d.Do(who, fmt.Sprintf("POST /api/tickets/%d/replies", ticket.ID), body).Want(201)
}

func (d desk) change(ticket core.Ticket, patch map[string]any) {
	d.t.Helper()
	d.Do(desktest.Agent, fmt.Sprintf("PATCH /api/tickets/%d", ticket.ID), patch).Want(200)
}

// pass lets time pass; jobs run at its end.
func (d desk) pass(by time.Duration) { d.t.Helper(); d.Leap(by) }
