package sla_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

// TestTheCourseOfATicket is a ticket from its opening to its second end, with
// each clock as a person would count it.
func TestTheCourseOfATicket(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		d.policy(nil)
		ticket := d.Ticket(desktest.Customer)
		d.wantClocks(ticket, "first_response running 0s/1h0m0s, resolution running 0s/4h0m0s")
		d.pass(10 * time.Minute)
		d.reply(desktest.Agent, ticket, map[string]any{"internal": true})
		d.reply(desktest.Customer, ticket, nil) // still the first question
		d.wantClocks(ticket, "first_response running 10m0s/1h0m0s, resolution running 10m0s/4h0m0s")
		d.pass(10 * time.Minute)
		d.reply(desktest.Agent, ticket, nil)
		d.wantClocks(ticket, "first_response met 20m0s/1h0m0s, resolution running 20m0s/4h0m0s")
		d.pass(5 * time.Hour) // it waits for the customer
		d.wantClocks(ticket, "first_response met 20m0s/1h0m0s, resolution running 20m0s/4h0m0s")
		d.reply(desktest.Customer, ticket, nil)
		d.pass(10 * time.Minute)
		d.wantClocks(ticket, "first_response met 20m0s/1h0m0s, resolution running 30m0s/4h0m0s, next_response running 10m0s/30m0s")
		d.reply(desktest.Agent, ticket, map[string]any{"status": "resolved"})
		d.wantClocks(ticket, "first_response met 20m0s/1h0m0s, resolution met 30m0s/4h0m0s, next_response cancelled 10m0s/30m0s")
		d.pass(time.Hour)
		d.reply(desktest.Customer, ticket, nil)
		d.pass(time.Minute)
		d.wantClocks(ticket, "first_response met 20m0s/1h0m0s, resolution met 30m0s/4h0m0s, next_response cancelled 10m0s/30m0s, "+
			"resolution running 1m0s/4h0m0s, next_response running 1m0s/30m0s")
		d.wantNews(ticket, "paused status", "resumed status")
	})
}

// TestAPromiseBreaksATickAfterItsTime: kept at the very second, and told of at the next.
func TestAPromiseBreaksATickAfterItsTime(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		d.policy(map[string]any{"targets": byHours("calendar", 60, 0, 0)})
		kept, broken := d.Ticket(desktest.Customer), d.Ticket(desktest.Customer)
		d.pass(time.Hour)
		d.reply(desktest.Agent, kept, nil)
		d.wantClocks(kept, "first_response met 1h0m0s/1h0m0s")
		d.wantNews(broken, "09:30:00 warned first_response 50", "09:45:00 warned first_response 75", "09:54:00 warned first_response 90")
		d.pass(time.Second)
		d.wantNews(broken, "09:30:00 warned first_response 50", "09:45:00 warned first_response 75", "09:54:00 warned first_response 90", "10:00:00 breached first_response 100")
		d.reply(desktest.Agent, broken, nil)
		d.wantClocks(broken, "first_response missed 1h0m1s/1h0m0s")
		d.pass(time.Hour)
		if got := d.standing(kept); got.Breached || got.DueAt != nil {
			t.Errorf("%+v", got)
		}
	})
}

// TestWhoAnswersCounts: a note, the requester, and a plugin that speaks by itself
// are no first response.
func TestWhoAnswersCounts(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var host core.Host
		d := open(t, db, core.Inline("echo", func(h core.Host) error { host = h; return nil }))
		d.policy(map[string]any{"targets": byHours("calendar", 60, 0, 0)})
		ticket := d.Ticket(desktest.Customer)
		d.reply(desktest.Agent, ticket, map[string]any{"internal": true})
		d.reply(desktest.Customer, ticket, nil)
		if _, err := d.Replies.Add(host.As(t.Context()), ticket.ID, core.ReplyDraft{Body: "We have received your message."}); err != nil {
			t.Fatal(err)
		}
		own, err := d.Tickets.Create(d.As(desktest.Agent), core.TicketDraft{Subject: "My own", Body: "x"})
		if err != nil {
			t.Fatal(err)
		}
		d.reply(desktest.Agent, own, nil)
		d.wantClocks(ticket, "first_response running 0s/1h0m0s")
		d.wantClocks(own, "first_response running 0s/1h0m0s")
		d.reply(desktest.Colleague, own, nil)
		d.wantClocks(own, "first_response met 0s/1h0m0s")
	})
}

func TestClocksFollowPriorityAndPolicy(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		tag := idOf(d.Do(desktest.Admin, "POST /api/tags", map[string]any{"name": "vip"}).Want(201))
		targets := byHours("calendar", 60, 0, 0)
		targets["urgent"] = map[string]any{"first_response": map[string]any{"minutes": 15, "hours": "calendar"}}
		delete(targets, "low")
		d.policy(map[string]any{"targets": targets})
		vip := d.policy(map[string]any{"name": "VIP", "is_default": false, "conditions": map[string]any{"tags": []int64{tag}}, "targets": byHours("calendar", 5, 0, 10)})
		ticket := d.Ticket(desktest.Customer)
		d.pass(31 * time.Minute)
		d.change(ticket, map[string]any{"priority": "urgent"}) // and it is late at once
		d.wantClocks(ticket, "first_response running 31m0s/15m0s")
		d.pass(time.Second)
		d.change(ticket, map[string]any{"priority": "high"}) // and is in time again
		d.wantClocks(ticket, "first_response running 31m1s/1h0m0s")
		if s := d.standing(ticket); s.Breached || s.Clocks[0].Warned != 50 {
			t.Errorf("%+v", s)
		}
		d.wantNews(ticket, "09:30:00 warned first_response 50", "09:11:15 warned first_response 75", "09:13:30 warned first_response 90", "09:15:00 breached first_response 100")
		d.change(ticket, map[string]any{"tags": []string{"vip"}})
		d.wantClocks(ticket, "first_response running 31m1s/5m0s, resolution running 31m1s/10m0s")
		if s := d.standing(ticket); s.Policy.ID != vip || s.Why != fmt.Sprintf("tag %d", tag) {
			t.Errorf("%+v", s)
		}
		d.change(ticket, map[string]any{"tags": []string{}, "priority": "low"})
		d.wantClocks(ticket, "first_response withdrawn 31m1s/5m0s, resolution withdrawn 31m1s/10m0s")
	})
}

func TestTheFirstPolicyWhoseConditionsHoldIsTaken(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		none := d.Ticket(desktest.Customer)
		d.policy(map[string]any{"name": "rest"})
		d.policy(map[string]any{"name": "second", "is_default": false, "position": 2, "conditions": map[string]any{"priorities": []string{"medium", "high"}}})
		first := d.policy(map[string]any{"name": "first", "is_default": false, "position": 1, "conditions": map[string]any{"priorities": []string{"high"}, "types": []string{"question"}}})
		d.Do(desktest.Agent, fmt.Sprintf("GET /api/tickets/%d/sla", none.ID), nil).Want(404)
		ticket := d.Ticket(desktest.Customer)
		name := func() string { return d.standing(ticket).Policy.Name }
		if name() != "second" {
			t.Errorf("medium is under %s", name())
		}
		d.change(ticket, map[string]any{"priority": "high"})
		if got := d.standing(ticket); got.Policy.ID != first || got.Why != "priority high, type question" {
			t.Errorf("high is under %+v", got)
		}
		d.change(ticket, map[string]any{"priority": "low"})
		if got := d.standing(ticket); got.Policy.Name != "rest" || got.Why != "every ticket" {
			t.Errorf("low is under %+v", got)
		}
		d.change(none, map[string]any{"priority": "high"}) // promised from its creation on
		d.pass(time.Minute)
		d.wantClocks(none, "first_response running 1m0s/1h0m0s, resolution running 1m0s/4h0m0s")
	})
}

func TestClocksRestWhileATicketIsAway(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		d.policy(map[string]any{"targets": byHours("calendar", 0, 0, 60)})
		deleted, source, target := d.Ticket(desktest.Customer), d.Ticket(desktest.Customer), d.Ticket(desktest.Customer)
		d.pass(10 * time.Minute)
		d.Do(desktest.Admin, fmt.Sprintf("DELETE /api/tickets/%d", deleted.ID), nil).Want(204)
		d.Do(desktest.Agent, fmt.Sprintf("POST /api/tickets/%d/merge", target.ID), map[string]any{"sources": []int64{source.ID}}).Want(200)
		d.pass(3 * time.Hour)
		d.Do(desktest.Admin, fmt.Sprintf("POST /api/tickets/%d/restore", deleted.ID), nil).Want(200)
		d.Do(desktest.Agent, fmt.Sprintf("POST /api/tickets/%d/unmerge", source.ID), nil).Want(200)
		d.pass(time.Minute)
		for _, ticket := range []core.Ticket{deleted, source} {
			d.wantClocks(ticket, "resolution running 11m0s/1h0m0s")
		}
		d.wantNews(deleted, "paused deleted", "resumed deleted")
		d.wantNews(source, "paused merged", "resumed merged")
	})
}

// TestAPromiseThatWasTakenBackMayComeBack: as long as what it is about has not
// happened.
func TestAPromiseThatWasTakenBackMayComeBack(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		targets := byHours("calendar", 0, 30, 0)
		targets["high"] = map[string]any{"resolution": map[string]any{"minutes": 600, "hours": "calendar"}}
		d.policy(map[string]any{"targets": targets})
		ticket := d.Ticket(desktest.Customer)
		d.reply(desktest.Agent, ticket, nil)
		d.reply(desktest.Customer, ticket, nil)
		d.pass(10 * time.Minute)
		for range 3 {
			d.change(ticket, map[string]any{"priority": "high"})
			d.change(ticket, map[string]any{"priority": "medium"})
		}
		d.wantClocks(ticket, "next_response running 10m0s/30m0s, resolution withdrawn 10m0s/10h0m0s")
		d.change(ticket, map[string]any{"priority": "high"})
		d.reply(desktest.Agent, ticket, nil)
		d.change(ticket, map[string]any{"priority": "medium"})
		d.wantClocks(ticket, "next_response cancelled 10m0s/30m0s, resolution withdrawn 10m0s/10h0m0s")
	})
}

func TestWhatCameBeforeThePoliciesComesUnderThemWhenAsked(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := open(t, db)
		old, closed := d.Ticket(desktest.Customer), d.Ticket(desktest.Customer)
		d.change(closed, map[string]any{"status": "closed"})
		d.policy(map[string]any{"targets": byHours("calendar", 60, 0, 0)})
		d.pass(10 * time.Minute)
		d.Do(desktest.Agent, "POST /api/sla/apply", map[string]any{}).Want(403)
		var applied struct{ Tickets int }
		d.Do(desktest.Admin, "POST /api/sla/apply", map[string]any{}).Want(200).JSON(&applied)
		if applied.Tickets != 1 {
			t.Errorf("%d tickets came under it", applied.Tickets)
		}
		d.wantClocks(old, "first_response running 10m0s/1h0m0s")
		d.Do(desktest.Agent, fmt.Sprintf("GET /api/tickets/%d/sla", closed.ID), nil).Want(404)
	})
}
