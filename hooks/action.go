package hooks

// Action is the three points of one thing that can be done: D is the draft that
// may still be changed, E what was stored.
type Action[D, E any] struct {
	Before Before[D]
	Within Within[E]
	After  After[E]
}

// Declare names and documents all three points. With the name "ticket.create"
// they become ticket.create.before, ticket.create.within and, under the name that
// is given for it, the event. OnFailure, Timeout and Writable are for the Before;
// the others may be declared once more to give them a Timeout or a Doc of their
// own.
func (a *Action[D, E]) Declare(p Point, event string) {
	first, second := p, Point{Name: p.Name, Doc: p.Doc}
	if p.Name != "" { // an action without a name is for Check to report
		first.Name += ".before"
		second.Name += ".within"
	}
	a.Before.Declare(first)
	a.Within.Declare(second)
	a.After.Declare(Point{Name: event, Doc: p.Doc, Transient: p.Transient})
}
