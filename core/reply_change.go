package core

import (
	"context"
	"errors"

	"github.com/hookdesk/hookdesk/hooks"
)

// ReplyEdit is a former text of a reply.
type ReplyEdit struct {
	ID      int64
	ReplyID int64
	Body    string // before the edit
	Editor  string // kind and name of who edited
	At      Time
}

// ReplyChange is an edit or removal about to be made.
type ReplyChange struct {
	Ticket Ticket `json:"ticket"`
	Reply  Reply  `json:"reply"`
	Body   string `json:"body"` // the new text; of no meaning in a removal
}

// ReplyChanged is the event of an edit or removal.
type ReplyChanged struct {
	Ticket Ticket `json:"ticket"`
	Reply  Reply  `json:"reply"`
}

// ReplyPatch is a new text for a reply.
type ReplyPatch struct {
	Body string
	// Seen is the EditedAt that the caller knows, null for a reply that nobody has
	// edited; one that was edited since is a Conflict. Not set: whatever it is now.
	Seen Maybe[Time]
}

// Edit changes the text of a reply; the former text is kept, see History.
func (s Replies) Edit(ctx context.Context, ticket, id int64, p ReplyPatch) (Reply, error) {
	d := s.d
	c, err := s.changeable(ctx, ticket, id)
	if err != nil {
		return Reply{}, err
	}
	c.Body = p.Body
	r := c.Reply
	if p.Seen.Set && plainValue(p.Seen.Value) != plainValue(r.EditedAt) {
		return r, &Error{Kind: Conflict, Code: "version", Message: "the reply was edited meanwhile: read it again"}
	}
	if err := d.hooks.Reply.Edit.Before.Run(ctx, &c); err != nil {
		return r, translate(err)
	}
	if err := checkBody(c.Body); err != nil {
		return r, err
	}
	if c.Body == r.Body {
		return r, nil
	}
	now := d.now()
	err = d.change(ctx, func(ctx context.Context) error {
		was := &ReplyEdit{ReplyID: r.ID, Body: r.Body, Editor: editor(ctx), At: now}
		if err := d.store.Insert(ctx, was); err != nil {
			return err
		}
		return s.rewrite(ctx, c.Ticket, &r, now, []Assign{Set("body", c.Body), Set("edited_at", now)}, &d.hooks.Reply.Edit)
	})
	return r, err
}

// Delete takes a reply away: agents still see that it was there, others do not.
func (s Replies) Delete(ctx context.Context, ticket, id int64) error {
	d := s.d
	c, err := s.changeable(ctx, ticket, id)
	if err != nil {
		return err
	}
	if c.Reply.Number == 0 {
		return Errorf(Conflict, "the opening message stays as long as its ticket")
	}
	r := c.Reply
	if err := d.hooks.Reply.Delete.Before.Run(ctx, &c); err != nil {
		return translate(err)
	}
	now := d.now()
	return d.change(ctx, func(ctx context.Context) error {
		return s.rewrite(ctx, c.Ticket, &r, now, []Assign{Set("deleted_at", now)}, &d.hooks.Reply.Delete)
	})
}

func (s Replies) changeable(ctx context.Context, ticket, id int64) (ReplyChange, error) {
	t, r, err := s.Get(ctx, ticket, id)
	if err == nil {
		err = s.d.can(ctx, EditReply, &t)
	}
	switch {
	case err != nil:
	case r.DeletedAt != nil:
		err = Errorf(Conflict, "the reply was deleted")
	case r.Kind == ReplySystem:
		err = Errorf(Conflict, "what the desk itself wrote stays")
	}
	return ReplyChange{Ticket: t, Reply: r}, err
}

// History lists the former texts of a reply, the oldest first. Agents only.
func (s Replies) History(ctx context.Context, ticket, id int64) ([]ReplyEdit, error) {
	t, _, err := s.Get(ctx, ticket, id)
	if err == nil {
		err = s.d.can(ctx, EditReply, &t)
	}
	if err != nil {
		return nil, err
	}
	return find[ReplyEdit](ctx, s.d.store, Query{Where: []Cond{Is("reply_id", id)}, Order: []Order{{Column: "id"}}, Limit: maxLimit})
}

func editor(ctx context.Context) string {
	who := ActorFrom(ctx).hooked()
	return who.Kind + " " + who.Name
}

// rewrite changes the reply's row, marks the ticket and writes the event. The
// reply must be as it was read, or somebody's edit would be lost.
func (s Replies) rewrite(ctx context.Context, t Ticket, r *Reply, now Time, sets []Assign, a *hooks.Action[ReplyChange, ReplyChanged]) error {
	touch := []Assign{Set("updated_at", now)}
	to := AgentsOnly
	if r.Kind != ReplyNote {
		touch, to = append(touch, Set("public_at", now)), Everybody
	}
	if r.Kind == ReplyPublic && sets[0].Column == "deleted_at" {
		touch = append(touch, Add("reply_count", -1))
	}
	tickets, err := update[Ticket](ctx, s.d.store, touch, Is("id", t.ID))
	if err != nil || len(tickets) == 0 {
		return errors.Join(err, notThere(len(tickets), t.ID))
	}
	rows, err := update[Reply](ctx, s.d.store, sets, Is("id", r.ID), Is("body", r.Body), Cond{Column: "deleted_at", Op: IsNull})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return Errorf(Conflict, "the reply was changed meanwhile: read it again")
	}
	*r = rows[0]
	if err := s.d.Tags.touch(ctx, tickets[0]); err != nil {
		return err
	}
	return record(ctx, s.d, a, t.ID, to, &ReplyChanged{Ticket: tickets[0], Reply: *r})
}
