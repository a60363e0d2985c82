package core

import (
	"context"
	"database/sql"
	"slices"
	"strings"
)

// neighbours is what stands beside tickets and replies in a view: people, the
// names of departments, tags, files.
type neighbours struct {
	people      map[int64]PersonView
	departments map[int64]string
	tags        map[int64][]Tag        // by ticket, in order
	files       map[int64][]Attachment // by reply, in order, as far as they are shown
}

// neighbourIDs asks for neighbours; ids may stand twice.
type neighbourIDs struct {
	people, departments []int64
	tagged              []int64 // tickets that have tags
	replies             []Reply // that may have files
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
	people, err := d.People.byIDs(ctx, ids.people)
	if err != nil {
		return n, err
	}
	n.people = make(map[int64]PersonView, len(people))
	for id, p := range people {
		n.people[id] = p.View()
	}
	if n.departments, err = d.Departments.names(ctx, ids.departments); err != nil {
		return n, err
	}
	if n.tags, err = d.Tags.ofAll(ctx, ids.tagged); err != nil {
		return n, err
	}
	n.files, err = d.Attachments.of(ctx, ids.replies)
	return n, err
}

func (s Departments) names(ctx context.Context, ids []int64) (map[int64]string, error) {
	names := map[int64]string{}
	if len(ids) == 0 {
		return names, nil
	}
	rows, err := find[Department](ctx, s.d.store, Query{Where: []Cond{Where("id", In, ids)}})
	for _, d := range rows {
		names[d.ID] = d.Name
	}
	return names, err
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
	n := neighbours{
		make(map[int64]PersonView, len(ids.people)), make(map[int64]string, len(ids.departments)), make(map[int64][]Tag, len(ids.tagged)), map[int64][]Attachment{},
	}
	st := s.neighbourStatement(ids)
	if st.Len() == 0 {
		return n, nil
	}
	rows, err := s.pool(ctx).QueryContext(ctx, st.String(), st.args...)
	if err != nil {
		return n, s.translate(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err has said all
	if err := n.scan(rows, len(ids.replies) > 0); err != nil {
		return n, err
	}
	for _, tags := range n.tags {
		slices.SortFunc(tags, func(a, b Tag) int { return compare(a.ID, b.ID) })
	}
	for _, files := range n.files {
		slices.SortFunc(files, func(a, b Attachment) int { return compare(a.ID, b.ID) })
	}
	return n, s.translate(rows.Err())
}

// What a row of the statement is, where it is no tag of a ticket.
const (
	aPerson     = 0
	aDepartment = -1
	aFile       = -2
)

// neighbourStatement is "" where nothing is asked for. Rows have more columns
// where there may be files among them: each costs a list more than one thinks.
func (s *gormStore) neighbourStatement(ids neighbourIDs) *statement {
	st, p := s.statement(), s.prefix
	begin := func(query string) {
		if st.Len() > 0 {
			st.WriteString(" UNION ALL ")
		}
		st.WriteString(query)
	}
	more := ""
	if len(ids.replies) > 0 {
		more = ", 0, 0, 0"
	}
	add := func(columns, from string, ids []int64) {
		if len(ids) > 0 {
			begin("SELECT " + columns + more + " FROM " + p + from)
			st.oneOf(ids)
		}
	}
	add("0, t.id, t.name, t.user_id, t.email, t.role", "people t WHERE t.id", ids.people)
	add("-1, t.id, t.name, NULL, '', 0", "departments t WHERE t.id", ids.departments)
	add("x.ticket_id, t.id, t.name, t.slug, t.colour, t.version", "ticket_tags x JOIN "+p+"tags t ON t.id = x.tag_id WHERE x.ticket_id", ids.tagged)
	if len(ids.replies) > 0 {
		begin("SELECT -2, t.id, t.name, t.media_type, t.sha256, t.size, t.ticket_id, t.reply_id, t.created_at FROM " + p + "attachments t WHERE 1=1")
		st.and("t", besideReplies(ids.replies))
	}
	return st
}

func (n *neighbours) scan(rows *sql.Rows, files bool) error {
	var of, id, number int64 // of: the ticket of a tag, or what else it is
	var name, more string
	var text sql.NullString
	var file Attachment
	into := []any{&of, &id, &name, &text, &more, &number}
	if files {
		into = append(into, &file.TicketID, &file.ReplyID, &file.CreatedAt)
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		switch of {
		case aPerson:
			n.people[id] = PersonView{ID: id, UserID: nullable(text), Name: name, Email: more, Role: Role(number)}
		case aDepartment:
			n.departments[id] = name
		case aFile:
			one := file
			one.ID, one.Name, one.MediaType, one.Size, one.SHA256, one.Stored = id, name, text.String, number, more, true
			n.files[*one.ReplyID] = append(n.files[*one.ReplyID], one)
		default:
			n.tags[of] = append(n.tags[of], Tag{ID: id, Name: name, Slug: text.String, Colour: more, Version: int(number)})
		}
	}
	return nil
}

func nullable(text sql.NullString) *string {
	if !text.Valid {
		return nil
	}
	return &text.String
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
	room := (len(ids) + 7) / 8 * 8 // filled up with the last one
	st.WriteString(" IN (")
	st.list(room, func(i int) { st.bind(ids[min(i, len(ids)-1)]) })
	st.WriteString(")")
}
