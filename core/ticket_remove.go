package core

import (
	"context"
	"time"

	"github.com/hookdesk/hookdesk/hooks"
)

// TicketRemoval is a ticket about to be deleted or restored.
type TicketRemoval struct {
	Ticket Ticket `json:"ticket"`
}

// TicketRemoved is the event of a deletion or restoration.
type TicketRemoved struct {
	Ticket Ticket `json:"ticket"`
}

// Delete puts a ticket into the bin: only admins see it there, and after the
// days of the setting retention_days it is purged. Admins only.
func (s Tickets) Delete(ctx context.Context, id int64) (Ticket, error) {
	return s.remove(ctx, id, &s.d.hooks.Ticket.Delete, true)
}

// Restore takes a ticket out of the bin. Admins only.
func (s Tickets) Restore(ctx context.Context, id int64) (Ticket, error) {
	return s.remove(ctx, id, &s.d.hooks.Ticket.Restore, false)
}

func (s Tickets) remove(ctx context.Context, id int64, a *hooks.Action[TicketRemoval, TicketRemoved], bin bool) (Ticket, error) {
	d, now := s.d, s.d.now()
	t, err := s.Get(ctx, id)
	if err == nil {
		err = d.can(ctx, DeleteTicket, &t)
	}
	if err != nil || (t.DeletedAt != nil) == bin {
		return t, err
	}
	if err := a.Before.Run(ctx, &TicketRemoval{t}); err != nil {
		return t, translate(err)
	}
	after := t
	if after.DeletedAt = nil; bin {
		after.DeletedAt = &now
	}
	err = d.change(ctx, func(ctx context.Context) error {
		sets := []Assign{Add("version", 1), Set("deleted_at", after.DeletedAt), Set("is_open", after.open()), Set("updated_at", now)}
		if t, err = s.write(ctx, id, sets); err != nil {
			return err
		}
		return record(ctx, d, a, id, AdminsOnly, &TicketRemoved{t})
	})
	return t, err
}

// purge removes for good what has been in the bin for longer than the
// retention: no row and no file stays behind, in core or in plugins, whose
// tables hang on the ticket.
func (s Tickets) purge(ctx context.Context) error {
	days := s.d.deskSettings().RetentionDays
	before := TimeOf(s.d.Now().Add(-time.Duration(days) * 24 * time.Hour))
	for {
		due, err := find[Ticket](ctx, s.d.store, Query{
			Where: []Cond{{Column: "deleted_at", Op: NotNull}, Where("deleted_at", Less, before)},
			Order: []Order{{Column: "deleted_at"}, {Column: "id"}}, Limit: maxLimit,
		})
		if err != nil || len(due) == 0 {
			return err
		}
		for _, t := range due {
			if err := s.d.change(ctx, func(ctx context.Context) error { return s.erase(ctx, t) }); err != nil {
				return err
			}
		}
	}
}

func (s Tickets) erase(ctx context.Context, t Ticket) error {
	d := s.d
	if err := d.Attachments.release(ctx, Is("ticket_id", t.ID)); err != nil {
		return err
	}
	if _, err := update[Ticket](ctx, d.store, []Assign{Set("merged_into_id", nil)}, Is("merged_into_id", t.ID)); err != nil {
		return err
	}
	replies, err := find[Reply](ctx, d.store, Query{Where: []Cond{Is("ticket_id", t.ID)}})
	if err != nil {
		return err
	}
	for _, r := range replies {
		if _, err := d.store.Delete(ctx, &ReplyEdit{}, Is("reply_id", r.ID)); err != nil {
			return err
		}
	}
	for _, rows := range []any{&Reply{}, &TicketTag{}, &ticketWord{}, &guestToken{}, &Event{}} {
		if _, err := d.store.Delete(ctx, rows, Is("ticket_id", t.ID)); err != nil {
			return err
		}
	}
	_, err = d.store.Delete(ctx, &Ticket{}, Is("id", t.ID))
	return err
}
