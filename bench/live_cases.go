package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

type added = hooks.Event[core.ReplyAdded]

// stream is one browser: each frame with something in it is told with its time.
type stream struct {
	frames chan time.Time
	stop   context.CancelFunc
}

func listen(ctx context.Context, url string) (*stream, error) {
	ctx, stop := context.WithCancel(ctx)
	s := &stream{make(chan time.Time, 1000), stop}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/events", http.NoBody)
	if err != nil {
		stop()
		return nil, err
	}
	r.Header.Set(userHeader, "browser")
	r.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(r) //nolint:bodyclose // by the goroutine below
	if err != nil {
		stop()
		return nil, err
	}
	go func() {
		defer res.Body.Close()
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "data:") {
				s.frames <- time.Now()
			}
		}
	}()
	return s, nil
}

// arrivals measures from the return of a write, which has just been committed, to
// the arrival of its event.
func (o options) arrivals(ctx context.Context, from, at *live) (float64, error) {
	s, err := listen(ctx, at.url)
	if err != nil {
		return 0, err
	}
	defer s.stop()
	if _, err := from.say(ctx, 0); err != nil {
		return 0, err
	}
	var times []time.Duration
	for !quiet(s) { // the first one's frames
	}
	for range min(o.rounds, 300) {
		if _, err := from.say(ctx, 0); err != nil {
			return 0, err
		}
		start := time.Now()
		select {
		case at := <-s.frames:
			times = append(times, max(0, at.Sub(start)))
		case <-time.After(5 * time.Second):
			return 0, errors.New("no event came")
		}
		for !quiet(s) { // what else the reply led to
		}
	}
	return median(times), nil
}

// quiet waits for a further frame and reports whether none came.
func quiet(s *stream) bool {
	select {
	case <-s.frames:
		return false
	case <-time.After(10 * time.Millisecond):
		return true
	}
}

func (o options) toStream(ctx context.Context, dsn string) (r result, err error) {
	l, err := startLive(ctx, dsn)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	took, err := o.arrivals(ctx, l, l)
	return result{desk: took, most: 3e6, unit: milliseconds}, err
}

// toStreamBeside has the desk that commits and the one that tells apart, each
// with connections of its own. On SQLite there is nobody who would wake the other.
func (o options) toStreamBeside(ctx context.Context, dsn string) (r result, err error) {
	if strings.HasPrefix(dsn, "sqlite:") {
		return r, nil
	}
	var pair [2]*live
	defer func() { err = errors.Join(err, closeLive(pair)) }()
	for i := range pair {
		if pair[i], err = startLive(ctx, dsn); err != nil {
			return r, err
		}
	}
	took, err := o.arrivals(ctx, pair[0], pair[1])
	return result{desk: took, most: 10e6, unit: milliseconds}, err
}

// backlog is how many events wait.
const backlog = 30_000

func (o options) relay(ctx context.Context, dsn string) (r result, err error) {
	var heard atomic.Int64
	l, err := openLive(ctx, dsn, core.Inline("ear", func(h core.Host) error {
		h.Hooks().Ticket.Update.After.Add(h, "hear", func(context.Context, hooks.Event[core.TicketChanged]) error { heard.Add(1); return nil })
		return nil
	}))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if _, err := l.say(ctx, 0); err != nil {
		return r, err
	}
	high := core.High // a change that the search has no use for
	if _, err := l.Tickets.Update(l.agent, l.ticket, core.TicketPatch{Priority: &high}); err != nil {
		return r, err
	}
	size := min(backlog, o.rounds*100)
	if err := repeatNewest(l.db, size); err != nil {
		return r, err
	}
	start := time.Now()
	if err := l.start(ctx); err != nil {
		return r, err
	}
	for heard.Load() < int64(size)+1 {
		if !rest(ctx, time.Millisecond) || time.Since(start) > 5*time.Minute {
			return r, fmt.Errorf("%d of %d events were handled", heard.Load(), size)
		}
	}
	return result{desk: float64(time.Since(start).Nanoseconds()) / float64(size), most: 100e3, unit: microseconds}, nil
}

// repeatNewest writes the newest event so often again, each for another ticket,
// as it would have been written.
func repeatNewest(db *gorm.DB, times int) error {
	const columns = "type, audience, actor, cause, depth, payload, created_at"
	err := db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO `+prefix+`events (ticket_id, `+columns+`) SELECT n.i + 1000, `+columns+` FROM n, `+prefix+`events
		WHERE id = (SELECT max(id) FROM `+prefix+`events)`, times).Error
	if err != nil || db.Name() != "postgres" {
		return err
	}
	return db.Exec("INSERT INTO " + prefix + "event_pending (event_id) SELECT id FROM " + prefix + "events WHERE ticket_id > 1000").Error
}

// fiveHandlers compares a desk with five handlers with one without, each on a
// database of its own.
func (o options) fiveHandlers(ctx context.Context, dsn string) (r result, err error) {
	bare := &desk{name: "sqlite"}
	if !strings.HasPrefix(dsn, "sqlite:") {
		bare.name = "postgres"
	}
	other, err := bare.create(bare.name)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, bare.close()) }()
	var sides [2]*live
	defer func() { err = errors.Join(err, closeLive(sides)) }()
	for i, plugins := range [][]core.Plugin{ears(5), nil} {
		if sides[i], err = startLive(ctx, []string{dsn, other}[i], plugins...); err != nil {
			return r, err
		}
	}
	return o.compare(ctx, pair{most: 1.1, desk: sides[0].say, hand: sides[1].say})
}
