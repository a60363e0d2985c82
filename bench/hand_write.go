package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"
)

// eventTicket is the ticket in an event's payload, as the desk writes it.
type eventTicket struct {
	ID              int64      `json:"id"`
	Subject         string     `json:"subject"`
	Status          string     `json:"status"`
	Priority        string     `json:"priority"`
	Type            string     `json:"type"`
	Channel         string     `json:"channel"`
	RequesterID     int64      `json:"requester_id"`
	AssigneeID      *int64     `json:"assignee_id"`
	DepartmentID    *int64     `json:"department_id"`
	Version         int        `json:"version"`
	LastNumber      int        `json:"last_number"`
	ReplyCount      int        `json:"reply_count"`
	TagCount        int        `json:"tag_count"`
	IsOpen          bool       `json:"is_open"`
	LastReplyAt     *time.Time `json:"last_reply_at"`
	LastReplyBy     *int64     `json:"last_reply_by"`
	FirstResponseAt *time.Time `json:"first_response_at"`
	ResolvedAt      *time.Time `json:"resolved_at"`
	ClosedAt        *time.Time `json:"closed_at"`
	MergedIntoID    *int64     `json:"merged_into_id"`
	UnmergedStatus  *string    `json:"unmerged_status"`
	SplitFromID     *int64     `json:"split_from_id"`
	CreatedAt       time.Time  `json:"created_at"`
	UpdatedAt       time.Time  `json:"updated_at"`
	PublicAt        time.Time  `json:"public_at"`
	DeletedAt       *time.Time `json:"deleted_at"`
}

// eventColumns are those that a reply's event tells of.
const eventColumns = `id, subject, status, priority, type, channel, requester_id, assignee_id, department_id, version, last_number, reply_count,
	tag_count, is_open, last_reply_at, last_reply_by, first_response_at, resolved_at, closed_at, merged_into_id, unmerged_status, split_from_id,
	created_at, updated_at, public_at, deleted_at`

type eventReply struct {
	ID           int64      `json:"id"`
	TicketID     int64      `json:"ticket_id"`
	Number       int        `json:"number"`
	Kind         string     `json:"kind"`
	AuthorID     *int64     `json:"author_id"`
	Author       string     `json:"author"`
	ByAgent      bool       `json:"by_agent"`
	Channel      string     `json:"channel"`
	Body         string     `json:"body"`
	MergedFromID *int64     `json:"merged_from_id"`
	MergedNumber *int       `json:"merged_number"`
	MergedKind   *string    `json:"merged_kind"`
	CreatedAt    time.Time  `json:"created_at"`
	EditedAt     *time.Time `json:"edited_at"`
	DeletedAt    *time.Time `json:"deleted_at"`
}

type ticketCreated struct {
	Ticket  eventTicket `json:"ticket"`
	ReplyID int64       `json:"reply_id"`
	Tags    []int64     `json:"tags"`
}

type replyAdded struct {
	Ticket eventTicket `json:"ticket"`
	Reply  eventReply  `json:"reply"`
}

type eventActor struct {
	Kind     string `json:"kind"`
	ID       string `json:"id"`
	Name     string `json:"name"`
	PersonID int64  `json:"person_id"`
}

const newColumns = "subject, status, priority, type, channel, requester_id, version, last_number, reply_count, tag_count, is_open, created_at, updated_at, public_at"

var (
	statuses   = []string{"open", "in_progress", "waiting_on_customer", "waiting_on_agent", "escalated", "resolved", "closed", "reopened"}
	channels   = []string{"api", "web", "email", "widget", "phone", "plugin"}
	priorities = []string{"low", "medium", "high", "urgent", "critical"}
)

const (
	medium  = 1
	viaAPI  = 0
	waiting = 2 // for the customer
)

// event is the statement that writes one. On PostgreSQL it also marks it as not
// yet placed in the log.
func (h *byHand) event() string {
	insert := "INSERT INTO hookdesk_events (ticket_id, type, audience, actor, cause, depth, payload, created_at) VALUES (?, ?, 0, ?, 0, 0, ?, ?)"
	if h.postgres {
		return "WITH e AS (" + insert + " RETURNING id) INSERT INTO hookdesk_event_pending SELECT id FROM e"
	}
	return insert
}

func (h *byHand) inTx(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := h.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// runner is a prepared statement in a transaction, which closes it.
type runner interface {
	QueryRowContext(ctx context.Context, args ...any) *sql.Row
	ExecContext(ctx context.Context, args ...any) (sql.Result, error)
}

func in(ctx context.Context, tx *sql.Tx, s *sql.Stmt) runner { return tx.StmtContext(ctx, s) }

func (h *byHand) create(ctx context.Context) ([]int64, error) {
	me, now := h.asker.Person.ID, time.Now().UTC().Truncate(time.Microsecond)
	t := eventTicket{
		Subject: subject, Status: statuses[0], Priority: priorities[medium], Type: "question", Channel: "api", RequesterID: me,
		Version: 1, IsOpen: true, CreatedAt: now, UpdatedAt: now, PublicAt: now,
	}
	err := h.inTx(ctx, func(tx *sql.Tx) error {
		at := now.UnixMicro()
		err := in(ctx, tx, h.putTicket).QueryRowContext(ctx, subject, 0, medium, t.Type, viaAPI, me, 1, 0, 0, 0, true, at, at, at).Scan(&t.ID)
		if err != nil {
			return err
		}
		var reply int64
		row := in(ctx, tx, h.putReply).QueryRowContext(ctx, t.ID, 0, me, "requester", false, viaAPI, body, at) //nolint:unqueryvet // prepared
		if err := row.Scan(&reply); err != nil {
			return err
		}
		return h.record(ctx, tx, "ticket.created", t.ID, eventActor{"requester", *h.asker.Person.UserID, h.asker.Person.Name, me}, ticketCreated{t, reply, nil}, at)
	})
	return []int64{t.ID}, err
}

func (h *byHand) record(ctx context.Context, tx *sql.Tx, name string, ticket int64, by eventActor, data any, at int64) error {
	actor, err := json.Marshal(by)
	if err != nil {
		return err
	}
	payload, err := json.Marshal(data)
	if err != nil {
		return err
	}
	_, err = in(ctx, tx, h.putEvent).ExecContext(ctx, ticket, name, string(actor), string(payload), at)
	return err
}

var errUnexpected = errors.New("the ticket is not one that waits for its customer")

// reply looks at the ticket first, as its status may have to change with the
// answer, which would be an event of its own.
func (h *byHand) reply(ctx context.Context, id int64) ([]int64, error) {
	me, now := h.agent.Person.ID, time.Now().UTC().Truncate(time.Microsecond)
	var status, version int
	var requester int64
	var mergedInto, deleted, responded sql.NullInt64
	if err := h.lock.QueryRowContext(ctx, id).Scan(&status, &version, &requester, &mergedInto, &deleted, &responded); err != nil {
		return nil, err
	}
	if status != waiting || requester == me || mergedInto.Valid || deleted.Valid {
		return nil, errUnexpected
	}
	return []int64{id}, h.inTx(ctx, func(tx *sql.Tx) error {
		at := now.UnixMicro()
		t, priority, err := scanTicket(in(ctx, tx, h.touch).QueryRowContext(ctx, at, at, at, me, at, id, version))
		if err != nil {
			return err
		}
		r := eventReply{
			TicketID: id, Number: t.LastNumber, Kind: "public", AuthorID: &me, Author: "agent", ByAgent: true, Channel: "api", Body: body, CreatedAt: now,
		}
		if t.TagCount > 0 {
			if _, err := in(ctx, tx, h.touchTags).ExecContext(ctx, t.IsOpen, priority, at, id); err != nil {
				return err
			}
		}
		row := in(ctx, tx, h.putReply).QueryRowContext(ctx, id, r.Number, me, r.Author, true, viaAPI, body, at) //nolint:unqueryvet // prepared
		if err := row.Scan(&r.ID); err != nil {
			return err
		}
		return h.record(ctx, tx, "reply.added", id, eventActor{"agent", *h.agent.Person.UserID, h.agent.Person.Name, me}, replyAdded{t, r}, at)
	})
}

func scanTicket(row *sql.Row) (t eventTicket, priority int, err error) {
	var status, channel int
	var unmerged, lastReply, firstResponse, resolved, closed, deleted sql.NullInt64
	var created, updated, public int64
	err = row.Scan(&t.ID, &t.Subject, &status, &priority, &t.Type, &channel, &t.RequesterID, &t.AssigneeID, &t.DepartmentID, &t.Version,
		&t.LastNumber, &t.ReplyCount, &t.TagCount, &t.IsOpen, &lastReply, &t.LastReplyBy, &firstResponse, &resolved, &closed, &t.MergedIntoID,
		&unmerged, &t.SplitFromID, &created, &updated, &public, &deleted)
	if err != nil {
		return t, 0, err
	}
	t.Status, t.Priority, t.Channel = statuses[status], priorities[priority], channels[channel]
	t.LastReplyAt, t.FirstResponseAt, t.ResolvedAt, t.ClosedAt, t.DeletedAt = when(lastReply), when(firstResponse), when(resolved), when(closed), when(deleted)
	t.CreatedAt, t.UpdatedAt, t.PublicAt = time.UnixMicro(created).UTC(), time.UnixMicro(updated).UTC(), time.UnixMicro(public).UTC()
	return t, priority, nil
}

func when(micros sql.NullInt64) *time.Time {
	if !micros.Valid {
		return nil
	}
	t := time.UnixMicro(micros.Int64).UTC()
	return &t
}
