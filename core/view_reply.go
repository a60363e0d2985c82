package core

import (
	"context"
	"slices"
)

// AuthorView is who wrote a reply.
type AuthorView struct {
	Kind string `json:"kind" doc:"requester, agent, admin, guest, plugin, system"`
	ID   *int64 `json:"id,omitempty" doc:"the person's, for agents"`
	Name string `json:"name"`
}

// AgentReply is a reply, note or system message as agents see it.
type AgentReply struct {
	ID           int64        `json:"id"`
	Number       int          `json:"number"`
	Kind         ReplyKind    `json:"kind"`
	Author       AuthorView   `json:"author"`
	Channel      Channel      `json:"channel"`
	Body         string       `json:"body"`
	Attachments  []Attachment `json:"attachments"`
	MergedFromID *int64       `json:"merged_from_id"`
	CreatedAt    Time         `json:"created_at"`
	EditedAt     *Time        `json:"edited_at"`
	DeletedAt    *Time        `json:"deleted_at"`
}

// FileView is a file as customers see it.
type FileView struct {
	ID        int64  `json:"id"`
	Name      string `json:"name"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
}

// CustomerReply is a public reply or system message as the requester sees it.
type CustomerReply struct {
	ID          int64      `json:"id"`
	Kind        ReplyKind  `json:"kind"`
	Author      AuthorView `json:"author"`
	Body        string     `json:"body"`
	Attachments []FileView `json:"attachments"`
	CreatedAt   Time       `json:"created_at"`
	EditedAt    *Time      `json:"edited_at"`
}

// ReplyView is an AgentReply or a CustomerReply, by who asks.
type ReplyView struct {
	Agent    *AgentReply
	Customer *CustomerReply
}

// MarshalJSON writes the one that is set.
func (v ReplyView) MarshalJSON() ([]byte, error) { return marshalOne(v.Agent, v.Customer) }

// OneOf lists the forms for OpenAPI.
func (ReplyView) OneOf() []any { return []any{AgentReply{}, CustomerReply{}} }

// View turns replies into what the actor of ctx may see of them.
func (s Replies) View(ctx context.Context, replies ...Reply) ([]ReplyView, error) {
	beside, err := s.d.neighbours(ctx, neighbourIDs{people: authors(replies), replies: replies})
	if err != nil {
		return nil, err
	}
	return s.view(ctx, beside, replies), nil
}

// authors are the people who wrote replies.
func authors(replies []Reply) []int64 {
	var ids []int64
	for _, r := range replies {
		if r.AuthorID != nil {
			ids = append(ids, *r.AuthorID)
		}
	}
	return ids
}

func (s Replies) view(ctx context.Context, beside neighbours, replies []Reply) []ReplyView {
	out := make([]ReplyView, len(replies))
	for i, r := range replies {
		author := AuthorView{Kind: r.Author, Name: r.Author}
		if r.AuthorID != nil {
			author.ID, author.Name = r.AuthorID, beside.people[*r.AuthorID].Name
		}
		if ActorFrom(ctx).IsAgent() {
			out[i].Agent = agentReply(r, author, beside.files[r.ID])
		} else {
			author.ID = nil
			out[i].Customer = customerReply(r, author, beside.files[r.ID])
		}
	}
	return out
}

// of finds the files of replies.
func (s Attachments) of(ctx context.Context, replies []Reply) (map[int64][]Attachment, error) {
	out := map[int64][]Attachment{}
	if len(replies) == 0 {
		return out, nil
	}
	rows, err := find[Attachment](ctx, s.d.store, Query{Where: besideReplies(replies), Order: []Order{{Column: "id"}}})
	for _, a := range rows {
		out[*a.ReplyID] = append(out[*a.ReplyID], a)
	}
	return out, err
}

// besideReplies asks for the files of replies: of a page of one ticket by one
// look into the index of its files, which are few, or else by one for each.
func besideReplies(replies []Reply) []Cond {
	ids := make([]int64, len(replies))
	together := len(replies) > 1
	for i, r := range replies {
		ids[i] = r.ID
		// In a ticket that was merged, files stand where the reply went.
		together = together && r.TicketID == replies[0].TicketID && (r.MergedFromID == nil || *r.MergedFromID != r.TicketID)
	}
	if together {
		return []Cond{Is("ticket_id", replies[0].TicketID), Where("reply_id", GreaterOrEqual, slices.Min(ids)), Where("reply_id", LessOrEqual, slices.Max(ids))}
	}
	return []Cond{Where("reply_id", In, ids)}
}

func agentReply(r Reply, author AuthorView, files []Attachment) *AgentReply {
	if files == nil {
		files = []Attachment{}
	}
	return &AgentReply{
		ID: r.ID, Number: r.Number, Kind: r.Kind, Author: author, Channel: r.Channel, Body: r.Body, Attachments: files,
		MergedFromID: r.MergedFromID, CreatedAt: r.CreatedAt, EditedAt: r.EditedAt, DeletedAt: r.DeletedAt,
	}
}

func customerReply(r Reply, author AuthorView, files []Attachment) *CustomerReply {
	out := &CustomerReply{ID: r.ID, Kind: r.Kind, Author: author, Body: r.Body, Attachments: []FileView{}, CreatedAt: r.CreatedAt, EditedAt: r.EditedAt}
	for _, f := range files {
		out.Attachments = append(out.Attachments, FileView{f.ID, f.Name, f.MediaType, f.Size})
	}
	return out
}
