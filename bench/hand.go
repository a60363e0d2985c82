package main

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"github.com/hookdesk/hookdesk/core"
)

// byHand answers the same as the desk with as few statements as SQL allows. It
// runs on the desk's own connections, so that settings and caches are the same.
type byHand struct {
	agent, asker core.Actor
	postgres     bool
	writer       *sql.DB
	prepared     []*sql.Stmt

	getTicket, getQueue, getTags, getReplies, getFiles    *sql.Stmt // of a reader
	putTicket, putReply, putEvent, lock, touch, touchTags *sql.Stmt // of the writer
}

// preparer is a pool of connections; that of SQLite has readers of its own.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

func (h *byHand) prepare(ctx context.Context, readers gorm.ConnPool) error {
	for _, s := range []struct {
		into *(*sql.Stmt)
		on   preparer
		sql  string
	}{
		{&h.getTicket, readers, "SELECT " + viewColumns + viewTables + " WHERE t.id = ? AND " + h.scope()},
		{&h.getQueue, readers, "SELECT " + viewColumns + viewTables + " WHERE " + h.scope() +
			" AND t.is_open AND t.id <> -1 ORDER BY t.updated_at DESC, t.id DESC LIMIT 26"},
		{&h.getTags, readers, `SELECT tt.ticket_id, g.id, g.name, g.slug, g.colour, g.version
			FROM hookdesk_ticket_tags tt JOIN hookdesk_tags g ON g.id = tt.tag_id
			WHERE tt.ticket_id IN (` + strings.Repeat("?,", pageSize-1) + "?) ORDER BY tt.ticket_id, tt.tag_id"},
		{&h.getReplies, readers, `SELECT r.id, r.number, r.kind, r.author, r.author_id, p.name, r.channel, r.body, r.merged_from_id, r.created_at, r.edited_at, r.deleted_at
			FROM hookdesk_replies r LEFT JOIN hookdesk_people p ON p.id = r.author_id WHERE r.ticket_id = ? ORDER BY r.number LIMIT 26`},
		{&h.getFiles, readers, `SELECT id, ticket_id, reply_id, name, media_type, size, sha256, created_at
			FROM hookdesk_attachments WHERE ticket_id = ? AND reply_id IS NOT NULL ORDER BY id`},
		{&h.lock, readers, `SELECT t.status, t.version, t.requester_id, t.merged_into_id, t.deleted_at, t.first_response_at
			FROM hookdesk_tickets t WHERE t.id = ? AND ` + h.scope()},
		{&h.putTicket, h.writer, "INSERT INTO hookdesk_tickets (" + newColumns + ") VALUES (" + strings.Repeat("?,", strings.Count(newColumns, ",")) + "?) RETURNING id"},
		{&h.putReply, h.writer, `INSERT INTO hookdesk_replies (ticket_id, number, kind, author_id, author, by_agent, channel, body, created_at)
			VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?) RETURNING id`},
		{&h.putEvent, h.writer, h.event()},
		{&h.touch, h.writer, `UPDATE hookdesk_tickets SET updated_at = ?, public_at = ?, last_number = last_number + 1, reply_count = reply_count + 1,
			last_reply_at = ?, last_reply_by = ?, first_response_at = coalesce(first_response_at, ?) WHERE id = ? AND version = ? RETURNING ` + eventColumns},
		{&h.touchTags, h.writer, "UPDATE hookdesk_ticket_tags SET is_open = ?, priority = ?, updated_at = ? WHERE ticket_id = ?"},
	} {
		stmt, err := s.on.PrepareContext(ctx, h.numbered(s.sql)) //nolint:sqlclosecheck // close does
		if err != nil {
			return errors.Join(err, h.close())
		}
		*s.into = stmt
		h.prepared = append(h.prepared, stmt)
	}
	return nil
}

func (h *byHand) close() error {
	var err error
	for _, s := range h.prepared {
		err = errors.Join(err, s.Close())
	}
	return err
}

// scope is which tickets the agent sees, in SQL.
func (h *byHand) scope() string {
	var departments []string
	for _, id := range h.agent.Departments {
		departments = append(departments, strconv.FormatInt(id, 10))
	}
	me := strconv.FormatInt(h.agent.Person.ID, 10)
	return "(t.department_id IN (" + strings.Join(departments, ",") + ") OR t.department_id IS NULL OR t.assignee_id = " + me + " OR t.requester_id = " + me + ")"
}

// numbered writes parameters as PostgreSQL does.
func (h *byHand) numbered(query string) string {
	if !h.postgres {
		return query
	}
	parts := strings.Split(query, "?")
	for i := range parts[1:] {
		parts[i] += "$" + strconv.Itoa(i+1)
	}
	return strings.Join(parts, "")
}
