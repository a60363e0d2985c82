package sla_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/sla"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

// TestAfterThreeDaysWithoutAWatchEachWarningIsToldOnce and in order, with the
// times at which it was.
func TestAfterThreeDaysWithoutAWatchEachWarningIsToldOnce(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		d.policy(map[string]any{"targets": byHours("calendar", 60, 0, 120)})
		ticket := d.Ticket(desktest.Customer)
		d.Clock.FakeClock.Advance(72 * time.Hour) // and no job runs
		want := []string{
			"09:30:00 warned first_response 50", "09:45:00 warned first_response 75", "09:54:00 warned first_response 90",
			"10:00:00 warned resolution 50", "10:00:00 breached first_response 100", "10:30:00 warned resolution 75", "10:48:00 warned resolution 90",
			"11:00:00 breached resolution 100",
		}
		for range 3 {
			if err := d.RunJob(t.Context(), "sla.watch"); err != nil {
				t.Fatal(err)
			}
			d.wantNews(ticket, want...)
		}
	})
}

// TestALateWarningIsToldBeforeTheAnswer: what the job has not told yet is told
// with the reply, before the clock stops.
func TestALateWarningIsToldBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		d.policy(map[string]any{"targets": byHours("calendar", 60, 0, 0)})
		ticket := d.Ticket(desktest.Customer)
		d.Clock.FakeClock.Advance(2 * time.Hour)
		d.reply(desktest.Agent, ticket, nil)
		d.wantNews(ticket, "09:30:00 warned first_response 50", "09:45:00 warned first_response 75", "09:54:00 warned first_response 90",
			"10:00:00 breached first_response 100", "paused status")
		d.wantClocks(ticket, "first_response missed 2h0m0s/1h0m0s")
	})
}

func TestSettingsSayWhenIsWarned(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		d.policy(map[string]any{"targets": byHours("calendar", 100, 0, 0)})
		d.settings(map[string]any{"warn_at": []int{10}})
		ticket := d.Ticket(desktest.Customer)
		d.pass(10 * time.Minute)
		d.wantNews(ticket, "09:10:00 warned first_response 10")
		for _, bad := range [][]int{{0}, {100}, {50, 50}, {90, 50}} {
			d.Do(desktest.Admin, "PUT /api/settings/sla", map[string]any{"value": map[string]any{
				"warn_at": bad, "pause_while_snoozed": true, "escalate_status": false, "escalate_to": 0, "breach_note": "",
			}}).Want(422)
		}
	})
}

func (d desk) settings(more map[string]any) {
	d.t.Helper()
	value := map[string]any{"warn_at": []int{50, 75, 90}, "pause_while_snoozed": true, "escalate_status": false, "escalate_to": 0, "breach_note": ""}
	maps.Copy(value, more)
	d.Do(desktest.Admin, "PUT /api/settings/sla", map[string]any{"value": value}).Want(200)
}

func TestABreachEscalates(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		chief := d.PersonID(desktest.Colleague)
		d.settings(map[string]any{"escalate_status": true, "escalate_to": chief, "breach_note": "Late: call the customer."})
		d.policy(map[string]any{"targets": byHours("calendar", 60, 0, 0)})
		ticket, closed := d.Ticket(desktest.Customer), d.Ticket(desktest.Customer)
		d.Clock.FakeClock.Advance(61 * time.Minute)
		d.change(closed, map[string]any{"status": "closed"})
		if err := d.RunJob(t.Context(), "sla.watch"); err != nil {
			t.Fatal(err)
		}
		d.Settle()
		now, err := d.Tickets.Get(d.As(desktest.Admin), ticket.ID)
		if err != nil || now.Status != core.StatusEscalated || now.AssigneeID == nil || *now.AssigneeID != chief {
			t.Errorf("%+v %v", now, err)
		}
		notes, _, err := d.Replies.List(d.As(desktest.Agent), ticket.ID, core.Page{})
		if last := notes[len(notes)-1]; err != nil || len(notes) != 2 || last.Kind != core.ReplyNote || last.Body != "Late: call the customer." {
			t.Errorf("%+v %v", notes, err)
		}
		if now, err = d.Tickets.Get(d.As(desktest.Admin), closed.ID); err != nil || now.Status != core.StatusClosed || now.AssigneeID != nil {
			t.Errorf("%+v %v", now, err)
		}
	})
}

func TestNobodyEscalatesToWhoIsNoAgent(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		for _, nobody := range []int64{4711, d.PersonID(desktest.Customer)} {
			d.Do(desktest.Admin, "PUT /api/settings/sla", map[string]any{"value": map[string]any{
				"warn_at": []int{50}, "pause_while_snoozed": true, "escalate_status": true, "escalate_to": nobody, "breach_note": "",
			}}).Want(422)
		}
	})
}

func TestOthersHearOfAllFour(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		levels := sla.New(sla.Config{WarnAt: []int{50}})
		var mu sync.Mutex
		var heard []string
		hear := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, what)
		}
		d := desk{desktest.New(t, db, levels, core.Inline("guest", func(h core.Host) error {
			alarm := func(what string) func(context.Context, hooks.Event[sla.Alarm]) error {
				return func(_ context.Context, e hooks.Event[sla.Alarm]) error {
					hear(fmt.Sprintf("%s %s %d of %q to %v", what, e.Data.Kind, e.Data.Percent, e.Data.Policy, e.Data.AssigneeID == nil))
					return nil
				}
			}
			rest := func(what string) func(context.Context, hooks.Event[sla.Rest]) error {
				return func(_ context.Context, e hooks.Event[sla.Rest]) error { hear(what + " " + e.Data.Why); return nil }
			}
			levels.Hooks.Warn.Add(h, "warn", alarm("warn"))
			levels.Hooks.Breach.Add(h, "breach", alarm("breach"))
			levels.Hooks.Pause.Add(h, "pause", rest("pause"))
			levels.Hooks.Resume.Add(h, "resume", rest("resume"))
			return nil
		})), t}
		d.policy(map[string]any{"targets": byHours("calendar", 0, 0, 60)})
		ticket := d.Ticket(desktest.Customer)
		for _, step := range []func(){
			func() { d.pass(30 * time.Minute) }, func() { d.change(ticket, map[string]any{"status": "waiting_on_customer"}) },
			func() { d.pass(time.Hour) }, func() { d.change(ticket, map[string]any{"status": "open"}) }, func() { d.pass(31 * time.Minute) },
		} {
			step()
			d.Settle()
		}
		mu.Lock()
		defer mu.Unlock()
		want := `warn resolution 50 of "Gold" to true, pause status, resume status, breach resolution 100 of "Gold" to true`
		if got := strings.Join(heard, ", "); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	})
}

func TestClocksRestWhileATicketSleeps(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db, snooze.New(snooze.Config{}))
		d.policy(map[string]any{"targets": byHours("calendar", 0, 0, 120)})
		ticket := d.Ticket(desktest.Customer)
		sleep := func(want int) {
			d.Do(desktest.Agent, fmt.Sprintf("PUT /api/tickets/%d/snooze", ticket.ID), map[string]any{"preset": "1h"}).Want(want)
		}
		d.pass(10 * time.Minute)
		sleep(200)
		d.Clock.FakeClock.Advance(90 * time.Minute) // the job comes half an hour late
		if err := d.RunJob(t.Context(), "snooze.wake"); err != nil {
			t.Fatal(err)
		}
		d.wantClocks(ticket, "resolution running 40m0s/2h0m0s")
		d.settings(map[string]any{"pause_while_snoozed": false})
		sleep(200)
		d.pass(10 * time.Minute)
		d.wantClocks(ticket, "resolution running 50m0s/2h0m0s")
		d.wantNews(ticket, "paused snoozed", "resumed snoozed")
	})
}

// TestWhatHappenedWhileThePluginWasOffIsSeen: no promise breaks that was kept.
func TestWhatHappenedWhileThePluginWasOffIsSeen(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		d.policy(map[string]any{"targets": byHours("calendar", 60, 0, 240)})
		answered, resolved := d.Ticket(desktest.Customer), d.Ticket(desktest.Customer)
		d.Do(desktest.Admin, "POST /api/plugins/sla/disable", nil).Want(200)
		d.Do(desktest.Agent, "GET /api/tickets?sla=due", nil).Want(422)
		d.Do(desktest.Agent, "GET /api/tickets?sort=sla_due", nil).Want(422)
		d.Clock.FakeClock.Advance(10 * time.Minute)
		d.reply(desktest.Agent, answered, nil)
		d.change(resolved, map[string]any{"status": "resolved"})
		d.Clock.FakeClock.Advance(24 * time.Hour)
		d.Do(desktest.Admin, "POST /api/plugins/sla/enable", nil).Want(200)
		if err := d.RunJob(t.Context(), "sla.watch"); err != nil {
			t.Fatal(err)
		}
		if got := d.clocks(answered); !strings.HasPrefix(got, "first_response met 10m0s/1h0m0s") {
			t.Error(got)
		}
		d.wantClocks(resolved, "first_response cancelled 10m0s/1h0m0s, resolution met 10m0s/4h0m0s")
		d.wantNews(resolved)
	})
}

// TestManyAtOnceLeaveOneCourse has people answer, change and read one ticket at
// the same time as an admin changes its policy.
func TestManyAtOnceLeaveOneCourse(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		id := d.policy(nil)
		ticket := d.Ticket(desktest.Customer)
		var group sync.WaitGroup
		for n := range 40 {
			group.Go(func() {
				switch n % 5 {
				case 0:
					d.reply(desktest.Agent, ticket, nil)
				case 1:
					d.reply(desktest.Customer, ticket, nil)
				case 2:
					d.change(ticket, map[string]any{"priority": []string{"low", "high"}[n/5%2]})
				case 3:
					d.standing(ticket)
					d.Do(desktest.Stranger, "POST /api/tickets", map[string]any{"subject": "Me too", "body": "Please."}).Want(201)
				default:
					body := map[string]any{"name": "Gold", "is_default": true, "targets": byHours("calendar", 60, 30, 240), "version": 1}
					if r := d.Do(desktest.Admin, fmt.Sprintf("PUT /api/sla/policies/%d", id), body); r.Status != 200 && r.Status != 409 {
						t.Error(r)
					}
				}
			})
		}
		group.Wait()
		running := map[sla.Kind]int{}
		for _, c := range d.standing(ticket).Clocks {
			if c.Outcome == sla.Running {
				running[c.Kind]++
			}
		}
		if running[sla.FirstResponse] != 0 || running[sla.NextResponse] > 1 || running[sla.Resolution] != 1 {
			t.Errorf("running are %v", running)
		}
		var versions []int
		if err := d.DB.Raw("SELECT number FROM " + d.Config.TablePrefix + "sla_versions WHERE kind = 'policy' ORDER BY number").Scan(&versions).Error; err != nil || len(versions) != 2 {
			t.Errorf("the versions are %v %v: one admin of eight has saved", versions, err)
		}
	})
}
