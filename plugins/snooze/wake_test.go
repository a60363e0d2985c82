package snooze_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/hooks"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

func TestATicketWakesOnTime(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		asleep, awake := d.snooze(for1h()), d.Ticket(desktest.Customer)
		d.Advance(time.Hour - time.Second)
		if got := d.events(asleep); got != "snooze.set" {
			t.Errorf("a second before: %s", got)
		}
		d.Advance(31 * time.Second)
		if got := d.events(asleep); got != "snooze.set, snooze.woken due" {
			t.Errorf("half a minute after: %s", got)
		}
		d.wantList(desktest.Agent, "", asleep, awake) // the last to change stands on top
		must(t, d.RunJob(t.Context(), "snooze.wake"))
		if got := d.events(asleep); got != "snooze.set, snooze.woken due" {
			t.Errorf("the job once more: %s", got)
		}
	})
}

func TestATicketWakesAfterARestart(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		ticket := d.snooze(map[string]any{"preset": "next_week"})
		d.Reopen(snooze.New(snooze.Config{}))
		d.wantList(desktest.Agent, "")
		d.Leap(7 * 24 * time.Hour)
		d.Reopen(snooze.New(snooze.Config{}))
		d.wantList(desktest.Agent, "", ticket)
		if got := d.events(ticket); got != "snooze.set, snooze.woken due" {
			t.Errorf("events: %s", got)
		}
	})
}

func TestManyTicketsWakeAtOnce(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		var tickets []core.Ticket
		for range 205 { // more than two batches, all due at the same instant
			tickets = append(tickets, d.snooze(for1h()))
		}
		d.Leap(time.Hour)
		for _, ticket := range tickets {
			if got := d.events(ticket); got != "snooze.set, snooze.woken due" {
				t.Errorf("ticket %d: %s", ticket.ID, got)
			}
		}
	})
}

// TestWakersMayMeet lets two replicas and an agent wake the same tickets while
// another agent snoozes some of them anew.
func TestWakersMayMeet(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		d.Clock.FakeClock.Advance(0)
		replica := desktest.NewWith(t, db, func(c *core.Config) { c.DB, c.Clock = d.DB, d.Clock }, snooze.New(snooze.Config{}))
		var tickets []core.Ticket
		for range 20 {
			tickets = append(tickets, d.snooze(for1h()))
		}
		d.Clock.FakeClock.Advance(time.Hour)
		var all sync.WaitGroup
		all.Go(func() { must(t, d.RunJob(t.Context(), "snooze.wake")) })
		all.Go(func() { must(t, replica.RunJob(t.Context(), "snooze.wake")) })
		all.Go(func() {
			for _, ticket := range tickets {
				d.Do(desktest.Agent, route("DELETE", ticket.ID), nil).Want(204)
			}
		})
		all.Go(func() {
			for _, ticket := range tickets[:5] {
				d.Do(desktest.Admin, route("PUT", ticket.ID), for1h()).Want(200)
			}
		})
		all.Wait()
		for i, ticket := range tickets {
			woken := 0
			for _, former := range d.history(ticket, "").History {
				if former.Why != snooze.Replaced {
					woken++
				}
			}
			events := 0
			for _, e := range d.Events(ticket.ID) {
				if e.Type == "snooze.woken" {
					events++
				}
			}
			if events != woken || i >= 5 && woken != 1 {
				t.Errorf("ticket %d woke %d times, with %d events: %s", ticket.ID, woken, events, d.events(ticket))
			}
		}
	})
}

func TestWhatWakesATicketAtOnce(t *testing.T) {
	t.Parallel()
	const still, answered, cleared = "snooze.set", "snooze.set, snooze.woken answered", "snooze.set, snooze.woken cleared"
	reply := func(by desktest.Who, draft core.ReplyDraft) func(desk, core.Ticket) {
		return func(d desk, ticket core.Ticket) {
			d.t.Helper()
			draft.Body = "Any news?"
			_, err := d.Replies.Add(d.As(by), ticket.ID, draft)
			must(d.t, err)
		}
	}
	closed := core.StatusClosed
	for name, row := range map[string]struct {
		do   func(d desk, ticket core.Ticket)
		want string
	}{
		"the requester answers":                 {reply(desktest.Customer, core.ReplyDraft{}), answered},
		"the requester answers and closes":      {reply(desktest.Customer, core.ReplyDraft{Status: &closed}), cleared},
		"an agent answers":                      {reply(desktest.Agent, core.ReplyDraft{}), still},
		"an agent notes":                        {reply(desktest.Agent, core.ReplyDraft{Internal: true}), still},
		"an agent answers and closes":           {reply(desktest.Agent, core.ReplyDraft{Status: &closed}), cleared},
		"an agent works on":                     {func(d desk, t core.Ticket) { d.status(t, core.StatusInProgress) }, still},
		"an agent resolves":                     {func(d desk, t core.Ticket) { d.status(t, core.StatusResolved) }, cleared},
		"an agent closes":                       {func(d desk, t core.Ticket) { d.status(t, core.StatusClosed) }, cleared},
		"an admin deletes":                      {remove, cleared},
		"an agent merges it into another":       {merge, cleared},
		"an agent merges another into it":       {func(d desk, t core.Ticket) { mergeInto(d, t, d.Ticket(desktest.Customer)) }, still},
		"an agent merges another that sleeps":   {func(d desk, t core.Ticket) { mergeInto(d, t, d.snooze(for1h())) }, still},
		"the requester answers what was merged": {answerMerged, answered},
		"an agent wakes it":                     {func(d desk, t core.Ticket) { d.Do(desktest.Colleague, route("DELETE", t.ID), nil).Want(204) }, cleared},
		"the requester of another ticket writes": {func(d desk, _ core.Ticket) {
			reply(desktest.Stranger, core.ReplyDraft{})(d, d.Ticket(desktest.Stranger))
		}, still},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			desktest.Each(t, func(t *testing.T, db desktest.Database) {
				d := open(t, db)
				ticket := d.snooze(for1h())
				row.do(d, ticket)
				if got := d.events(ticket); got != row.want {
					t.Errorf("events: %s\nwant:   %s", got, row.want)
				}
				if asleep := d.history(ticket, "").Current != nil; asleep != (row.want == still) {
					t.Errorf("asleep is %v", asleep)
				}
			})
		})
	}
}

func mergeInto(d desk, target, source core.Ticket) {
	d.t.Helper()
	_, err := d.Tickets.Merge(d.As(desktest.Agent), target.ID, []int64{source.ID})
	must(d.t, err)
}

// answerMerged answers a ticket that was merged into the one that sleeps.
func answerMerged(d desk, target core.Ticket) {
	d.t.Helper()
	source := d.Ticket(desktest.Customer)
	mergeInto(d, target, source)
	_, err := d.Replies.Add(d.As(desktest.Customer), source.ID, core.ReplyDraft{Body: "Any news?"})
	must(d.t, err)
}

// TestAnAnswerThatFailsWakesNobody lets a plugin behind this one refuse in the
// transaction of the reply.
func TestAnAnswerThatFailsWakesNobody(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var woken bool
		d := open(t, db, core.Inline("zebra", func(h core.Host) error {
			h.Hooks().Reply.Add.Within.Add(h, "refuse", func(ctx context.Context, tx *gorm.DB, _ *core.ReplyAdded) error {
				var asleep int64
				err := tx.Table("hookdesk_snooze_snoozes").Where("woke_at IS NULL").Count(&asleep).Error
				woken = err == nil && asleep == 0
				return hooks.Veto("full", "the mailbox is full")
			})
			return nil
		}))
		ticket := d.snooze(for1h())
		if _, err := d.Replies.Add(d.As(desktest.Customer), ticket.ID, core.ReplyDraft{Body: "Any news?"}); core.KindOf(err) != core.Invalid {
			t.Errorf("the reply: %v", err)
		}
		if !woken {
			t.Error("the ticket did not wake in the transaction of the reply")
		}
		if d.history(ticket, "").Current == nil || d.events(ticket) != "snooze.set" {
			t.Errorf("the ticket woke: %s", d.events(ticket))
		}
	})
}

func TestAPurgedTicketLeavesNothing(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		remove(d, d.snooze(for1h()))
		d.Leap(31 * 24 * time.Hour)
		var left int64
		must(t, d.DB.Table("hookdesk_snooze_snoozes").Count(&left).Error)
		if left != 0 {
			t.Errorf("%d snoozes are left", left)
		}
	})
}
