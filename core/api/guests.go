package api

import (
	"context"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/rest"
)

func (a *api) registerGuests(o *rest.Owner) {
	o.Handle("POST /api/guest/tickets", core.Public, rest.JSON(a.guestTicket, created,
		doc("Open a ticket without an account. The answer holds the token, once; send it in the header "+core.GuestHeader+".")))
	o.Handle("GET /api/guest/tickets", core.Guests, rest.JSON(a.guestTickets, doc("The ticket that the guest's token opens.")))
	o.Handle("POST /api/guest/replies", core.Guests, rest.JSON(a.guestReply, created, doc("Answer the ticket that the guest's token opens.")))
}

type guestTicket struct {
	Name    string `json:"name" min:"1" max:"80"`
	Email   string `json:"email" max:"254"`
	Subject string `json:"subject" min:"1" max:"200"`
	Body    string `json:"body" min:"1" max:"100000"`
}

type guestAnswer struct {
	Ticket core.TicketView `json:"ticket"`
	Token  string          `json:"token" doc:"opens the ticket for 90 days; told once"`
}

func (a *api) guestTicket(ctx context.Context, in guestTicket) (guestAnswer, error) {
	t, token, err := a.desk.Guests.Open(ctx, core.GuestTicket{Name: in.Name, Email: in.Email, Subject: in.Subject, Body: in.Body, Channel: core.ViaWeb})
	view, err := a.one(ctx, t, err)
	return guestAnswer{view, token}, err
}

type guestTickets struct {
	Tickets    []core.TicketView `json:"tickets"`
	NextCursor *string           `json:"next_cursor"`
	Replies    []core.ReplyView  `json:"replies"`
	RepliesNow *string           `json:"replies_next_cursor" doc:"cursor of the next replies"`
}

func (a *api) guestTickets(ctx context.Context, in listAgents) (guestTickets, error) {
	out := guestTickets{}
	t, err := a.desk.Tickets.Get(ctx, core.ActorFrom(ctx).Ticket())
	if err != nil {
		return out, err
	}
	view, err := a.one(ctx, t, nil)
	if err != nil {
		return out, err
	}
	out.Tickets = []core.TicketView{view}
	replies, cursor, err := a.desk.Replies.List(ctx, t.ID, in.page.core())
	if err != nil {
		return out, err
	}
	out.RepliesNow = next(cursor)
	out.Replies, err = a.desk.Replies.View(ctx, replies...)
	return out, err
}

type guestReply struct {
	Body string `json:"body" min:"1" max:"100000"`
}

func (a *api) guestReply(ctx context.Context, in guestReply) (core.ReplyView, error) {
	r, err := a.desk.Replies.Add(ctx, core.ActorFrom(ctx).Ticket(), core.ReplyDraft{Body: in.Body, Channel: core.ViaWeb})
	return a.oneReply(ctx, r, err)
}
