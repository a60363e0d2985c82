package main

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
)

// The bugs that can be built into a desk, to see that the harness finds them.
const (
	eventOutside = "event-outside" // an event is written after the transaction of its change
	ackEarly     = "ack-early"     // the answer is sent before the commit
	noFence      = "no-fence"      // whoever has lost a lease works on
	rawCursor    = "raw-cursor"    // the log is followed by ids, which do not commit in order
)

// plants names, for each bug, the databases on which it is one.
func plants() map[string][]string {
	return map[string][]string{eventOutside: {"sqlite", "postgres"}, ackEarly: {"sqlite", "postgres"}, noFence: {"postgres"}, rawCursor: {"postgres"}}
}

// store is the desk's own Store with the bug around it; nil without a bug.
func (s spec) store(db *gorm.DB) (core.Store, error) {
	if s.Plant == "" {
		return nil, nil //nolint:nilnil // core takes its own
	}
	sound, err := core.NewStore(db, "hookdesk_")
	if err != nil {
		return nil, err
	}
	switch s.Plant {
	case eventOutside:
		return sequenced(sound, newOutside(sound)), nil
	case ackEarly:
		return sequenced(sound, early{sound}), nil
	case noFence:
		return sequenced(sound, unfenced{sound}), nil
	case rawCursor:
		return struct{ core.Store }{sound}, nil // it is no Sequencer any more
	}
	return nil, fmt.Errorf("there is no bug called %q", s.Plant)
}

// sequenced gives a wrapped Store the Sequence of the sound one, if that has one.
func sequenced(sound, wrapped core.Store) core.Store {
	if s, ok := sound.(core.Sequencer); ok {
		return struct {
			core.Store
			core.Sequencer
		}{wrapped, s}
	}
	return wrapped
}

// outside keeps events back until the transaction is over. It gives them ids of
// its own, which rise from process to process.
type outside struct {
	core.Store
	ids *atomic.Int64
}

func newOutside(sound core.Store) outside {
	s := outside{sound, &atomic.Int64{}}
	s.ids.Store(time.Now().UnixMicro())
	return s
}

type keptBack struct{}

func (s outside) Tx(ctx context.Context, fn func(context.Context) error) error {
	if ctx.Value(keptBack{}) != nil {
		return s.Store.Tx(ctx, fn)
	}
	var events []*core.Event
	if err := s.Store.Tx(context.WithValue(ctx, keptBack{}, &events), fn); err != nil {
		return err
	}
	for _, e := range events {
		if err := s.Store.Insert(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (s outside) Insert(ctx context.Context, row any) error {
	e, isEvent := row.(*core.Event)
	events, inTx := ctx.Value(keptBack{}).(*[]*core.Event)
	if isEvent && inTx {
		e.ID = s.ids.Add(1)
		*events = append(*events, e)
		return nil
	}
	return s.Store.Insert(ctx, row)
}

// early says that a transaction is committed when it is about to be.
type early struct{ core.Store }

type committing struct{}

func (s early) Tx(ctx context.Context, fn func(context.Context) error) error {
	if ctx.Value(committing{}) != nil {
		return s.Store.Tx(ctx, fn)
	}
	said := make(chan error, 1)
	go func() {
		own := context.WithValue(context.WithoutCancel(ctx), committing{}, true)
		err := s.Store.Tx(own, func(ctx context.Context) error {
			err := fn(ctx)
			said <- err
			time.Sleep(5 * time.Millisecond)
			return err
		})
		if err != nil {
			select {
			case said <- err: // it could not even begin
			default:
			}
		}
	}()
	return <-said
}

// unfenced does not look whether a lease is still held.
type unfenced struct{ core.Store }

func (s unfenced) Update(ctx context.Context, into any, set []core.Assign, where ...core.Cond) error {
	if name := core.TableOf(into).Name; name == "consumers" || name == "jobs" {
		where = slices.DeleteFunc(slices.Clone(where), func(c core.Cond) bool { return c.Column == "token" })
	}
	return s.Store.Update(ctx, into, set, where...)
}
