package hooks

import (
	"context"
	"reflect"

	"gorm.io/gorm"
)

// Within runs inside the transaction that makes a change, so that what its
// handlers write stands or falls with it. A handler writes through the tx it is
// given and leaves commit and rollback alone; it calls nobody outside, since a
// row is locked while it thinks. It is told of the change by *T, which it may
// amend for those after it.
type Within[T any] struct {
	list[func(context.Context, *gorm.DB, *T) error]
}

// Add attaches a handler until remove is called or the owner is disabled; remove
// may be called more than once. It panics as the Add of [Before] does.
func (w *Within[T]) Add(by Owner, name string, fn func(context.Context, *gorm.DB, *T) error, o ...Option) (remove func()) {
	return w.add(within, by, name, fn, o)
}

// Run calls the handlers and stops at the first error, upon which the caller must
// roll back. It returns nil, a [*Vetoed], a [*Failure], or ctx.Err() when the
// caller's own context has ended. A handler with a deadline is given a tx whose
// statements end with it.
func (w *Within[T]) Run(ctx context.Context, tx *gorm.DB, v *T) error {
	for _, h := range w.handlers() {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := h.invoke(ctx, func(ctx context.Context) error {
			return h.fn(ctx, h.own(ctx, tx), v)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Transacted is an Owner with tables of its own: its handlers are given the
// transaction as Scope returns it, so that their models map to them.
type Transacted interface {
	Scope(ctx context.Context, tx *gorm.DB) *gorm.DB
}

// own is the transaction as the handler is given it.
func (e *entry) own(ctx context.Context, tx *gorm.DB) *gorm.DB {
	switch {
	case tx == nil:
		return nil
	case e.scope != nil:
		return e.scope(ctx, tx)
	case e.timeout > 0:
		return tx.WithContext(ctx)
	}
	return tx
}

// Kind is "within".
func (w *Within[T]) Kind() string { return string(within) }

// PayloadType is T.
func (w *Within[T]) PayloadType() reflect.Type { return reflect.TypeFor[T]() }

func (w *Within[T]) tap(by Owner, name string, see func(context.Context, any), o []Option) func() {
	return w.Add(by, name, func(ctx context.Context, _ *gorm.DB, v *T) error { see(ctx, clone(v)); return nil }, o...)
}
