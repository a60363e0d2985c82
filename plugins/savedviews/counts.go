package savedviews

import (
	"context"
	"errors"

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

// Counts counts views for the actor, at most 50 at once. It fails with NotFound
// when the actor may not open one of them. Agents only.
func (s *Views) Counts(ctx context.Context, ids []int64) ([]Count, error) {
	if err := agentsOnly(ctx); err != nil {
		return nil, err
	}
	if len(ids) > maxCounts {
		return nil, core.InvalidField("ids", "at most %d views at once", maxCounts)
	}
	views, err := s.some(ctx, ids...)
	if err != nil {
		return nil, err
	}
	counts := make([]Count, len(views))
	for i, v := range views {
		if counts[i], err = s.count(ctx, v); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

func (s *Views) count(ctx context.Context, v View) (Count, error) {
	out := Count{ID: v.ID}
	if matchesNothing(v) {
		return out, nil
	}
	list := s.host.Desk().Tickets
	q, err := list.Query(ctx, s.params(ctx, v))
	if err == nil {
		out.Count, out.Capped, err = list.Count(ctx, q, countTo)
	}
	var e *core.Error
	if core.KindOf(err) == core.Invalid && errors.As(err, &e) {
		out.Error, err = e.Error(), nil
	}
	return out, err
}
