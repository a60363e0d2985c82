package external

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// What a plugin may put into the desk's log.
const (
	quotaLines = 1000
	quotaTime  = time.Minute
)

// quota bounds what the processes of one plugin put into the desk's log, whatever
// way it comes.
type quota struct {
	clock clockwork.Clock

	mu      sync.Mutex
	since   time.Time
	lines   int
	dropped int
}

// log writes a record, or leaves it out and says so once a minute.
func (q *quota) log(ctx context.Context, to *slog.Logger, level slog.Level, message string, args ...any) {
	write, dropped := q.take()
	if dropped > 0 {
		to.WarnContext(ctx, "an external plugin wrote more than a log bears", "left_out", dropped)
	}
	if write {
		to.Log(ctx, level, message, args...) //nolint:sloglint // the words may be the plugin's
	}
}

// take reports whether a line may be written, and how many were left out of the
// time that has just ended.
func (q *quota) take() (write bool, dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := q.clock.Now(); now.Sub(q.since) >= quotaTime {
		dropped, q.since, q.lines, q.dropped = q.dropped, now, 0, 0
	}
	if q.lines++; q.lines <= quotaLines {
		return true, dropped
	}
	if q.dropped++; q.dropped == 1 {
		return false, 1 // it is known at once that something is missing
	}
	return false, dropped
}
