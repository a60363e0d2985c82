package sla

import (
	"context"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/hooks"
)

// escalate does what the settings say about a broken promise, once for each.
func (s *Levels) escalate(ctx context.Context, e hooks.Event[Alarm]) error {
	settings, err := s.settings()
	if err != nil || !settings.escalates() {
		return err
	}
	return s.host.Once(ctx, e.ID, "escalate", func(ctx context.Context) error {
		t, err := s.host.Desk().Tickets.Get(ctx, e.Data.Ticket.ID)
		if core.KindOf(err) == core.NotFound || err == nil && !t.IsOpen {
			return nil // it has ended meanwhile
		}
		if err != nil {
			return err
		}
		if err := s.raise(ctx, t, settings); err != nil {
			return err
		}
		if settings.BreachNote == "" {
			return nil
		}
		_, err = s.host.Desk().Replies.Add(ctx, t.ID, core.ReplyDraft{Body: settings.BreachNote, Internal: true})
		return err
	})
}

// raise changes the ticket's status and assignee. What cannot be, such as an
// assignee who is no agent any more, is left out and logged: the rest is done.
func (s *Levels) raise(ctx context.Context, t core.Ticket, settings Settings) error {
	for _, patch := range settings.patches(t) {
		_, err := s.host.Desk().Tickets.Update(ctx, t.ID, patch)
		if core.KindOf(err) == core.Invalid {
			s.host.Log().WarnContext(ctx, "a ticket cannot be escalated as the settings say", "ticket", t.ID, "err", err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v Settings) escalates() bool {
	return v.EscalateStatus || v.EscalateTo != 0 || v.BreachNote != ""
}

func (v Settings) patches(t core.Ticket) (list []core.TicketPatch) {
	if escalated := core.StatusEscalated; v.EscalateStatus && t.Status.MayBecome(escalated) {
		list = append(list, core.TicketPatch{Status: &escalated})
	}
	if to := v.EscalateTo; to != 0 {
		list = append(list, core.TicketPatch{Assignee: core.Maybe[int64]{Set: true, Value: &to}})
	}
	return list
}
