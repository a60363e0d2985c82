package core

import (
	"context"
	"slices"
	"strings"
)

// Deliveries is the service of the events that are on their way to After
// handlers. Admins only.
type Deliveries struct{ d *Desk }

// Delivery is how far one handler has got.
type Delivery struct {
	Handler string `json:"handler" doc:"plugin.handler@event"`
	Behind  int64  `json:"behind" doc:"places of the log that it has not seen yet"`
	Parked  bool   `json:"parked" doc:"some of its events failed: see the list of parked events"`
	Served  bool   `json:"served" doc:"by this process, at the moment"`
}

// List tells how far each handler has got, by name.
func (s Deliveries) List(ctx context.Context) ([]Delivery, error) {
	d := s.d
	if err := d.can(ctx, Administer, nil); err != nil {
		return nil, err
	}
	end, err := d.events.end(ctx)
	if err != nil {
		return nil, err
	}
	var out []Delivery
	for name := range d.relay.consumers() {
		row, _, err := first[consumer](ctx, d.store, Query{Where: []Cond{Is("name", name)}})
		if err != nil {
			return nil, err
		}
		_, parked, err := first[ParkedEvent](ctx, d.store, Query{Where: []Cond{Is("consumer", name)}})
		if err != nil {
			return nil, err
		}
		one := Delivery{Handler: name, Behind: max(0, end-row.Cursor), Parked: parked}
		if t := d.relay.term(name); t != nil {
			one.Behind, one.Served = max(0, end-t.cursor.Load()), true
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Delivery) int { return strings.Compare(a.Handler, b.Handler) })
	return out, nil
}

// Parked returns a page of the events that failed, or wait behind one that did,
// in the order in which they were parked. handler "" is all of them.
func (s Deliveries) Parked(ctx context.Context, handler string, p Page) ([]ParkedEvent, string, error) {
	if err := s.d.can(ctx, Administer, nil); err != nil {
		return nil, "", err
	}
	q := Query{Order: []Order{{Column: "id"}}, Limit: p.limit() + 1}
	if handler != "" {
		q.Where = []Cond{Is("consumer", handler)}
	}
	if p.Cursor != "" {
		last, err := p.id()
		if err != nil {
			return nil, "", err
		}
		q.After = []any{last}
	}
	rows, err := find[ParkedEvent](ctx, s.d.store, q)
	next := ""
	if len(rows) > p.limit() {
		rows = rows[:p.limit()]
		next = cursorOf(rows[len(rows)-1].ID)
	}
	return rows, next, err
}

// Retry lets a parked event be tried again now, with all its attempts. It fails
// with Conflict for one that waits behind another of its ticket.
func (s Deliveries) Retry(ctx context.Context, id int64) (ParkedEvent, error) {
	var p ParkedEvent
	err := s.change(ctx, id, func(ctx context.Context, parked ParkedEvent) error {
		if parked.Attempts == 0 && parked.NextAt == nil {
			return Errorf(Conflict, "the event waits behind another one of its ticket: retry or drop that one")
		}
		now := TimeOf(s.d.events.clock.Now())
		rows, err := update[ParkedEvent](ctx, s.d.store, []Assign{Set("attempts", 1), Set("next_at", now)}, Is("id", id))
		if len(rows) == 1 {
			p = rows[0]
		}
		return err
	})
	return p, err
}

// Drop gives a parked event up: its handler never sees it, and what waits behind
// it goes on.
func (s Deliveries) Drop(ctx context.Context, id int64) error {
	return s.change(ctx, id, func(ctx context.Context, p ParkedEvent) error {
		head, _, err := first[ParkedEvent](ctx, s.d.store, Query{
			Where: []Cond{Is("consumer", p.Consumer), Is("lane", p.Lane)}, Order: []Order{{Column: "seq"}},
		})
		if err != nil {
			return err
		}
		if head.ID != p.ID { // the head stays, and decides when the others go on
			_, err := s.d.store.Delete(ctx, &ParkedEvent{}, Is("id", p.ID))
			return err
		}
		_, err = unpark(ctx, s.d, p)
		return err
	})
}

// change runs fn with the event while nobody else touches the handler's rows.
func (s Deliveries) change(ctx context.Context, id int64, fn func(context.Context, ParkedEvent) error) error {
	if err := s.d.can(ctx, Administer, nil); err != nil {
		return err
	}
	return s.d.store.Tx(ctx, func(ctx context.Context) error {
		p, err := byID[ParkedEvent](ctx, s.d.store, "parked event", id)
		if err != nil {
			return err
		}
		if _, err := update[consumer](ctx, s.d.store, []Assign{Add("token", 0)}, Is("name", p.Consumer)); err != nil {
			return err
		}
		if p, err = byID[ParkedEvent](ctx, s.d.store, "parked event", id); err != nil {
			return err // it was taken meanwhile
		}
		return fn(ctx, p)
	})
}

// handled is an effect that has happened for an event.
type handled struct {
	EventID int64
	Name    string
}

func (handled) table() string { return "handled" }

// Once implements Host.
func (h *host) Once(ctx context.Context, event int64, name string, fn func(context.Context) error) error {
	row := handled{EventID: event, Name: h.id + "." + name}
	return h.d.change(ctx, func(ctx context.Context) error {
		_, done, err := first[handled](ctx, h.d.store, Query{Where: []Cond{Is("event_id", row.EventID), Is("name", row.Name)}})
		if err != nil || done {
			return err
		}
		if err := h.d.store.Insert(ctx, &row); err != nil {
			return err // at the same time by another process: the next delivery finds it done
		}
		return fn(ctx)
	})
}
