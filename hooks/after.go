package hooks

import (
	"context"
	"reflect"
)

// After runs once a change is committed. Its point's name is the event's name.
//
// It is durable: the change is written to a log, the log delivers to the Consumers
// at least once, and a handler that fails is offered the event again later. So a
// handler must bear to see an event twice. A point declared Transient has no log
// behind it and no consumers; its owner calls Run.
type After[T any] struct {
	list[func(context.Context, Event[T]) error]
}

// Listener is an After whatever its payload: what the log must know of it.
type Listener interface {
	Point() Point
	// Consumers are the handlers as they stand, in order; none at a transient point.
	Consumers() []Consumer
	// OnChange sets what is called after a handler was added or removed.
	OnChange(func())
}

// Consumer is one handler of an After, as the log sees it.
type Consumer interface {
	// Name is "plugin.handler@event", the same in each run of the program.
	Name() string
	// Plugin is the id of the owner.
	Plugin() string
	// Event is the name of the events to deliver.
	Event() string
	// FromStart tells whether a consumer the log has never seen before wants the
	// events that are already kept.
	FromStart() bool
	// Deliver hands over one event. An error asks for another attempt later: a
	// [*Failure], or ctx.Err() or [ErrRemoved], of which neither is an attempt.
	Deliver(context.Context, Envelope) error
}

// Add attaches a handler until remove is called or the owner is disabled; remove
// may be called more than once. The name is the handler's identity in the log:
// one that is renamed is a new one. It panics as the Add of [Before] does.
func (a *After[T]) Add(by Owner, name string, fn func(context.Context, Event[T]) error, o ...Option) (remove func()) {
	return a.add(after, by, name, fn, o)
}

// Run calls every handler at once, in order, past the log and therefore without a
// second attempt: it is for transient points. Failures are recorded with their
// handler and go no further. Each handler gets its own copy of the data, as deep
// as its Clone.
func (a *After[T]) Run(ctx context.Context, e Event[T]) {
	for _, h := range a.handlers() {
		_ = runAfter(ctx, h, e) // recorded with the handler; the others go on
	}
}

func runAfter[T any](ctx context.Context, h *handler[func(context.Context, Event[T]) error], e Event[T]) error {
	return h.invoke(ctx, func(ctx context.Context) error {
		own := e
		own.Data = clone(&e.Data)
		return h.fn(ctx, own)
	})
}

// Consumers are the handlers as they stand, in order; none at a transient point.
func (a *After[T]) Consumers() []Consumer {
	if a.Point().Transient {
		return nil
	}
	hs := a.handlers()
	consumers := make([]Consumer, len(hs))
	for i, h := range hs {
		consumers[i] = &consumer[T]{point: a, entry: h.entry}
	}
	return consumers
}

// OnChange sets what is called, on the goroutine of Add or remove and without any
// lock, after a handler was added or removed. There is one such function; nil
// takes it away.
func (a *After[T]) OnChange(fn func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changed = fn
}

// Kind is "after".
func (a *After[T]) Kind() string { return string(after) }

// PayloadType is T, which an Event wraps.
func (a *After[T]) PayloadType() reflect.Type { return reflect.TypeFor[T]() }

func (a *After[T]) tap(by Owner, name string, see func(context.Context, any), o []Option) func() {
	return a.Add(by, name, func(ctx context.Context, e Event[T]) error { see(ctx, clone(&e.Data)); return nil }, o...)
}

type consumer[T any] struct {
	point *After[T]
	entry entry
}

func (c *consumer[T]) Name() string    { return c.entry.name + "@" + c.entry.point }
func (c *consumer[T]) Plugin() string  { return c.entry.plugin }
func (c *consumer[T]) Event() string   { return c.entry.point }
func (c *consumer[T]) FromStart() bool { return c.entry.fromStart }

func (c *consumer[T]) Deliver(ctx context.Context, env Envelope) error {
	h := c.point.find(c.entry.seq)
	if h == nil {
		return ErrRemoved
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return h.invoke(ctx, func(ctx context.Context) error {
		if h.raw != nil {
			return h.raw(ctx, env)
		}
		e, err := open[T](env)
		if err != nil {
			return err
		}
		return h.fn(ctx, e)
	})
}
