package core

import "context"

// Touch brings a ticket to its agents' attention without a change of a field:
// updated_at becomes now, which puts it on top of their lists, and its requester
// sees nothing of it. It returns the ticket as it is now. Agents only; a ticket
// that the actor does not see is NotFound.
//
// In a transaction (see Host.Change) it also locks the ticket, which keeps the
// events of a ticket in order. A plugin therefore touches it before it writes
// rows of its own and calls Perform, unless it runs in a Within of that ticket.
func (s Tickets) Touch(ctx context.Context, id int64) (t Ticket, err error) {
	a := ActorFrom(ctx)
	if !a.IsAgent() {
		return t, Errorf(Forbidden, "only agents touch tickets")
	}
	err = s.d.store.Tx(ctx, func(ctx context.Context) error {
		t, err = s.write(ctx, id, []Assign{Set("updated_at", s.d.now())})
		if err == nil && !s.d.scope(a).Sees(ctx, t) {
			err = notFound("ticket", id)
		}
		return err
	})
	return t, err
}
