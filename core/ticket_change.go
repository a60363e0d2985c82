package core

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// TicketPatch says what of a ticket shall change; nil fields stay.
type TicketPatch struct {
	Subject    *string
	Priority   *Priority
	Type       *string
	Status     *Status
	Assignee   Maybe[int64] // a person's id, or null
	Department Maybe[int64]
	Tags       *[]string // slugs or names; all of them
	// Version is the one that the caller has seen; a ticket that changed since is
	// a Conflict that tells what changed. Nil: whatever it is now.
	Version *int
}

// TicketChange is a change about to be made. A Before handler may change New
// and NewTags; only the fields that the service changes count.
type TicketChange struct {
	Old     Ticket  `json:"old"`
	New     Ticket  `json:"new"`
	OldTags []int64 `json:"old_tags"`
	NewTags []int64 `json:"new_tags"`

	flow bool // follows from an answer: nobody asked for it, so nobody needs the right
}

// Clone copies the change as deep as a hook can reach.
func (c TicketChange) Clone() TicketChange {
	c.OldTags, c.NewTags = slices.Clone(c.OldTags), slices.Clone(c.NewTags)
	c.New.AssigneeID, c.New.DepartmentID = clonePointer(c.New.AssigneeID), clonePointer(c.New.DepartmentID)
	return c
}

// TicketChanged is the event of a change: what the ticket is now, and what
// of it changed.
type TicketChanged struct {
	Ticket  Ticket        `json:"ticket"`
	Changes []FieldChange `json:"changes"`
}

// FieldChange is one field before and after.
type FieldChange struct {
	Field string          `json:"field"`
	From  json.RawMessage `json:"from"`
	To    json.RawMessage `json:"to"`
}

func fieldChange(field string, from, to any) FieldChange {
	return FieldChange{field, asJSON(from), asJSON(to)}
}

func asJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) //nolint:forbidigo // names, numbers and lists of them always encode
	}
	return text
}

// errStale says that a ticket changed between the Before hooks and the
// transaction.
var errStale = errors.New("the ticket changed meanwhile")

// Update changes a ticket. It fails with NotFound, Forbidden, Invalid, with a
// plugin's veto, and with Conflict when the ticket is not at p.Version.
func (s Tickets) Update(ctx context.Context, id int64, p TicketPatch) (Ticket, error) {
	var t Ticket
	err := s.retry(ctx, id, p.Version, func() (err error) {
		t, err = s.tryUpdate(ctx, id, p)
		return err
	})
	return t, err
}

// retry runs try again when the ticket changed under it: a caller who named no
// version means the ticket as it is. One who named a version gets the conflict.
func (s Tickets) retry(ctx context.Context, id int64, version *int, try func() error) error {
	err := try()
	for n := 1; n < maxTries && errors.Is(err, errStale) && version == nil && ctx.Err() == nil; n++ {
		err = try()
	}
	if errors.Is(err, errStale) {
		return s.conflict(ctx, id, version)
	}
	return err
}

func (s Tickets) tryUpdate(ctx context.Context, id int64, p TicketPatch) (Ticket, error) {
	old, err := s.Get(ctx, id)
	if err != nil {
		return Ticket{}, err
	}
	if p.Version != nil && *p.Version != old.Version {
		return Ticket{}, errStale
	}
	if err := s.d.mayAsk(ctx, &old, p); err != nil {
		return Ticket{}, err
	}
	c := TicketChange{Old: old, New: old}
	if err := s.patch(ctx, &c, p); err != nil {
		return Ticket{}, err
	}
	if err := s.d.judge(ctx, &c); err != nil {
		return Ticket{}, err
	}
	if !c.differs() {
		return old, nil
	}
	t := old
	err = s.d.change(ctx, func(ctx context.Context) error {
		t, err = s.d.applyChange(ctx, &c, nil)
		return err
	})
	return t, err
}

// patch puts p into c.New.
func (s Tickets) patch(ctx context.Context, c *TicketChange, p TicketPatch) (err error) {
	if c.OldTags, err = s.d.Tags.of(ctx, c.Old); err != nil {
		return err
	}
	c.NewTags = c.OldTags
	t := &c.New
	if p.Subject != nil {
		t.Subject = strings.TrimSpace(*p.Subject)
	}
	set(&t.Priority, p.Priority)
	set(&t.Type, p.Type)
	set(&t.Status, p.Status)
	if p.Assignee.Set {
		t.AssigneeID = p.Assignee.Value
	}
	if p.Department.Set {
		t.DepartmentID = p.Department.Value
	}
	if p.Tags != nil {
		c.NewTags, err = s.d.Tags.resolve(ctx, *p.Tags)
	}
	return err
}

func set[T any](field, v *T) {
	if v != nil {
		*field = *v
	}
}

func (c *TicketChange) differs() bool {
	return slices.ContainsFunc(aspects, func(a aspect) bool { return a.diff(c) != nil })
}

// judge asks for the rights, runs the Before hooks of every aspect that
// changes, and validates what they made of it.
func (d *Desk) judge(ctx context.Context, c *TicketChange) error {
	if c.Old.MergedIntoID != nil && c.differs() {
		return Errorf(Conflict, "the ticket was merged into HD-%d: change that one, or unmerge it first", *c.Old.MergedIntoID)
	}
	if c.Old.DeletedAt != nil && c.differs() {
		return Errorf(Conflict, "the ticket is in the bin: restore it first")
	}
	for _, a := range aspects {
		if a.diff(c) == nil {
			continue
		}
		if err := d.can(ctx, a.action, &c.Old); err != nil && !c.flow {
			return err
		}
		if err := a.hook(&d.hooks.Ticket).Before.Run(ctx, c); err != nil {
			return translate(err)
		}
		c.keepToFields()
	}
	if err := d.requesterMay(ctx, c); err != nil {
		return err
	}
	return d.checkTicket(ctx, c.Old, c.New)
}

// keepToFields undoes what a hook changed besides the fields of a patch.
func (c *TicketChange) keepToFields() {
	t := c.Old
	t.Subject, t.Priority, t.Type, t.Status = c.New.Subject, c.New.Priority, c.New.Type, c.New.Status
	t.AssigneeID, t.DepartmentID = c.New.AssigneeID, c.New.DepartmentID
	c.New = t
}

// requesterMay holds a requester to closing and reopening.
func (d *Desk) requesterMay(ctx context.Context, c *TicketChange) error {
	if ActorFrom(ctx).IsAgent() || c.flow || c.New.Status == c.Old.Status || c.New.Status == StatusClosed || c.New.Status == StatusReopened {
		return nil
	}
	return Errorf(Forbidden, "you may close your ticket or reopen it")
}

// applyChange writes c and its events, in the transaction of ctx. more sets
// further columns. It fails with errStale when the ticket is not as c.Old says.
func (d *Desk) applyChange(ctx context.Context, c *TicketChange, more []Assign) (Ticket, error) {
	now := d.now()
	sets := append(c.assigns(now), more...)
	rows, err := update[Ticket](ctx, d.store, sets, Is("id", c.Old.ID), Is("version", c.Old.Version))
	if err != nil {
		return c.Old, err
	}
	if len(rows) == 0 {
		return c.Old, errStale
	}
	t := rows[0]
	if err := d.Tags.sync(ctx, t, c.OldTags, c.NewTags); err != nil {
		return t, err
	}
	for _, a := range aspects {
		if changes := a.diff(c); changes != nil {
			to := Everybody
			if !a.public {
				to = AgentsOnly
			}
			if err := record(ctx, d, a.hook(&d.hooks.Ticket), t.ID, to, &TicketChanged{Ticket: t, Changes: changes}); err != nil {
				return t, err
			}
		}
	}
	return t, nil
}

// assigns are the columns that c changes, with all that follows from them.
func (c *TicketChange) assigns(now Time) []Assign {
	sets := []Assign{Set("updated_at", now)}
	public := false
	for _, a := range aspects {
		public = public || a.public && a.diff(c) != nil
	}
	if public {
		sets = append(sets, Set("public_at", now))
	}
	if !c.differs() {
		return sets
	}
	t := c.New
	sets = append(sets,
		Add("version", 1), Set("subject", t.Subject), Set("priority", t.Priority), Set("type", t.Type),
		Set("assignee_id", t.AssigneeID), Set("department_id", t.DepartmentID))
	if diffTags(c) != nil {
		sets = append(sets, Set("tag_count", len(c.NewTags)))
	}
	if t.Status != c.Old.Status {
		t.markStatus(now)
		sets = append(sets, Set("status", t.Status), Set("is_open", t.open()), Set("resolved_at", t.ResolvedAt), Set("closed_at", t.ClosedAt))
	}
	return sets
}

// markStatus keeps the times that belong to the status.
func (t *Ticket) markStatus(now Time) {
	switch t.Status {
	case StatusResolved:
		t.ResolvedAt = &now
	case StatusClosed:
		t.ClosedAt = &now
		if t.ResolvedAt == nil {
			t.ResolvedAt = &now
		}
	default:
		t.ResolvedAt, t.ClosedAt = nil, nil
	}
}

// conflict says what changed since version.
func (s Tickets) conflict(ctx context.Context, id int64, version *int) error {
	e := &Error{Kind: Conflict, Code: "version", Message: "the ticket was changed meanwhile"}
	t, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	since := t.Version - 1
	if version != nil {
		since = *version
	}
	changes, err := s.d.Activity.since(ctx, t, since)
	if err != nil {
		return err
	}
	e.Changes = Meanwhile{Version: t.Version, Changes: changes}
	return e
}

// Meanwhile is what a Conflict tells: the version of now, and what led there.
type Meanwhile struct {
	Version int            `json:"version"`
	Changes []ActivityItem `json:"changes"`
}
