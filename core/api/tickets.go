package api

import (
	"context"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/rest"
)

func (a *api) registerTickets(o *rest.Owner) {
	o.Handle("GET /api/tickets", core.Requesters, rest.JSON(a.listTickets, doc("Tickets that you may see. Values of one filter are alternatives.")))
	o.Handle("POST /api/tickets", core.Requesters, rest.JSON(a.createTicket, created, doc("Open a ticket."), lostTicket[createTicket](a)))
	o.Handle("GET /api/tickets/{id}", core.Requesters, rest.JSON(a.getTicket, doc("A ticket with the first page of its replies and activities.")))
	o.Handle("PATCH /api/tickets/{id}", core.Requesters, rest.JSON(a.patchTicket, doc("Change a ticket. Requesters may close and reopen."), lostTicket[patchTicket](a)))
	o.Handle("DELETE /api/tickets/{id}", core.Admins, rest.JSON(a.deleteTicket, doc("Put a ticket into the bin.")))
	o.Handle("POST /api/tickets/{id}/restore", core.Admins, rest.JSON(a.restoreTicket, doc("Take a ticket out of the bin."), lostTicket[oneTicket](a)))
	o.Handle("GET /api/tickets/{id}/activities", core.Requesters, rest.JSON(a.listActivities, doc("What happened to a ticket, oldest first.")))
	o.Handle("POST /api/tickets/{id}/assign", core.Agents, rest.JSON(a.assignTicket,
		doc("Assign a ticket, or with null take it from its assignee."), lostTicket[assignTicket](a)))
	o.Handle("POST /api/tickets/{id}/status", core.Agents, rest.JSON(a.setStatus, doc("Change the status."), lostTicket[setStatus](a)))
	o.Handle("POST /api/tickets/{id}/tags", core.Agents, rest.JSON(a.setTags, doc("Replace the tags."), lostTicket[setTags](a)))
	o.Handle("POST /api/tickets/{id}/department", core.Agents, rest.JSON(a.setDepartment,
		doc("Move a ticket to a department, or with null to none."), lostTicket[setDepartment](a)))
	o.Handle("POST /api/tickets/{id}/split", core.Agents, rest.JSON(a.splitTicket, created, doc("Make a reply a ticket of its own.")))
	o.Handle("POST /api/tickets/{id}/merge", core.Agents, rest.JSON(a.mergeTickets, doc("Merge other tickets into this one."), lostTicket[mergeTickets](a)))
	o.Handle("POST /api/tickets/{id}/unmerge", core.Agents, rest.JSON(a.unmergeTicket, doc("Undo the merge of this ticket.")))
	o.Handle("POST /api/tickets/bulk", core.Agents, rest.JSON(a.bulk, doc("Change up to 100 tickets, each by itself.")))
	o.Handle("GET /api/dashboard", core.Agents, rest.JSON(a.dashboard, doc("Counts to start the day with, each up to 1000.")))
}

type ticketList struct {
	Tickets     []core.TicketView `json:"tickets"`
	NextCursor  *string           `json:"next_cursor"`
	Total       *int              `json:"total,omitempty" doc:"with count=true"`
	TotalCapped *bool             `json:"total_capped,omitempty" doc:"there are more than total"`
}

func (a *api) listTickets(ctx context.Context, in core.TicketParams) (ticketList, error) {
	q, err := in.Query(ctx)
	if err != nil {
		return ticketList{}, err
	}
	found, err := a.desk.Tickets.List(ctx, q)
	if err != nil {
		return ticketList{}, err
	}
	views, err := a.desk.Tickets.View(ctx, found.Tickets...)
	out := ticketList{Tickets: views, NextCursor: next(found.NextCursor)}
	if in.Count {
		out.Total, out.TotalCapped = &found.Total, &found.TotalCapped
	}
	return out, err
}

type createTicket struct {
	Subject      string        `json:"subject" min:"1" max:"200"`
	Body         string        `json:"body" min:"1" max:"100000"`
	Priority     core.Priority `json:"priority,omitempty" default:"medium"`
	Type         string        `json:"type,omitempty" doc:"default: the first type of the desk"`
	DepartmentID *int64        `json:"department_id,omitempty"`
	Requester    *ref          `json:"requester,omitempty" doc:"agents may open a ticket for somebody"`
	Assignee     *ref          `json:"assignee,omitempty" doc:"agents only"`
	Tags         []string      `json:"tags,omitempty" max:"20" doc:"slugs or names"`
	Attachments  []int64       `json:"attachments,omitempty" max:"20" doc:"ids of uploads"`
}

func (a *api) createTicket(ctx context.Context, in createTicket) (core.TicketView, error) {
	draft := core.TicketDraft{
		Subject: in.Subject, Body: in.Body, Priority: in.Priority, Type: in.Type, DepartmentID: in.DepartmentID,
		Tags: in.Tags, Attachments: in.Attachments, Channel: core.ViaAPI,
	}
	if in.Requester != nil {
		id, err := a.person(ctx, "requester", *in.Requester)
		if err != nil {
			return core.TicketView{}, err
		}
		draft.RequesterID = id
	}
	if in.Assignee != nil {
		id, err := a.person(ctx, "assignee", *in.Assignee)
		if err != nil {
			return core.TicketView{}, err
		}
		draft.AssigneeID = &id
	}
	t, err := a.desk.Tickets.Create(ctx, draft)
	return a.one(ctx, t, err)
}

type wholeTicket struct {
	Ticket         core.TicketView     `json:"ticket"`
	Replies        []core.ReplyView    `json:"replies" doc:"first page, oldest first"`
	RepliesNext    *string             `json:"replies_next_cursor" doc:"for GET …/replies"`
	Activities     []core.ActivityItem `json:"activities" doc:"first page, oldest first"`
	ActivitiesNext *string             `json:"activities_next_cursor" doc:"for GET …/activities"`
}

// ETag is the ticket's version.
func (w wholeTicket) ETag() string { return w.Ticket.ETag() }

func (a *api) getTicket(ctx context.Context, in oneTicket) (wholeTicket, error) {
	whole, err := a.desk.Tickets.Whole(ctx, in.ID)
	if err != nil {
		return wholeTicket{}, err
	}
	out := wholeTicket{Ticket: whole.Ticket, Replies: whole.Replies, RepliesNext: next(whole.RepliesNext)}
	var cursor string
	out.Activities, cursor, err = a.desk.Activity.List(ctx, in.ID, core.Page{})
	out.ActivitiesNext = next(cursor)
	return out, err
}

type patchTicket struct {
	ID         int64             `path:"id" min:"1"`
	IfMatch    string            `header:"If-Match" doc:"the ETag that was seen; 409 when the ticket changed since"`
	Subject    *string           `json:"subject,omitempty" min:"1" max:"200"`
	Priority   *core.Priority    `json:"priority,omitempty"`
	Type       *string           `json:"type,omitempty"`
	Status     *core.Status      `json:"status,omitempty"`
	Assignee   core.Maybe[ref]   `json:"assignee,omitzero"`
	Department core.Maybe[int64] `json:"department_id,omitzero"`
	Tags       *[]string         `json:"tags,omitempty" max:"20" doc:"slugs or names; all of them"`
	Version    *int              `json:"version,omitempty" min:"1" doc:"as If-Match"`
}

func (a *api) patchTicket(ctx context.Context, in patchTicket) (core.TicketView, error) {
	seen, err := core.SeenVersion(in.IfMatch, in.Version)
	if err != nil {
		return core.TicketView{}, err
	}
	assignee, err := a.maybePerson(ctx, "assignee", in.Assignee)
	if err != nil {
		return core.TicketView{}, err
	}
	t, err := a.desk.Tickets.Update(ctx, in.ID, core.TicketPatch{
		Subject: in.Subject, Priority: in.Priority, Type: in.Type, Status: in.Status, Assignee: assignee, Department: in.Department, Tags: in.Tags, Version: seen,
	})
	return a.one(ctx, t, err)
}

func (a *api) deleteTicket(ctx context.Context, in oneTicket) (rest.None, error) {
	_, err := a.desk.Tickets.Delete(ctx, in.ID)
	return rest.None{}, err
}

func (a *api) restoreTicket(ctx context.Context, in oneTicket) (core.TicketView, error) {
	t, err := a.desk.Tickets.Restore(ctx, in.ID)
	return a.one(ctx, t, err)
}

type listActivities struct {
	oneTicket
	page
}

type activityList struct {
	Activities []core.ActivityItem `json:"activities"`
	NextCursor *string             `json:"next_cursor"`
}

func (a *api) listActivities(ctx context.Context, in listActivities) (activityList, error) {
	items, cursor, err := a.desk.Activity.List(ctx, in.ID, in.page.core())
	return activityList{list(items), next(cursor)}, err
}

// versioned is what every verb takes beside its own field.
type versioned struct {
	ID      int64  `path:"id" min:"1"`
	IfMatch string `header:"If-Match"`
	Version *int   `json:"version,omitempty" min:"1"`
}

func (a *api) update(ctx context.Context, v versioned, p core.TicketPatch) (core.TicketView, error) {
	var err error
	if p.Version, err = core.SeenVersion(v.IfMatch, v.Version); err != nil {
		return core.TicketView{}, err
	}
	t, err := a.desk.Tickets.Update(ctx, v.ID, p)
	return a.one(ctx, t, err)
}

type assignTicket struct {
	versioned
	Assignee *ref `json:"assignee"`
}

func (a *api) assignTicket(ctx context.Context, in assignTicket) (core.TicketView, error) {
	assignee, err := a.maybePerson(ctx, "assignee", core.Maybe[ref]{Set: true, Value: in.Assignee})
	if err != nil {
		return core.TicketView{}, err
	}
	return a.update(ctx, in.versioned, core.TicketPatch{Assignee: assignee})
}

type setStatus struct {
	versioned
	Status core.Status `json:"status"`
}

func (a *api) setStatus(ctx context.Context, in setStatus) (core.TicketView, error) {
	return a.update(ctx, in.versioned, core.TicketPatch{Status: &in.Status})
}

type setTags struct {
	versioned
	Tags []string `json:"tags" max:"20"`
}

func (a *api) setTags(ctx context.Context, in setTags) (core.TicketView, error) {
	return a.update(ctx, in.versioned, core.TicketPatch{Tags: &in.Tags})
}

type setDepartment struct {
	versioned
	DepartmentID *int64 `json:"department_id"`
}

func (a *api) setDepartment(ctx context.Context, in setDepartment) (core.TicketView, error) {
	return a.update(ctx, in.versioned, core.TicketPatch{Department: core.Maybe[int64]{Set: true, Value: in.DepartmentID}})
}

type splitTicket struct {
	ID      int64  `path:"id" min:"1"`
	ReplyID int64  `json:"reply_id" min:"1"`
	Subject string `json:"subject,omitempty" max:"200" doc:"default: the ticket's"`
}

func (a *api) splitTicket(ctx context.Context, in splitTicket) (core.TicketView, error) {
	t, err := a.desk.Tickets.Split(ctx, in.ID, in.ReplyID, in.Subject)
	return a.one(ctx, t, err)
}

type mergeTickets struct {
	ID      int64   `path:"id" min:"1"`
	Sources []int64 `json:"sources" min:"1" max:"20" doc:"ids of the tickets that end in this one"`
}

func (a *api) mergeTickets(ctx context.Context, in mergeTickets) (core.TicketView, error) {
	t, err := a.desk.Tickets.Merge(ctx, in.ID, in.Sources)
	return a.one(ctx, t, err)
}

func (a *api) unmergeTicket(ctx context.Context, in oneTicket) (core.TicketView, error) {
	t, err := a.desk.Tickets.Unmerge(ctx, in.ID)
	return a.one(ctx, t, err)
}

type nothing struct{}

func (a *api) dashboard(ctx context.Context, _ nothing) (core.Dashboard, error) {
	return a.desk.Tickets.Dashboard(ctx)
}
