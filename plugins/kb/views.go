package kb

import (
	"context"
	"maps"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// views are how often articles were read since they were last written down, in
// this process.
type views struct {
	mu      sync.Mutex
	counted map[int64]int64
	since   time.Time
}

const (
	writeViews = time.Minute
	mostViewed = 10_000 // articles that are counted between two writes
)

// add counts a reader, and hands over what is to be written when a minute is
// over. A job alone would not do: it runs in one of several processes.
func (v *views) add(article int64, now time.Time) map[int64]int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.counted == nil {
		v.counted, v.since = map[int64]int64{}, now
	}
	if _, known := v.counted[article]; known || len(v.counted) < mostViewed {
		v.counted[article]++
	}
	if now.Sub(v.since) < writeViews {
		return nil
	}
	taken := v.counted
	v.counted = nil
	return taken
}

func (v *views) take() map[int64]int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	taken := v.counted
	v.counted = nil
	return taken
}

// viewed counts a reader of an article. A page is read whether it is counted or
// not.
func (a *Articles) viewed(ctx context.Context, article int64) {
	due := a.views.add(article, a.host.Now())
	if len(due) == 0 {
		return
	}
	if err := a.writeViews(context.WithoutCancel(ctx), due); err != nil {
		a.host.Log().WarnContext(ctx, "the views of a minute were not counted", "err", err)
	}
}

// flushViews writes down what this process has counted.
func (a *Articles) flushViews(ctx context.Context) error { return a.writeViews(ctx, a.views.take()) }

func (a *Articles) onStop(ctx context.Context, _ hooks.Event[core.DeskSwitched]) error {
	return a.flushViews(a.host.As(ctx))
}

func (a *Articles) writeViews(ctx context.Context, counted map[int64]int64) error {
	byCount := map[int64][]int64{} // most articles were read as often as others
	for article, n := range counted {
		byCount[n] = append(byCount[n], article)
	}
	for n, articles := range maps.All(byCount) {
		for len(articles) > 0 {
			some := articles[:min(len(articles), 500)]
			articles = articles[len(some):]
			err := a.host.DB(ctx).Model(&Article{}).Where("id IN ?", some).UpdateColumn("views", gorm.Expr("views + ?", n)).Error
			if err != nil {
				return err
			}
		}
	}
	return nil
}
