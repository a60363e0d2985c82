package desktest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

// ExerciseStore holds a core.Store to all that a desk relies on, for a host that
// keeps core's rows in a database of its own:
//
//	func TestStore(t *testing.T) {
//		desktest.ExerciseStore(t, func(t testing.TB) core.Store { return mystore.New(t.TempDir()) })
//	}
//
// open gives a store without any rows, each time another one; it cleans up by
// t.Cleanup. The stores of core.NewStore and core.NewMemoryStore pass.
func ExerciseStore(t *testing.T, open func(t testing.TB) core.Store) {
	t.Helper()
	for _, c := range storeChecks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open(t))
		})
	}
}

// storeChecks are the promises of a Store.
var storeChecks = []struct {
	name string
	run  func(testing.TB, core.Store)
}{
	{"a row is read as it was written", storeKeepsRows},
	{"a row without an id is given one", storeGivesIDs},
	{"each comparison finds what it says", storeCompares},
	{"rows come in order, NULL as the least of values", storeOrders},
	{"pages follow one another without a gap", storePages},
	{"a side table leads to its rows", storeWalksSideTables},
	{"a count ends at the limit", storeCounts},
	{"a column that does not exist is refused", storeKnowsItsColumns},
	{"an update returns what the rows are now", storeUpdates},
	{"unique values are held", storeHoldsUniqueValues},
	{"references are held", storeHoldsReferences},
	{"what hangs on a row goes with it", storeCascades},
	{"a transaction is kept whole or not at all", storeKeepsTransactions},
	{"a transaction inside another joins it", storeJoinsTransactions},
	{"a transaction inside another is undone by itself", storeUndoesAPart},
	{"who reads outside a transaction sees what is committed", storeHidesWhatIsOpen},
	{"a transaction tells the truth about itself after a failure", storeSurvivesFailures},
	{"a context that is cancelled ends all", storeHeedsContexts},
	{"transactions that lock a row take turns", storeLocks},
	{"events are in the order in which they can be seen", storeOrdersEvents},
}

// storeWorld is what most checks look at.
type storeWorld struct {
	people      []core.Person
	departments []core.Department
	tags        []core.Tag
	tickets     []core.Ticket
	marks       []core.TicketTag
}

// populate writes rows in which each column has equal, different and, where it
// may, no values.
func populate(t testing.TB, s core.Store) *storeWorld {
	t.Helper()
	w := &storeWorld{}
	for i := range 3 {
		p := core.Person{UserID: new(fmt.Sprint("user-", i)), Name: fmt.Sprint("person ", i), Role: core.Role(2 + i), CreatedAt: at(i), UpdatedAt: at(i)}
		if i == 2 {
			p.UserID = nil
		}
		d := core.Department{Name: fmt.Sprint("department ", i), Slug: fmt.Sprint("department-", i), Active: i != 1, Position: -i, Version: 1}
		g := core.Tag{Name: fmt.Sprint("tag ", i), Slug: fmt.Sprint("tag-", i), Version: 1}
		add(t, s, &p)
		add(t, s, &d)
		add(t, s, &g)
		w.people, w.departments, w.tags = append(w.people, p), append(w.departments, d), append(w.tags, g)
	}
	for i := range 12 {
		ticket := w.ticket(i)
		add(t, s, &ticket)
		w.tickets = append(w.tickets, ticket)
		for j := range i % 3 {
			m := core.TicketTag{
				TicketID: ticket.ID, TagID: w.tags[j].ID, IsOpen: ticket.IsOpen, Priority: ticket.Priority,
				CreatedAt: ticket.CreatedAt, UpdatedAt: ticket.UpdatedAt,
			}
			add(t, s, &m)
			w.marks = append(w.marks, m)
		}
	}
	return w
}

func (w *storeWorld) ticket(i int) core.Ticket {
	ticket := core.Ticket{
		Subject: fmt.Sprintf("ticket %02d", i), Status: core.Status(i % 8), Priority: core.Priority(i % 5), Type: []string{"question", "task"}[i%2],
		RequesterID: w.people[i%2].ID, Version: 1, LastNumber: i, IsOpen: i%3 != 0,
		CreatedAt: at(i / 2), UpdatedAt: at(20 - i%7), PublicAt: at(i),
	}
	if i%4 != 0 {
		ticket.AssigneeID = &w.people[1+i%2].ID
	}
	if i%5 > 1 {
		ticket.DepartmentID = &w.departments[i%3].ID
	}
	if i%2 == 1 {
		ticket.LastReplyAt = new(at(i))
	}
	return ticket
}

// at is an instant, of which the microseconds count.
func at(i int) core.Time {
	return core.TimeOf(start.Add(time.Duration(i) * (time.Minute + time.Microsecond)))
}

func add[T any](t testing.TB, s core.Store, row *T) {
	t.Helper()
	if err := s.Insert(t.Context(), row); err != nil {
		t.Fatalf("Insert %+v: %v", *row, err)
	}
}

func rows[T any](ctx context.Context, t testing.TB, s core.Store, q core.Query) []T {
	t.Helper()
	var list []T
	if err := s.Find(ctx, &list, q); err != nil {
		t.Fatalf("Find %+v: %v", q, err)
	}
	return list
}

// subjects name the tickets that q finds, in order.
func subjects(t testing.TB, s core.Store, q core.Query) []string {
	t.Helper()
	return named(rows[core.Ticket](t.Context(), t, s, q))
}

func named(tickets []core.Ticket) []string {
	out := []string{}
	for _, ticket := range tickets {
		out = append(out, ticket.Subject)
	}
	return out
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// fails wants an error; want nil is any.
func fails(t testing.TB, what string, err, want error) {
	t.Helper()
	if err == nil || want != nil && !errors.Is(err, want) {
		t.Errorf("%s: got the error %v, want %v", what, err, cmp.Or(want, errors.New("any")))
	}
}

func storeKeepsRows(t testing.TB, s core.Store) {
	t.Helper()
	w := populate(t, s)
	const text = "Grüße 🦆 \"'`\\ \n\t%_?$1 \u202e"
	id, later := &w.people[0].ID, new(at(7))
	ticket := core.Ticket{
		Subject: text, Status: core.StatusReopened, Priority: core.Critical, Type: "", Channel: core.ViaPlugin, RequesterID: *id, AssigneeID: id,
		DepartmentID: &w.departments[0].ID, Version: 1 << 30, LastNumber: 2, ReplyCount: 3, TagCount: 4, IsOpen: true, LastReplyAt: later, LastReplyBy: id,
		FirstResponseAt: later, ResolvedAt: later, ClosedAt: later, MergedIntoID: &w.tickets[0].ID, UnmergedStatus: new(core.StatusOpen),
		SplitFromID: &w.tickets[1].ID, CreatedAt: at(0), UpdatedAt: at(1), PublicAt: at(2), DeletedAt: later,
	}
	keeps(t, s, &ticket, func(r *core.Ticket) any { return r.ID })
	keeps(t, s, &core.Ticket{RequesterID: *id, Subject: "almost nothing"}, func(r *core.Ticket) any { return r.ID })
	reply := core.Reply{
		TicketID: ticket.ID, Number: 5, Kind: core.ReplySystem, AuthorID: id, Author: text, ByAgent: true, Channel: core.ViaEmail, Body: text,
		MergedFromID: &w.tickets[2].ID, MergedNumber: new(0), MergedKind: new(core.ReplyPublic), CreatedAt: at(0), EditedAt: later, DeletedAt: later,
	}
	keeps(t, s, &reply, func(r *core.Reply) any { return r.ID })
	keeps(t, s, &core.Reply{TicketID: ticket.ID}, func(r *core.Reply) any { return r.ID })
	keeps(t, s, &core.ReplyEdit{ReplyID: reply.ID, Body: text, Editor: text, At: at(3)}, func(r *core.ReplyEdit) any { return r.ID })
	keeps(t, s, &core.Event{
		TicketID: &ticket.ID, Type: text, Audience: core.AdminsOnly, Actor: `{"kind":"agent"}`, Cause: 1 << 60, Depth: 3, Payload: `{"a": 1}`, CreatedAt: at(3),
	}, func(r *core.Event) any { return r.ID })
	keepsWhere(t, s, &core.DepartmentAgent{DepartmentID: w.departments[0].ID, PersonID: *id}, core.Is("person_id", *id))
	keepsWhere(t, s, &core.Setting{Owner: text, Value: `{}`, Version: 7, Editor: "", At: at(9)}, core.Is("owner", text))
	for _, p := range w.people {
		keepsWhere(t, s, &p, core.Is("id", p.ID))
	}
}

// keeps writes row and reads it again by its id.
func keeps[T any](t testing.TB, s core.Store, row *T, id func(*T) any) {
	t.Helper()
	add(t, s, row)
	keepsWhere(t, s, row, core.Is("id", id(row)))
}

func keepsWhere[T any](t testing.TB, s core.Store, row *T, where core.Cond) {
	t.Helper()
	got := rows[T](t.Context(), t, s, core.Query{Where: []core.Cond{where}})
	if len(got) == 0 {
		add(t, s, row)
		got = rows[T](t.Context(), t, s, core.Query{Where: []core.Cond{where}})
	}
	same(t, fmt.Sprintf("%T", *row), got, []T{*row})
}

func storeGivesIDs(t testing.TB, s core.Store) {
	t.Helper()
	var ids []int64
	for i := range 5 {
		p := core.Person{Name: fmt.Sprint(i), Role: core.Guest}
		add(t, s, &p)
		ids = append(ids, p.ID)
		p.Name = "changed by the caller, not in the store"
	}
	if ids[0] <= 0 || !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("the ids are %v; they must be positive, different and rising", ids)
	}
	own := core.Person{ID: 4711, Role: core.Guest}
	add(t, s, &own)
	same(t, "an id of one's own", own.ID, int64(4711))
	fails(t, "an id that is taken", s.Insert(t.Context(), &core.Person{ID: 4711, Role: core.Guest}), core.ErrDuplicate)
	found := rows[core.Person](t.Context(), t, s, core.Query{Order: []core.Order{{Column: "id"}}})
	same(t, "rows", len(found), 6)
	for i, p := range found[:5] {
		same(t, "a row that its caller changed after Insert", p.Name, fmt.Sprint(i))
	}
	found[0].Name = "changed by the reader"
	same(t, "a row that a reader changed", rows[core.Person](t.Context(), t, s, core.Query{Where: []core.Cond{core.Is("id", ids[0])}})[0].Name, "0")
}
