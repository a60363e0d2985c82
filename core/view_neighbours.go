package core

import (
	"context"
	"database/sql"
	"math/bits"
	"slices"
	"strings"
)

// neighbours is what stands beside tickets and replies in a view. Of people it
// knows what a PersonView shows, of departments the name.
type neighbours struct {
	people      map[int64]Person
	departments map[int64]Department
	tags        map[int64][]Tag // by ticket, in order
}

// neighbourIDs asks for neighbours; ids may stand twice.
type neighbourIDs struct {
	people, departments []int64
	tagged              []int64 // tickets that have tags
}

// neighbourFinder is a Store that finds all of them by one statement: a list
// spends more time on the way to the database than in it.
type neighbourFinder interface {
	neighbours(ctx context.Context, ids neighbourIDs) (neighbours, error)
}

// neighbours finds them in the Store, whichever it is.
func (d *Desk) neighbours(ctx context.Context, ids neighbourIDs) (n neighbours, err error) {
	for _, list := range []*[]int64{&ids.people, &ids.departments, &ids.tagged} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	if s, ok := d.store.(neighbourFinder); ok {
		return s.neighbours(ctx, ids)
	}
	if n.people, err = d.People.byIDs(ctx, ids.people); err != nil {
		return n, err
	}
	if n.departments, err = d.Departments.byIDs(ctx, ids.departments); err != nil {
		return n, err
	}
	n.tags, err = d.Tags.ofAll(ctx, ids.tagged)
	return n, err
}

// byIDs finds departments.
func (s Departments) byIDs(ctx context.Context, ids []int64) (map[int64]Department, error) {
	departments := map[int64]Department{}
	if len(ids) == 0 {
		return departments, nil
	}
	rows, err := find[Department](ctx, s.d.store, Query{Where: []Cond{Where("id", In, ids)}})
	for _, d := range rows {
		departments[d.ID] = d
	}
	return departments, err
}

// ofAll finds the tags of tickets.
func (s Tags) ofAll(ctx context.Context, tickets []int64) (map[int64][]Tag, error) {
	out := map[int64][]Tag{}
	if len(tickets) == 0 {
		return out, nil
	}
	links, err := find[TicketTag](ctx, s.d.store, Query{Where: []Cond{Where("ticket_id", In, tickets)}, Order: []Order{{Column: "ticket_id"}, {Column: "tag_id"}}})
	if err != nil || len(links) == 0 {
		return out, err
	}
	var tagIDs []int64
	for _, l := range links {
		tagIDs = append(tagIDs, l.TagID)
	}
	slices.Sort(tagIDs)
	tags, err := find[Tag](ctx, s.d.store, Query{Where: []Cond{Where("id", In, slices.Compact(tagIDs))}})
	byID := map[int64]Tag{}
	for _, t := range tags {
		byID[t.ID] = t
	}
	for _, l := range links {
		out[l.TicketID] = append(out[l.TicketID], byID[l.TagID])
	}
	return out, err
}

// neighbours implements neighbourFinder.
func (s *gormStore) neighbours(ctx context.Context, ids neighbourIDs) (neighbours, error) {
	n := neighbours{map[int64]Person{}, map[int64]Department{}, map[int64][]Tag{}}
	st, p, kinds := s.statement(), s.prefix, 0
	add := func(query string, ids []int64) {
		if len(ids) == 0 {
			return
		}
		if kinds++; kinds > 1 {
			st.WriteString(" UNION ALL ")
		}
		st.WriteString(query)
		st.oneOf(ids)
	}
	add("SELECT 1, t.id, 0, t.name, t.user_id, t.email, t.role FROM "+p+"people t WHERE t.id", ids.people)
	add("SELECT 2, t.id, 0, t.name, NULL, '', 0 FROM "+p+"departments t WHERE t.id", ids.departments)
	add("SELECT 3, t.id, x.ticket_id, t.name, t.slug, t.colour, t.version FROM "+p+"ticket_tags x JOIN "+p+"tags t ON t.id = x.tag_id WHERE x.ticket_id", ids.tagged)
	if kinds == 0 {
		return n, nil
	}
	rows, err := s.pool(ctx).QueryContext(ctx, st.String(), st.args...)
	if err != nil {
		return n, s.translate(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err has said all
	for rows.Next() {
		if err := n.scan(rows); err != nil {
			return n, err
		}
	}
	for _, tags := range n.tags {
		slices.SortFunc(tags, func(a, b Tag) int { return compare(a.ID, b.ID) })
	}
	return n, s.translate(rows.Err())
}

func (n *neighbours) scan(rows *sql.Rows) error {
	var name, more string
	var kind, id, ticket int64
	var text sql.NullString
	var number int
	if err := rows.Scan(&kind, &id, &ticket, &name, &text, &more, &number); err != nil {
		return err
	}
	switch kind {
	case 1:
		p := Person{ID: id, Name: name, Email: more, Role: Role(number)}
		if text.Valid {
			p.UserID = &text.String
		}
		n.people[id] = p
	case 2:
		n.departments[id] = Department{ID: id, Name: name}
	case 3:
		n.tags[ticket] = append(n.tags[ticket], Tag{ID: id, Name: name, Slug: text.String, Colour: more, Version: number})
	}
	return nil
}

// oneOf compares with a list by a text that hardly depends on its length, so
// that the statement is not compiled anew for each.
func (st *statement) oneOf(ids []int64) {
	if st.postgres {
		var list strings.Builder
		for i, id := range ids {
			list.WriteString(map[bool]string{true: "{", false: ","}[i == 0] + itoa(id))
		}
		st.WriteString(" = ANY (CAST(")
		st.bind(list.String() + "}")
		st.WriteString(" AS bigint[]))")
		return
	}
	room := 1 << bits.Len(uint(len(ids)-1)) // the next power of two, filled up with the last one
	st.WriteString(" IN (")
	st.list(room, ",", func(i int) { st.bind(ids[min(i, len(ids)-1)]) })
	st.WriteString(")")
}
