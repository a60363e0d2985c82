package core

import (
	"context"
	"math/rand/v2"
	"time"
)

// ParkedEvent is an event that a handler failed on, or one that waits in its
// ticket's lane behind such a one.
type ParkedEvent struct {
	ID        int64  `json:"id"`
	Consumer  string `json:"handler" doc:"plugin.handler@event"`
	Seq       int64  `json:"-"`
	EventID   int64  `json:"event_id"`
	Lane      int64  `json:"-"`
	Attempts  int    `json:"attempts" doc:"0: it waits behind another of its ticket"`
	NextAt    *Time  `json:"next_at" doc:"of the next attempt; null: it waits behind another, or for an admin"`
	LastError string `json:"last_error"`
	ParkedAt  Time   `json:"parked_at"`
}

func (ParkedEvent) table() string { return "parked_events" }

// backoff is the pause behind so many failures: doubled each time, give or take
// a fifth, so that those who failed together do not come back together.
func backoff(failures int) time.Duration {
	d := min(firstRetry<<min(failures-1, 20), lastRetry)
	return d*4/5 + rand.N(d*2/5)
}

func (t *term) now() Time { return TimeOf(t.r.clock.Now()) }

// recall reads which lanes are parked, and what of them lies ahead of the cursor.
func (t *term) recall(ctx context.Context) error {
	q := Query{Where: []Cond{Is("consumer", t.c.Name())}, Order: []Order{{Column: "seq"}}, Limit: batchSize}
	for {
		rows, err := find[ParkedEvent](ctx, t.r.d.store, q)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, p := range rows {
			t.blocked[p.Lane] = true
			if p.Seq > t.cursor.Load() {
				t.ahead[p.Seq] = true
			}
		}
		q.After = []any{rows[len(rows)-1].Seq}
	}
}

// fenced runs fn in a transaction that holds the lease.
func (t *term) fenced(ctx context.Context, fn func(context.Context) error) error {
	return t.r.d.store.Tx(context.WithoutCancel(ctx), func(ctx context.Context) error {
		if err := prove[consumer](ctx, t.r.d.store, t.c.Name(), t.token); err != nil {
			return err
		}
		return fn(ctx)
	})
}

// park writes items, in order, behind what their lanes hold; cause is why the
// first one failed, nil when all of them merely wait.
func (t *term) park(ctx context.Context, items []*item, cause error) error {
	if len(items) == 0 {
		return nil
	}
	err := t.fenced(ctx, func(ctx context.Context) error {
		for i, it := range items {
			row := ParkedEvent{Consumer: t.c.Name(), Seq: it.seq, EventID: it.ID, Lane: it.lane, ParkedAt: t.now()}
			if i == 0 && cause != nil {
				next := TimeOf(t.r.clock.Now().Add(backoff(1)))
				row.Attempts, row.NextAt, row.LastError = 1, &next, errorText(cause)
			} else if _, held, err := t.head(ctx, it.lane); err != nil {
				return err
			} else if now := t.now(); !held { // an admin dropped what it would wait for
				row.NextAt = &now
			}
			if err := t.r.d.store.Insert(ctx, &row); err != nil {
				return err
			}
		}
		return nil
	})
	for _, it := range items {
		it.done = err == nil
	}
	return err
}

func errorText(err error) string {
	const most = 2000
	text := err.Error()
	return text[:min(len(text), most)]
}

// head is the first parked event of a lane.
func (t *term) head(ctx context.Context, lane int64) (ParkedEvent, bool, error) {
	return first[ParkedEvent](ctx, t.r.d.store, Query{
		Where: []Cond{Is("consumer", t.c.Name()), Is("lane", lane)}, Order: []Order{{Column: "seq"}},
	})
}

// takeDue queues the parked heads whose time has come.
func (t *term) takeDue(ctx context.Context) error {
	now := t.r.clock.Now()
	if len(t.blocked) == 0 || now.Before(t.look) {
		return nil
	}
	t.look = now.Add(lookEvery)
	rows, err := find[ParkedEvent](ctx, t.r.d.store, Query{
		Where: []Cond{Is("consumer", t.c.Name()), {Column: "next_at", Op: NotNull}, Where("next_at", LessOrEqual, t.now())},
		Order: []Order{{Column: "next_at"}}, Limit: 64,
	})
	for _, p := range rows {
		if len(t.lanes[p.Lane]) > 0 || err != nil {
			continue // at work already
		}
		var e Event
		if e, err = byID[Event](ctx, t.r.d.store, "event", p.EventID); err == nil {
			t.queue(&item{placed: placed{p.Seq, e}, lane: p.Lane, attempts: p.Attempts, parked: &p})
		} else if KindOf(err) == NotFound {
			err = nil // purged since, and its row with it
		}
	}
	return err
}

// settle books the result of a parked event: out, and the next of its lane is
// due; or later; or, after the last attempt, by an admin's hand.
func (t *term) settle(ctx context.Context, r result) error {
	t.look = time.Time{}
	p := r.it.parked
	return t.fenced(ctx, func(ctx context.Context) error {
		if r.err == nil {
			more, err := unpark(ctx, t.r.d, *p)
			if err == nil && !more {
				delete(t.blocked, p.Lane)
			}
			return err
		}
		var next *Time
		if p.Attempts+1 < maxAttempts {
			at := TimeOf(t.r.clock.Now().Add(backoff(p.Attempts + 1)))
			next = &at
		}
		_, err := update[ParkedEvent](ctx, t.r.d.store, []Assign{Add("attempts", 1), Set("next_at", next), Set("last_error", errorText(r.err))}, Is("id", p.ID))
		return err
	})
}

// unpark takes an event out and makes the next of its lane due. more tells
// whether there is one. The consumer's row must be locked.
func unpark(ctx context.Context, d *Desk, p ParkedEvent) (more bool, err error) {
	if _, err := d.store.Delete(ctx, &ParkedEvent{}, Is("id", p.ID)); err != nil {
		return true, err
	}
	next, more, err := first[ParkedEvent](ctx, d.store, Query{
		Where: []Cond{Is("consumer", p.Consumer), Is("lane", p.Lane)}, Order: []Order{{Column: "seq"}},
	})
	if err != nil || !more {
		return more, err
	}
	_, err = update[ParkedEvent](ctx, d.store, []Assign{Set("next_at", p.ParkedAt)}, Is("id", next.ID))
	return true, err
}
