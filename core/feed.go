package core

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hookdesk/hookdesk/hooks"
)

// Feed is the service of what happens, as it happens: of the log, what an actor
// may see. Streams and polls are fed from it alike.
type Feed struct{ d *Desk }

// FeedItem is one event as an actor sees it.
type FeedItem struct {
	ID       int64           `json:"id" doc:"its place in the log, to go on from"`
	Type     string          `json:"type"`
	TicketID *int64          `json:"ticket_id"`
	Actor    hooks.Actor     `json:"actor"`
	At       Time            `json:"at"`
	Changes  []FieldChange   `json:"changes,omitempty"`
	Data     json.RawMessage `json:"data,omitempty" doc:"the whole event, for agents"`
}

const (
	feedPage = 100              // items of one answer
	feedScan = 4 * batchSize    // events that one answer looks at
	maxWait  = 60 * time.Second // of a poll
	maxGap   = 20 * feedScan    // events that a stream makes up for; who missed more reads all anew
)

// Read returns what the actor may see of the events behind a place, and the
// place to go on from. With nothing to see, it waits so long for something.
func (s Feed) Read(ctx context.Context, after int64, wait time.Duration) (items []FeedItem, last int64, err error) {
	if ActorFrom(ctx).Kind == Nobody {
		return nil, 0, Errorf(Unauthenticated, "sign in first")
	}
	timeout := s.d.events.clock.After(min(wait, maxWait))
	for {
		signal := s.d.events.signal()
		items, after, err = s.scan(ctx, after)
		if err != nil || len(items) > 0 || wait <= 0 {
			return items, after, err
		}
		if after < s.d.events.newest() {
			continue // there was much that is not for this actor
		}
		select {
		case <-ctx.Done():
			return nil, after, ctx.Err()
		case <-timeout:
			return nil, after, nil
		case <-signal:
		}
	}
}

// End is the place of the newest event.
func (s Feed) End(ctx context.Context) (int64, error) { return s.d.events.end(ctx) }

// scan looks at a bounded number of events.
func (s Feed) scan(ctx context.Context, after int64) (items []FeedItem, last int64, err error) {
	last = after
	watcher := s.d.watcher(ActorFrom(ctx))
	for range feedScan / batchSize {
		events, err := s.d.events.read(ctx, last, batchSize)
		if err != nil || len(events) == 0 {
			return items, last, err
		}
		shown, err := s.d.display(ctx, events)
		if err != nil {
			return items, last, err
		}
		for _, e := range shown {
			if last = e.seq; watcher.sees(ctx, e) {
				items = append(items, e.item(watcher.actor))
			}
			if len(items) == feedPage {
				return items, last, nil
			}
		}
	}
	return items, last, nil
}

// displayed is an event with its ticket as it is now, and with the two forms in
// which it is shown, each encoded once for however many look at it.
type displayed struct {
	placed
	ticket             *Ticket // nil: of no ticket, or of one that is gone
	actor              hooks.Actor
	changes            []FieldChange
	forAgents, forRest []byte
}

// display prepares a batch: one query for all tickets.
func (d *Desk) display(ctx context.Context, events []placed) ([]*displayed, error) {
	ids, err := d.ticketsOf(ctx, events)
	if err != nil {
		return nil, err
	}
	out := make([]*displayed, 0, len(events))
	for _, e := range events {
		shown := &displayed{placed: e}
		if e.TicketID != nil {
			shown.ticket = ids[*e.TicketID]
		}
		if err := shown.open(); err != nil {
			return nil, err
		}
		out = append(out, shown)
	}
	return out, nil
}

// ticketsOf are the tickets that events are of, as they are now; nil where one is
// gone.
func (d *Desk) ticketsOf(ctx context.Context, events []placed) (map[int64]*Ticket, error) {
	ids := map[int64]*Ticket{}
	var asked []int64
	for _, e := range events {
		if e.ID == 0 || e.TicketID == nil {
			continue
		}
		if _, known := ids[*e.TicketID]; !known {
			ids[*e.TicketID] = nil
			asked = append(asked, *e.TicketID)
		}
	}
	if len(asked) == 0 {
		return ids, nil
	}
	rows, err := find[Ticket](ctx, d.store, Query{Where: []Cond{Where("id", In, asked)}})
	for i := range rows {
		ids[rows[i].ID] = &rows[i]
	}
	return ids, err
}

func (e *displayed) open() error {
	if e.ID == 0 {
		return nil
	}
	envelope, err := e.envelope(0)
	if err != nil {
		return err
	}
	var changed struct {
		Changes []FieldChange `json:"changes"`
	}
	if err := json.Unmarshal(envelope.Data, &changed); err != nil {
		return err
	}
	e.actor, e.changes = envelope.Actor, changed.Changes
	return nil
}

// item is the event as the actor sees it: who is no agent is told that something
// happened, and what to read again.
func (e *displayed) item(a Actor) FeedItem {
	out := FeedItem{ID: e.seq, Type: e.Type, TicketID: e.TicketID, Actor: e.actor, At: e.CreatedAt, Changes: e.changes}
	if a.IsAgent() {
		out.Data = json.RawMessage(e.Payload)
		return out
	}
	out.Actor, out.Changes = hooks.Actor{Kind: e.actor.Kind, Name: e.actor.Name}, publicChanges(e.changes)
	return out
}

// frame is item as a stream sends it.
func (e *displayed) frame(a Actor) []byte {
	form := &e.forRest
	if a.IsAgent() {
		form = &e.forAgents
	}
	if *form == nil {
		*form = fmt.Appendf(nil, "id: %d\ndata: %s\n\n", e.seq, asJSON(e.item(a)))
	}
	return *form
}

// watcher decides what an actor sees of the log: the one place for streams and
// polls.
type watcher struct {
	actor Actor
	scope Scope
}

func (d *Desk) watcher(a Actor) watcher { return watcher{a, d.scope(a)} }

func (w watcher) sees(ctx context.Context, e *displayed) bool {
	switch {
	case e.ID == 0, e.Audience > w.audience():
		return false
	case e.TicketID == nil:
		return w.actor.IsAgent()
	}
	return e.ticket != nil && w.scope.Sees(ctx, *e.ticket)
}

// audience is the narrowest that the actor belongs to.
func (w watcher) audience() Audience {
	switch {
	case w.actor.Kind >= Admin:
		return AdminsOnly
	case w.actor.IsAgent():
		return AgentsOnly
	}
	return Everybody
}
