package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
)

// layer is one owner's middleware around all rows.
type layer struct {
	owner *Owner
	on    http.Handler          // the middleware around what is inside
	inner atomic.Pointer[layer] // nil: the row itself
}

type routeKey struct{}

func withRoute(r *http.Request, rt *Route) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), routeKey{}, rt))
}

// RouteFrom is the row that a request is on its way to, for middleware of
// Owner.Use; elsewhere it is nil.
func RouteFrom(ctx context.Context) *Route {
	rt, _ := ctx.Value(routeKey{}).(*Route) // absent: nil, as promised
	return rt
}

// Use puts middleware around every row of the table, those of other owners
// and of the core as well, outside of the check who is calling. The first
// registered is the outermost. While the owner is off, it rests. When it
// panics, the caller sees "internal error" and the log names the owner.
func (o *Owner) Use(middleware func(http.Handler) http.Handler) {
	l := &layer{owner: o}
	if err := l.wrap(middleware); err != nil {
		o.wrong(fmt.Errorf("plugin %s: middleware: %w", o.ID, err))
		return
	}
	o.table.mu.Lock()
	defer o.table.mu.Unlock()
	if !o.gone {
		o.table.layers = append(o.table.layers, l)
		o.table.relink()
	}
}

func (l *layer) wrap(middleware func(http.Handler) http.Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if l.on = middleware(http.HandlerFunc(l.next)); l.on == nil {
		return errors.New("it returned no handler")
	}
	return nil
}

func (l *layer) next(w http.ResponseWriter, r *http.Request) {
	if inner := l.inner.Load(); inner != nil {
		inner.ServeHTTP(w, r)
		return
	}
	rt := RouteFrom(r.Context())
	if rt == nil {
		panic("middleware has dropped the context of the request")
	}
	rt.serve(w, r)
}

func (l *layer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.owner.off.Load() {
		l.next(w, r)
		return
	}
	t := track(w)
	defer func() {
		if p := recover(); p != nil {
			l.blame(r).panicked(t, r, p)
		}
	}()
	l.on.ServeHTTP(t, r)
}

// blame is the row of r as if it were the layer's owner's own.
func (l *layer) blame(r *http.Request) *Route {
	rt := RouteFrom(r.Context())
	return &Route{Method: rt.Method, Path: rt.Path, Owner: l.owner.ID, table: rt.table, owner: l.owner}
}

// relink joins the layers, outermost first. The caller holds t.mu.
func (t *Table) relink() {
	var inner *layer
	for _, l := range slices.Backward(t.layers) {
		l.inner.Store(inner)
		inner = l
	}
	t.first.Store(inner)
}
