package core_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

// Somebody else may merge, or take out again, while the Before hooks of the
// same are still thinking: one wins, and what the ticket was like is not lost.
func TestTwoWhoMergeTheSameTicketDoNotMergeItTwice(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		var meanwhile atomic.Pointer[func()]
		think := func(context.Context, *core.TicketMerge) error {
			if do := meanwhile.Swap(nil); do != nil {
				(*do)()
			}
			return nil
		}
		d := desktest.New(t, db, core.Inline("thinker", func(h core.Host) error {
			h.Hooks().Ticket.Merge.Before.Add(h, "think", think)
			h.Hooks().Ticket.Unmerge.Before.Add(h, "think", think)
			return nil
		}))
		agent := d.As(desktest.Agent)
		source, target := d.Ticket(desktest.Customer), d.Ticket(desktest.Customer)
		both := func(what string, do func() error) {
			t.Helper()
			first := func() { must(t, do()) }
			meanwhile.Store(&first)
			if err := do(); core.KindOf(err) != core.Conflict {
				t.Errorf("the second one who %s: %v", what, err)
			}
		}
		both("merges", func() error {
			_, err := d.Tickets.Merge(agent, target.ID, []int64{source.ID})
			return err
		})
		both("takes it out again", func() error {
			_, err := d.Tickets.Unmerge(agent, source.ID)
			return err
		})
		now, err := d.Tickets.Get(agent, source.ID)
		must(t, err)
		if now.Status != core.StatusOpen || !now.IsOpen || now.Version != 3 {
			t.Errorf("the ticket was open and is %+v", now)
		}
		// its opening message came along as number 1
		if now, err := d.Tickets.Get(agent, target.ID); err != nil || now.LastNumber != 3 || now.ReplyCount != 0 {
			t.Errorf("the target says so more than once each: %+v, %v", now, err)
		}
	})
}

// A merge closes its source; that it was resolved last week is not forgotten.
func TestUnmergeGivesBackWhenATicketWasResolved(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		agent := d.As(desktest.Agent)
		for _, status := range []core.Status{core.StatusOpen, core.StatusResolved, core.StatusClosed} {
			ticket, target := d.Ticket(desktest.Customer), d.Ticket(desktest.Customer)
			reply, err := d.Replies.Add(agent, ticket.ID, core.ReplyDraft{Body: "x", Status: &status})
			must(t, err)
			was, err := d.Tickets.Get(agent, ticket.ID)
			must(t, err)
			d.Advance(time.Minute)
			_, err = d.Tickets.Merge(agent, target.ID, []int64{ticket.ID})
			must(t, err)
			must(t, d.Replies.Delete(agent, target.ID, reply.ID))
			d.Advance(time.Minute)
			now, err := d.Tickets.Unmerge(agent, ticket.ID)
			must(t, err)
			if now.Status != was.Status || !sameTime(now.ResolvedAt, was.ResolvedAt) || !sameTime(now.ClosedAt, was.ClosedAt) {
				t.Errorf("was %s, resolved %v, closed %v, and came back %s, resolved %v, closed %v",
					was.Status, was.ResolvedAt, was.ClosedAt, now.Status, now.ResolvedAt, now.ClosedAt)
			}
			if now.ReplyCount != 0 {
				t.Errorf("the only reply was deleted while it was merged, and %d are counted", now.ReplyCount)
			}
		}
	})
}

func sameTime(a, b *core.Time) bool { return a == b || a != nil && b != nil && a.Equal(b.Time) }

// Pages of a tag follow the sort keys beside the tag; these follow the ticket,
// also when something was split off it.
func TestATagsListFollowsItsTickets(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		agent, admin := d.As(desktest.Agent), d.As(desktest.Admin)
		tag, err := d.Tags.Create(admin, core.TagPatch{Name: new("refund")})
		must(t, err)
		var first core.Ticket
		for range 3 {
			ticket := d.Ticket(desktest.Customer)
			_, err := d.Tickets.Update(agent, ticket.ID, core.TicketPatch{Tags: &[]string{"refund"}})
			must(t, err)
			if first.ID == 0 {
				first = ticket
			}
			d.Advance(time.Second)
		}
		reply, err := d.Replies.Add(agent, first.ID, core.ReplyDraft{Body: "x", Internal: true})
		must(t, err)
		d.Advance(time.Hour)
		_, err = d.Tickets.Split(agent, first.ID, reply.ID, "")
		must(t, err)
		seen, shown := map[int64]int{}, 0
		for q := (core.TicketQuery{Tag: []string{"refund"}, Limit: 1}); ; {
			page, err := d.Tickets.List(agent, q)
			must(t, err)
			for _, ticket := range page.Tickets {
				seen[ticket.ID]++
				shown++
			}
			if q.Cursor = page.NextCursor; q.Cursor == "" || shown > 9 {
				break
			}
		}
		if len(seen) != 4 || seen[first.ID] != 1 {
			t.Errorf("the pages of the tag show %v, each should stand once", seen)
		}
		must(t, d.Tags.Delete(admin, tag.ID))
		if now, err := d.Tickets.Get(agent, first.ID); err != nil || now.TagCount != 0 {
			t.Errorf("the tag is gone, and the ticket counts %d: %v", now.TagCount, err)
		}
	})
}
