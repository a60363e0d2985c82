package hooks

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"
)

// kind is one of the four.
type kind string

const (
	before kind = "before"
	within kind = "within"
	after  kind = "after"
	filter kind = "filter"
)

// entry is all of a handler except its function, so that nothing below it is
// generic.
type entry struct {
	kind   kind
	point  string
	name   string // "sla.pick-policy"
	plugin string
	rank   int
	seq    int // of registration; tells handlers of a point apart for good
	asked  []Option
	stats  *stats
	busy   *atomic.Int64                            // of the owner
	scope  func(context.Context, *gorm.DB) *gorm.DB // of a Transacted owner
	failed func(context.Context, *Failure)          // of a Watchful owner
	settings
}

// settle works out the settings: the operator's word over the author's over the
// point's.
func (e *entry) settle(p Point, operator []Option) {
	e.point = p.Name
	e.settings = settings{timeout: p.Timeout, onFailure: p.OnFailure}
	for _, o := range slices.Concat(e.asked, operator) {
		o(&e.settings)
	}
}

type handler[F any] struct {
	entry
	fn F
}

// list is what the four kinds have in common. Its handlers are never changed once
// they are published: dispatch reads them without a lock.
type list[F any] struct {
	published atomic.Pointer[[]*handler[F]]

	mu        sync.Mutex
	point     Point
	seq       int
	overrides map[string][]Option
	changed   func()
}

// handlers is the list as it stands; it must not be changed.
func (l *list[F]) handlers() []*handler[F] {
	if p := l.published.Load(); p != nil {
		return *p
	}
	return nil
}

// Declare names and documents the point. It may be called again to say more.
func (l *list[F]) Declare(p Point) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.point = p
	l.publish(l.handlers())
}

// Point is what was declared.
func (l *list[F]) Point() Point {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.point
	p.Writable = slices.Clone(p.Writable)
	return p
}

// Override is the operator's word on one handler, named as "plugin.handler": its
// options win over the author's, now and whenever a handler of that name is
// added. Without options it takes the former word back. IfBroken matters at a
// Before and FromStart at an After; elsewhere they are ignored.
func (l *list[F]) Override(handler string, options ...Option) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.overrides == nil {
		l.overrides = map[string][]Option{}
	}
	l.overrides[handler] = slices.Clone(options)
	l.publish(l.handlers())
}

// Handlers is a snapshot of who is attached, in the order they run, with
// statistics since they were added.
func (l *list[F]) Handlers() []HandlerInfo {
	hs := l.handlers()
	infos := make([]HandlerInfo, len(hs))
	for i, h := range hs {
		infos[i] = h.info()
	}
	return infos
}

// add attaches fn until remove is called or its owner is disabled.
func (l *list[F]) add(k kind, by Owner, name string, fn F, options []Option) (remove func()) {
	e := newEntry(k, by, name, options)
	if reflect.ValueOf(fn).IsNil() {
		panic(fmt.Sprintf("hooks: handler %s has no function", e.name))
	}
	seq := l.insert(&handler[F]{entry: e, fn: fn})
	l.notify()
	remove = func() {
		if l.drop(seq) {
			l.notify()
		}
	}
	by.OnDisable(remove)
	return remove
}

// newEntry panics, with a sentence for the plugin's author, on whatever Add
// cannot accept.
func newEntry(k kind, by Owner, name string, options []Option) entry {
	if by == nil {
		panic(fmt.Sprintf("hooks: handler %q has no owner", name))
	}
	e := entry{kind: k, name: by.PluginID() + "." + name, plugin: by.PluginID(), rank: by.Rank(),
		asked: slices.Clone(options), stats: &stats{}, busy: &atomic.Int64{}}
	if c, ok := by.(Counted); ok {
		e.busy = c.InFlight()
	}
	if w, ok := by.(Watchful); ok {
		e.failed = w.HandlerFailed
	}
	if t, ok := by.(Transacted); ok {
		e.scope = t.Scope
	}
	if e.plugin == "" {
		panic(fmt.Sprintf("hooks: the owner of handler %q has no id", name))
	}
	if name == "" || strings.ContainsAny(name, "@ \t\r\n") {
		panic(fmt.Sprintf("hooks: plugin %s: %q is no name for a handler; it must not be empty or hold spaces or @", e.plugin, name))
	}
	e.settle(Point{}, nil)
	if e.chosen && k != before {
		panic(fmt.Sprintf("hooks: handler %s: IfBroken has no meaning at a hook of kind %s", e.name, k))
	}
	if e.fromStart && k != after {
		panic(fmt.Sprintf("hooks: handler %s: FromStart has no meaning at a hook of kind %s", e.name, k))
	}
	return e
}

func (l *list[F]) insert(h *handler[F]) (seq int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.handlers()
	for _, other := range old {
		if other.name == h.name {
			panic(fmt.Sprintf("hooks: %s already has a handler named %s", cmp.Or(l.point.Name, "an undeclared point"), h.name))
		}
	}
	l.seq++
	h.seq = l.seq
	l.publish(append(slices.Clone(old), h))
	return h.seq
}

// drop reports whether the handler was still there.
func (l *list[F]) drop(seq int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.handlers()
	rest := slices.DeleteFunc(slices.Clone(old), func(h *handler[F]) bool { return h.seq == seq })
	l.publish(rest)
	return len(rest) < len(old)
}

// publish settles and sorts copies of hs; the lock is held.
func (l *list[F]) publish(hs []*handler[F]) {
	next := make([]*handler[F], len(hs))
	for i, h := range hs {
		settled := *h
		settled.settle(l.point, l.overrides[h.name])
		next[i] = &settled
	}
	slices.SortFunc(next, func(a, b *handler[F]) int {
		return cmp.Or(cmp.Compare(a.slot, b.slot), cmp.Compare(a.rank, b.rank), cmp.Compare(a.seq, b.seq))
	})
	l.published.Store(&next)
}

// find gives the handler as it is now, or nil once it was removed.
func (l *list[F]) find(seq int) *handler[F] {
	for _, h := range l.handlers() {
		if h.seq == seq {
			return h
		}
	}
	return nil
}

// notify calls what OnChange was given, without the lock, so it may look around.
func (l *list[F]) notify() {
	l.mu.Lock()
	changed := l.changed
	l.mu.Unlock()
	if changed != nil {
		changed()
	}
}
