package core_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

func ticking(runs *atomic.Int64, spec string, fn func(context.Context, core.Host) error) core.Plugin {
	return core.Inline("tick", func(h core.Host) error {
		h.Cron("tock", spec, func(ctx context.Context) error {
			runs.Add(1)
			return fn(ctx, h)
		})
		return nil
	})
}

func noTrouble(context.Context, core.Host) error { return nil }

// TestAJobRunsOnceHoweverManyProcesses there are.
func TestAJobRunsOnceHoweverManyProcesses(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var runs atomic.Int64
		d := desktest.New(t, db, ticking(&runs, "0 * * * *", noTrouble))
		other := desktest.NewWith(t, db, func(c *core.Config) { c.DB = d.DB }, ticking(&runs, "0 * * * *", noTrouble))
		for hour := range int64(3) {
			d.Advance(time.Hour)
			other.Advance(time.Hour)
			if got := runs.Load(); got != hour+1 {
				t.Errorf("after %d hours it ran %d times", hour+1, got)
			}
		}
	})
}

// TestAMissedRunIsMadeUpForOnce, at the next start.
func TestAMissedRunIsMadeUpForOnce(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var runs atomic.Int64
		d := desktest.New(t, db, ticking(&runs, "0 * * * *", noTrouble))
		d.Stop()
		d.Clock.FakeClock.Advance(5*time.Hour + time.Minute)
		d.Reopen()
		all, err := d.Schedule.List(d.As(desktest.Admin))
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return d.Fired() == int64(len(all)) }) // all of them were missed
		d.Advance(30 * time.Minute)
		if got := runs.Load(); got != 1 {
			t.Errorf("it ran %d times", got)
		}
		d.Advance(30 * time.Minute)
		if got := runs.Load(); got != 2 {
			t.Errorf("an hour later it had run %d times", got)
		}
	})
}

// TestAJobThatLostItsLeaseWritesNothing: as a process that was stopped for too
// long, and wakes up.
func TestAJobThatLostItsLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var runs atomic.Int64
		var d *desktest.Desk
		d = desktest.New(t, db, ticking(&runs, "0 * * * *", func(ctx context.Context, h core.Host) error {
			if err := d.DB.Exec("UPDATE hookdesk_jobs SET token = token + 1 WHERE name = 'tick.tock'").Error; err != nil {
				return err
			}
			return h.Change(ctx, func(ctx context.Context) error {
				_, err := h.Desk().Tickets.Create(ctx, core.TicketDraft{Subject: "late", Body: "late", RequesterID: d.PersonID(desktest.Customer)})
				return err
			})
		}))
		d.AllowErrors()
		d.PersonID(desktest.Customer)
		d.Advance(time.Hour)
		page, err := d.Tickets.List(d.As(desktest.Admin), core.TicketQuery{})
		if err != nil || len(page.Tickets) != 0 || runs.Load() != 1 {
			t.Errorf("%d tickets after %d runs, %v", len(page.Tickets), runs.Load(), err)
		}
	})
}

func TestAnAdminReadsHowJobsFare(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var runs atomic.Int64
		d := desktest.New(t, db, ticking(&runs, "TZ=Europe/Zurich 30 11 * * *", func(context.Context, core.Host) error {
			if runs.Load() == 1 {
				return errors.New("no paper")
			}
			return nil
		}))
		d.AllowErrors()
		d.Advance(2 * time.Hour) // 12:00 in Zurich
		var list struct{ Jobs []core.JobState }
		d.Do(desktest.Admin, "GET /api/jobs", nil).Want(200).JSON(&list)
		var got core.JobState
		for _, one := range list.Jobs {
			if one.Name == "tick.tock" {
				got = one
			}
		}
		if got.Failures != 1 || got.LastError != "no paper" || got.Running || !got.Enabled || !got.NextAt.Equal(time.Date(2026, 3, 3, 10, 30, 0, 0, time.UTC)) {
			t.Errorf("%+v", got)
		}
		d.Advance(24 * time.Hour)
		var history struct{ Runs []core.JobRun }
		d.Do(desktest.Admin, "GET /api/jobs/tick.tock/runs", nil).Want(200).JSON(&history)
		if len(history.Runs) != 2 || history.Runs[0].Error != "" || history.Runs[1].Error != "no paper" || history.Runs[1].EndedAt == nil {
			t.Errorf("%+v", history.Runs)
		}
		d.Do(desktest.Admin, "GET /api/jobs/tick.tack/runs", nil).Want(404)
		d.Do(desktest.Agent, "GET /api/jobs", nil).Want(403)
	})
}
