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

// Which neighbour a row of the one statement is.
const (
	aPerson = iota
	aDepartment
	aTag
	aFile
)

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
	if err := n.scan(rows); err != nil {
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

// neighbourStatement is "" where nothing is asked for. Its columns are those of
// a file, which has the most.
func (s *gormStore) neighbourStatement(ids neighbourIDs) *statement {
	st, p := s.statement(), s.prefix
	begin := func(query string) {
		if st.Len() > 0 {
			st.WriteString(" UNION ALL ")
		}
		st.WriteString(query)
	}
	add := func(query string, ids []int64) {
		if len(ids) > 0 {
			begin(query)
			st.oneOf(ids)
		}
	}
	add("SELECT 0, t.id, 0, t.name, t.user_id, t.email, t.role, 0, 0 FROM "+p+"people t WHERE t.id", ids.people)
	add("SELECT 1, t.id, 0, t.name, NULL, '', 0, 0, 0 FROM "+p+"departments t WHERE t.id", ids.departments)
	tags := p + "ticket_tags x JOIN " + p + "tags t ON t.id = x.tag_id"
	add("SELECT 2, t.id, x.ticket_id, t.name, t.slug, t.colour, t.version, 0, 0 FROM "+tags+" WHERE x.ticket_id", ids.tagged)
	if len(ids.replies) > 0 {
		begin("SELECT 3, t.id, t.reply_id, t.name, t.media_type, t.sha256, t.size, t.ticket_id, t.created_at FROM " + p + "attachments t WHERE 1=1")
		st.and("t", besideReplies(ids.replies))
	}
	return st
}

func (n *neighbours) scan(rows *sql.Rows) error {
	var kind int
	var id, of, number, ticket, at int64 // of: the ticket of a tag, the reply of a file
	var name, more string
	var text sql.NullString
	for rows.Next() {
		if err := rows.Scan(&kind, &id, &of, &name, &text, &more, &number, &ticket, &at); err != nil {
			return err
		}
		switch kind {
		case aPerson:
			n.people[id] = PersonView{ID: id, UserID: nullable(text), Name: name, Email: more, Role: Role(number)}
		case aDepartment:
			n.departments[id] = name
		case aTag:
			n.tags[of] = append(n.tags[of], Tag{ID: id, Name: name, Slug: text.String, Colour: more, Version: int(number)})
		case aFile:
			file := Attachment{ID: id, Name: name, MediaType: text.String, Size: number, SHA256: more, Stored: true, CreatedAt: timeOfMicros(at)}
			file.TicketID, file.ReplyID = new(ticket), new(of)
			n.files[of] = append(n.files[of], file)
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
