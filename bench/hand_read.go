package main

import (
	"context"
	"database/sql"
	"slices"
)

const pageSize = 25

// viewColumns are those of core.AgentTicket.
const viewColumns = `t.id, t.subject, t.status, t.priority, t.type, t.channel, t.version, t.is_open, t.reply_count,
	t.last_reply_at, t.first_response_at, t.resolved_at, t.closed_at, t.merged_into_id, t.split_from_id, t.created_at, t.updated_at, t.deleted_at,
	r.id, r.user_id, r.name, r.email, r.role, a.id, a.user_id, a.name, a.email, a.role, d.id, d.name`

// viewTables are joined outward, which leaves SQLite's planner no other order.
const viewTables = ` FROM hookdesk_tickets t LEFT JOIN hookdesk_people r ON r.id = t.requester_id
	LEFT JOIN hookdesk_people a ON a.id = t.assignee_id LEFT JOIN hookdesk_departments d ON d.id = t.department_id`

type person struct {
	id                  sql.NullInt64
	userID, name, email sql.NullString
	role                sql.NullInt64
}

type tag struct {
	ticket, id         int64
	name, slug, colour string
	version            int
}

type ticket struct {
	id                                                              int64
	subject                                                         string
	status, priority                                                int
	kind                                                            string
	channel, version                                                int
	open                                                            bool
	replies                                                         int
	lastReply, firstResponse, resolved, closed, mergedInto, splitOf sql.NullInt64
	created, updated                                                int64
	deleted                                                         sql.NullInt64
	requester, assignee                                             person
	departmentID                                                    sql.NullInt64
	department                                                      sql.NullString
	tags                                                            []tag
}

func (t *ticket) fields() []any {
	r, a := &t.requester, &t.assignee
	return []any{
		&t.id, &t.subject, &t.status, &t.priority, &t.kind, &t.channel, &t.version, &t.open, &t.replies,
		&t.lastReply, &t.firstResponse, &t.resolved, &t.closed, &t.mergedInto, &t.splitOf, &t.created, &t.updated, &t.deleted,
		&r.id, &r.userID, &r.name, &r.email, &r.role, &a.id, &a.userID, &a.name, &a.email, &a.role, &t.departmentID, &t.department,
	}
}

type reply struct {
	id              int64
	number, kind    int
	author          string
	authorID        sql.NullInt64
	authorName      sql.NullString
	channel         int
	body            string
	mergedFrom      sql.NullInt64
	created         int64
	edited, deleted sql.NullInt64
	files           []file
}

type file struct {
	id, ticket, reply int64
	name, mediaType   string
	size              int64
	sha256            string
	created           int64
}

// list reads a row more than a page, as the desk does, to know whether another
// page follows.
func (h *byHand) list(ctx context.Context) ([]int64, error) {
	rows, err := h.getQueue.QueryContext(ctx)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	page := make([]ticket, 0, pageSize+1)
	for rows.Next() {
		var t ticket
		if err := rows.Scan(t.fields()...); err != nil {
			return nil, err
		}
		page = append(page, t)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	page = page[:min(len(page), pageSize)]
	if err := h.addTags(ctx, page); err != nil {
		return nil, err
	}
	var found []int64
	for _, t := range page {
		found = append(found, t.id)
		for _, g := range t.tags {
			found = append(found, g.id)
		}
	}
	return found, nil
}

func (h *byHand) addTags(ctx context.Context, page []ticket) error {
	args := make([]any, pageSize)
	for i := range args {
		args[i] = page[min(i, len(page)-1)].id
	}
	rows, err := h.getTags.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var g tag
		if err := rows.Scan(&g.ticket, &g.id, &g.name, &g.slug, &g.colour, &g.version); err != nil {
			return err
		}
		i := slices.IndexFunc(page, func(t ticket) bool { return t.id == g.ticket })
		page[i].tags = append(page[i].tags, g)
	}
	return rows.Err()
}

func (h *byHand) ticket(ctx context.Context, id int64) ([]int64, error) {
	page := make([]ticket, 1)
	if err := h.getTicket.QueryRowContext(ctx, id).Scan(page[0].fields()...); err != nil {
		return nil, err
	}
	if err := h.addTags(ctx, page); err != nil {
		return nil, err
	}
	replies, err := h.replies(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := h.addFiles(ctx, id, replies); err != nil {
		return nil, err
	}
	found := []int64{page[0].id}
	for _, g := range page[0].tags {
		found = append(found, g.id)
	}
	for _, r := range replies {
		found = append(found, r.id)
		for _, f := range r.files {
			found = append(found, f.id)
		}
	}
	return found, nil
}

func (h *byHand) replies(ctx context.Context, ticket int64) ([]reply, error) {
	rows, err := h.getReplies.QueryContext(ctx, ticket)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	replies := make([]reply, 0, pageSize+1)
	for rows.Next() {
		var r reply
		if err := rows.Scan(&r.id, &r.number, &r.kind, &r.author, &r.authorID, &r.authorName, &r.channel, &r.body, &r.mergedFrom,
			&r.created, &r.edited, &r.deleted); err != nil {
			return nil, err
		}
		replies = append(replies, r)
	}
	return replies[:min(len(replies), pageSize)], rows.Err()
}

func (h *byHand) addFiles(ctx context.Context, ticket int64, replies []reply) error {
	rows, err := h.getFiles.QueryContext(ctx, ticket)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var f file
		if err := rows.Scan(&f.id, &f.ticket, &f.reply, &f.name, &f.mediaType, &f.size, &f.sha256, &f.created); err != nil {
			return err
		}
		if i := slices.IndexFunc(replies, func(r reply) bool { return r.id == f.reply }); i >= 0 {
			replies[i].files = append(replies[i].files, f)
		}
	}
	return rows.Err()
}
