package hooks

import (
	"context"
	"reflect"
)

// Before runs while nothing is written and no transaction is open. Its handlers
// may change the value, take their time within the deadline, talk to other
// services, and refuse with Veto.
//
// What a malfunction does is for the point, the handler and the operator to say:
// see OnFailure. With Skip the value is put back as it was before the handler
// touched it, by assigning a copy taken beforehand: the one that a method
// Clone() T of T or *T makes, or else a shallow one. A shallow copy gives back
// every field, yet not what was changed behind a pointer, in a map, or in the
// elements of a slice; so a T that holds any of these wants a Clone.
//
// The zero value works, but has no name to be known by: see Declare.
type Before[T any] struct {
	list[func(context.Context, *T) error]
}

// Add attaches a handler until remove is called or the owner is disabled; remove
// may be called more than once. The handler is known as "plugin.name", and Add
// panics when the point has a handler of that name already, when the name is
// empty or holds a space or an @, when fn is nil, and on an option that other
// kinds of hook understand but this one does not.
func (b *Before[T]) Add(by Owner, name string, fn func(context.Context, *T) error, o ...Option) (remove func()) {
	return b.add(before, by, name, fn, o)
}

// Run calls the handlers until one refuses. It returns nil, a [*Vetoed], the
// [*Failure] of a handler that must not be skipped, or ctx.Err() when the
// caller's own context has ended. After an error *v is of no more use.
func (b *Before[T]) Run(ctx context.Context, v *T) error {
	for _, h := range b.handlers() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := runBefore(ctx, h, v); err != nil {
			return err
		}
	}
	return nil
}

func runBefore[T any](ctx context.Context, h *handler[func(context.Context, *T) error], v *T) error {
	if h.onFailure != Skip {
		return h.invoke(ctx, func(ctx context.Context) error { return h.fn(ctx, v) })
	}
	err := undoable(ctx, h, v)
	if _, broken := err.(*Failure); broken { //nolint:errorlint // a failure further down belongs to another point
		return nil
	}
	return err
}

// Kind is "before".
func (b *Before[T]) Kind() string { return string(before) }

// PayloadType is T.
func (b *Before[T]) PayloadType() reflect.Type { return reflect.TypeFor[T]() }

func (b *Before[T]) tap(by Owner, name string, see func(context.Context, any), o []Option) func() {
	return b.Add(by, name, func(ctx context.Context, v *T) error { see(ctx, clone(v)); return nil }, o...)
}
