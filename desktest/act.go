package desktest

import (
	"context"
	"fmt"

	"github.com/hookdesk/hookdesk/core"
)

// As is a context in which who acts, for calls of the desk's services.
func (d *Desk) As(who Who) context.Context {
	d.t.Helper()
	a, err := d.ActorOf(context.Background(), who.Identity)
	if err != nil {
		d.t.Fatal(err)
	}
	return core.As(context.Background(), a)
}

// PersonID is the id of who's row among the people; 0 for Anonymous.
func (d *Desk) PersonID(who Who) int64 {
	d.t.Helper()
	return core.ActorFrom(d.As(who)).Person.ID
}

// Ticket makes a ticket of who's. Each has a subject of its own.
func (d *Desk) Ticket(who Who) core.Ticket {
	d.t.Helper()
	d.tickets++
	t, err := d.Tickets.Create(d.As(who), core.TicketDraft{
		Subject: fmt.Sprintf("Ticket %d", d.tickets), Body: "It does not work.", Priority: core.Medium,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return t
}

// Events reads a ticket's events from the log, oldest first; for 0 all that
// there are.
func (d *Desk) Events(ticket int64) []core.Event {
	d.t.Helper()
	var events []core.Event
	q := d.DB.Table(d.Config.TablePrefix + "events").Order("id")
	if ticket != 0 {
		q = q.Where("ticket_id = ?", ticket)
	}
	if err := q.Find(&events).Error; err != nil {
		d.t.Fatal(err)
	}
	return events
}

// Settle waits until every After handler has taken all that has happened, also
// what handlers did meanwhile. It fails the test when that takes 10 seconds.
func (d *Desk) Settle() {
	d.t.Helper()
	if !eventually(d.settled) {
		d.t.Fatalf("the events were not taken within %v: a handler fails or hangs: %v", patience, d.Errors())
	}
}

// settled is true when nothing has happened since a moment at which all was taken.
func (d *Desk) settled() bool {
	before := d.lastEvent()
	done, err := d.Settled(context.Background())
	if err != nil {
		d.t.Fatal(err)
	}
	return done && d.lastEvent() == before
}

func (d *Desk) lastEvent() (id int64) {
	if err := d.DB.Table(d.Config.TablePrefix + "events").Select("coalesce(max(id), 0)").Scan(&id).Error; err != nil {
		d.t.Fatal(err)
	}
	return id
}
