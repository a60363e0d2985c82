package savedviews_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
	"github.com/hookdesk/hookdesk/plugins/savedviews"
	"github.com/hookdesk/hookdesk/plugins/snooze"
)

// replica is one of two processes of a desk.
type replica struct {
	*desktest.Desk
	views *savedviews.Plugin
}

// pair makes two desks on one database and one clock.
func pair(t *testing.T, db desktest.Database) (both [2]replica) {
	t.Helper()
	both[0].views = savedviews.New(savedviews.Config{})
	both[0].Desk = desktest.New(t, db, both[0].views, snooze.New(snooze.Config{}))
	both[1].views = savedviews.New(savedviews.Config{})
	both[1].Desk = desktest.NewWith(t, db, func(c *core.Config) { c.DB, c.Clock = both[0].DB, both[0].Clock }, both[1].views, snooze.New(snooze.Config{}))
	return both
}

// counted are counts as one line each, from the route.
func counted(d *desktest.Desk, who desktest.Who, ids []int64) string {
	var list struct{ Counts []savedviews.Count }
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = fmt.Sprint(id)
	}
	d.Do(who, "GET /api/views/counts?ids="+strings.Join(texts, ","), nil).Want(200).JSON(&list)
	var lines []string
	for _, c := range list.Counts {
		lines = append(lines, fmt.Sprintf("%d: %d %v%s", c.ID, c.Count, c.Capped, c.Error))
	}
	return strings.Join(lines, ", ")
}

// freshly are the same counts by the database.
func freshly(t *testing.T, d *desktest.Desk, who desktest.Who, views []savedviews.View) string {
	t.Helper()
	var lines []string
	ctx := d.As(who)
	for _, v := range views {
		q, err := d.Tickets.Query(ctx, url.Values(v.Filters))
		must(t, err)
		n, more, err := d.Tickets.Count(ctx, q, 99)
		must(t, err)
		lines = append(lines, fmt.Sprintf("%d: %d %v", v.ID, n, more))
	}
	return strings.Join(lines, ", ")
}

// soon waits for what the log brings, and reports whether it came.
func soon(ok func() bool) bool {
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// TestARememberedCountIsTheCount changes tickets at random, on two desks of one
// database, and compares what they remember with what the database counts.
func TestARememberedCountIsTheCount(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		seed := uint64(time.Now().UnixNano())
		defer func() {
			if t.Failed() {
				t.Log("seed", seed)
			}
		}()
		w := newWorld(t, db, rand.New(rand.NewPCG(seed, 1)))
		rounds := 8
		if testing.Short() {
			rounds = 3
		}
		for range rounds {
			w.compare()
			for range 30 {
				w.step()
			}
			w.compare()
		}
		for i, one := range w.both {
			if plans, tallies := savedviews.Remembered(one.views); plans == 0 || tallies == 0 {
				t.Errorf("desk %d remembers %d plans and %d counts: nothing was compared", i, plans, tallies)
			}
		}
	})
}

type world struct {
	t       *testing.T
	both    [2]replica
	random  *rand.Rand
	views   []savedviews.View
	people  []desktest.Who
	sales   int64
	tickets []int64
}

func newWorld(t *testing.T, db desktest.Database, random *rand.Rand) *world {
	w := &world{t: t, both: pair(t, db), random: random, people: []desktest.Who{desktest.Agent, desktest.Colleague, desktest.Admin}}
	d := desk{w.both[0].Desk, t}
	w.sales = d.department("Sales", desktest.Agent)
	d.tag("red")
	d.tag("blue")
	for range 80 { // some lists are near to 99
		w.tickets = append(w.tickets, d.Ticket(desktest.Customer).ID)
	}
	for i, f := range []filters{
		{}, {"open": {"true"}}, {"assignee": {"me"}, "open": {"true"}}, {"assignee": {"none"}}, {"status": {"open", "reopened"}},
		{"priority": {"high"}, "open": {"true"}}, {"department": {fmt.Sprint(w.sales)}}, {"tag": {"red"}}, {"tag": {"red", "blue"}, "open": {"true"}},
		{"snoozed": {"only"}}, {"snoozed": {"include"}}, {"requester": {fmt.Sprint(d.PersonID(desktest.Customer))}}, {"snoozed": {"include"}, "open": {"false"}},
		{"snoozed": {"include"}, "priority": {"high"}},
	} {
		w.views = append(w.views, d.save(desktest.Admin, map[string]any{"name": fmt.Sprint(i), "sharing": "everybody", "filters": f}))
	}
	return w
}

// compare holds what both desks remember against the database.
func (w *world) compare() {
	w.t.Helper()
	ids := make([]int64, len(w.views))
	for i, v := range w.views {
		ids[i] = v.ID
	}
	for i, one := range w.both {
		for _, who := range w.people {
			want, got := "", ""
			same := func() bool { // what the other desk has switched may be so here only in the midst of it
				want, got = freshly(w.t, one.Desk, who, w.views), counted(one.Desk, who, ids)
				return got == want
			}
			if !soon(same) {
				w.t.Fatalf("desk %d tells %s\n%s, the database counts\n%s", i, who.UserID, got, want)
			}
		}
	}
}

// step does something that may change a count.
func (w *world) step() {
	w.t.Helper()
	one := w.both[w.random.IntN(2)]
	agent, admin := one.As(desktest.Agent), one.As(desktest.Admin)
	ticket := w.tickets[w.random.IntN(len(w.tickets))]
	var err error
	switch w.random.IntN(16) {
	case 0, 1:
		var made core.Ticket
		made, err = one.Tickets.Create(one.As(desktest.Customer), core.TicketDraft{Subject: "New", Body: "It does not work."})
		w.tickets = append(w.tickets, made.ID)
	case 2, 3, 4, 5:
		err = w.update(admin, one.Desk, ticket)
	case 6, 7:
		_, err = one.Replies.Add(one.As(desktest.Customer), ticket, core.ReplyDraft{Body: "And now?"})
	case 8, 9:
		one.Do(desktest.Admin, fmt.Sprintf("PUT /api/tickets/%d/snooze", ticket), map[string]any{"until": one.Clock.Now().Add(time.Duration(1+w.random.IntN(4)) * time.Hour)})
	case 10:
		one.Do(desktest.Admin, fmt.Sprintf("DELETE /api/tickets/%d/snooze", ticket), nil)
	case 11:
		w.both[0].Clock.FakeClock.Advance(time.Duration(w.random.IntN(120)) * time.Minute)
	case 12:
		_, err = one.Tickets.Merge(agent, ticket, []int64{w.tickets[w.random.IntN(len(w.tickets))]})
	case 13:
		_, err = one.Tickets.Unmerge(agent, ticket)
	case 14:
		_, err = one.Tickets.Delete(admin, ticket)
	case 15:
		w.rare(admin, one, ticket)
	}
	if err != nil && core.KindOf(err) == 0 { // no refusal
		w.t.Fatal(err)
	}
}

func (w *world) update(ctx context.Context, d *desktest.Desk, ticket int64) error {
	var p core.TicketPatch
	switch w.random.IntN(5) {
	case 0:
		status := core.Status(w.random.IntN(8))
		p.Status = &status
	case 1:
		priority := core.Priority(w.random.IntN(5))
		p.Priority = &priority
	case 2:
		p.Assignee.Set = true
		if id := d.PersonID(w.people[w.random.IntN(3)]); w.random.IntN(3) > 0 {
			p.Assignee.Value = &id
		}
	case 3:
		p.Department.Set = true
		if w.random.IntN(2) > 0 {
			p.Department.Value = &w.sales
		}
	case 4:
		p.Tags = &[][]string{{}, {"red"}, {"blue"}, {"red", "blue"}}[w.random.IntN(4)]
	}
	_, err := d.Tickets.Update(ctx, ticket, p)
	return err
}

// rare changes what no ticket's event tells of.
func (w *world) rare(admin context.Context, one replica, ticket int64) {
	agents := []int64{}
	if w.random.IntN(2) == 0 {
		agents = append(agents, one.PersonID(desktest.Agent))
	}
	switch w.random.IntN(3) {
	case 0: // what the agent sees
		_, err := one.Departments.Update(admin, w.sales, core.DepartmentPatch{Agents: &agents})
		must(w.t, err)
		w.both[0].Clock.FakeClock.Advance(time.Minute) // a process believes for so long who somebody is
	case 1:
		one.Do(desktest.Admin, "POST /api/plugins/snooze/disable", nil)
		one.Do(desktest.Admin, "POST /api/plugins/snooze/enable", nil)
	case 2:
		if _, err := one.Tickets.Restore(admin, ticket); core.KindOf(err) == 0 {
			must(w.t, err)
		}
	}
}

func TestACountIsAnsweredFromMemoryUntilItChanges(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		views := savedviews.New(savedviews.Config{})
		asked := 0
		d := desk{desktest.New(t, db, views, snooze.New(snooze.Config{}), core.Inline("watch", func(h core.Host) error {
			h.Hooks().Ticket.List.Add(h, "count", func(context.Context, *core.TicketQuery) error { asked++; return nil })
			return nil
		})), t}
		settle := func() {
			if !soon(func() bool { return savedviews.Trusts(views) }) {
				t.Fatal("the log is not heard")
			}
		}
		first, second := d.ticket(core.TicketDraft{}), d.ticket(core.TicketDraft{})
		rare := d.save(desktest.Agent, map[string]any{"name": "rare", "filters": filters{"priority": {"critical"}}})
		settle()
		d.wantCounts(desktest.Agent, fmt.Sprint("1,4,", rare.ID), fmt.Sprintf("1: 0, 4: 2, %d: 0", rare.ID))
		asked = 0
		d.wantCounts(desktest.Agent, fmt.Sprint("1,4,", rare.ID), fmt.Sprintf("1: 0, 4: 2, %d: 0", rare.ID))
		d.wantCounts(desktest.Agent, fmt.Sprint("4,", rare.ID), fmt.Sprintf("4: 2, %d: 0", rare.ID))
		if asked != 0 {
			t.Errorf("%d lists were asked for though nothing had changed", asked)
		}
		status := core.StatusClosed
		_, err := d.Tickets.Update(d.As(desktest.Agent), first.ID, core.TicketPatch{Status: &status})
		must(t, err)
		d.wantCounts(desktest.Agent, "4", "4: 1") // at once, by the database
		settle()
		asked = 0
		d.wantCounts(desktest.Agent, "4", "4: 1") // it has left: no question
		if asked != 0 {
			t.Errorf("%d lists were asked for to see a ticket leave", asked)
		}
		d.Do(desktest.Agent, fmt.Sprintf("PUT /api/tickets/%d/snooze", second.ID), map[string]any{"until": d.Clock.Now().Add(time.Hour)}).Want(200)
		settle()
		if savedviews.Doubted(views) == 0 {
			t.Error("no count is in doubt, though a plugin has its say in it")
		}
		d.wantCounts(desktest.Agent, "4", "4: 0")
		d.Clock.FakeClock.Advance(time.Hour - time.Second)
		d.wantCounts(desktest.Agent, "4", "4: 0")
		d.Clock.FakeClock.Advance(time.Second) // no job has run, and no event tells of it
		d.wantCounts(desktest.Agent, "4", "4: 1")
	})
}

func TestTheMemoryIsBounded(t *testing.T) {
	t.Parallel()
	views := savedviews.New(savedviews.Config{})
	d := desktest.New(t, desktest.SQLite, views)
	set, err := d.Tickets.Set(d.As(desktest.Agent), core.TicketQuery{})
	must(t, err)
	if !soon(func() bool { return savedviews.Trusts(views) }) {
		t.Fatal("the log is not heard")
	}
	savedviews.Fill(views, set, savedviews.MaxPlans+100)
	if plans, tallies := savedviews.Remembered(views); plans != savedviews.MaxPlans || tallies != savedviews.MaxTallies {
		t.Errorf("%d plans, %d tallies", plans, tallies)
	}
	if plans, _ := savedviews.Remembered(views); plans == 0 {
		t.Fatal("nothing is remembered")
	}
	d.Stop()
	if plans, tallies := savedviews.Remembered(views); plans+tallies != 0 {
		t.Errorf("a desk that has ended remembers %d plans, %d tallies", plans, tallies)
	}
}

// A ticket that changes between the moment the database looked and the moment the
// count is remembered is part of what is remembered.
func TestACountThatIsOvertakenIsPutRight(t *testing.T) {
	t.Parallel()
	views := savedviews.New(savedviews.Config{})
	d := desk{desktest.New(t, desktest.SQLite, views), t}
	set, err := d.Tickets.Set(d.As(desktest.Admin), core.TicketQuery{})
	must(t, err)
	if !soon(func() bool { return savedviews.Trusts(views) }) {
		t.Fatal("the log is not heard")
	}
	ticket := d.ticket(core.TicketDraft{})
	came := core.Happening{Type: "ticket.created", TicketID: ticket.ID, Ticket: &ticket}
	if n, known := savedviews.Overtaken(views, set, nil, came); n != 1 || !known {
		t.Errorf("%d tickets (known: %v), want the one that came meanwhile", n, known)
	}
	gone := core.Happening{Type: "ticket.deleted", TicketID: ticket.ID}
	if n, known := savedviews.Overtaken(views, set, []int64{ticket.ID}, gone); n != 0 || !known {
		t.Errorf("%d tickets (known: %v), want none: it went meanwhile", n, known)
	}
	switched := core.Happening{Type: "plugin.disabled"}
	if n, known := savedviews.Overtaken(views, set, []int64{ticket.ID}, switched); known {
		t.Errorf("%d tickets are remembered though a plugin was switched meanwhile", n)
	}
}

func TestWhereTheHostJudgesNothingIsRemembered(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		hidden := map[int64]bool{}
		views := savedviews.New(savedviews.Config{})
		d := desk{desktest.NewWith(t, db, func(c *core.Config) {
			c.See = func(_ context.Context, _ core.Actor, ticket core.Ticket, may bool) bool {
				return may && !hidden[ticket.ID]
			}
		}, views), t}
		ticket := d.ticket(core.TicketDraft{})
		if !soon(func() bool { return savedviews.Trusts(views) }) {
			t.Fatal("the log is not heard")
		}
		d.wantCounts(desktest.Agent, "4", "4: 1")
		hidden[ticket.ID] = true
		d.wantCounts(desktest.Agent, "4", "4: 0")
		if _, tallies := savedviews.Remembered(views); tallies != 0 {
			t.Errorf("%d counts are remembered", tallies)
		}
	})
}

func TestCountsOfTwoAgentsAreKeptApart(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		views := savedviews.New(savedviews.Config{})
		d := desk{desktest.New(t, db, views), t}
		sales, support := d.department("Sales", desktest.Agent), d.department("Support", desktest.Colleague)
		for i, dep := range []int64{sales, support, support} {
			d.ticket(core.TicketDraft{DepartmentID: &dep, Subject: fmt.Sprint(i)})
		}
		if !soon(func() bool { return savedviews.Trusts(views) }) {
			t.Fatal("the log is not heard")
		}
		for range 2 {
			d.wantCounts(desktest.Agent, "4", "4: 1")
			d.wantCounts(desktest.Colleague, "4", "4: 2")
			d.wantCounts(desktest.Admin, "4", "4: 3")
		}
		if _, tallies := savedviews.Remembered(views); tallies != 3 {
			t.Errorf("%d counts are remembered", tallies)
		}
	})
}
