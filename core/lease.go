package core

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A lease is the right of one process to work for a row, of consumers or of
// jobs. Its token rises with each claim, so whatever a former holder writes
// matches no row. Its beat rises as long as the holder lives and is 0 when
// nobody works.
//
// No clocks of two machines are compared: a holder is dead when its row has not
// changed for as long as a lease lasts, on the clock of who watches.
type leaseMark struct{ token, beat int64 }

// leaseTime is how long a holder that says nothing keeps its lease.
const leaseTime = 10 * time.Second

// errLost says that another process has claimed the lease.
var errLost = errors.New("the lease was lost: another process has taken over")

// leaseWatch remembers since when leases have not changed.
type leaseWatch struct {
	mu   sync.Mutex
	seen map[string]sighting
}

type sighting struct {
	mark  leaseMark
	since time.Time
}

// free reports whether a lease that looks like m at now may be claimed.
func (w *leaseWatch) free(name string, m leaseMark, now time.Time, lasts time.Duration) bool {
	if m.beat == 0 {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last, known := w.seen[name]
	if known && last.mark == m {
		return now.Sub(last.since) > lasts
	}
	if w.seen == nil {
		w.seen = map[string]sighting{}
	}
	w.seen[name] = sighting{m, now}
	return false
}

// claim takes the lease of a row that looks like m, unless somebody was quicker.
func claim[T any](ctx context.Context, s Store, name string, m leaseMark, more ...Assign) (row T, ok bool, err error) {
	rows, err := update[T](ctx, s, append(more, Add("token", 1), Set("beat", 1)), Is("name", name), Is("token", m.token), Is("beat", m.beat))
	if err != nil || len(rows) == 0 {
		return row, false, err
	}
	return rows[0], true, nil
}

// prove keeps the lease with this token, with more of the row; errLost when it
// is another's. In a transaction it holds the row until the end, so that nobody
// claims the lease in between.
func prove[T any](ctx context.Context, s Store, name string, token int64, more ...Assign) error {
	rows, err := update[T](ctx, s, append(more, Add("beat", 1)), Is("name", name), Is("token", token))
	if err == nil && len(rows) == 0 {
		err = errLost
	}
	return err
}

// handBack ends the lease, also for whatever its holder still has on the way; one
// that was lost is another's.
func handBack[T any](ctx context.Context, s Store, name string, token int64, more ...Assign) error {
	_, err := update[T](ctx, s, append(more, Add("token", 1), Set("beat", 0)), Is("name", name), Is("token", token))
	return err
}
