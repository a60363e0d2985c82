package core

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// TicketQuery asks for a page of tickets. Values of one filter are
// alternatives, and without values it is no filter; filters add up. Handlers of the hook Ticket.List may add to it.
type TicketQuery struct {
	Status       []Status
	Priority     []Priority
	Type         []string
	Department   []int64
	Tag          []string // slugs; agents only
	Assignee     []int64  // people's ids; agents only
	Unassigned   bool     // also, or only, tickets of nobody; agents only
	Requester    []int64  // people's ids; agents only
	Text         string   // words that stand in subject or replies
	Open         *bool    // true: open ones; false: those that are not
	CreatedFrom  *Time
	CreatedTo    *Time // exclusive
	UpdatedSince *Time
	Sort         string // "updated", "created", "priority" or one of a plugin's, with "-" for descending; default "-updated"
	Limit        int    // 1 to 100; default 25
	Cursor       string
	Count        bool       // also count, up to maxCount
	Extra        url.Values // what plugins' query names were given

	actor Actor
	more  []Cond
	turns []func(context.Context) (Time, error) // when what plugins have added changes: see WhereLasting
	brief bool                                  // nobody knows
	side  *ticketSort                           // of a plugin, that Sort names
}

// Actor is who asks.
func (q *TicketQuery) Actor() Actor { return q.actor }

// Clone copies the query as deep as a hook can reach.
func (q TicketQuery) Clone() TicketQuery {
	q.Status, q.Priority, q.Type = slices.Clone(q.Status), slices.Clone(q.Priority), slices.Clone(q.Type)
	q.Department, q.Tag, q.Assignee = slices.Clone(q.Department), slices.Clone(q.Tag), slices.Clone(q.Assignee)
	q.Requester, q.more, q.Extra = slices.Clone(q.Requester), slices.Clone(q.more), maps.Clone(q.Extra)
	q.turns = slices.Clone(q.turns)
	q.Open, q.CreatedFrom, q.CreatedTo = clonePointer(q.Open), clonePointer(q.CreatedFrom), clonePointer(q.CreatedTo)
	q.UpdatedSince = clonePointer(q.UpdatedSince)
	return q
}

// TicketPage is a page of tickets. NextCursor is "" at the end. Total is set
// when it was asked for; with TotalCapped there are more than that.
type TicketPage struct {
	Tickets     []Ticket
	NextCursor  string
	Total       int
	TotalCapped bool
}

const (
	maxValues = 10     // alternatives of one filter
	maxCount  = 10_000 // what a total counts up to
)

// List finds the tickets that the actor sees. It fails with Invalid on a
// filter or sort that no index serves.
func (s Tickets) List(ctx context.Context, q TicketQuery) (TicketPage, error) {
	w, err := s.asked(ctx, &q)
	if err != nil {
		return TicketPage{}, err
	}
	page, err := w.page(ctx, Page{Limit: q.Limit}.limit(), q.Cursor)
	if err == nil && q.Count {
		page.Total, page.TotalCapped, err = w.count(ctx, maxCount)
	}
	return page, err
}

// check refuses what a list cannot be of.
func (q *TicketQuery) check() error {
	if q.actor.Kind == Nobody {
		return Errorf(Unauthenticated, "sign in first")
	}
	q.dropEmpty()
	if !q.actor.IsAgent() {
		switch {
		case q.Tag != nil:
			return Errorf(Forbidden, "only agents filter by tag")
		case q.Assignee != nil || q.Unassigned:
			return Errorf(Forbidden, "only agents filter by assignee")
		case q.Requester != nil:
			return Errorf(Forbidden, "only agents filter by requester")
		}
	}
	for _, filter := range []struct {
		name   string
		values int
	}{
		{"status", len(q.Status)}, {"priority", len(q.Priority)}, {"type", len(q.Type)}, {"department", len(q.Department)},
		{"tag", len(q.Tag)}, {"assignee", len(q.Assignee)}, {"requester", len(q.Requester)},
	} {
		if filter.values > maxValues {
			return InvalidField(filter.name, "at most %d values", maxValues)
		}
	}
	return q.checkSort()
}

// dropEmpty makes a filter without values what it means: none.
func (q *TicketQuery) dropEmpty() {
	none(&q.Status)
	none(&q.Priority)
	none(&q.Type)
	none(&q.Tag)
	for _, ids := range []*[]int64{&q.Department, &q.Assignee, &q.Requester} {
		none(ids)
	}
}

func none[T any](values *[]T) {
	if len(*values) == 0 {
		*values = nil
	}
}

func (q *TicketQuery) checkSort() error {
	if q.Sort == "" {
		q.Sort = "-updated"
		if q.CreatedFrom != nil || q.CreatedTo != nil || q.Text != "" {
			q.Sort = "-created"
		}
	}
	key := strings.TrimPrefix(q.Sort, "-")
	if !coreSorts[key] && (q.side == nil || !q.actor.IsAgent()) {
		return InvalidField("sort", "sort by updated, created, priority or what a plugin adds, with - in front for descending")
	}
	if err := q.checkRanges(key); err != nil {
		return err
	}
	return q.checkIndexed(key)
}

// checkRanges holds what is about a time to the sort by that time.
func (q *TicketQuery) checkRanges(key string) error {
	switch {
	case q.Text != "" && q.Sort != "-created":
		return InvalidField("sort", "a search answers the newest tickets first: sort by -created")
	case (q.CreatedFrom != nil || q.CreatedTo != nil) && key != "created":
		return InvalidField("sort", "a range of creation goes with the sort created")
	case q.UpdatedSince != nil && key != "updated":
		return InvalidField("sort", "updated_since goes with the sort updated")
	}
	return nil
}

// checkIndexed refuses what no index serves.
func (q *TicketQuery) checkIndexed(key string) error {
	switch {
	case key == "priority" && !q.open():
		return InvalidField("sort", "sorting by priority is for open tickets: add open=true")
	case key == "priority" && (q.Requester != nil || !q.actor.IsAgent()):
		return InvalidField("sort", "a requester's tickets are sorted by updated or created")
	case key == "created" && !q.open() && q.Text == "" && q.filtered():
		return InvalidField("sort", "with this filter, sorting by creation is for open tickets: add open=true")
	}
	return nil
}

// open reports whether the query is about open tickets only.
func (q *TicketQuery) open() bool {
	return q.Open != nil && *q.Open || len(q.Status) > 0 && !slices.ContainsFunc(q.Status, Status.Done) && q.Open == nil
}

// filtered reports whether a filter would drive the walk that is not the requester.
func (q *TicketQuery) filtered() bool {
	driver, _ := q.driver()
	return driver != "" && driver != "requester_id"
}

// driver picks the filter whose index is walked: the one that leaves least.
func (q *TicketQuery) driver() (column string, values []any) {
	switch {
	case !q.actor.IsAgent() && q.actor.guestOf != 0:
		return "id", []any{q.actor.guestOf}
	case !q.actor.IsAgent():
		return "requester_id", []any{q.actor.Person.ID}
	case q.Tag != nil:
		return "tag", anys(q.Tag)
	case q.Requester != nil:
		return "requester_id", anys(q.Requester)
	case q.Assignee != nil || q.Unassigned:
		values = anys(q.Assignee)
		if q.Unassigned {
			values = append(values, nil)
		}
		return "assignee_id", values
	case q.Department != nil:
		return "department_id", anys(q.Department)
	case q.Status != nil:
		return "status", anys(q.Status)
	case q.Type != nil:
		return "type", anys(q.Type)
	case q.Priority != nil:
		return "priority", anys(q.Priority)
	}
	return "", nil
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// conds are the conditions on the ticket's own row.
func (q *TicketQuery) conds(scope Scope) []Cond {
	conds := scope.where()
	add := func(column string, n int, values any) {
		if n == 1 {
			conds = append(conds, Where(column, Equal, anysOf(values)[0]))
		} else if n > 1 {
			conds = append(conds, Where(column, In, values))
		}
	}
	add("status", len(q.Status), q.Status)
	add("priority", len(q.Priority), q.Priority)
	add("type", len(q.Type), q.Type)
	add("department_id", len(q.Department), q.Department)
	add("requester_id", len(q.Requester), q.Requester)
	if q.Assignee != nil || q.Unassigned {
		either := Cond{Op: Either}
		if q.Assignee != nil {
			either.Any = append(either.Any, Where("assignee_id", In, q.Assignee))
		}
		if q.Unassigned {
			either.Any = append(either.Any, Cond{Column: "assignee_id", Op: IsNull})
		}
		conds = append(conds, either)
	}
	switch {
	case q.open():
		conds = append(conds, Cond{Column: "is_open", Op: True})
	case q.Open != nil:
		conds = append(conds, Is("is_open", false))
		fallthrough
	default:
		conds = append(conds, Cond{Column: "deleted_at", Op: IsNull})
	}
	return append(conds, q.more...)
}

func anysOf(values any) []any {
	switch v := values.(type) {
	case []Status:
		return anys(v)
	case []Priority:
		return anys(v)
	case []string:
		return anys(v)
	case []int64:
		return anys(v)
	}
	return nil
}

// order is the sort as columns, and the ranges that go with it.
func (q *TicketQuery) order() (columns []string, ranges []Cond) {
	updated := "updated_at"
	if !q.actor.IsAgent() {
		updated = "public_at" // a note must not move a customer's list
	}
	switch strings.TrimPrefix(q.Sort, "-") {
	case "created":
		columns = []string{"created_at", "id"}
		if q.CreatedFrom != nil {
			ranges = append(ranges, Where("created_at", GreaterOrEqual, *q.CreatedFrom))
		}
		if q.CreatedTo != nil {
			ranges = append(ranges, Where("created_at", Less, *q.CreatedTo))
		}
	case "priority":
		columns = []string{"priority", "updated_at", "id"}
	default:
		columns = []string{updated, "id"}
		if q.UpdatedSince != nil {
			ranges = append(ranges, Where(updated, GreaterOrEqual, *q.UpdatedSince))
		}
	}
	return columns, ranges
}

func (q *TicketQuery) descending() bool { return strings.HasPrefix(q.Sort, "-") }
