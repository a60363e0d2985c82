package core_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/desktest"
)

// canary stands in every note and in nothing else.
const canary = "canary"

func maybe[T any](r *rapid.T, name string, values ...T) *T {
	r.Helper()
	i := rapid.IntRange(-1, len(values)-1).Draw(r, name)
	if i < 0 {
		return nil
	}
	return &values[i]
}

func several[T comparable](r *rapid.T, name string, values ...T) []T {
	r.Helper()
	return rapid.SliceOfNDistinct(rapid.SampledFrom(values), 0, min(2, len(values)), rapid.ID[T]).Draw(r, name)
}

var (
	statuses   = []core.Status{0, 1, 2, 3, 4, 5, 6, 7}
	priorities = []core.Priority{core.Low, core.Medium, core.Critical}
)

func (p *pair) actions() map[string]func(*rapid.T) {
	actions := map[string]func(*rapid.T){
		"create": p.create, "reply": p.reply, "edit": p.edit, "patch": p.patch, "split": p.split, "merge": p.merge, "unmerge": p.unmerge,
		"bin": p.bin, "bulk": p.bulk, "list": p.list, "read": p.read, "tags": p.tags,
	}
	for name, do := range actions {
		actions[name] = func(r *rapid.T) {
			p.tick(r)
			do(r)
			p.compared(r)
		}
	}
	return actions
}

// wrong is true now and then: something is asked that is refused.
func wrong(r *rapid.T, what string) bool {
	r.Helper()
	return rapid.IntRange(0, 9).Draw(r, what) == 9
}

func (p *pair) create(r *rapid.T) {
	who := p.actor(r)
	draft := core.TicketDraft{
		Subject: rapid.SampledFrom([]string{"help", "refund please"}).Draw(r, "subject"), Body: "public words",
		Priority: rapid.SampledFrom(priorities).Draw(r, "priority"), Type: rapid.SampledFrom([]string{"", "task"}).Draw(r, "type"),
		DepartmentID: maybe[int64](r, "department", 1, 2), Tags: several(r, "tags", "one", "two", "three"),
	}
	if who.Role > core.Requester || wrong(r, "a requester assigns") {
		draft.AssigneeID, draft.RequesterID = maybe[int64](r, "assignee", 3, 4), rapid.SampledFrom([]int64{0, 1, 2}).Draw(r, "requester")
	}
	switch {
	case !wrong(r, "wrong"):
	case rapid.Bool().Draw(r, "person"):
		draft.AssigneeID, draft.RequesterID = maybe[int64](r, "assignee", 1, 99), rapid.SampledFrom([]int64{1, 99}).Draw(r, "requester")
	default:
		draft.Subject = rapid.SampledFrom([]string{" ", strings.Repeat("ä", 201)}).Draw(r, "subject")
		draft.Priority, draft.Type, draft.DepartmentID = core.Priority(5), "none", new(int64(3))
		draft.Tags = []string{"four"}
	}
	p.both(r, fmt.Sprintf("%s creates %+v", who.UserID, draft), func(s *side) (any, error) {
		t, err := s.Tickets.Create(s.as(who), draft)
		return t, err
	})
}

func (p *pair) reply(r *rapid.T) {
	who, n := p.actor(r), p.someTicket(r)
	draft := core.ReplyDraft{Body: "public answer", Internal: rapid.Bool().Draw(r, "internal")}
	if draft.Internal {
		draft.Body = canary
	}
	if rapid.IntRange(0, 3).Draw(r, "with a status") == 0 {
		draft.Status = maybe(r, "status", statuses...)
	}
	p.both(r, fmt.Sprintf("%s answers %d with %+v", who.UserID, n, draft), func(s *side) (any, error) {
		m, err := s.Replies.Add(s.as(who), s.id(n), draft)
		return []core.Reply{m}, err
	})
}

// edit changes or deletes a message, mostly one of the ticket.
func (p *pair) edit(r *rapid.T) {
	who, n := p.actor(r), p.someTicket(r)
	m := rapid.IntRange(0, len(p.model.replies)).Draw(r, "reply")
	if rapid.Bool().Draw(r, "where it is") {
		n = p.home(r, m, n)
	}
	if rapid.IntRange(0, 2).Draw(r, "delete") == 0 {
		p.both(r, fmt.Sprintf("%s deletes message %d of %d", who.UserID, m, n), func(s *side) (any, error) {
			return nil, s.Replies.Delete(s.as(who), s.id(n), s.replyID(m))
		})
		return
	}
	p.both(r, fmt.Sprintf("%s edits message %d of %d", who.UserID, m, n), func(s *side) (any, error) {
		_, was, err := s.Replies.Get(s.as(who), s.id(n), s.replyID(m))
		if err != nil {
			return nil, err
		}
		now, err := s.Replies.Edit(s.as(who), s.id(n), s.replyID(m), core.ReplyPatch{Body: was.Body + "!"})
		return []core.Reply{now}, err
	})
}

// home is the number of the ticket in which a message is.
func (p *pair) home(r *rapid.T, message, otherwise int) int {
	r.Helper()
	rows, err := find[core.Reply](context.Background(), p.model, "id", core.Is("id", p.model.replyID(message)))
	fine(r, err)
	if len(rows) == 0 {
		return otherwise
	}
	return int(number(&p.model.tickets, rows[0].TicketID))
}

func (p *pair) somePatch(r *rapid.T) core.TicketPatch {
	r.Helper()
	patch := core.TicketPatch{
		Subject: maybe(r, "subject", "other", "help"), Priority: maybe(r, "priority", priorities...), Type: maybe(r, "type", "task", "question"),
		Status: maybe(r, "status", statuses...),
	}
	if rapid.Bool().Draw(r, "assign") {
		patch.Assignee = core.Maybe[int64]{Set: true, Value: maybe[int64](r, "assignee", 3, 4, 5)}
	}
	if rapid.Bool().Draw(r, "move") {
		patch.Department = core.Maybe[int64]{Set: true, Value: maybe[int64](r, "department", 1, 2)}
	}
	if rapid.Bool().Draw(r, "tag") {
		patch.Tags = new(several(r, "tags", "one", "two", "three"))
	}
	if wrong(r, "wrong") {
		patch.Subject, patch.Type = maybe(r, "subject", "", "help"), maybe(r, "type", "none")
		patch.Assignee = core.Maybe[int64]{Set: true, Value: maybe[int64](r, "assignee", 1, 99)}
		patch.Tags = new(several(r, "tags", "one", "four"))
	}
	return patch
}

func (p *pair) patch(r *rapid.T) {
	who, n, patch := p.actor(r), p.someTicket(r), p.somePatch(r)
	old := maybe(r, "versions ago", 0, 0, 1, 2)
	p.both(r, fmt.Sprintf("%s patches %d with %+v", who.UserID, n, patch), func(s *side) (any, error) {
		if old != nil {
			now, err := s.Tickets.Get(s.as(desktest.Admin), s.id(n))
			if err != nil {
				return nil, err
			}
			patch.Version = new(now.Version - *old)
		}
		t, err := s.Tickets.Update(s.as(who), s.id(n), patch)
		return t, err
	})
}

func (p *pair) bulk(r *rapid.T) {
	who, patch := p.actor(r), p.somePatch(r)
	numbers := []int{p.someTicket(r), p.someTicket(r)}
	p.both(r, fmt.Sprintf("%s patches %v with %+v", who.UserID, numbers, patch), func(s *side) (any, error) {
		results, more, err := s.Tickets.Bulk(s.as(who), core.BulkChange{IDs: []int64{s.id(numbers[0]), s.id(numbers[1])}, Patch: patch})
		out := []string{fmt.Sprint(more)}
		for _, one := range results {
			out = append(out, core.KindOf(one.Err).String())
		}
		return out, err
	})
}

func (p *pair) split(r *rapid.T) {
	who, n := p.actor(r), p.someTicket(r)
	m := rapid.IntRange(0, len(p.model.replies)).Draw(r, "reply")
	if rapid.IntRange(0, 3).Draw(r, "where it is") > 0 {
		n = p.home(r, m, n)
	}
	p.both(r, fmt.Sprintf("%s splits message %d off %d", who.UserID, m, n), func(s *side) (any, error) {
		t, err := s.Tickets.Split(s.as(who), s.id(n), s.replyID(m), "")
		return t, err
	})
}

func (p *pair) merge(r *rapid.T) {
	who, target := p.actor(r), p.someTicket(r)
	sources := []int{p.someTicket(r)}
	if rapid.Bool().Draw(r, "two") {
		sources = append(sources, p.someTicket(r))
	}
	was := map[int]before{}
	for _, n := range sources {
		was[n] = p.model.snapshot(r, n)
	}
	err := p.both(r, fmt.Sprintf("%s merges %v into %d", who.UserID, sources, target), func(s *side) (any, error) {
		var ids []int64
		for _, n := range sources {
			ids = append(ids, s.id(n))
		}
		t, err := s.Tickets.Merge(s.as(who), s.id(target), ids)
		return t, err
	})
	if err == nil {
		maps.Copy(p.merged, was)
	}
}

func (s *side) snapshot(r *rapid.T, n int) before {
	r.Helper()
	ctx := context.Background()
	b := before{replies: map[int64]core.Reply{}}
	tickets, err := find[core.Ticket](ctx, s, "id", core.Is("id", s.id(n)))
	fine(r, err)
	if len(tickets) == 1 {
		b.ticket = tickets[0]
	}
	replies, err := find[core.Reply](ctx, s, "number", core.Is("ticket_id", s.id(n)), core.Cond{Column: "merged_from_id", Op: core.IsNull})
	fine(r, err)
	for _, m := range replies {
		b.replies[m.ID] = m
	}
	return b
}

// unmerge gives back exactly what the merge took of the ticket's own.
func (p *pair) unmerge(r *rapid.T) {
	who, n := p.actor(r), p.someTicket(r)
	if len(p.merged) > 0 && rapid.Bool().Draw(r, "one that was merged") {
		n = rapid.SampledFrom(slices.Sorted(maps.Keys(p.merged))).Draw(r, "merged")
	}
	err := p.both(r, fmt.Sprintf("%s takes %d out again", who.UserID, n), func(s *side) (any, error) {
		t, err := s.Tickets.Unmerge(s.as(who), s.id(n))
		return t, err
	})
	if err != nil {
		return
	}
	was, is := p.merged[n], p.model.snapshot(r, n)
	delete(p.merged, n)
	t := was.ticket
	t.Version, t.UpdatedAt, t.PublicAt = is.ticket.Version, is.ticket.UpdatedAt, is.ticket.PublicAt
	t.ReplyCount, t.LastNumber, t.TagCount = is.ticket.ReplyCount, is.ticket.LastNumber, is.ticket.TagCount // held against the rows, see coherent
	t.DeletedAt, t.IsOpen = is.ticket.DeletedAt, is.ticket.IsOpen
	if before, after := p.model.ticket(t), p.model.ticket(is.ticket); before != after || is.ticket.Version < was.ticket.Version+2 {
		r.Fatalf("unmerged\n%s\nwas before\n%s", after, before)
	}
	if len(is.replies) != len(was.replies) {
		r.Fatalf("%d messages came back of %d", len(is.replies), len(was.replies))
	}
	for id, m := range was.replies {
		now := is.replies[id]
		m.Body, m.EditedAt, m.DeletedAt = now.Body, now.EditedAt, now.DeletedAt
		if p.model.reply(m) != p.model.reply(now) {
			r.Fatalf("a message came back as\n%s\nand was\n%s", p.model.reply(now), p.model.reply(m))
		}
	}
}

func (p *pair) bin(r *rapid.T) {
	who, n, out := p.actor(r), p.someTicket(r), rapid.Bool().Draw(r, "restore")
	p.both(r, fmt.Sprintf("%s bins %d, or takes it out: %v", who.UserID, n, out), func(s *side) (t any, err error) {
		if t, err = s.Tickets.Delete(s.as(who), s.id(n)); out {
			t, err = s.Tickets.Restore(s.as(who), s.id(n))
		}
		return t, err
	})
}

// tags deletes a tag, rarely.
func (p *pair) tags(r *rapid.T) {
	if rapid.IntRange(0, 4).Draw(r, "rarely") > 0 {
		r.Skip("not now")
	}
	id := rapid.Int64Range(1, 4).Draw(r, "tag")
	p.both(r, fmt.Sprint("the tag is deleted: ", id), func(s *side) (any, error) { return nil, s.Tags.Delete(s.as(desktest.Admin), id) })
}

// read lets somebody read all there is of a ticket.
func (p *pair) read(r *rapid.T) {
	who, n := p.actor(r), p.someTicket(r)
	p.both(r, fmt.Sprintf("%s reads %d", who.UserID, n), func(s *side) (any, error) {
		ctx := s.as(who)
		t, err := s.Tickets.Get(ctx, s.id(n))
		if err != nil {
			return nil, err
		}
		if who.Role == core.Requester && (t.RequesterID != core.ActorFrom(ctx).Person.ID || t.DeletedAt != nil) {
			r.Fatalf("%s reads the ticket of somebody else, or one in the bin: %s", who.UserID, s.ticket(t))
		}
		told, all := []string{}, []core.Reply{}
		for page := (core.Page{Limit: 2}); ; {
			replies, next, err := s.Replies.List(ctx, t.ID, page)
			if err != nil {
				return nil, err
			}
			all = append(all, replies...)
			if page.Cursor = next; next == "" {
				break
			}
		}
		for page := (core.Page{Limit: 2}); ; {
			items, next, err := s.Activity.List(ctx, t.ID, page)
			if err != nil {
				return nil, err
			}
			told = append(told, s.numbered(activities(items)))
			if page.Cursor = next; next == "" {
				break
			}
		}
		seen, err := s.Replies.View(ctx, all...)
		if err != nil {
			return nil, err
		}
		text := strings.Join(told, "\n")
		shown, err := json.Marshal(seen)
		if who.Role == core.Requester && (strings.Contains(string(shown), canary) || strings.Contains(text, canary) ||
			slices.ContainsFunc(all, func(m core.Reply) bool { return m.Kind == core.ReplyNote || m.DeletedAt != nil })) {
			r.Fatalf("%s reads a note: %s", who.UserID, shown)
		}
		return s.ticket(t) + s.numbered(all) + text, err
	})
}

func (p *pair) someQuery(r *rapid.T) (core.TicketQuery, string) {
	r.Helper()
	q := core.TicketQuery{
		Sort: rapid.SampledFrom([]string{"", "updated", "-updated", "created", "-created", "priority", "-priority"}).Draw(r, "sort"), Limit: rapid.IntRange(1, 3).Draw(r, "limit"),
		Open: maybe(r, "open", true, true, false), Status: several(r, "status", statuses...), Priority: several(r, "priority", priorities...), Type: several(r, "type", "task", "question"),
		Count: rapid.Bool().Draw(r, "count"),
	}
	for _, list := range []*[]int64{&q.Department, &q.Assignee, &q.Requester} {
		*list = several[int64](r, "ids", 1, 2, 3, 4)
	}
	q.Tag, q.Unassigned = several(r, "tag", "one", "two", "three"), rapid.Bool().Draw(r, "unassigned")
	// Most filters are not set in most lists.
	keep := rapid.SliceOfN(rapid.IntRange(0, 3), 7, 7).Draw(r, "keep")
	drop := []func(){
		func() { q.Status = nil }, func() { q.Priority = nil }, func() { q.Type = nil }, func() { q.Department = nil },
		func() { q.Assignee, q.Unassigned = nil, false }, func() { q.Requester = nil }, func() { q.Tag = nil },
	}
	for i, d := range drop {
		if keep[i] > 0 {
			d()
		}
	}
	return q, fmt.Sprintf("%+v, open %v", q, q.Open != nil && *q.Open)
}

// list walks through the pages of a list: it shows every ticket that it should,
// once.
func (p *pair) list(r *rapid.T) {
	who := p.actor(r)
	q, text := p.someQuery(r)
	if who.Role == core.Requester && rapid.Bool().Draw(r, "what a requester may ask") {
		q.Tag, q.Assignee, q.Requester, q.Unassigned = nil, nil, nil, false
	}
	p.both(r, fmt.Sprintf("%s lists %s", who.UserID, text), func(s *side) (any, error) { return s.pages(r, who, q) })
}

func (s *side) pages(r *rapid.T, who desktest.Who, q core.TicketQuery) (any, error) {
	r.Helper()
	found, total := []core.Ticket{}, -1
	for range 60 { // more than there can be
		page, err := s.Tickets.List(s.as(who), q)
		if err != nil {
			return nil, err
		}
		if found = append(found, page.Tickets...); q.Count {
			total = page.Total
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			break
		}
	}
	tickets, err := find[core.Ticket](context.Background(), s, "id")
	if err != nil {
		return nil, err
	}
	var want, got []int64
	for _, t := range tickets {
		if s.shows(r, who, q, t) {
			want = append(want, t.ID)
		}
	}
	for _, t := range found {
		got = append(got, t.ID)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || total >= 0 && total != len(want) {
		r.Fatalf("%s lists %v, of a total of %d, and should see %v", who.UserID, got, total, want)
	}
	return found, nil
}

// shows says what a list should show, one ticket at a time.
func (s *side) shows(r *rapid.T, who desktest.Who, q core.TicketQuery, t core.Ticket) bool {
	r.Helper()
	me := core.ActorFrom(s.as(who)).Person.ID
	is := func(p *int64, ids ...int64) bool { return p != nil && slices.Contains(ids, *p) }
	marks, err := find[core.TicketTag](context.Background(), s, "tag_id", core.Is("ticket_id", t.ID))
	fine(r, err)
	tags, err := find[core.Tag](context.Background(), s, "id")
	fine(r, err)
	tagged := func(slug string) bool {
		return slices.ContainsFunc(marks, func(m core.TicketTag) bool {
			return slices.ContainsFunc(tags, func(g core.Tag) bool { return g.ID == m.TagID && g.Slug == slug })
		})
	}
	switch {
	case t.DeletedAt != nil:
		return false
	case who.Role == core.Requester && t.RequesterID != me:
		return false
	case who.UserID == "colleague" && !(t.DepartmentID == nil || *t.DepartmentID == 1 || is(t.AssigneeID, me) || t.RequesterID == me):
		return false
	case q.Open != nil && *q.Open != t.IsOpen:
		return false
	case q.Open == nil && len(q.Status) > 0 && !slices.ContainsFunc(q.Status, core.Status.Done) && !t.IsOpen:
		return false
	}
	return (len(q.Status) == 0 || slices.Contains(q.Status, t.Status)) && (len(q.Priority) == 0 || slices.Contains(q.Priority, t.Priority)) &&
		(len(q.Type) == 0 || slices.Contains(q.Type, t.Type)) && (len(q.Department) == 0 || is(t.DepartmentID, q.Department...)) &&
		(len(q.Requester) == 0 || slices.Contains(q.Requester, t.RequesterID)) &&
		(len(q.Assignee) == 0 && !q.Unassigned || is(t.AssigneeID, q.Assignee...) || q.Unassigned && t.AssigneeID == nil) &&
		(len(q.Tag) == 0 || slices.ContainsFunc(q.Tag, tagged))
}

// paging walks through everything once more in the end, and finds words.
func (p *pair) paging(r *rapid.T) {
	for _, who := range p.who {
		for _, sort := range []string{"-updated", "created"} {
			p.both(r, who.UserID+" lists all by "+sort, func(s *side) (any, error) { return s.pages(r, who, core.TicketQuery{Sort: sort, Limit: 2}) })
		}
		for _, text := range []string{"refund", canary, "public answer"} {
			p.both(r, who.UserID+" searches for "+text, func(s *side) (any, error) {
				if err := s.settle(); err != nil {
					return nil, err
				}
				page, err := s.Tickets.List(s.as(who), core.TicketQuery{Text: text})
				if who.Role == core.Requester && text == canary && len(page.Tickets) > 0 {
					r.Fatalf("%s finds a note", who.UserID)
				}
				return page.Tickets, err
			})
		}
	}
}
