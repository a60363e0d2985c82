package desktest

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/hookdesk/hookdesk/core"
)

// replies are the texts of a ticket, notes as well, whoever asks.
func replies(h core.Host) http.Handler {
	return core.JSON(func(ctx context.Context, in oneTicket) (out struct {
		Bodies []string `json:"bodies"`
	}, err error) {
		out.Bodies = []string{}
		return out, h.DB(ctx).Table("hookdesk_replies").Where("ticket_id = ?", in.ID).Pluck("body", &out.Bodies).Error
	})
}

func TestRoutesThatTellOrBreak(t *testing.T) {
	t.Parallel()
	type body struct {
		Text string `json:"text"`
	}
	put := func(h core.Host, fn func(context.Context, body) error) {
		h.Handle("PUT /api/toy", core.Agents, core.JSON(func(ctx context.Context, in body) (core.None, error) { return core.None{}, fn(ctx, in) }))
	}
	mustFail(t, map[string]broken{
		"a ticket to a stranger": {check: "routes", says: `"stranger", who is an outsider here`, plugin: does(func(h core.Host) {
			h.Handle("GET /api/tickets/{id}/toy", core.Requesters, replies(h))
		})},
		"notes to their customer": {check: "routes", says: `"customer" reads what is not for everybody`, plugin: does(func(h core.Host) {
			h.Handle("GET /api/toy/{id}", core.Requesters, replies(h))
		})},
		"notes to anybody": {check: "routes", says: `"" reads what is not for everybody`, plugin: does(func(h core.Host) {
			h.Handle("GET /api/toy/{id}", core.Public, replies(h))
		})},
		"notes beside a ticket": {check: "routes", says: `"customer" reads what is not for everybody: GET /api/tickets/1: 200`, plugin: does(func(h core.Host) {
			h.Hooks().Ticket.Show.Add(h, "show", func(ctx context.Context, page *core.TicketsShown) error {
				for _, ticket := range page.Tickets {
					bodies := []string{}
					err := h.DB(ctx).Table("hookdesk_replies").Where("ticket_id = ?", ticket.ID).Pluck("body", &bodies).Error
					if err != nil {
						return err
					}
					if err := page.Add(ticket.ID, "toy", bodies); err != nil {
						return err
					}
				}
				return nil
			})
		})},
		"500 on bad JSON": {check: "routes", says: `with the body "{": PUT /api/toy: 500`, plugin: does(func(h core.Host) {
			h.Handle("PUT /api/toy", core.Agents, core.Func(func(_ http.ResponseWriter, r *http.Request) error {
				return json.NewDecoder(r.Body).Decode(&body{})
			}))
		})},
		"a panic on an empty text": {check: "routes", says: `with the body {"text":""}: PUT /api/toy: 500`, plugin: does(func(h core.Host) {
			put(h, func(_ context.Context, in body) error { _ = in.Text[0]; return nil })
		})},
		"a text that is taken for a number": {check: "routes", says: "PUT /api/toy: 500", db: Postgres, plugin: does(func(h core.Host) {
			put(h, func(ctx context.Context, in body) error {
				return h.DB(ctx).Exec("UPDATE "+h.Table("notes")+" SET body = '' WHERE id = CAST(? AS bigint)", in.Text).Error
			})
		})},
	})
}
