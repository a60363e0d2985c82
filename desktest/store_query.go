package desktest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hookdesk/hookdesk/core"
)

// comparison is a condition and what it means.
type comparison struct {
	name  string
	where []core.Cond
	holds func(core.Ticket) bool
}

func (w *storeWorld) comparisons() []comparison {
	one, two, where := w.people[1].ID, w.people[2].ID, core.Where
	assigned := func(c core.Ticket, to int64) bool { return c.AssigneeID != nil && *c.AssigneeID == to }
	only := func(conds ...core.Cond) []core.Cond { return conds }
	return []comparison{
		{"nothing asked", nil, func(core.Ticket) bool { return true }},
		{"equal number", only(core.Is("status", core.StatusEscalated)), func(c core.Ticket) bool { return c.Status == core.StatusEscalated }},
		{"equal text", only(core.Is("type", "task")), func(c core.Ticket) bool { return c.Type == "task" }},
		{"equal text in another case", only(core.Is("type", "Task")), func(core.Ticket) bool { return false }},
		{"equal instant", only(core.Is("created_at", at(2))), func(c core.Ticket) bool { return c.CreatedAt == at(2) }},
		{"equal pointer", only(core.Is("assignee_id", &one)), func(c core.Ticket) bool { return assigned(c, one) }},
		{"equal boolean", only(core.Is("is_open", false)), func(c core.Ticket) bool { return !c.IsOpen }},
		{"equal NULL finds none", only(core.Is("assignee_id", (*int64)(nil))), func(core.Ticket) bool { return false }},
		{"other number", only(where("priority", core.NotEqual, core.Low)), func(c core.Ticket) bool { return c.Priority != core.Low }},
		{"other than one, without NULL", only(where("assignee_id", core.NotEqual, one)), func(c core.Ticket) bool { return assigned(c, two) }},
		{"other than NULL finds none", only(where("assignee_id", core.NotEqual, (*int64)(nil))), func(core.Ticket) bool { return false }},
		{"less", only(where("priority", core.Less, core.High)), func(c core.Ticket) bool { return c.Priority < core.High }},
		{"less or equal", only(where("priority", core.LessOrEqual, core.High)), func(c core.Ticket) bool { return c.Priority <= core.High }},
		{"greater", only(where("created_at", core.Greater, at(2))), func(c core.Ticket) bool { return c.CreatedAt.After(at(2).Time) }},
		{"greater or equal", only(where("created_at", core.GreaterOrEqual, at(2))), func(c core.Ticket) bool { return !c.CreatedAt.Before(at(2).Time) }},
		{"greater boolean", only(where("is_open", core.Greater, false)), func(c core.Ticket) bool { return c.IsOpen }},
		{"less boolean", only(where("is_open", core.Less, true)), func(c core.Ticket) bool { return !c.IsOpen }},
		{"less text", only(where("subject", core.Less, "ticket 03")), func(c core.Ticket) bool { return c.Subject < "ticket 03" }},
		{"less than NULL finds none", only(where("priority", core.Less, (*int64)(nil))), func(core.Ticket) bool { return false }},
		{"NULL is less than nothing", only(where("last_reply_at", core.Less, at(99))), func(c core.Ticket) bool { return c.LastReplyAt != nil }},
		{"one of names", only(where("type", core.In, []string{"task", "none"})), func(c core.Ticket) bool { return c.Type == "task" }},
		{"one of numbers", only(where("status", core.In, []core.Status{core.StatusOpen, core.StatusClosed})),
			func(c core.Ticket) bool { return c.Status == core.StatusOpen || c.Status == core.StatusClosed }},
		{"one of ids, without NULL", only(where("assignee_id", core.In, []int64{two})), func(c core.Ticket) bool { return assigned(c, two) }},
		{"one of many ids", only(where("id", core.In, append(make([]int64, 40), w.tickets[2].ID, w.tickets[3].ID, w.tickets[2].ID))),
			func(c core.Ticket) bool { return c.ID == w.tickets[2].ID || c.ID == w.tickets[3].ID }},
		{"one of none", only(where("status", core.In, []core.Status{})), func(core.Ticket) bool { return false }},
		{"NULL", only(core.Cond{Column: "assignee_id", Op: core.IsNull}), func(c core.Ticket) bool { return c.AssigneeID == nil }},
		{"not NULL", only(core.Cond{Column: "assignee_id", Op: core.NotNull}), func(c core.Ticket) bool { return c.AssigneeID != nil }},
		{"true", only(core.Cond{Column: "is_open", Op: core.True}), func(c core.Ticket) bool { return c.IsOpen }},
		{"marked", only(core.Cond{Column: "id", Op: core.Marked}), func(core.Ticket) bool { return true }},
		{"either", only(core.Cond{Op: core.Either, Any: []core.Cond{core.Is("assignee_id", one), {Column: "assignee_id", Op: core.IsNull}}}),
			func(c core.Ticket) bool { return c.AssigneeID == nil || assigned(c, one) }},
		{"either of none", only(core.Cond{Op: core.Either}), func(core.Ticket) bool { return false }},
		{"either within either", only(core.Cond{Op: core.Either, Any: []core.Cond{{Op: core.Either, Any: []core.Cond{core.Is("type", "task")}}}}),
			func(c core.Ticket) bool { return c.Type == "task" }},
		{"all of several", only(core.Is("type", "task"), core.Cond{Column: "is_open", Op: core.True}, where("priority", core.Greater, core.Low)),
			func(c core.Ticket) bool { return c.Type == "task" && c.IsOpen && c.Priority > core.Low }},
	}
}

func storeCompares(t testing.TB, s core.Store) {
	t.Helper()
	w := populate(t, s)
	byID := []core.Order{{Column: "id"}}
	for _, c := range w.comparisons() {
		var want []core.Ticket
		for _, ticket := range w.tickets {
			if c.holds(ticket) {
				want = append(want, ticket)
			}
		}
		same(t, c.name, subjects(t, s, core.Query{Where: c.where, Order: byID}), named(want))
	}
	q := core.Query{Order: byID, Where: []core.Cond{{Column: "t.priority > ? AND t.type = ?", Op: core.SQL, Value: []any{int64(core.Low), "task"}}}}
	var list []core.Ticket
	err := s.Find(t.Context(), &list, q)
	switch {
	case errors.Is(err, core.ErrNoTable): // it knows no SQL, and says so
	case err != nil:
		t.Errorf("a condition in SQL: %v, want rows or ErrNoTable", err)
	default:
		want := slices.DeleteFunc(slices.Clone(w.tickets), func(c core.Ticket) bool { return c.Priority <= core.Low || c.Type != "task" })
		same(t, "a condition in SQL", named(list), named(want))
		q.Where[0].Value = []any{int64(1)}
		fails(t, "a condition in SQL that lacks an argument", s.Find(t.Context(), &list, q), nil)
	}
}

// compareBy orders tickets as order says, NULL as the least of values.
func compareBy(order []core.Order) func(a, b core.Ticket) int {
	columns := map[string]func(a, b core.Ticket) int{
		"id":            func(a, b core.Ticket) int { return cmp.Compare(a.ID, b.ID) },
		"subject":       func(a, b core.Ticket) int { return strings.Compare(a.Subject, b.Subject) },
		"status":        func(a, b core.Ticket) int { return cmp.Compare(a.Status, b.Status) },
		"priority":      func(a, b core.Ticket) int { return cmp.Compare(a.Priority, b.Priority) },
		"created_at":    func(a, b core.Ticket) int { return a.CreatedAt.Compare(b.CreatedAt.Time) },
		"updated_at":    func(a, b core.Ticket) int { return a.UpdatedAt.Compare(b.UpdatedAt.Time) },
		"assignee_id":   func(a, b core.Ticket) int { return comparePointers(a.AssigneeID, b.AssigneeID) },
		"department_id": func(a, b core.Ticket) int { return comparePointers(a.DepartmentID, b.DepartmentID) },
	}
	return func(a, b core.Ticket) int {
		for _, o := range order {
			n := columns[o.Column](a, b)
			if o.Desc {
				n = -n
			}
			if n != 0 {
				return n
			}
		}
		return 0
	}
}

func comparePointers(a, b *int64) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(*a, *b)
}

// by orders by columns in one direction.
func by(desc bool, columns ...string) []core.Order {
	var order []core.Order
	for _, c := range columns {
		order = append(order, core.Order{Column: c, Desc: desc})
	}
	return order
}

func orders() [][]core.Order {
	return [][]core.Order{
		{{Column: "id"}},
		{{Column: "id", Desc: true}},
		{{Column: "subject", Desc: true}},
		{{Column: "created_at"}, {Column: "id"}},
		{{Column: "created_at", Desc: true}, {Column: "id", Desc: true}},
		{{Column: "priority", Desc: true}, {Column: "updated_at", Desc: true}, {Column: "id", Desc: true}},
		{{Column: "priority"}, {Column: "id", Desc: true}},
		{{Column: "assignee_id"}, {Column: "id"}},
		{{Column: "assignee_id", Desc: true}, {Column: "id"}},
		{{Column: "department_id", Desc: true}, {Column: "assignee_id"}, {Column: "id"}},
	}
}

func storeOrders(t testing.TB, s core.Store) {
	t.Helper()
	w := populate(t, s)
	for _, order := range orders() {
		want := slices.SortedFunc(slices.Values(w.tickets), compareBy(order))
		same(t, fmt.Sprint(order), subjects(t, s, core.Query{Order: order}), named(want))
		same(t, fmt.Sprint(order, " with a limit"), subjects(t, s, core.Query{Order: order, Limit: 3}), named(want[:3]))
	}
	same(t, "a limit beyond the end", len(subjects(t, s, core.Query{Limit: 99})), len(w.tickets))
	nobodys := core.Query{Where: []core.Cond{{Column: "assignee_id", Op: core.IsNull}}, Order: by(true, "assignee_id", "id")}
	same(t, "ordered by what is NULL in all", subjects(t, s, nobodys), []string{"ticket 08", "ticket 04", "ticket 00"})
}

// keysOf are a ticket's values for the last entries of order, as After takes them.
func keysOf(ticket core.Ticket, order []core.Order) []any {
	keys := make([]any, len(order))
	for i, o := range order {
		switch o.Column {
		case "priority":
			keys[i] = ticket.Priority
		case "created_at":
			keys[i] = ticket.CreatedAt
		case "updated_at":
			keys[i] = ticket.UpdatedAt.UnixMicro() // cursors keep integers
		case "subject":
			keys[i] = ticket.Subject
		default:
			keys[i] = ticket.ID
		}
	}
	return keys
}

func storePages(t testing.TB, s core.Store) {
	t.Helper()
	w := populate(t, s)
	for _, order := range orders()[:6] {
		q := core.Query{Order: order, Limit: 5}
		want := named(slices.SortedFunc(slices.Values(w.tickets), compareBy(order)))
		got := []string{}
		for page := rows[core.Ticket](t.Context(), t, s, q); len(page) > 0 && len(got) <= len(want); page = rows[core.Ticket](t.Context(), t, s, q) {
			got = append(got, named(page)...)
			q.After = keysOf(page[len(page)-1], order)
		}
		same(t, fmt.Sprint("pages by ", order), got, want)
	}
	for _, desc := range []bool{false, true} { // what is the same in all rows stands before the place
		order := by(desc, "type", "created_at", "id")
		all := core.Query{Where: []core.Cond{core.Is("type", "task")}, Order: order}
		whole := rows[core.Ticket](t.Context(), t, s, all)
		all.After = keysOf(whole[1], order[1:])
		same(t, fmt.Sprint("behind a place of ", order), subjects(t, s, all), named(whole[2:]))
		n, err := s.Count(t.Context(), &core.Ticket{}, all)
		if err != nil || n != len(whole)-2 {
			t.Errorf("counted %d behind a place of %v, want %d: %v", n, order, len(whole)-2, err)
		}
	}
}

func storeWalksSideTables(t testing.TB, s core.Store) {
	t.Helper()
	w := populate(t, s)
	tickets := map[int64]core.Ticket{}
	for _, ticket := range w.tickets {
		tickets[ticket.ID] = ticket
	}
	for _, desc := range []bool{false, true} {
		order := by(desc, "updated_at", "ticket_id")
		q := core.Query{
			Where: []core.Cond{core.Where("priority", core.NotEqual, core.Critical)}, Order: order, Limit: 2,
			From: &core.Side{Row: &core.TicketTag{}, Key: "ticket_id", Where: []core.Cond{core.Is("tag_id", w.tags[0].ID), {Column: "is_open", Op: core.True}}},
		}
		var want []core.Ticket
		for _, m := range w.marks {
			if ticket := tickets[m.TicketID]; m.TagID == w.tags[0].ID && ticket.IsOpen && ticket.Priority != core.Critical {
				want = append(want, ticket)
			}
		}
		slices.SortFunc(want, compareBy(by(desc, "updated_at", "id")))
		got := []string{}
		for page := rows[core.Ticket](t.Context(), t, s, q); len(page) > 0 && len(got) <= len(want); page = rows[core.Ticket](t.Context(), t, s, q) {
			got = append(got, named(page)...)
			last := page[len(page)-1]
			q.After = []any{last.UpdatedAt, last.ID}
		}
		same(t, "the tickets of a tag", got, named(want))
		q.After, q.Limit = nil, 0
		n, err := s.Count(t.Context(), &core.Ticket{}, q)
		if err != nil || n != len(want) {
			t.Errorf("counted %d tickets of a tag, want %d: %v", n, len(want), err)
		}
	}
	all := core.Query{From: &core.Side{Row: &core.TicketTag{}, Key: "ticket_id"}}
	same(t, "a ticket stands once for each row of the side table", len(subjects(t, s, all)), len(w.marks))
}

func storeCounts(t testing.TB, s core.Store) {
	t.Helper()
	w := populate(t, s)
	for limit, want := range map[int]int{0: len(w.tickets), 1: 1, 5: 5, len(w.tickets): len(w.tickets), 99: len(w.tickets)} {
		n, err := s.Count(t.Context(), &core.Ticket{}, core.Query{Limit: limit, Order: []core.Order{{Column: "id"}}})
		if err != nil || n != want {
			t.Errorf("counted %d with the limit %d, want %d: %v", n, limit, want, err)
		}
	}
	n, err := s.Count(t.Context(), &core.Ticket{}, core.Query{Where: []core.Cond{core.Is("type", "task")}})
	if err != nil || n != 6 {
		t.Errorf("counted %d tasks, want 6: %v", n, err)
	}
	n, err = s.Count(t.Context(), &core.ReplyEdit{}, core.Query{Limit: 1})
	if err != nil || n != 0 {
		t.Errorf("counted %d in an empty table: %v", n, err)
	}
	list := []core.ReplyEdit{{ID: 1}}
	if err := s.Find(t.Context(), &list, core.Query{}); err != nil || len(list) != 0 {
		t.Errorf("found %v in an empty table: %v", list, err)
	}
}

func storeKnowsItsColumns(t testing.TB, s core.Store) {
	t.Helper()
	populate(t, s)
	var list []core.Ticket
	wrong := []core.Cond{core.Is("no_such_column", 1)}
	for what, q := range map[string]core.Query{
		"a condition":                   {Where: wrong},
		"a condition within another":    {Where: []core.Cond{{Op: core.Either, Any: wrong}}},
		"an order":                      {Order: []core.Order{{Column: "no_such_column"}}},
		"a condition on the side table": {From: &core.Side{Row: &core.TicketTag{}, Key: "ticket_id", Where: wrong}},
		"the key of the side table":     {From: &core.Side{Row: &core.TicketTag{}, Key: "no_such_column"}},
	} {
		fails(t, "Find with "+what, s.Find(t.Context(), &list, q), nil)
		if _, err := s.Count(t.Context(), &core.Ticket{}, q); what != "an order" {
			fails(t, "Count with "+what, err, nil)
		}
	}
	fails(t, "Update of it", s.Update(t.Context(), &list, []core.Assign{core.Set("no_such_column", 1)}), nil)
	fails(t, "Update where", s.Update(t.Context(), &list, []core.Assign{core.Add("version", 1)}, wrong...), nil)
	_, err := s.Delete(t.Context(), &core.Ticket{}, wrong...)
	fails(t, "Delete where", err, nil)
	same(t, "rows after all that", len(rows[core.Ticket](t.Context(), t, s, core.Query{Where: []core.Cond{core.Is("version", 1)}})), 12)
}
