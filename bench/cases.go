package main

import (
	"context"

	"github.com/hookdesk/hookdesk/core"
)

// promises are the ratios that a desk keeps to on each database.
var promises = map[string]struct{ list, ticket, write float64 }{
	"sqlite":   {1.3, 1.3, 1.5},
	"postgres": {1.4, 1.5, 1.7},
}

func (d *desk) cases(ctx context.Context) (_ []pair, err error) {
	agent, asker := core.As(ctx, d.agent), core.As(ctx, d.asker)
	open := true
	queue := core.TicketQuery{Open: &open}
	closed := core.TicketQuery{Status: []core.Status{core.StatusClosed}} // which are alike at both ends
	deep := closed
	if deep.Cursor, err = d.middle(agent, closed); err != nil {
		return nil, err
	}
	list := func(q core.TicketQuery) side {
		return func(context.Context, int) ([]int64, error) { return d.list(agent, q) }
	}
	of := func(tickets []int64, do func(context.Context, int64) ([]int64, error)) side {
		return func(_ context.Context, round int) ([]int64, error) { return do(agent, tickets[round%len(tickets)]) }
	}
	once := func(do func(context.Context) ([]int64, error)) side {
		return func(context.Context, int) ([]int64, error) { return do(asker) }
	}
	most := promises[d.name]
	return []pair{
		{"list of 25", most.list, list(queue), once(d.hand.list)},
		{"ticket with 20 replies", most.ticket, of(d.whole, d.ticket), of(d.whole, d.hand.ticket)},
		{"create with its event", most.write, once(d.ask), once(d.hand.create)},
		{"reply with its event", most.write, of(d.busy, d.answer), of(d.busy, d.hand.reply)},
		// Both sides are the desk's.
		{"deep page (against the first)", 1.1, list(deep), list(closed)},
	}, nil
}

// list is what GET /api/tickets does.
func (d *desk) list(ctx context.Context, q core.TicketQuery) ([]int64, error) {
	page, err := d.Tickets.List(ctx, q)
	if err != nil {
		return nil, err
	}
	views, err := d.Tickets.View(ctx, page.Tickets...)
	var found []int64
	for _, v := range views {
		found = append(found, v.Agent.ID)
		for _, t := range v.Agent.Tags {
			found = append(found, t.ID)
		}
	}
	return found, err
}

// ticket is what GET /api/tickets/{id} does, up to the replies.
func (d *desk) ticket(ctx context.Context, id int64) ([]int64, error) {
	whole, err := d.Tickets.Whole(ctx, id)
	if err != nil {
		return nil, err
	}
	found := []int64{whole.Ticket.Agent.ID}
	for _, t := range whole.Ticket.Agent.Tags {
		found = append(found, t.ID)
	}
	for _, r := range whole.Replies {
		found = append(found, r.Agent.ID)
		for _, f := range r.Agent.Attachments {
			found = append(found, f.ID)
		}
	}
	return found, nil
}

const (
	subject = "The printer on the second floor"
	body    = "It prints every page twice since Monday, the second time upside down. Switching it off and on did not help, and the lamp that says toner is on as well."
)

// ask is what POST /api/tickets does for a customer.
func (d *desk) ask(ctx context.Context) ([]int64, error) {
	t, err := d.Tickets.Create(ctx, core.TicketDraft{Subject: subject, Body: body, Priority: core.Medium, Channel: core.ViaAPI})
	return []int64{t.ID}, err
}

// answer is what POST /api/tickets/{id}/replies does for an agent.
func (d *desk) answer(ctx context.Context, ticket int64) ([]int64, error) {
	r, err := d.Replies.Add(ctx, ticket, core.ReplyDraft{Body: body, Channel: core.ViaAPI})
	return []int64{r.TicketID}, err
}

// middle is the cursor of the page in the middle of a list.
func (d *desk) middle(ctx context.Context, q core.TicketQuery) (string, error) {
	var cursors []string
	for q.Limit = 100; ; {
		page, err := d.Tickets.List(ctx, q)
		if err != nil {
			return "", err
		}
		cursors = append(cursors, page.NextCursor)
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			return cursors[len(cursors)/2], nil
		}
	}
}
