package core

import (
	"context"
	"net/url"
	"strconv"
)

// listRoute is the row whose parameters TicketParams are.
const listRoute = "GET /api/tickets"

// TicketParams are the query parameters of GET /api/tickets, and of whatever
// keeps them to ask again: the one definition of their names and forms.
type TicketParams struct {
	Limit        int        `query:"limit" default:"25" min:"1" max:"100"`
	Cursor       string     `query:"cursor" max:"300" doc:"next_cursor of the page before"`
	Status       []Status   `query:"status"`
	Priority     []Priority `query:"priority"`
	Type         []string   `query:"type"`
	Department   []int64    `query:"department"`
	Tag          []string   `query:"tag" doc:"slugs; agents only"`
	Assignee     []string   `query:"assignee" doc:"me, none, or people's ids; agents only"`
	Requester    []string   `query:"requester" doc:"me, or people's ids; agents only"`
	Text         string     `query:"q" max:"200" doc:"words, all of which stand in subject or replies; newest first"`
	Open         *bool      `query:"open" doc:"true: not resolved, closed, merged or deleted"`
	CreatedFrom  *Time      `query:"created_from"`
	CreatedTo    *Time      `query:"created_to" doc:"exclusive"`
	UpdatedSince *Time      `query:"updated_since"`
	Sort         string     `query:"sort" doc:"updated, created, priority or what a plugin adds, such as sla_due; with - in front descending; default -updated"`
	Count        bool       `query:"count" doc:"also count, up to 10000"`
	Extra        url.Values `query:"*"`
}

// Query is what the parameters ask for; me is the actor of ctx.
func (p TicketParams) Query(ctx context.Context) (q TicketQuery, err error) {
	q = TicketQuery{
		Status: p.Status, Priority: p.Priority, Type: p.Type, Department: p.Department, Tag: p.Tag, Text: p.Text, Open: p.Open,
		CreatedFrom: p.CreatedFrom, CreatedTo: p.CreatedTo, UpdatedSince: p.UpdatedSince,
		Sort: p.Sort, Limit: p.Limit, Cursor: p.Cursor, Count: p.Count, Extra: p.Extra,
	}
	if q.Assignee, q.Unassigned, err = people(ctx, "assignee", p.Assignee); err != nil {
		return q, err
	}
	q.Requester, _, err = people(ctx, "requester", p.Requester)
	return q, err
}

// people reads ids, me and, for assignees, none.
func people(ctx context.Context, field string, values []string) (ids []int64, none bool, err error) {
	for _, v := range values {
		switch id, err := strconv.ParseInt(v, 10, 64); {
		case v == "me":
			ids = append(ids, ActorFrom(ctx).Person.ID)
		case v == "none" && field == "assignee":
			none = true
		case err != nil || id < 1:
			return nil, false, InvalidField(field, "must be me, none or a person's id")
		default:
			ids = append(ids, id)
		}
	}
	return ids, none, nil
}

// Query reads the query parameters of GET /api/tickets as a request to it is
// read, with those that plugins have added, and fails as it would. It needs the
// routes of core/api.
func (s Tickets) Query(ctx context.Context, values url.Values) (TicketQuery, error) {
	var p TicketParams
	if err := s.d.rest.DecodeQuery(listRoute, values, &p); err != nil {
		return TicketQuery{}, err
	}
	return p.Query(ctx)
}

// HasParam reports whether a plugin that is on has added that query parameter
// to GET /api/tickets.
func (s Tickets) HasParam(name string) bool { return s.d.rest.HasQuery(listRoute, name) }
