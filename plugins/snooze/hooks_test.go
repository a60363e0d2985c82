package snooze_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

// hooked is a desk with a plugin that attaches to the hooks of this one.
func hooked(t *testing.T, db desktest.Database, attach func(on *snooze.Hooks, h core.Host)) desk {
	t.Helper()
	snoozing := snooze.New(snooze.Config{})
	return desk{desktest.New(t, db, snoozing, core.Inline("guest", func(h core.Host) error {
		attach(&snoozing.Hooks, h)
		return nil
	})), t}
}

func TestAHookMayRefuseOrChangeASnooze(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(d *snooze.Draft) error
		want   int
		says   string
	}{
		"refuse":             {func(*snooze.Draft) error { return hooks.Veto("promise", "we have promised an answer") }, 422, "we have promised an answer"},
		"break":              {func(*snooze.Draft) error { return errors.New("a fault") }, 503, "guest.change"},
		"change the reason":  {func(d *snooze.Draft) error { d.Reason = "by the book"; return nil }, 200, "by the book"},
		"another time":       {func(d *snooze.Draft) error { d.Until = core.TimeOf(d.Until.Add(time.Hour)); return nil }, 200, "2026-03-02T11:00:00Z"},
		"a time in the past": {func(d *snooze.Draft) error { d.Until = core.TimeOf(d.Until.Add(-2 * time.Hour)); return nil }, 422, `"field":"until"`},
		"a long reason":      {func(d *snooze.Draft) error { d.Reason = strings.Repeat("z", 501); return nil }, 422, `"field":"reason"`},
		"another ticket":     {func(d *snooze.Draft) error { d.Ticket.ID = 4711; return nil }, 200, `"ticket_id":1,`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			desktest.Each(t, func(t *testing.T, db desktest.Database) {
				d := hooked(t, db, func(on *snooze.Hooks, h core.Host) {
					on.Set.Before.Add(h, "change", func(_ context.Context, draft *snooze.Draft) error { return row.change(draft) })
				})
				d.AllowErrors()
				ticket := d.Ticket(desktest.Customer)
				answer := d.Do(desktest.Agent, route("PUT", ticket.ID), for1h()).Want(row.want)
				if !strings.Contains(string(answer.Body), row.says) {
					t.Errorf("%s does not say %s", answer, row.says)
				}
				if asleep := d.history(ticket, "").Current != nil; asleep != (row.want == 200) {
					t.Errorf("asleep is %v", asleep)
				}
			})
		})
	}
}

func TestAHookMayRefuseToWake(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var refused int64
		d := hooked(t, db, func(on *snooze.Hooks, h core.Host) {
			on.Wake.Before.Add(h, "refuse", func(_ context.Context, w *snooze.Waking) error {
				if w.Ticket.ID == refused {
					return hooks.Veto("night", "let it sleep")
				}
				return nil
			})
		})
		ticket, other := d.snooze(for1h()), d.snooze(for1h())
		refused = ticket.ID
		d.Do(desktest.Agent, route("DELETE", ticket.ID), nil).Want(422)
		d.Leap(time.Hour)
		if got := d.events(other); got != "snooze.set, snooze.woken due" {
			t.Errorf("the other ticket: %s", got)
		}
		if got := d.events(ticket); got != "snooze.set" {
			t.Errorf("the ticket: %s", got)
		}
		refused = 0
		d.Advance(30 * time.Second)
		if got := d.events(ticket); got != "snooze.set, snooze.woken due" {
			t.Errorf("the ticket, later: %s", got)
		}
	})
}

// TestOneBrokenHookDelaysNoOtherTicket: a malfunction is logged, with how many
// tickets it met, and tried again.
func TestOneBrokenHookDelaysNoOtherTicket(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var broken int64
		d := hooked(t, db, func(on *snooze.Hooks, h core.Host) {
			on.Wake.Within.Add(h, "break", func(_ context.Context, _ *gorm.DB, w *snooze.Woken) error {
				if w.Ticket.ID == broken {
					return errors.New("a fault")
				}
				return nil
			})
		})
		d.AllowErrors()
		ticket, other := d.snooze(for1h()), d.snooze(for1h())
		broken = ticket.ID
		d.Clock.FakeClock.Advance(time.Hour)
		if err := d.RunJob(t.Context(), "snooze.wake"); err == nil || !strings.Contains(err.Error(), "1 tickets could not be woken") {
			t.Errorf("the job: %v", err)
		}
		if d.events(ticket) != "snooze.set" || d.events(other) != "snooze.set, snooze.woken due" {
			t.Errorf("the ticket: %s; the other: %s", d.events(ticket), d.events(other))
		}
		broken = 0
		must(t, d.RunJob(t.Context(), "snooze.wake"))
		if got := d.events(ticket); got != "snooze.set, snooze.woken due" {
			t.Errorf("the ticket, later: %s", got)
		}
	})
}

func TestEventsSayWhomToTellAndWhy(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var mu sync.Mutex
		var set []snooze.Snoozed
		var woken []snooze.Woken
		d := hooked(t, db, func(on *snooze.Hooks, h core.Host) {
			on.Set.After.Add(h, "note", func(_ context.Context, e hooks.Event[snooze.Snoozed]) error {
				mu.Lock()
				defer mu.Unlock()
				set = append(set, e.Data)
				return nil
			})
			on.Wake.After.Add(h, "note", func(_ context.Context, e hooks.Event[snooze.Woken]) error {
				mu.Lock()
				defer mu.Unlock()
				woken = append(woken, e.Data)
				return nil
			})
		})
		me := d.PersonID(desktest.Colleague)
		ticket := d.Ticket(desktest.Customer)
		_, err := d.Tickets.Update(d.As(desktest.Agent), ticket.ID, core.TicketPatch{Assignee: core.Maybe[int64]{Set: true, Value: &me}})
		must(t, err)
		d.set(ticket, map[string]any{"preset": "4h"})
		d.set(ticket, for1h())
		since := d.Now()
		d.Leap(time.Hour)
		d.Settle()
		mu.Lock()
		defer mu.Unlock()
		if len(set) != 2 || set[0].Replaced != nil || set[1].Replaced == nil || set[1].Replaced.ID != set[0].Snooze.ID || set[1].Replaced.Why != snooze.Replaced {
			t.Errorf("set: %+v", set)
		}
		if len(woken) != 1 || woken[0].AssigneeID == nil || *woken[0].AssigneeID != me {
			t.Fatalf("woken: %+v", woken)
		}
		got := woken[0].Snooze
		if got.Why != snooze.Due || got.By.Name != "Anna Agent" || !got.SetAt.Equal(since) || !got.WokeAt.Equal(d.Now()) {
			t.Errorf("woken: %+v", got)
		}
	})
}
