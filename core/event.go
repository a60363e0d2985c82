package core

import (
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/hooks"
)

// Audience says who may read of an event, among those who see its ticket.
type Audience int8

// The audiences.
const (
	Everybody Audience = iota
	AgentsOnly
	AdminsOnly
)

// Event is one thing that happened: written in the transaction of the change
// it tells of, and never updated. It is the ticket's activity, the outbox of
// the After hooks and the audit trail.
type Event struct {
	ID        int64
	TicketID  *int64
	Type      string
	Audience  Audience
	Actor     string // JSON of hooks.Actor
	Cause     int64  // the event that a plugin reacted to; 0: none
	Depth     int    // of the chain of causes
	Payload   string // JSON
	CreatedAt Time
}

// eventSeq is an event's place in the log of a Store whose ids do not become
// visible in order.
type eventSeq struct {
	Seq     int64
	EventID int64
}

// record writes the event of one action and runs the Within handlers. The
// caller has locked the ticket's row, by changing it, which is what keeps the
// events of a ticket in order.
func record[D, E any](ctx context.Context, d *Desk, a *hooks.Action[D, E], ticket int64, to Audience, data *E) error {
	if err := d.writeEvent(ctx, a.After.Point().Name, ticket, to, data); err != nil {
		return err
	}
	if len(a.Within.Handlers()) == 0 {
		return nil
	}
	return a.Within.Run(ctx, d.tx(ctx), data)
}

// writeEvent adds to the log, in the transaction of ctx.
func (d *Desk) writeEvent(ctx context.Context, name string, ticket int64, to Audience, data any) error {
	who := ActorFrom(ctx)
	if who.depth > maxDepth {
		return fmt.Errorf("plugin %s reacts to event %d: %w", who.Plugin, who.cause, errChain)
	}
	payload, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("event %s: %w", name, err)
	}
	actor, err := json.Marshal(who.hooked())
	if err != nil {
		return fmt.Errorf("event %s: %w", name, err)
	}
	e := Event{
		Type: name, Audience: to, Actor: string(actor), Cause: who.cause, Depth: who.depth, Payload: string(payload), CreatedAt: d.now(),
	}
	if ticket != 0 {
		e.TicketID = &ticket
	}
	if err := d.store.Insert(ctx, &e); err != nil {
		return fmt.Errorf("event %s: %w", name, err)
	}
	noteReceipt(ctx, e.ID)
	return nil
}

// tx is the transaction of ctx for handlers that write rows of their own. A
// desk on a foreign Store has none, and refuses such handlers at the start.
func (d *Desk) tx(ctx context.Context) *gorm.DB {
	if tx := txFrom(ctx); tx != nil {
		return tx.WithContext(ctx)
	}
	return d.config.DB.WithContext(ctx)
}

// maxDepth is how long a chain of changes may grow in which plugins react to
// one another.
const maxDepth = 8

// errChain stops plugins that drive each other round in a circle.
var errChain = fmt.Errorf("the end of a chain of %d changes that plugins made: cut", maxDepth)

// envelope is the event as After handlers get it.
func (e Event) envelope(attempt int) (hooks.Envelope, error) {
	out := hooks.Envelope{
		ID: e.ID, Name: e.Type, Key: "event:" + itoa(e.ID), At: e.CreatedAt.Time, Cause: e.Cause, Attempt: attempt,
		Data: json.RawMessage(e.Payload),
	}
	if e.TicketID != nil {
		out.Key = "ticket:" + itoa(*e.TicketID)
	}
	if err := json.Unmarshal([]byte(e.Actor), &out.Actor); err != nil {
		return out, fmt.Errorf("event %d: actor: %w", e.ID, err)
	}
	return out, nil
}

func (eventSeq) table() string { return "event_seq" }
