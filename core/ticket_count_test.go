package core_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

func TestACountIsWhatTheListShows(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		for i := range 5 {
			draft := core.TicketDraft{Subject: fmt.Sprint("Ticket ", i), Body: "x", Priority: core.Priority(i % 2)}
			if _, err := d.Tickets.Create(d.As(desktest.Customer), draft); err != nil {
				t.Fatal(err)
			}
		}
		agent := d.As(desktest.Agent)
		both := []core.Priority{core.Low, core.Medium}
		for _, row := range []struct {
			ctx  context.Context
			q    core.TicketQuery
			upTo int
			n    int
			more bool
		}{
			{agent, core.TicketQuery{}, 99, 5, false}, {agent, core.TicketQuery{}, 5, 5, false}, {agent, core.TicketQuery{}, 4, 4, true},
			{agent, core.TicketQuery{Priority: both}, 99, 5, false}, {agent, core.TicketQuery{Priority: both}, 3, 3, true},
			{agent, core.TicketQuery{Priority: both[:1]}, 1000, 3, false}, {d.As(desktest.Stranger), core.TicketQuery{}, 99, 0, false},
		} {
			n, more, err := d.Tickets.Count(row.ctx, row.q, row.upTo)
			if err != nil || n != row.n || more != row.more {
				t.Errorf("%+v up to %d: %d, %v, %v; want %d, %v", row.q, row.upTo, n, more, err, row.n, row.more)
			}
		}
		if _, _, err := d.Tickets.Count(context.Background(), core.TicketQuery{}, 9); core.KindOf(err) != core.Unauthenticated {
			t.Errorf("nobody counts: %v", err)
		}
	})
}

func TestAQueryIsCheckedAsTheListDoes(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		agent := d.As(desktest.Agent)
		for query, good := range map[string]bool{
			"": true, "open=true&sort=priority": true, "assignee=me&assignee=none": true, "q=word": true, "created_from=2026-01-01T00:00:00Z": true,
			"sort=priority": false, "q=.": false, "tag=lost": false, "colour=red": false, "assignee=you": false, "open=maybe": false, "q=a&sort=created": false,
		} {
			values, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			q, err := d.Tickets.Query(agent, values)
			if err == nil {
				err = d.Tickets.Check(agent, q)
			}
			if (err == nil) != good || !good && core.KindOf(err) != core.Invalid {
				t.Errorf("%s: %v", query, err)
			}
			want := 422
			if good {
				want = 200
			}
			d.Do(desktest.Agent, "GET /api/tickets?"+query, nil).Want(want)
		}
	})
}

func TestWhatIsGoneIsTold(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		name := "Here and now"
		dep, err := d.Departments.Create(d.As(desktest.Admin), core.DepartmentPatch{Name: &name})
		if err != nil {
			t.Fatal(err)
		}
		tag, err := d.Tags.Create(d.As(desktest.Admin), core.TagPatch{Name: &name})
		if err != nil {
			t.Fatal(err)
		}
		me := d.PersonID(desktest.Agent)
		gone, err := d.Tickets.Gone(d.As(desktest.Agent), core.TicketRefs{
			Departments: []int64{dep.ID, 4711}, Tags: []string{"here-and-now", name, "lost"}, People: []int64{4712, me},
			TagIDs: []int64{tag.ID, 4713}, Types: []string{"incident", "complaint"},
		})
		if err != nil || !slices.Equal(gone.Departments, []int64{4711}) || !slices.Equal(gone.Tags, []string{"lost"}) || !slices.Equal(gone.People, []int64{4712}) ||
			!slices.Equal(gone.TagIDs, []int64{4713}) || !slices.Equal(gone.Types, []string{"complaint"}) {
			t.Errorf("%+v, %v", gone, err)
		}
		if _, err := d.Tickets.Gone(d.As(desktest.Customer), core.TicketRefs{}); core.KindOf(err) != core.Forbidden {
			t.Errorf("a customer asks: %v", err)
		}
	})
}
