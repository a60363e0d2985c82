package core

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Where adds a condition in SQL on the ticket, which is called t; each ? takes
// an argument. No text of a request may stand in condition. It may change at any
// time, so nobody remembers for long what it lets through: see WhereLasting.
func (q *TicketQuery) Where(condition string, args ...any) {
	q.more = append(q.more, Cond{Column: condition, Op: SQL, Value: args})
	q.brief = true
}

// WhereLasting is Where for a condition that changes for a ticket only with an
// event of that ticket, with one of no ticket, or with the clock: next tells when
// that is next, the zero Time when it is not to be foreseen that it will, and nil
// stands for a condition that has nothing to do with the clock. An argument of type
// Time is the time of asking. Whoever counts tickets then remembers the count.
func (q *TicketQuery) WhereLasting(next func(context.Context) (Time, error), condition string, args ...any) {
	q.more = append(q.more, Cond{Column: condition, Op: SQL, Value: args})
	if next != nil {
		q.turns = append(q.turns, next)
	}
}

// TicketSet is the tickets of a list in no order, for whoever keeps them in memory:
// found once, they are held against each ticket that changes (see Feed.Follow).
type TicketSet struct {
	walk  *ticketWalk
	conds []Cond
	own   []Cond // those of conds that the ticket's own row tells
	vague bool   // there is more to it
	brief bool   // it changes though no event tells
	turns []func(context.Context) (Time, error)
	key   string
}

// briefly is how long a set may be remembered that changes though no event tells.
const briefly = 2 * time.Second

// Set prepares the tickets that List would show to the actor, in all pages. It
// fails as List does.
func (s Tickets) Set(ctx context.Context, q TicketQuery) (*TicketSet, error) {
	w, err := s.asked(ctx, &q)
	if err != nil {
		return nil, err
	}
	_, ranges := q.order()
	set := &TicketSet{walk: w, turns: q.turns}
	// Tags and people are deleted, texts indexed and tickets touched without an event.
	set.brief = q.brief || q.Tag != nil || q.Text != "" || q.side != nil || q.UpdatedSince != nil
	set.vague = set.brief || len(q.more) > 0
	set.conds = append(q.conds(w.scope), ranges...)
	set.own = slices.DeleteFunc(slices.Clone(set.conds), func(c Cond) bool { return c.Op == SQL })
	if !w.drops() {
		set.key, err = set.keyOf(&q)
	}
	return set, err
}

// keyOf is the same for sets of the same tickets.
func (s *TicketSet) keyOf(q *TicketQuery) (string, error) {
	conds := slices.Clone(s.own)
	for _, c := range q.more {
		args, _ := c.Value.([]any) // none is allowed
		now := func(v any) bool { _, is := v.(Time); return is }
		if q.brief && slices.ContainsFunc(args, now) {
			return "", nil // it may be any time
		}
		c.Value = slices.DeleteFunc(slices.Clone(args), now)
		conds = append(conds, c)
	}
	side := ""
	if q.side != nil {
		side = strings.TrimPrefix(q.Sort, "-") // who has no value there is left out
	}
	key, err := json.Marshal([]any{conds, q.Tag, q.Text, side})
	return string(key), err
}

// Key is the same for two sets of the same tickets, whoever asks for them. It is ""
// for a set that must not be remembered: where the host judges each ticket
// (Config.See), and in searches of several words.
func (s *TicketSet) Key() string { return s.key }

// Find returns the ids of up to so many tickets of the set, at most 100, in
// ascending order. Where tickets are left out after they were found it looks at no
// more than List does for a page, and more says that there may be further ones.
func (s *TicketSet) Find(ctx context.Context, most int) (ids []int64, more bool, err error) {
	most = min(most, maxLimit)
	if s.walk.drops() {
		page, err := s.walk.page(ctx, most-1, "")
		for _, t := range page.Tickets {
			ids = append(ids, t.ID)
		}
		slices.Sort(ids)
		return ids, page.NextCursor != "", err
	}
	ids, err = s.walk.ids(ctx, most)
	return ids, false, err
}

// Among returns which of some tickets, at most 100, belong to the set, in ascending
// order. It is for a set of which Lasts is true: of others the conditions on a
// ticket are not all there is.
func (s *TicketSet) Among(ctx context.Context, ids []int64) ([]int64, error) {
	found, err := s.walk.idsOf(ctx, Query{Where: append([]Cond{Where("id", In, ids)}, s.conds...), Limit: maxLimit})
	slices.Sort(found)
	return found, err
}

// Lasts reports whether the set changes with events and the clock alone.
func (s *TicketSet) Lasts() bool { return !s.brief }

// Until is how long what Find is about to return is right if no event tells
// otherwise; the zero Time is for good.
func (s *TicketSet) Until(ctx context.Context) (until Time, err error) {
	if s.brief {
		return TimeOf(s.walk.d.Now().Add(briefly)), nil
	}
	for _, next := range s.turns {
		at, err := next(ctx)
		if err != nil {
			return until, err
		}
		if !at.IsZero() && (until.IsZero() || at.Before(until.Time)) {
			until = at
		}
	}
	return until, nil
}

// Holds reports whether the ticket may belong to the set, going by its own row,
// and whether that is all there is to it.
func (s *TicketSet) Holds(t *Ticket) (may, surely bool) {
	may = holdsAll(s.own, t)
	return may, may && !s.vague
}

// idFinder is a Store that need not read whole rows to tell which there are.
type idFinder interface {
	ids(ctx context.Context, q Query) ([]int64, error)
}

// ids are up to so many tickets of the walk, in ascending order. The walk drops
// none.
func (w *ticketWalk) ids(ctx context.Context, most int) (ids []int64, err error) {
	for _, lane := range w.lanes {
		lane.Limit = most - len(ids) // in their order: that keeps planners to the walk that a list takes, and the newest are the likeliest
		if w.repeats {               // it may find the same ones again
			lane.Limit = most
		}
		found, err := w.idsOf(ctx, lane)
		if err != nil {
			return nil, err
		}
		ids = append(ids, found...)
		slices.Sort(ids)
		if ids = slices.Compact(ids); len(ids) >= most {
			return ids[:most], nil
		}
	}
	return ids, nil
}

func (w *ticketWalk) idsOf(ctx context.Context, lane Query) (ids []int64, err error) {
	if s, ok := w.d.store.(idFinder); ok {
		return s.ids(ctx, lane)
	}
	rows, err := find[Ticket](ctx, w.d.store, lane)
	for _, t := range rows {
		ids = append(ids, t.ID)
	}
	return ids, err
}
