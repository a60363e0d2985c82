package core

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// offer is a filter of lists and the indexes that serve it, for the sorts
// updated, created and priority. A list that no index serves is refused: "".
type offer struct {
	name  string
	open  [3]string // lists of open tickets
	any   [3]string // lists of all tickets, and of those that are done
	ask   func(q *TicketQuery, open bool)
	lanes int // values, each of which has a walk of its own
}

var sorts = [3]string{"updated", "created", "priority"}

// Each filter asks for a common and a rare value.
var offers = []offer{
	{
		"all", [3]string{"queue_updated", "queue_created", "queue_priority"}, [3]string{"tickets_updated", "tickets_created"},
		func(*TicketQuery, bool) {}, 1,
	},
	{
		"status", queue("status"), archive("status"),
		func(q *TicketQuery, open bool) {
			if q.Status = []Status{StatusClosed, StatusResolved}; open {
				q.Status = []Status{StatusOpen, StatusReopened}
			}
		}, 2,
	},
	{"type", queue("type"), archive("type"), func(q *TicketQuery, _ bool) { q.Type = []string{"question", "task"} }, 2},
	{
		"priority", [3]string{"queue_priority", "queue_priority_created", "queue_priority"}, archive("priority"),
		func(q *TicketQuery, _ bool) { q.Priority = []Priority{Medium, Critical} }, 2,
	},
	{"department", queue("department"), archive("department"), func(q *TicketQuery, _ bool) { q.Department = []int64{1, 8} }, 2},
	{"assignee", queue("assignee"), archive("assignee"), func(q *TicketQuery, _ bool) { q.Assignee = []int64{1, 30} }, 2},
	{
		"nobody or one", queue("assignee"), archive("assignee"),
		func(q *TicketQuery, _ bool) { q.Unassigned, q.Assignee = true, []int64{1} }, 2,
	},
	{"tag", queue("tag"), archive("tag"), func(q *TicketQuery, _ bool) { q.Tag = []string{"tag-1", "tag-20"} }, 2},
	{
		"requester", [3]string{"tickets_requester_updated", "tickets_requester_created"}, [3]string{"tickets_requester_updated", "tickets_requester_created"},
		func(q *TicketQuery, _ bool) { q.Requester = []int64{41, 50} }, 2,
	},
	{"words", [3]string{"", "ticket_words_pkey"}, [3]string{"", "ticket_words_pkey"}, func(q *TicketQuery, _ bool) { q.Text = "ba" }, 1},
}

func queue(filter string) [3]string {
	return [3]string{"queue_" + filter + "_updated", "queue_" + filter + "_created", "queue_" + filter + "_priority"}
}

func archive(filter string) [3]string { return [3]string{"tickets_" + filter + "_updated"} }

func TestEveryListThatIsOfferedWalksItsIndexAndTheOthersAreRefused(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a hundred thousand tickets, and nothing that happens at once")
	}
	onFilled(t, func(w *watched) {
		for who, ctx := range map[string]context.Context{"agent": w.agent(1), "agent of departments": As(w.t.Context(), Actor{Person: Person{ID: 2}, Kind: Agent, Departments: []int64{1, 2, 3}})} {
			for _, o := range offers {
				w.checkOffer(ctx, who, o)
			}
		}
	})
}

// checkOffer lists open, all and done tickets by every sort in both directions.
func (w *watched) checkOffer(ctx context.Context, who string, o offer) {
	w.t.Helper()
	for _, open := range []*bool{nil, new(true), new(false)} {
		indexes := o.any
		if open != nil && *open {
			indexes = o.open
		}
		for i, index := range indexes {
			for _, sort := range []string{sorts[i], "-" + sorts[i]} {
				q := TicketQuery{Open: open, Sort: sort}
				if o.ask(&q, open != nil && *open); q.Text != "" && sort != "-created" {
					w.checkList(ctx, who+", "+o.name, q, "", 0)
					continue
				}
				w.checkList(ctx, who+", "+o.name, q, index, o.lanes)
			}
		}
	}
}

// checkList asks for the first page and for one in the middle.
func (w *watched) checkList(ctx context.Context, what string, q TicketQuery, index string, lanes int) {
	w.t.Helper()
	what = fmt.Sprintf("%s, open %s, by %s", what, asJSON(q.Open), q.Sort)
	if index == "" {
		if _, err := w.Tickets.List(ctx, q); KindOf(err) != Invalid {
			w.t.Errorf("%s: %v, want it refused", what, err)
		}
		return
	}
	for page, cursor := range map[string]string{"first page": "", "a later page": middle(q)} {
		q.Cursor = cursor
		pages := only(w.asked(func() error { _, err := w.Tickets.List(ctx, q); return err }), "hookdesk_tickets t")
		if len(pages) != lanes {
			w.t.Errorf("%s: %d statements, want %d", what, len(pages), lanes)
		}
		for _, a := range pages {
			w.uses(what+", "+page, a, w.indexName(index))
		}
	}
}

// middle is the place in the middle of a list.
func middle(q TicketQuery) string {
	const when = 1_761_000_000_000_000
	switch key := strings.TrimPrefix(q.Sort, "-"); {
	case q.Text != "":
		return place{q.Sort, []int64{planTickets / 2}}.cursor()
	case key == "priority":
		return place{q.Sort, []int64{2, when, planTickets / 2}}.cursor()
	}
	return place{q.Sort, []int64{when, planTickets / 2}}.cursor()
}

// indexName is the name that the database gives to an index of ours.
func (w *watched) indexName(name string) string {
	if w.modes[0] == "SQLite" && strings.HasSuffix(name, "_pkey") {
		return "sqlite_autoindex_hookdesk_" + strings.TrimSuffix(name, "_pkey")
	}
	return "hookdesk_" + name
}
