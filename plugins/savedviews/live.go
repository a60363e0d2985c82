package savedviews

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hookdesk/hookdesk/core"
)

const (
	tellEvery = 500 * time.Millisecond // how often a stream is told of changes, at most
	lookEvery = time.Second            // what the clock changes
	tryAgain  = time.Second            // to follow the log
)

// live is what runs while the plugin is on: it hears the log for the memory, and
// tells those who listen to counts.
type live struct {
	s *Views

	mu       sync.Mutex
	stop     context.CancelFunc // nil: nothing runs
	running  *sync.WaitGroup
	watchers map[*watcher]bool
}

// watcher is somebody who listens to counts.
type watcher struct {
	listener *core.Listener
	ids      []int64
	shown    []Count
	again    core.Time // it is to be looked after by then at the latest; zero: by what is heard
}

// begin starts what runs until ctx ends, or end is called.
func (l *live) begin(ctx context.Context) error {
	l.end()
	ctx, stop := context.WithCancel(ctx)
	running := &sync.WaitGroup{}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop, l.running, l.watchers = stop, running, map[*watcher]bool{}
	running.Go(func() { l.follow(ctx) })
	running.Go(func() { l.tell(ctx) })
	return nil
}

// end stops it and ends all streams of counts.
func (l *live) end() {
	l.mu.Lock()
	stop, running, watchers := l.stop, l.running, l.watchers
	l.stop, l.watchers = nil, nil
	l.mu.Unlock()
	if stop == nil {
		return
	}
	stop()
	running.Wait()
	for w := range watchers {
		w.listener.End()
	}
}

// follow keeps the memory up to date. While the log cannot be read nothing is
// remembered.
func (l *live) follow(ctx context.Context) {
	defer l.s.memory.forget(false)
	for ctx.Err() == nil {
		err := l.s.host.Desk().Feed.Follow(ctx, l.s.memory.hear)
		l.s.memory.forget(false)
		if ctx.Err() == nil {
			l.s.host.Log().WarnContext(ctx, "counts are not remembered while the log cannot be followed", "err", err)
			pause(ctx, tryAgain)
		}
	}
}

// tell has each stream told of what is another count now, when something was heard
// or the clock may have changed it.
func (l *live) tell(ctx context.Context) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		stirred := false
		select {
		case <-ctx.Done():
			return
		case <-l.s.memory.stirred:
			stirred = true
		case <-look.C:
		}
		stirred = l.s.memory.sweep() || stirred
		if l.tellAll(ctx, stirred); stirred {
			pause(ctx, tellEvery)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (l *live) tellAll(ctx context.Context, stirred bool) {
	l.mu.Lock()
	watchers := make([]*watcher, 0, len(l.watchers))
	for w := range l.watchers {
		watchers = append(watchers, w)
	}
	l.mu.Unlock()
	for _, w := range watchers {
		if ctx.Err() != nil {
			return
		}
		if !w.listener.Ended() && (stirred || !w.again.IsZero() && !l.s.now().Before(w.again.Time)) {
			l.tellOne(ctx, w)
		}
		if w.listener.Ended() {
			l.mu.Lock()
			delete(l.watchers, w)
			l.mu.Unlock()
		}
	}
}

// tellOne sends what has changed since.
func (l *live) tellOne(ctx context.Context, w *watcher) {
	ctx = w.listener.As(ctx)
	counts, again, err := l.look(ctx, w.ids, true)
	if w.again = again; err != nil {
		l.s.host.Log().WarnContext(ctx, "counts cannot be told; they are at the next change", "err", err)
		w.again = l.s.now()
		return
	}
	var changed []Count
	for i, c := range counts {
		if c != w.shown[i] {
			changed = append(changed, c)
		}
	}
	if w.shown = counts; len(changed) > 0 {
		w.listener.Send(frame(changed))
	}
}

// look counts for a stream, and says when to look again though nothing is heard.
func (l *live) look(ctx context.Context, ids []int64, trusted bool) ([]Count, core.Time, error) {
	counts, kept, err := l.s.counts(ctx, ids, trusted)
	again := core.TimeOf(l.s.host.Now().Add(planLasts))
	if !kept {
		again = core.TimeOf(l.s.host.Now().Add(planBrief))
	}
	return counts, again, err
}

// frame is counts as a stream sends them.
func frame(counts []Count) []byte {
	text, err := json.Marshal(countList{counts})
	if err != nil {
		panic(err) //nolint:forbidigo // numbers and texts always encode
	}
	return fmt.Appendf(nil, "event: counts\ndata: %s\n\n", text)
}

// serve answers with a stream of counts: all at first, then those that change.
func (l *live) serve(w http.ResponseWriter, r *http.Request, ids []int64) error {
	counts, _, err := l.look(r.Context(), ids, l.s.trusts())
	if err != nil {
		return err
	}
	one := &watcher{ids: slices.Clone(ids), shown: counts, again: l.s.now()} // something may have changed meanwhile
	return l.s.host.Desk().Feed.Open(w, r, frame(counts), func(c *core.Listener) {
		one.listener = c
		l.mu.Lock()
		on := l.watchers != nil
		if on {
			l.watchers[one] = true
		}
		l.mu.Unlock()
		if !on { // switched off meanwhile
			c.End()
		}
	})
}
