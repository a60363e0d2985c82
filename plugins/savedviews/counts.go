package savedviews

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

const (
	countTo   = 99 // what is counted exactly
	maxCounts = 50 // views in one request
)

// Count is how many tickets a view shows to whoever asked.
type Count struct {
	ID     int64  `json:"id"`
	Count  int    `json:"count"`
	Capped bool   `json:"capped" doc:"there are more: show 99+"`
	Error  string `json:"error,omitempty" doc:"why the view cannot be counted; it cannot be opened either"`
}

// Counts counts views for the actor, at most 50 at once. Of one that the actor may
// not open, or that cannot be counted, Error says so. Agents only.
func (s *Views) Counts(ctx context.Context, ids []int64) ([]Count, error) {
	if err := agentsOnly(ctx); err != nil {
		return nil, err
	}
	if len(ids) > maxCounts {
		return nil, core.InvalidField("ids", "at most %d views at once", maxCounts)
	}
	counts, _, err := s.counts(ctx, ids, s.trusts())
	return counts, err
}

// trusts reports whether the memory has heard of all that this process has changed.
func (s *Views) trusts() bool { return s.memory.trusts(s.host.Desk().Feed.Commits()) }

// counts goes by what is remembered where that is trusted. kept says that all was,
// so that the memory tells when it changes.
func (s *Views) counts(ctx context.Context, ids []int64, trusted bool) (counts []Count, kept bool, err error) {
	plans, err := s.plans(ctx, ids, trusted)
	if err != nil {
		return nil, false, err
	}
	kept, counts = true, make([]Count, len(plans))
	for i, p := range plans {
		if counts[i], err = s.count(ctx, p, trusted); err != nil {
			return nil, false, err
		}
		kept = kept && p.key != ""
	}
	return counts, kept, nil
}

func (s *Views) count(ctx context.Context, p *plan, trusted bool) (Count, error) {
	out := Count{ID: p.view, Error: p.failed}
	if p.empty || p.failed != "" {
		return out, nil
	}
	if n, known := s.memory.count(p.key); known && trusted {
		out.Count, out.Capped = min(n, countTo), n > countTo
		return out, nil
	}
	n, more, err := s.recount(ctx, p, trusted)
	out.Count, out.Capped = min(n, countTo), more || n > countTo
	out.Error, err = refusal(err)
	return out, err
}

// refusal is why a list cannot be asked for, which is the view's fault.
func refusal(err error) (string, error) {
	var e *core.Error
	if core.KindOf(err) == core.Invalid && errors.As(err, &e) {
		return e.Error(), nil
	}
	return "", err
}

// recount has the database count, or decide about the few tickets in doubt where
// what is known of the others is trusted, and remembers it.
func (s *Views) recount(ctx context.Context, p *plan, trusted bool) (n int, more bool, err error) {
	c := s.memory.begin(p.key, trusted)
	var found *tally
	defer func() { s.memory.keep(c, found) }()
	set, err := s.host.Desk().Tickets.Set(ctx, p.query.Clone())
	if err != nil {
		return 0, false, err
	}
	until, err := set.Until(ctx) // before tickets are looked for: they are as they are by then
	if err != nil {
		return 0, false, err
	}
	if c.from != nil && set.Key() == p.key {
		if ids, err := s.decide(ctx, set, c.from); err != nil || ids != nil {
			found = &tally{set: set, ids: ids, until: until}
			return len(ids), false, err
		}
	}
	ids, more, err := set.Find(ctx, countTo+1)
	if err == nil {
		found = &tally{set: set, ids: ids, until: until}
	}
	return len(ids), more, err
}

// decide asks about tickets in doubt. It returns nil where that does not tell how
// many there are.
func (s *Views) decide(ctx context.Context, set *core.TicketSet, t *tally) ([]int64, error) {
	in, err := set.Among(ctx, t.doubts)
	if err != nil {
		return nil, err
	}
	ids := slices.DeleteFunc(slices.Clone(t.ids), func(id int64) bool { return slices.Contains(t.doubts, id) })
	ids = append(ids, in...)
	slices.Sort(ids)
	if t.full() && len(ids) <= countTo {
		return nil, nil
	}
	return append([]int64{}, ids[:min(len(ids), countTo+1)]...), nil
}

const (
	planLasts = 30 * time.Second // hooks may take part in it, of which no event tells
	planBrief = 2 * time.Second
)

// plans are how views are counted for the actor, in the order of ids.
func (s *Views) plans(ctx context.Context, ids []int64, trusted bool) ([]*plan, error) {
	actor := actorKey(core.ActorFrom(ctx))
	plans := make([]*plan, len(ids))
	var unknown []int64
	for i, id := range ids {
		ok := false
		if trusted {
			plans[i], ok = s.memory.plan(planKey{actor, id})
		}
		if !ok {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) == 0 {
		return plans, nil
	}
	era := s.memory.thisEra()
	views, err := s.found(ctx, unknown...)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if plans[i] != nil {
			continue
		}
		v, ok := views[id]
		if !ok {
			plans[i] = &plan{view: id, failed: fmt.Sprintf("no view %d", id)}
			continue
		}
		if plans[i], err = s.plan(ctx, v); err != nil {
			return nil, err
		}
		s.memory.keepPlan(planKey{actor, id}, plans[i], era)
	}
	return plans, nil
}

// plan finds out how a view is counted.
func (s *Views) plan(ctx context.Context, v View) (p *plan, err error) {
	p = &plan{view: v.ID, until: core.TimeOf(s.host.Now().Add(planLasts))}
	if len(s.hooks.Query.Handlers()) > 0 || v.Filters["tag"] != nil { // a tag goes without an event
		p.until = core.TimeOf(s.host.Now().Add(planBrief))
	}
	if p.failed = lost(v, nil); p.failed != "" {
		return p, nil
	}
	if p.empty = matchesNothing(v); p.empty {
		return p, nil
	}
	p.query, err = s.host.Desk().Tickets.Query(ctx, s.params(ctx, v))
	if err == nil {
		var set *core.TicketSet
		if set, err = s.host.Desk().Tickets.Set(ctx, p.query.Clone()); err == nil {
			p.key = set.Key()
		}
	}
	p.failed, err = refusal(err)
	return p, err
}
