package core

import (
	"context"
	"slices"

	"github.com/hookdesk/hookdesk/hooks"
)

// aspect is one of the four ways in which a ticket changes, each with its
// right, its hooks and its fields.
type aspect struct {
	action Action
	hook   func(*TicketHooks) *hooks.Action[TicketChange, TicketChanged]
	diff   func(c *TicketChange) []FieldChange
	asks   func(p TicketPatch) bool
	public bool // the requester sees it
}

var aspects = []aspect{
	{UpdateTicket, func(h *TicketHooks) *hooks.Action[TicketChange, TicketChanged] { return &h.Update }, diffFields, TicketPatch.asksFields, true},
	{ChangeStatus, func(h *TicketHooks) *hooks.Action[TicketChange, TicketChanged] { return &h.Status }, diffStatus, TicketPatch.asksStatus, true},
	{AssignTicket, func(h *TicketHooks) *hooks.Action[TicketChange, TicketChanged] { return &h.Assign }, diffAssignee, TicketPatch.asksAssignee, true},
	{TagTicket, func(h *TicketHooks) *hooks.Action[TicketChange, TicketChanged] { return &h.Tag }, diffTags, TicketPatch.asksTags, false},
}

func (p TicketPatch) asksFields() bool {
	return p.Subject != nil || p.Priority != nil || p.Type != nil || p.Department.Set
}

func (p TicketPatch) asksStatus() bool   { return p.Status != nil }
func (p TicketPatch) asksAssignee() bool { return p.Assignee.Set }
func (p TicketPatch) asksTags() bool     { return p.Tags != nil }

// mayAsk fails where the actor has no right to change what p names, whatever it
// is now: to learn which value changes nothing would be to learn it.
func (d *Desk) mayAsk(ctx context.Context, t *Ticket, p TicketPatch) error {
	for _, a := range aspects {
		if !a.asks(p) {
			continue
		}
		if err := d.can(ctx, a.action, t); err != nil {
			return err
		}
	}
	return nil
}

func diff[T comparable](changes []FieldChange, field string, from, to T) []FieldChange {
	if from != to {
		changes = append(changes, fieldChange(field, from, to))
	}
	return changes
}

func diffPointer(changes []FieldChange, field string, from, to *int64) []FieldChange {
	return diff(changes, field, plainValue(from), plainValue(to))
}

func diffFields(c *TicketChange) []FieldChange {
	changes := diff(nil, "subject", c.Old.Subject, c.New.Subject)
	changes = diff(changes, "priority", c.Old.Priority, c.New.Priority)
	changes = diff(changes, "type", c.Old.Type, c.New.Type)
	return diffPointer(changes, "department_id", c.Old.DepartmentID, c.New.DepartmentID)
}

func diffStatus(c *TicketChange) []FieldChange {
	return diff(nil, "status", c.Old.Status, c.New.Status)
}

func diffAssignee(c *TicketChange) []FieldChange {
	return diffPointer(nil, "assignee_id", c.Old.AssigneeID, c.New.AssigneeID)
}

func diffTags(c *TicketChange) []FieldChange {
	if slices.Equal(c.OldTags, c.NewTags) {
		return nil
	}
	return []FieldChange{fieldChange("tags", c.OldTags, c.NewTags)}
}
