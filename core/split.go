package core

import (
	"cmp"
	"context"
	"strings"
)

// TicketSplit is a split about to be made.
type TicketSplit struct {
	Ticket  Ticket `json:"ticket"`
	Reply   Reply  `json:"reply"`
	Subject string `json:"subject"`
}

// TicketSplitOff is the event of a split, written to both tickets.
type TicketSplitOff struct {
	From    Ticket `json:"from"`
	Into    Ticket `json:"into"`
	ReplyID int64  `json:"reply_id"` // of the reply in From
}

// Split makes a reply the opening message of a new ticket, with its author,
// its files and the ticket's tags. The reply also stays where it is, and both
// tickets say so. A note stays a note. Subject "" is the old one's.
func (s Tickets) Split(ctx context.Context, id, reply int64, subject string) (Ticket, error) {
	d := s.d
	t, r, err := d.Replies.Get(ctx, id, reply)
	if err == nil {
		err = d.can(ctx, SplitTicket, &t)
	}
	if err == nil {
		err = splittable(t, r)
	}
	if err != nil {
		return Ticket{}, err
	}
	draft := TicketSplit{Ticket: t, Reply: r, Subject: cmp.Or(subject, t.Subject)}
	if err := d.hooks.Ticket.Split.Before.Run(ctx, &draft); err != nil {
		return Ticket{}, translate(err)
	}
	into := s.splitOff(t, r, strings.TrimSpace(draft.Subject))
	if err := d.checkTicket(ctx, t, withStatus(into, t.Status)); err != nil {
		return Ticket{}, err
	}
	tags, err := d.Tags.of(ctx, t)
	if err != nil {
		return Ticket{}, err
	}
	err = d.change(ctx, func(ctx context.Context) error {
		into, err = s.writeSplit(ctx, t, r, into, tags)
		return err
	})
	return into, err
}

func withStatus(t Ticket, s Status) Ticket { t.Status = s; return t }

func splittable(t Ticket, r Reply) error {
	switch {
	case t.MergedIntoID != nil:
		return Errorf(Conflict, "the ticket was merged into HD-%d: split that one", *t.MergedIntoID)
	case t.DeletedAt != nil || r.DeletedAt != nil:
		return Errorf(Conflict, "what was deleted cannot be split off")
	case r.Kind == ReplySystem:
		return Errorf(Conflict, "a system message is no request: it cannot be split off")
	case r.Number == 0:
		return Errorf(Conflict, "the opening message is this ticket already")
	}
	return nil
}

// splitOff is the new ticket. Who wrote the reply asks, unless an agent wrote it.
func (s Tickets) splitOff(t Ticket, r Reply, subject string) Ticket {
	now := s.d.now()
	requester := t.RequesterID
	if r.AuthorID != nil && !r.ByAgent && r.Kind == ReplyPublic {
		requester = *r.AuthorID
	}
	return Ticket{
		Subject: subject, Priority: t.Priority, Type: t.Type, Channel: r.Channel, RequesterID: requester,
		AssigneeID: t.AssigneeID, DepartmentID: t.DepartmentID, SplitFromID: &t.ID,
		Version: 1, TagCount: t.TagCount, IsOpen: true, CreatedAt: now, UpdatedAt: now, PublicAt: now,
	}
}

func (s Tickets) writeSplit(ctx context.Context, t Ticket, r Reply, into Ticket, tags []int64) (Ticket, error) {
	d := s.d
	touched, err := update[Ticket](ctx, d.store, []Assign{Set("updated_at", d.now())}, Is("id", t.ID), Is("version", t.Version))
	if err != nil {
		return into, err
	}
	if len(touched) == 0 {
		return into, s.conflict(ctx, t.ID, &t.Version)
	}
	if err := d.Tags.touch(ctx, touched[0]); err != nil {
		return into, err
	}
	into.TagCount = len(tags)
	if err := d.store.Insert(ctx, &into); err != nil {
		return into, err
	}
	opening := r
	opening.ID, opening.TicketID, opening.Number = 0, into.ID, 0
	opening.MergedFromID, opening.MergedNumber, opening.MergedKind = nil, nil, nil
	if err := d.store.Insert(ctx, &opening); err != nil {
		return into, err
	}
	if err := d.Attachments.copy(ctx, r.ID, opening); err != nil {
		return into, err
	}
	if err := d.Tags.attach(ctx, into, tags); err != nil {
		return into, err
	}
	return into, s.tellSplit(ctx, touched[0], into, r)
}

func (s Tickets) tellSplit(ctx context.Context, from, into Ticket, r Reply) error {
	kind := ReplySystem
	if r.Kind == ReplyNote || from.RequesterID != into.RequesterID {
		kind = ReplyNote // the one requester is not to learn of the other's ticket
	}
	if err := s.d.Replies.say(ctx, from, kind, "Split off into "+into.Reference()+"."); err != nil {
		return err
	}
	if err := s.d.Replies.say(ctx, into, kind, "Split off from "+from.Reference()+"."); err != nil {
		return err
	}
	data := TicketSplitOff{From: from, Into: into, ReplyID: r.ID}
	if err := record(ctx, s.d, &s.d.hooks.Ticket.Split, from.ID, AgentsOnly, &data); err != nil {
		return err
	}
	created := TicketCreated{Ticket: into}
	return record(ctx, s.d, &s.d.hooks.Ticket.Create, into.ID, Everybody, &created)
}
