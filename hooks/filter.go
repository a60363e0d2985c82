package hooks

import (
	"context"
	"reflect"
)

// Filter runs while a value is being built that others will see: a list, a page,
// a mail. It cannot fail: a handler that returns an error, panics or misses its
// deadline is counted as failed and its changes are dropped, by the same copy that
// a skipped handler of a [Before] is undone with; give T a Clone() T if it holds
// maps, slices or pointers.
//
// Dropping changes is wrong where a handler takes something away for safety's
// sake; such a point is a Before with Abort.
type Filter[T any] struct {
	list[func(context.Context, *T) error]
}

// Add attaches a handler until remove is called or the owner is disabled; remove
// may be called more than once. It panics as the Add of [Before] does.
func (f *Filter[T]) Add(by Owner, name string, fn func(context.Context, *T) error, o ...Option) (remove func()) {
	return f.add(filter, by, name, fn, o)
}

// Run passes *v through all handlers, also when ctx has ended.
func (f *Filter[T]) Run(ctx context.Context, v *T) {
	for _, h := range f.handlers() {
		_ = undoable(ctx, h, v) // recorded with the handler; the others go on
	}
}

// Kind is "filter".
func (f *Filter[T]) Kind() string { return string(filter) }

// PayloadType is T.
func (f *Filter[T]) PayloadType() reflect.Type { return reflect.TypeFor[T]() }

func (f *Filter[T]) tap(by Owner, name string, see func(context.Context, any), o []Option) func() {
	return f.Add(by, name, func(ctx context.Context, v *T) error { see(ctx, clone(v)); return nil }, o...)
}
