package core_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

// listed are the ids that ctx's actor finds, page by page.
func listed(ctx context.Context, t *testing.T, d *desktest.Desk, q core.TicketQuery) []int64 {
	t.Helper()
	ids := []int64{}
	q.Limit, q.Sort = 2, "created"
	for {
		page, err := d.Tickets.List(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, ticket := range page.Tickets {
			ids = append(ids, ticket.ID)
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			return ids
		}
	}
}

func TestAnAgentSeesTheTicketsOfTheOwnDepartments(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.New(t, db)
		admin, agent := d.As(desktest.Admin), d.PersonID(desktest.Agent)
		var departments []int64
		for _, name := range []string{"Mine", "Theirs"} {
			dep, err := d.Departments.Create(admin, core.DepartmentPatch{Name: &name})
			if err != nil {
				t.Fatal(err)
			}
			departments = append(departments, dep.ID)
		}
		draft := func(department *int64, assignee *int64) int64 {
			ticket, err := d.Tickets.Create(d.As(desktest.Colleague), core.TicketDraft{
				Subject: "x", Body: "canary", DepartmentID: department, AssigneeID: assignee, RequesterID: d.PersonID(desktest.Customer),
			})
			if err != nil {
				t.Fatal(err)
			}
			return ticket.ID
		}
		mine, theirs, nobodys, assigned := draft(&departments[0], nil), draft(&departments[1], nil), draft(nil, nil), draft(&departments[1], &agent)
		if got := listed(d.As(desktest.Agent), t, d, core.TicketQuery{}); !slices.Equal(got, []int64{mine, theirs, nobodys, assigned}) {
			t.Errorf("an agent of no department sees %v", got)
		}
		if _, err := d.Departments.Update(admin, departments[0], core.DepartmentPatch{Agents: &[]int64{agent}}); err != nil {
			t.Fatal(err)
		}
		want := []int64{mine, nobodys, assigned}
		if got := listed(d.As(desktest.Agent), t, d, core.TicketQuery{}); !slices.Equal(got, want) {
			t.Errorf("listed %v, want %v", got, want)
		}
		d.Settle()
		if got := listed(d.As(desktest.Agent), t, d, core.TicketQuery{Department: []int64{departments[1]}, Open: new(true)}); !slices.Equal(got, []int64{assigned}) {
			t.Errorf("filtered by the foreign department: %v", got)
		}
		found, err := d.Tickets.List(d.As(desktest.Agent), core.TicketQuery{Text: "canary"})
		if err != nil || len(found.Tickets) != len(want) {
			t.Errorf("searched: %d, %v", len(found.Tickets), err)
		}
		counts, err := d.Tickets.Dashboard(d.As(desktest.Agent))
		if err != nil || counts.ByStatus["open"].Count != len(want) || counts.Mine.Count != 1 {
			t.Errorf("counted %+v, %v", counts, err)
		}
		if _, err := d.Replies.Add(d.As(desktest.Agent), theirs, core.ReplyDraft{Body: "x"}); core.KindOf(err) != core.NotFound {
			t.Errorf("answered a ticket of another department: %v", err)
		}
		results, _, err := d.Tickets.Bulk(d.As(desktest.Agent), core.BulkChange{IDs: []int64{mine, theirs}, Patch: core.TicketPatch{Priority: new(core.High)}})
		if err != nil || results[0].Err != nil || core.KindOf(results[1].Err) != core.NotFound {
			t.Errorf("bulk: %+v, %v", results, err)
		}
	})
}

// The host's word narrows and widens, in every read alike.
func TestTheHostHasTheLastWordOnEachTicket(t *testing.T) {
	t.Parallel()
	desktest.Each(t, func(t *testing.T, db desktest.Database) {
		d := desktest.NewWith(t, db, func(c *core.Config) {
			c.See = func(_ context.Context, a core.Actor, ticket core.Ticket, may bool) bool {
				if strings.Contains(ticket.Subject, "secret") {
					return a.Kind == core.Admin
				}
				return may || strings.Contains(ticket.Subject, "shared")
			}
		})
		customer := d.As(desktest.Customer)
		ids := map[string]int64{}
		for _, subject := range []string{"mine", "my secret", "shared", "mine too", "mine three"} {
			who := customer
			if subject == "shared" {
				who = d.As(desktest.Stranger)
			}
			ticket, err := d.Tickets.Create(who, core.TicketDraft{Subject: subject, Body: "x"})
			if err != nil {
				t.Fatal(err)
			}
			ids[subject] = ticket.ID
		}
		want := []int64{ids["mine"], ids["shared"], ids["mine too"], ids["mine three"]}
		if got := listed(customer, t, d, core.TicketQuery{}); !slices.Equal(got, want) {
			t.Errorf("the customer lists %v, want %v", got, want)
		}
		if _, err := d.Tickets.Get(customer, ids["my secret"]); core.KindOf(err) != core.NotFound {
			t.Errorf("the secret ticket: %v", err)
		}
		if _, err := d.Tickets.Get(customer, ids["shared"]); err != nil {
			t.Errorf("the shared ticket: %v", err)
		}
		if _, _, err := d.Replies.List(d.As(desktest.Agent), ids["my secret"], core.Page{}); core.KindOf(err) != core.NotFound {
			t.Errorf("an agent reads the secret ticket: %v", err)
		}
		if got := listed(d.As(desktest.Admin), t, d, core.TicketQuery{}); len(got) != 5 {
			t.Errorf("the admin lists %v", got)
		}
	})
}
