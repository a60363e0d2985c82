package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

func TestOfTwoPatchesOnOneVersionOneWins(t *testing.T) {
	t.Parallel()
	const pairs = 200
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		ticket := d.Ticket(desktest.Customer)
		d.PersonID(desktest.Agent)
		d.PersonID(desktest.Colleague)
		at := fmt.Sprintf("PATCH /api/tickets/%d", ticket.ID)
		for i := range pairs {
			version := i + 1
			var answers [2]*desktest.Response
			var wg sync.WaitGroup
			for n, who := range []desktest.Who{desktest.Agent, desktest.Colleague} {
				wg.Go(func() {
					answers[n] = d.Do(who, at, map[string]any{"version": version, "subject": fmt.Sprintf("%d by %s", i, who.UserID)})
				})
			}
			wg.Wait()
			won, lost := answers[0], answers[1]
			if won.Status != 200 {
				won, lost = lost, won
			}
			if won.Status != 200 || lost.Status != 409 {
				t.Fatalf("pair %d: %d and %d: %s", i, won.Status, lost.Status, lost.Body)
			}
			var is struct{ Subject string }
			won.JSON(&is)
			if !bytes.Contains(lost.Body, []byte(is.Subject)) {
				t.Fatalf("the loser is not told what changed: %s", lost.Body)
			}
		}
		now, err := d.Tickets.Get(d.As(desktest.Agent), ticket.ID)
		if err != nil || now.Version != pairs+1 {
			t.Errorf("version %d after %d changes: %v", now.Version, pairs, err)
		}
	})
}

func TestNoReplyIsLostToAChangeOfItsTicket(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 10
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		ticket := d.Ticket(desktest.Customer)
		agent, customer := d.As(desktest.Agent), d.As(desktest.Customer)
		var wg sync.WaitGroup
		var kept atomic.Int64
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					ctx := agent
					if w%2 == 0 {
						ctx = customer
					}
					if _, err := d.Replies.Add(ctx, ticket.ID, core.ReplyDraft{Body: fmt.Sprintf("%d-%d", w, i)}); err == nil {
						kept.Add(1)
					} else if core.KindOf(err) != core.Conflict {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				for i := range each {
					p := core.Priority(i % 5)
					if _, err := d.Tickets.Update(agent, ticket.ID, core.TicketPatch{Priority: &p}); err != nil && core.KindOf(err) != core.Conflict {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		now, err := d.Tickets.Get(agent, ticket.ID)
		if err != nil || int64(now.ReplyCount) != kept.Load() || int64(now.LastNumber) != kept.Load() {
			t.Errorf("%d replies were acknowledged, the ticket has %d: %v", kept.Load(), now.ReplyCount, err)
		}
		if kept.Load() < writers*each*9/10 {
			t.Errorf("only %d of %d replies came through", kept.Load(), writers*each)
		}
	})
}

func TestSixtyFourWritersMeetNoError(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		d.PersonID(desktest.Customer)
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for range 3 {
					res := d.Do(desktest.Customer, "POST /api/tickets", map[string]any{"subject": fmt.Sprint("writer ", i), "body": "x"})
					if res.Status != http.StatusCreated {
						t.Errorf("%d %s", res.Status, res.Body)
					}
				}
			})
		}
		wg.Wait()
		page, err := d.Tickets.List(d.As(desktest.Customer), core.TicketQuery{Count: true})
		if err != nil || page.Total != 64*3 {
			t.Errorf("%d tickets: %v", page.Total, err)
		}
	})
}
