package desktest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hookdesk/hookdesk/core"
)

func change[T any](t testing.TB, s core.Store, set []core.Assign, where ...core.Cond) []T {
	t.Helper()
	var now []T
	if err := s.Update(t.Context(), &now, set, where...); err != nil {
		t.Fatalf("Update %v where %v: %v", set, where, err)
	}
	return now
}

func storeUpdates(t testing.TB, s core.Store) {
	t.Helper()
	w := populate(t, s)
	tasks := core.Is("type", "task")
	now := change[core.Ticket](t, s, []core.Assign{
		core.Add("version", 3), core.Add("last_number", -1), core.Set("subject", "Täsk"), core.Set("last_reply_at", (*core.Time)(nil)),
		core.Set("assignee_id", &w.people[0].ID), core.Set("status", core.StatusResolved), core.Set("resolved_at", at(50)), core.Set("is_open", false),
		core.Set("department_id", nil),
	}, tasks, core.Where("id", core.Greater, w.tickets[3].ID))
	var want []core.Ticket
	for i, ticket := range w.tickets {
		if i > 3 && ticket.Type == "task" {
			ticket.Version, ticket.LastNumber, ticket.Subject, ticket.LastReplyAt = 4, i-1, "Täsk", nil
			ticket.AssigneeID, ticket.Status, ticket.ResolvedAt, ticket.IsOpen = &w.people[0].ID, core.StatusResolved, new(at(50)), false
			ticket.DepartmentID = nil
			want, w.tickets[i] = append(want, ticket), ticket
		}
	}
	slices.SortFunc(now, compareBy([]core.Order{{Column: "id"}}))
	same(t, "what Update returns", now, want)
	same(t, "what is in the store then", rows[core.Ticket](t.Context(), t, s, core.Query{Order: []core.Order{{Column: "id"}}}), w.tickets)

	list := []core.Ticket{{ID: 1}}
	if err := s.Update(t.Context(), &list, []core.Assign{core.Add("version", 1)}, core.Is("type", "none")); err != nil || len(list) != 0 {
		t.Errorf("an update of no row: %v, %v", list, err)
	}
	old := change[core.Ticket](t, s, []core.Assign{core.Add("version", 1)}, core.Is("id", w.tickets[0].ID), core.Is("version", 2))
	same(t, "an update of another version", len(old), 0)
	swapped := change[core.Department](t, s, []core.Assign{core.Set("name", "x"), core.Add("position", 7)}, core.Where("id", core.In, []int64{w.departments[2].ID}))
	same(t, "an update of one", swapped, []core.Department{{ID: w.departments[2].ID, Name: "x", Slug: "department-2", Active: true, Position: 5, Version: 1}})
	if all := change[core.Tag](t, s, []core.Assign{core.Add("version", 1)}); len(all) != 3 {
		t.Errorf("an update without a condition changed %d of 3", len(all))
	}
}

func storeHoldsUniqueValues(t testing.TB, s core.Store) {
	t.Helper()
	w := populate(t, s)
	add(t, s, &core.Person{Role: core.Guest}) // a second one without a user id
	reply := core.Reply{TicketID: w.tickets[0].ID, Number: 1}
	add(t, s, &reply)
	add(t, s, &core.Reply{TicketID: w.tickets[1].ID, Number: 1})
	add(t, s, &core.Reply{TicketID: w.tickets[0].ID, Number: 2})
	add(t, s, &core.Setting{Owner: "core"})
	add(t, s, &core.DepartmentAgent{DepartmentID: w.departments[0].ID, PersonID: w.people[0].ID})
	for _, row := range []any{
		&core.Person{UserID: new("user-0"), Role: core.Guest},
		&core.Department{Slug: "department-1"},
		&core.Tag{Slug: "tag-1"},
		&core.Reply{TicketID: w.tickets[0].ID, Number: 1},
		&core.TicketTag{TicketID: w.marks[0].TicketID, TagID: w.marks[0].TagID},
		&core.DepartmentAgent{DepartmentID: w.departments[0].ID, PersonID: w.people[0].ID},
		&core.Setting{Owner: "core"},
		&core.Ticket{ID: w.tickets[0].ID, RequesterID: w.people[0].ID},
	} {
		fails(t, fmt.Sprintf("a second %T", row), s.Insert(t.Context(), row), core.ErrDuplicate)
	}
	var people []core.Person
	fails(t, "an update to a user id that is taken",
		s.Update(t.Context(), &people, []core.Assign{core.Set("user_id", "user-0")}, core.Is("id", w.people[1].ID)), core.ErrDuplicate)
	var replies []core.Reply
	fails(t, "an update to a number that is taken",
		s.Update(t.Context(), &replies, []core.Assign{core.Set("number", 2)}, core.Is("id", reply.ID)), core.ErrDuplicate)
	same(t, "the reply then", rows[core.Reply](t.Context(), t, s, core.Query{Where: []core.Cond{core.Is("id", reply.ID)}})[0].Number, 1)
	change[core.Reply](t, s, []core.Assign{core.Set("number", 3)}, core.Is("id", reply.ID))
	change[core.Tag](t, s, []core.Assign{core.Set("slug", "tag-1")}, core.Is("id", w.tags[1].ID)) // itself
	n, err := s.Count(t.Context(), &core.Person{}, core.Query{})
	if err != nil || n != 4 {
		t.Errorf("%d people, want 4: %v", n, err)
	}
}

func storeHoldsReferences(t testing.TB, s core.Store) {
	t.Helper()
	w := populate(t, s)
	const missing = 1 << 40
	for _, row := range []any{
		&core.Ticket{RequesterID: missing},
		&core.Ticket{RequesterID: w.people[0].ID, AssigneeID: new(int64(missing))},
		&core.Ticket{RequesterID: w.people[0].ID, MergedIntoID: new(int64(missing))},
		&core.Reply{TicketID: missing},
		&core.Reply{TicketID: w.tickets[0].ID, AuthorID: new(int64(missing))},
		&core.ReplyEdit{ReplyID: missing},
		&core.TicketTag{TicketID: w.tickets[0].ID, TagID: missing},
		&core.DepartmentAgent{DepartmentID: missing, PersonID: w.people[0].ID},
	} {
		fails(t, fmt.Sprintf("%+v", row), s.Insert(t.Context(), row), core.ErrForeign)
	}
	var tickets []core.Ticket
	fails(t, "an update to a person who is missing",
		s.Update(t.Context(), &tickets, []core.Assign{core.Set("last_reply_by", int64(missing))}, core.Is("id", w.tickets[0].ID)), core.ErrForeign)

	add(t, s, &core.Reply{TicketID: w.tickets[0].ID, AuthorID: &w.people[2].ID})
	for what, err := range map[string]error{
		"the requester of a ticket":            gone(t, s, &core.Person{}, w.people[0].ID, 0),
		"the author of a reply":                gone(t, s, &core.Person{}, w.people[2].ID, 0),
		"a department with tickets":            gone(t, s, &core.Department{}, w.departments[2].ID, 0),
		"a ticket that others are merged into": w.mergeAndDelete(t, s),
	} {
		fails(t, what+" is deleted", err, core.ErrForeign)
	}
	same(t, "people", len(rows[core.Person](t.Context(), t, s, core.Query{})), 3)
	same(t, "tickets", len(subjects(t, s, core.Query{})), 12)
	same(t, "replies", len(rows[core.Reply](t.Context(), t, s, core.Query{})), 1)
	n, err := s.Delete(t.Context(), &core.Ticket{}, core.Where("id", core.In, []int64{w.tickets[0].ID, w.tickets[1].ID}))
	if err != nil || n != 2 {
		t.Errorf("a ticket together with the one that it was merged into: %d, %v", n, err)
	}
}

// gone deletes the row of an id, of which there should be n.
func gone(t testing.TB, s core.Store, row any, id int64, n int) error {
	t.Helper()
	got, err := s.Delete(t.Context(), row, core.Is("id", id))
	same(t, fmt.Sprintf("the number of %T that were deleted", row), got, n)
	return err
}

func (w *storeWorld) mergeAndDelete(t testing.TB, s core.Store) error {
	t.Helper()
	change[core.Ticket](t, s, []core.Assign{core.Set("merged_into_id", w.tickets[0].ID)}, core.Is("id", w.tickets[1].ID))
	return gone(t, s, &core.Ticket{}, w.tickets[0].ID, 0)
}

func storeCascades(t testing.TB, s core.Store) {
	t.Helper()
	w := populate(t, s)
	doomed, other := w.tickets[2], w.tickets[5] // both have tags
	for _, ticket := range []core.Ticket{doomed, other} {
		reply := core.Reply{TicketID: ticket.ID, MergedFromID: &doomed.ID}
		add(t, s, &reply)
		add(t, s, &core.ReplyEdit{ReplyID: reply.ID})
		add(t, s, &core.Event{TicketID: &ticket.ID})
	}
	change[core.Ticket](t, s, []core.Assign{core.Set("split_from_id", doomed.ID)}, core.Is("id", other.ID))
	add(t, s, &core.DepartmentAgent{DepartmentID: w.departments[1].ID, PersonID: w.people[1].ID})

	if err := gone(t, s, &core.Ticket{}, doomed.ID, 1); err != nil {
		t.Fatal(err)
	}
	replies := rows[core.Reply](t.Context(), t, s, core.Query{})
	if len(replies) != 1 || replies[0].TicketID != other.ID || replies[0].MergedFromID != nil {
		t.Errorf("the replies are %+v", replies)
	}
	same(t, "former texts", len(rows[core.ReplyEdit](t.Context(), t, s, core.Query{})), 1)
	same(t, "events, which stay", len(rows[core.Event](t.Context(), t, s, core.Query{})), 2)
	same(t, "tags of the ticket", len(rows[core.TicketTag](t.Context(), t, s, core.Query{Where: []core.Cond{core.Is("ticket_id", doomed.ID)}})), 0)
	same(t, "tags of others", len(rows[core.TicketTag](t.Context(), t, s, core.Query{})), len(w.marks)-2)
	if split := rows[core.Ticket](t.Context(), t, s, core.Query{Where: []core.Cond{core.Is("id", other.ID)}})[0]; split.SplitFromID != nil {
		t.Errorf("split off from a ticket that is gone: %d", *split.SplitFromID)
	}
	if err := gone(t, s, &core.Tag{}, w.tags[0].ID, 1); err != nil {
		t.Fatal(err)
	}
	same(t, "uses of a tag that is gone", len(rows[core.TicketTag](t.Context(), t, s, core.Query{Where: []core.Cond{core.Is("tag_id", w.tags[0].ID)}})), 0)
	change[core.Ticket](t, s, []core.Assign{core.Set("department_id", nil)})
	if err := gone(t, s, &core.Department{}, w.departments[1].ID, 1); err != nil {
		t.Fatal(err)
	}
	same(t, "agents of a department that is gone", len(rows[core.DepartmentAgent](t.Context(), t, s, core.Query{})), 0)
	n, err := s.Delete(t.Context(), &core.ReplyEdit{})
	if err != nil || n != 1 {
		t.Errorf("a deletion without a condition: %d, %v", n, err)
	}
	if err := gone(t, s, &core.ReplyEdit{}, 1, 0); err != nil {
		t.Errorf("a deletion of nothing: %v", err)
	}
}
