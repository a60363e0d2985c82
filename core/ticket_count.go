package core

import (
	"context"
	"slices"
)

// asked prepares the walk of a list that the actor asks for.
func (s Tickets) asked(ctx context.Context, q *TicketQuery) (*ticketWalk, error) {
	if err := s.judge(ctx, q); err != nil {
		return nil, err
	}
	s.d.hooks.Ticket.List.Run(ctx, q)
	return s.walk(ctx, *q)
}

// judge finds out who asks and whether that can be asked.
func (s Tickets) judge(ctx context.Context, q *TicketQuery) error {
	q.actor, q.side = ActorFrom(ctx), s.d.sortOf(q.Sort)
	return q.check()
}

// Check fails as List would, without looking for tickets or asking hooks: for
// whoever keeps a query to ask it later.
func (s Tickets) Check(ctx context.Context, q TicketQuery) error {
	err := s.judge(ctx, &q)
	if err == nil {
		_, err = s.walk(ctx, q)
	}
	return err
}

// Count tells how many tickets List would show in all its pages, up to a number
// of at most 99; more says that there are further ones. Where tickets are left
// out after they were found, by the host's Config.See or by the further words of
// a search, only so many are looked at as for a page, and more says that there
// may be further ones.
func (s Tickets) Count(ctx context.Context, q TicketQuery, upTo int) (n int, more bool, err error) {
	set, err := s.Set(ctx, q)
	if err != nil {
		return 0, false, err
	}
	upTo = min(upTo, maxLimit-1)
	ids, more, err := set.Find(ctx, upTo+1)
	return min(len(ids), upTo), more || len(ids) > upTo, err
}

// TicketRefs are what filters and rules name.
type TicketRefs struct {
	Departments []int64
	Tags        []string // slugs or names
	TagIDs      []int64
	People      []int64
	Types       []string // of tickets
}

// Gone tells which of them do not exist, or not any more. Agents only.
func (s Tickets) Gone(ctx context.Context, refs TicketRefs) (gone TicketRefs, err error) {
	if err := s.d.can(ctx, ReadDirectory, nil); err != nil {
		return gone, err
	}
	slugs := make([]string, len(refs.Tags))
	for i, name := range refs.Tags {
		slugs[i] = slugOf(name)
	}
	departments, err := present(ctx, s.d.store, "id", refs.Departments, func(d Department) int64 { return d.ID })
	if err != nil {
		return gone, err
	}
	tags, err := present(ctx, s.d.store, "slug", slugs, func(t Tag) string { return t.Slug })
	if err != nil {
		return gone, err
	}
	tagIDs, err := present(ctx, s.d.store, "id", refs.TagIDs, func(t Tag) int64 { return t.ID })
	if err != nil {
		return gone, err
	}
	people, err := present(ctx, s.d.store, "id", refs.People, func(p Person) int64 { return p.ID })
	return TicketRefs{
		Departments: slices.DeleteFunc(slices.Clone(refs.Departments), func(id int64) bool { return departments[id] }),
		Tags:        slices.DeleteFunc(slices.Clone(refs.Tags), func(name string) bool { return tags[slugOf(name)] }),
		TagIDs:      slices.DeleteFunc(slices.Clone(refs.TagIDs), func(id int64) bool { return tagIDs[id] }),
		People:      slices.DeleteFunc(slices.Clone(refs.People), func(id int64) bool { return people[id] }),
		Types:       slices.DeleteFunc(slices.Clone(refs.Types), func(t string) bool { return slices.Contains(s.d.config.Types, t) }),
	}, err
}

// present are those of the keys that a row has.
func present[T any, K comparable](ctx context.Context, store Store, column string, keys []K, key func(T) K) (map[K]bool, error) {
	there := make(map[K]bool, len(keys))
	if len(keys) == 0 {
		return there, nil
	}
	rows, err := find[T](ctx, store, Query{Where: []Cond{Where(column, In, keys)}})
	for _, row := range rows {
		there[key(row)] = true
	}
	return there, err
}
