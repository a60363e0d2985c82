package core

import (
	"context"
	"slices"
)

// ticketWalk reads tickets in one order from several lanes, each of them one
// walk along one index.
type ticketWalk struct {
	d       *Desk
	sort    string
	desc    bool
	columns []string
	scope   Scope
	lanes   []Query
	repeats bool // a ticket may stand in several lanes
	side    *ticketSort
	values  map[int64]int64 // of side's column, by ticket
	// keep, when set, drops rows that no index could leave out.
	keep func(context.Context, []Ticket) ([]Ticket, error)
}

// maxBatches bounds how many rows a page looks at when rows are dropped after
// they were read. The page may then be short, and has a cursor all the same.
const maxBatches = 10

// page reads the tickets behind cursor.
func (w *ticketWalk) page(ctx context.Context, limit int, cursor string) (TicketPage, error) {
	var after []int64
	if cursor != "" {
		p, err := readPlace(cursor, w.sort, len(w.columns))
		if err != nil {
			return TicketPage{}, err
		}
		after = p.Keys
	}
	page := TicketPage{Tickets: []Ticket{}}
	for range maxBatches {
		want := limit - len(page.Tickets) + 1
		if w.drops() {
			want = maxLimit
		}
		batch, err := w.batch(ctx, after, want)
		if err != nil {
			return page, err
		}
		last := len(batch) < want
		kept, err := w.sift(ctx, batch)
		if err != nil {
			return page, err
		}
		if len(page.Tickets) == 0 && len(kept) > 0 {
			page.Tickets = kept
		} else {
			page.Tickets = append(page.Tickets, kept...)
		}
		if len(page.Tickets) > limit {
			page.Tickets = page.Tickets[:limit]
			page.NextCursor = place{w.sort, w.keys(page.Tickets[limit-1])}.cursor()
			return page, nil
		}
		if last {
			return page, nil
		}
		after = w.keys(batch[len(batch)-1])
	}
	page.NextCursor = place{w.sort, after}.cursor()
	return page, nil
}

func (w *ticketWalk) drops() bool { return w.scope.see != nil || w.keep != nil }

// batch reads up to n rows behind after from every lane and merges them.
func (w *ticketWalk) batch(ctx context.Context, after []int64, n int) ([]Ticket, error) {
	var rows []Ticket
	for _, lane := range w.lanes {
		lane.Limit = n
		if after != nil {
			lane.After = anys(after)
		}
		found, err := w.read(ctx, lane)
		if err != nil {
			return nil, err
		}
		if rows == nil {
			rows = found
		} else {
			rows = append(rows, found...)
		}
	}
	if len(w.lanes) > 1 {
		slices.SortFunc(rows, w.compareTickets)
		rows = slices.CompactFunc(rows, func(a, b Ticket) bool { return a.ID == b.ID })
	}
	return rows[:min(n, len(rows))], nil
}

func (w *ticketWalk) read(ctx context.Context, lane Query) ([]Ticket, error) {
	if w.side != nil {
		return w.sideBatch(ctx, lane)
	}
	return find[Ticket](ctx, w.d.store, lane)
}

func (w *ticketWalk) sift(ctx context.Context, rows []Ticket) ([]Ticket, error) {
	if w.scope.see != nil {
		rows = slices.DeleteFunc(slices.Clone(rows), func(t Ticket) bool { return !w.scope.Sees(ctx, t) })
	}
	if w.keep == nil || len(rows) == 0 {
		return rows, nil
	}
	return w.keep(ctx, rows)
}

// count tells how many tickets the walk would show, up to a number.
func (w *ticketWalk) count(ctx context.Context, upTo int) (n int, capped bool, err error) {
	if w.drops() {
		return 0, false, InvalidField("count", "this list cannot be counted: rows are left out after they were found")
	}
	if w.repeats {
		ids, err := w.ids(ctx, upTo+1)
		return min(len(ids), upTo), len(ids) > upTo, err
	}
	for _, lane := range w.lanes {
		lane.Limit, lane.Order = upTo+1-n, nil
		m, err := w.d.store.Count(ctx, &Ticket{}, lane)
		if err != nil {
			return 0, false, err
		}
		if n += m; n > upTo {
			return upTo, true, nil
		}
	}
	return n, false, nil
}
