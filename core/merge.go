package core

import (
	"context"
	"slices"

	"github.com/hookdesk/hookdesk/hooks"
)

// maxMerge is how many tickets are merged at once.
const maxMerge = 20

// TicketMerge is a merge, or its undoing, about to be made.
type TicketMerge struct {
	Target  Ticket   `json:"target"`
	Sources []Ticket `json:"sources"`
}

// TicketMerged is the event of a merge or its undoing, written to the target
// and to each source.
type TicketMerged struct {
	Target Ticket `json:"target"`
	Source Ticket `json:"source"`
}

// Merge moves the replies of the sources into the target, behind its own. The
// sources are closed and keep their references: reading one shows what it
// brought along, answering one answers the target. Where the requesters
// differ, public replies become notes in the target, so that nobody reads what
// was not meant for them. Unmerge undoes it.
func (s Tickets) Merge(ctx context.Context, target int64, sources []int64) (Ticket, error) {
	d := s.d
	m, err := s.mergeable(ctx, target, sources)
	if err != nil {
		return Ticket{}, err
	}
	if err := d.hooks.Ticket.Merge.Before.Run(ctx, &m); err != nil {
		return Ticket{}, translate(err)
	}
	into := m.Target
	err = d.change(ctx, func(ctx context.Context) error {
		locked, err := s.lock(ctx, slices.Concat(sources, []int64{target}))
		if err != nil {
			return err
		}
		into = locked[target]
		for _, id := range sources {
			if into, err = s.mergeOne(ctx, locked[id], into); err != nil {
				return err
			}
		}
		return nil
	})
	return into, err
}

func (s Tickets) mergeable(ctx context.Context, target int64, sources []int64) (m TicketMerge, err error) {
	if len(sources) == 0 || len(sources) > maxMerge {
		return m, InvalidField("sources", "name 1 to %d tickets", maxMerge)
	}
	for i, id := range append([]int64{target}, sources...) {
		t, err := s.Get(ctx, id)
		if err == nil {
			err = s.d.can(ctx, MergeTickets, &t)
		}
		switch {
		case err != nil:
			return m, err
		case i > 0 && (id == target || slices.Contains(sources[:i-1], id)):
			return m, InvalidField("sources", "ticket %d stands twice", id)
		case t.MergedIntoID != nil:
			return m, Errorf(Conflict, "HD-%d was merged already", id)
		case t.DeletedAt != nil:
			return m, Errorf(Conflict, "HD-%d is in the bin", id)
		case i == 0:
			m.Target = t
		default:
			m.Sources = append(m.Sources, t)
		}
	}
	return m, nil
}

// lock holds the rows of tickets until the transaction ends, in the order of
// their ids, so that two merges never wait for each other.
func (s Tickets) lock(ctx context.Context, ids []int64) (map[int64]Ticket, error) {
	rows, err := find[Ticket](ctx, s.d.store, Query{Where: []Cond{Where("id", In, ids)}, Order: []Order{{Column: "id"}}, Lock: true})
	locked := map[int64]Ticket{}
	for _, t := range rows {
		if t.MergedIntoID != nil || t.DeletedAt != nil {
			return nil, Errorf(Conflict, "%s was changed meanwhile", t.Reference())
		}
		locked[t.ID] = t
	}
	if err == nil && len(locked) != len(ids) {
		err = Errorf(Conflict, "a ticket was removed meanwhile")
	}
	return locked, err
}

func (s Tickets) mergeOne(ctx context.Context, source, target Ticket) (Ticket, error) {
	d, now := s.d, s.d.now()
	moved, err := find[Reply](ctx, d.store, Query{Where: []Cond{Is("ticket_id", source.ID)}, Order: []Order{{Column: "number"}}})
	if err != nil {
		return target, err
	}
	next, public := target.LastNumber, 0
	for _, r := range moved {
		kind := r.Kind
		if kind == ReplyPublic && source.RequesterID != target.RequesterID {
			kind = ReplyNote
		}
		if kind == ReplyPublic && r.DeletedAt == nil {
			public++
		}
		next++
		sets := []Assign{Set("ticket_id", target.ID), Set("number", next), Set("kind", kind)}
		if r.MergedFromID == nil { // what came along from an earlier merge keeps its origin
			sets = append(sets, Set("merged_from_id", source.ID), Set("merged_number", r.Number), Set("merged_kind", r.Kind))
		}
		if _, err := update[Reply](ctx, d.store, sets, Is("id", r.ID)); err != nil {
			return target, err
		}
	}
	if err := d.Attachments.move(ctx, source.ID, target.ID); err != nil {
		return target, err
	}
	return s.closeMerged(ctx, source, target, next, public, now)
}

func (s Tickets) closeMerged(ctx context.Context, source, target Ticket, last, public int, now Time) (Ticket, error) {
	d := s.d
	gone := source
	gone.MergedIntoID, gone.Status = &target.ID, StatusClosed
	if gone.ClosedAt == nil { // what is closed already keeps its time
		gone.ClosedAt = &now
	}
	sets := []Assign{
		Add("version", 1), Set("merged_into_id", target.ID), Set("unmerged_status", source.Status), Set("status", StatusClosed),
		Set("is_open", gone.open()), Set("closed_at", gone.ClosedAt), Set("updated_at", now), Set("public_at", now),
	}
	from, err := s.write(ctx, source.ID, sets)
	if err != nil {
		return target, err
	}
	// What was merged into the source before is in the target now.
	if _, err := update[Ticket](ctx, d.store, []Assign{Set("merged_into_id", target.ID)}, Is("merged_into_id", source.ID)); err != nil {
		return target, err
	}
	into, err := s.write(ctx, target.ID, []Assign{
		Add("version", 1), Set("last_number", last), Add("reply_count", int64(public)), Set("updated_at", now), Set("public_at", now),
	})
	if err != nil {
		return target, err
	}
	kind := ReplySystem
	if source.RequesterID != target.RequesterID {
		kind = ReplyNote
	}
	if err := d.Replies.say(ctx, into, kind, from.Reference()+" was merged into this ticket."); err != nil {
		return target, err
	}
	return s.tellMerge(ctx, &d.hooks.Ticket.Merge, from, into)
}

// write changes one ticket by id and keeps its tags' sort keys.
func (s Tickets) write(ctx context.Context, id int64, sets []Assign) (Ticket, error) {
	rows, err := update[Ticket](ctx, s.d.store, sets, Is("id", id))
	if err != nil {
		return Ticket{}, err
	}
	if len(rows) == 0 {
		return Ticket{}, notFound("ticket", id)
	}
	return rows[0], s.d.Tags.touch(ctx, rows[0])
}

func (s Tickets) tellMerge(ctx context.Context, a *hooks.Action[TicketMerge, TicketMerged], source, target Ticket) (Ticket, error) {
	to := Everybody
	if source.RequesterID != target.RequesterID {
		to = AgentsOnly
	}
	data := TicketMerged{Target: target, Source: source}
	if err := record(ctx, s.d, a, target.ID, to, &data); err != nil {
		return target, err
	}
	if err := record(ctx, s.d, a, source.ID, to, &data); err != nil {
		return target, err
	}
	return byID[Ticket](ctx, s.d.store, "ticket", target.ID)
}

// Unmerge gives a merged ticket back its replies, numbers, kinds and status.
// What was written to the target since stays there.
func (s Tickets) Unmerge(ctx context.Context, source int64) (Ticket, error) {
	d := s.d
	t, err := s.Get(ctx, source)
	if err == nil {
		err = d.can(ctx, MergeTickets, &t)
	}
	if err == nil && t.MergedIntoID == nil {
		err = Errorf(Conflict, "%s was not merged", t.Reference())
	}
	if err != nil {
		return Ticket{}, err
	}
	target, err := s.Get(ctx, *t.MergedIntoID)
	if err != nil {
		return Ticket{}, err
	}
	m := TicketMerge{Target: target, Sources: []Ticket{t}}
	if err := d.hooks.Ticket.Unmerge.Before.Run(ctx, &m); err != nil {
		return Ticket{}, translate(err)
	}
	err = d.change(ctx, func(ctx context.Context) error {
		locked, err := s.lockMerged(ctx, source, target.ID)
		if err != nil {
			return err
		}
		t, err = s.unmergeOne(ctx, locked[source], locked[target.ID])
		return err
	})
	return t, err
}

// lockMerged holds the rows of a ticket and of the one that it was merged into.
func (s Tickets) lockMerged(ctx context.Context, source, target int64) (map[int64]Ticket, error) {
	rows, err := find[Ticket](ctx, s.d.store, Query{Where: []Cond{Where("id", In, []int64{source, target})}, Order: []Order{{Column: "id"}}, Lock: true})
	locked := map[int64]Ticket{}
	for _, t := range rows {
		locked[t.ID] = t
	}
	if into := locked[source].MergedIntoID; err == nil && (len(rows) != 2 || into == nil || *into != target) {
		err = Errorf(Conflict, "%s was changed meanwhile", Ticket{ID: source}.Reference())
	}
	return locked, err
}

func (s Tickets) unmergeOne(ctx context.Context, source, target Ticket) (Ticket, error) {
	d, now := s.d, s.d.now()
	own, public, err := s.moveBack(ctx, source)
	if err != nil {
		return source, err
	}
	back := source
	back.MergedIntoID, back.Status = nil, *source.UnmergedStatus
	if back.Status != StatusClosed {
		back.ClosedAt = nil
	}
	from, err := s.write(ctx, source.ID, []Assign{
		Add("version", 1), Set("merged_into_id", nil), Set("unmerged_status", nil), Set("status", back.Status), Set("is_open", back.open()),
		Set("reply_count", own), Set("closed_at", back.ClosedAt), Set("updated_at", now), Set("public_at", now),
	})
	if err != nil {
		return source, err
	}
	into, err := s.write(ctx, target.ID, []Assign{Add("version", 1), Add("reply_count", int64(-public)), Set("updated_at", now), Set("public_at", now)})
	if err != nil {
		return source, err
	}
	kind := ReplySystem
	if source.RequesterID != target.RequesterID {
		kind = ReplyNote
	}
	if err := d.Replies.say(ctx, into, kind, from.Reference()+" was taken out of this ticket again."); err != nil {
		return source, err
	}
	if _, err := s.tellMerge(ctx, &d.hooks.Ticket.Unmerge, from, into); err != nil {
		return source, err
	}
	return from, nil
}

// moveBack returns the replies that source brought along. It tells how many of
// them are public in the source, without its opening message, and how many were
// so in the target.
func (s Tickets) moveBack(ctx context.Context, source Ticket) (own, public int, err error) {
	d := s.d
	rows, err := find[Reply](ctx, d.store, Query{Where: []Cond{Is("merged_from_id", source.ID)}, Order: []Order{{Column: "number"}}})
	if err != nil {
		return 0, 0, err
	}
	for _, r := range rows {
		if r.DeletedAt == nil && r.Kind == ReplyPublic {
			public++
		}
		if r.DeletedAt == nil && *r.MergedKind == ReplyPublic && *r.MergedNumber > 0 {
			own++
		}
		_, err := update[Reply](ctx, d.store, []Assign{
			Set("ticket_id", source.ID), Set("number", *r.MergedNumber), Set("kind", *r.MergedKind),
			Set("merged_from_id", nil), Set("merged_number", nil), Set("merged_kind", nil),
		}, Is("id", r.ID))
		if err != nil {
			return 0, 0, err
		}
		if err := d.Attachments.follow(ctx, r.ID, source.ID); err != nil {
			return 0, 0, err
		}
	}
	return own, public, nil
}
