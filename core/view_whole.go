package core

import "context"

// WholeTicket is a ticket with the first page of its replies, oldest first.
type WholeTicket struct {
	Ticket      TicketView
	Replies     []ReplyView
	RepliesNext string // the cursor for Replies.List; "" when these are all
}

// Whole finds a ticket that the actor may see, with its replies, as the actor
// sees them: what Get, View, Replies.List and Replies.View return, with half of
// their queries. All other tickets are NotFound.
func (s Tickets) Whole(ctx context.Context, id int64) (whole WholeTicket, err error) {
	t, err := s.Get(ctx, id)
	if err != nil {
		return whole, err
	}
	replies, next, err := s.d.Replies.list(ctx, t, Page{})
	if err != nil {
		return whole, err
	}
	agent := ActorFrom(ctx).IsAgent()
	ids := besideTickets([]Ticket{t}, agent)
	ids.people, ids.replies = append(ids.people, authors(replies)...), replies
	beside, err := s.d.neighbours(ctx, ids)
	if err != nil {
		return whole, err
	}
	views, err := s.view(ctx, beside, t)
	if err != nil {
		return whole, err
	}
	return WholeTicket{Ticket: views[0], Replies: s.d.Replies.view(ctx, beside, replies), RepliesNext: next}, nil
}
