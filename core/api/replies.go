package api

import (
	"context"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/rest"
)

func (a *api) registerReplies(o *rest.Owner) {
	o.Handle("GET /api/tickets/{id}/replies", core.Requesters, rest.JSON(a.listReplies, doc("Replies in order; notes for agents only.")))
	o.Handle("POST /api/tickets/{id}/replies", core.Requesters, rest.JSON(a.addReply, created, doc("Answer a ticket, or note something on it."), lostReply[addReply](a)))
	o.Handle("PATCH /api/tickets/{id}/replies/{reply}", core.Agents, rest.JSON(a.editReply,
		doc("Change the text of a reply; the former text is kept."), lostReply[editReply](a)))
	o.Handle("DELETE /api/tickets/{id}/replies/{reply}", core.Agents, rest.JSON(a.deleteReply, doc("Take a reply away.")))
	o.Handle("GET /api/tickets/{id}/replies/{reply}/edits", core.Agents, rest.JSON(a.listEdits, doc("Former texts of a reply, oldest first.")))
}

type listReplies struct {
	oneTicket
	page
}

type replyList struct {
	Replies    []core.ReplyView `json:"replies"`
	NextCursor *string          `json:"next_cursor"`
}

func (a *api) listReplies(ctx context.Context, in listReplies) (replyList, error) {
	replies, cursor, err := a.desk.Replies.List(ctx, in.ID, in.page.core())
	if err != nil {
		return replyList{}, err
	}
	views, err := a.desk.Replies.View(ctx, replies...)
	return replyList{views, next(cursor)}, err
}

type addReply struct {
	ID          int64        `path:"id" min:"1"`
	Body        string       `json:"body" min:"1" max:"100000"`
	Internal    bool         `json:"internal,omitempty" doc:"a note: agents only"`
	Status      *core.Status `json:"status,omitempty" doc:"set with the reply; without it the usual flow"`
	Attachments []int64      `json:"attachments,omitempty" max:"20" doc:"ids of uploads"`
}

func (a *api) addReply(ctx context.Context, in addReply) (core.ReplyView, error) {
	r, err := a.desk.Replies.Add(ctx, in.ID, core.ReplyDraft{
		Body: in.Body, Internal: in.Internal, Status: in.Status, Attachments: in.Attachments, Channel: core.ViaAPI,
	})
	return a.oneReply(ctx, r, err)
}

type oneReply struct {
	ID    int64 `path:"id" min:"1"`
	Reply int64 `path:"reply" min:"1"`
}

type editReply struct {
	oneReply
	Body     string                `json:"body" min:"1" max:"100000"`
	EditedAt core.Maybe[core.Time] `json:"edited_at,omitzero" doc:"the edited_at that was seen, or null; 409 when the reply was edited since"`
}

func (a *api) editReply(ctx context.Context, in editReply) (core.ReplyView, error) {
	r, err := a.desk.Replies.Edit(ctx, in.ID, in.Reply, core.ReplyPatch{Body: in.Body, Seen: in.EditedAt})
	return a.oneReply(ctx, r, err)
}

func (a *api) deleteReply(ctx context.Context, in oneReply) (rest.None, error) {
	return rest.None{}, a.desk.Replies.Delete(ctx, in.ID, in.Reply)
}

type replyEdit struct {
	Body   string    `json:"body" doc:"before the edit"`
	Editor string    `json:"editor"`
	At     core.Time `json:"at"`
}

type editList struct {
	Edits []replyEdit `json:"edits" doc:"at most 100"`
}

func (a *api) listEdits(ctx context.Context, in oneReply) (editList, error) {
	edits, err := a.desk.Replies.History(ctx, in.ID, in.Reply)
	out := editList{Edits: []replyEdit{}}
	for _, e := range edits {
		out.Edits = append(out.Edits, replyEdit{e.Body, e.Editor, e.At})
	}
	return out, err
}
