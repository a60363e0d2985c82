package core

import (
	"context"
	"slices"
)

// walk prepares the queries that the page is merged from: one for each value
// of the driving filter, so that each is one walk along one index.
func (s Tickets) walk(ctx context.Context, q TicketQuery) (*ticketWalk, error) {
	scope := s.d.scope(q.actor)
	columns, ranges := q.order()
	w := &ticketWalk{d: s.d, sort: q.Sort, desc: q.descending(), columns: columns, scope: scope}
	if q.Text != "" {
		return w, w.search(q, append(q.conds(scope), ranges...))
	}
	driver, values := q.driver()
	if scope.see != nil && driver != "id" && !q.actor.IsAgent() {
		driver, values = "", nil // the host may widen what a requester sees
	}
	base := Query{Where: append(q.conds(scope), ranges...), Order: w.order(columns)}
	if q.side != nil {
		return w, w.bySide(ctx, q, base)
	}
	switch driver {
	case "":
		marked := Cond{Column: "id", Op: Marked}
		if columns[0] == "priority" {
			marked.Column = "priority"
		}
		base.Where = append(base.Where, marked)
		w.lanes = []Query{base}
	case "tag":
		return w, w.byTag(ctx, q, base)
	default:
		for _, v := range distinct(values) {
			w.lanes = append(w.lanes, w.lane(q, base, driver, v))
		}
	}
	return w, nil
}

// lane is the walk for one value of the driving filter.
func (w *ticketWalk) lane(q TicketQuery, lane Query, driver string, v any) Query {
	only := Is(driver, v)
	if v == nil { // PostgreSQL does not see that NULL is one value, and would sort
		only = Cond{Column: driver, Op: IsNull}
		lane.Order = append([]Order{{driver, w.desc}}, lane.Order...)
	}
	lane.Where = append([]Cond{only}, dropColumn(lane.Where, driver)...)
	switch {
	case driver == "id": // one row has no order
		lane.Order, w.columns = w.order([]string{"id"}), []string{"id"}
	case driver == "priority" && q.open():
		lane.Where = append(lane.Where, Cond{Column: driver, Op: Marked})
	case driver == "requester_id" && q.open():
		// The indexes by requester hold all tickets; nothing may tempt a planner
		// to join them with one of open tickets.
		lane.Where = append(slices.DeleteFunc(lane.Where, isOpen), Where("is_open", Greater, false), Cond{Column: "deleted_at", Op: IsNull})
	}
	return lane
}

func isOpen(c Cond) bool { return c.Column == "is_open" && c.Op == True }

func distinct(values []any) []any {
	var out []any
	for _, v := range values {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// dropColumn leaves out the filter that a lane already holds as an equality.
func dropColumn(conds []Cond, column string) []Cond {
	return slices.DeleteFunc(slices.Clone(conds), func(c Cond) bool {
		return c.Column == column && (c.Op == In || c.Op == Equal) ||
			c.Op == Either && len(c.Any) > 0 && column == "assignee_id" && !slices.ContainsFunc(c.Any, func(a Cond) bool { return a.Column != column })
	})
}

// byTag walks the side table of tags, which holds the sort keys.
func (w *ticketWalk) byTag(ctx context.Context, q TicketQuery, base Query) error {
	ids, err := w.d.Tags.resolve(ctx, q.Tag)
	if err != nil {
		return err
	}
	if len(ids) > 1 {
		w.repeats = true
	}
	columns := slices.Clone(w.columns)
	columns[len(columns)-1] = "ticket_id"
	for _, id := range ids {
		lane, side := base, &Side{Row: &TicketTag{}, Key: "ticket_id", Where: []Cond{Is("tag_id", id)}}
		lane.Where, lane.Order, lane.From = nil, w.order(columns), side
		for _, c := range base.Where {
			if isOpen(c) || c.Column == columns[0] && (c.Op == GreaterOrEqual || c.Op == Less) {
				side.Where = append(side.Where, c) // what the side table knows is said of it alone: twice would seem rarer
			} else {
				lane.Where = append(lane.Where, c)
			}
		}
		w.lanes = append(w.lanes, lane)
	}
	return nil
}

func (w *ticketWalk) order(columns []string) []Order {
	out := make([]Order, len(columns))
	for i, c := range columns {
		out[i] = Order{c, w.desc}
	}
	return out
}

// compareTickets orders two tickets as the walk does.
func (w *ticketWalk) compareTickets(a, b Ticket) int {
	order := slices.Compare(w.keys(a), w.keys(b))
	if w.desc {
		return -order
	}
	return order
}

func (w *ticketWalk) keys(t Ticket) []int64 {
	keys := make([]int64, len(w.columns))
	for i, c := range w.columns {
		switch c {
		case w.sideColumn():
			keys[i] = w.values[t.ID]
		case "updated_at":
			keys[i] = t.UpdatedAt.UnixMicro()
		case "public_at":
			keys[i] = t.PublicAt.UnixMicro()
		case "created_at":
			keys[i] = t.CreatedAt.UnixMicro()
		case "priority":
			keys[i] = int64(t.Priority)
		default:
			keys[i] = t.ID
		}
	}
	return keys
}
