// Package api is core over HTTP: each handler decodes, makes one call and
// writes. It is core's first client and has no rule of its own.
package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/hookdesk/hookdesk/core"
	"github.com/hookdesk/hookdesk/rest"
)

// api holds the desk that its handlers call.
type api struct{ desk *core.Desk }

// Table returns the desk's routes: core's own, which the first call adds, and
// those of the plugins. It fails when a plugin's route conflicts with another.
func Table(d *core.Desk) (*rest.Table, error) {
	return d.Rest((&api{d}).register)
}

// Routes is Table for adapters: it panics, as routers do, on a conflict.
func Routes(d *core.Desk) []*rest.Route {
	t, err := Table(d)
	if err != nil {
		panic(err) //nolint:forbidigo // found at start, as routers do
	}
	return t.Routes()
}

// register is the table of contents of core's API.
func (a *api) register(o *rest.Owner) {
	a.registerTickets(o)
	a.registerReplies(o)
	a.registerFiles(o)
	a.registerDirectory(o)
	a.registerGuests(o)
	a.registerAdmin(o)
	a.registerDeliveries(o)
	a.registerEvents(o)
	a.registerSchedule(o)
}

func doc(sentence string) rest.Option { return rest.Doc(sentence) }

var created = rest.Status(http.StatusCreated) //nolint:gochecknoglobals // never changed

// page is what every list takes.
type page struct {
	Limit  int    `query:"limit" default:"25" min:"1" max:"100"`
	Cursor string `query:"cursor" max:"300" doc:"next_cursor of the page before"`
}

func (p page) core() core.Page { return core.Page{Limit: p.Limit, Cursor: p.Cursor} }

// next is a cursor as lists answer it: null at the end.
func next(cursor string) *string {
	if cursor == "" {
		return nil
	}
	return &cursor
}

// list makes [] of nil.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// ref names a person: by id, by the host's user id, or "me".
type ref struct {
	id   int64
	user string
}

// Schema describes the JSON form.
func (ref) Schema() rest.Schema {
	return rest.Schema{AnyOf: []*rest.Schema{{Type: "integer"}, {Type: "string"}}, Description: `a person's id, the host's user id, or "me"`}
}

// UnmarshalJSON reads a number or a text.
func (r *ref) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &r.id) == nil {
		if r.id < 1 {
			return core.Errorf(core.Invalid, "must be an id, a user id or me")
		}
		return nil
	}
	if err := json.Unmarshal(text, &r.user); err != nil || r.user == "" {
		return core.Errorf(core.Invalid, "must be an id, a user id or me")
	}
	return nil
}

// person finds whom r names.
func (a *api) person(ctx context.Context, field string, r ref) (int64, error) {
	switch r.user {
	case "":
		return r.id, nil
	case "me":
		if me := core.ActorFrom(ctx).Person.ID; me != 0 {
			return me, nil
		}
		return 0, core.InvalidField(field, "a plugin is no person")
	}
	p, err := a.desk.People.ByUserID(ctx, r.user)
	if core.KindOf(err) == core.NotFound {
		return 0, core.InvalidField(field, "there is no such person")
	}
	return p.ID, err
}

func (a *api) maybePerson(ctx context.Context, field string, m core.Maybe[ref]) (core.Maybe[int64], error) {
	if !m.Set || m.Value == nil {
		return core.Maybe[int64]{Set: m.Set}, nil
	}
	id, err := a.person(ctx, field, *m.Value)
	return core.Maybe[int64]{Set: true, Value: &id}, err
}

// oneTicket is the input of routes that take nothing but the ticket.
type oneTicket struct {
	ID int64 `path:"id" min:"1"`
}

// one turns a ticket into its answer.
func (a *api) one(ctx context.Context, t core.Ticket, err error) (core.TicketView, error) {
	if err != nil {
		return core.TicketView{}, err
	}
	views, err := a.desk.Tickets.View(ctx, t)
	if err != nil {
		return core.TicketView{}, err
	}
	return views[0], nil
}

func (a *api) oneReply(ctx context.Context, r core.Reply, err error) (core.ReplyView, error) {
	if err != nil {
		return core.ReplyView{}, err
	}
	views, err := a.desk.Replies.View(ctx, r)
	if err != nil {
		return core.ReplyView{}, err
	}
	return views[0], nil
}

// lostTicket answers for a change of a ticket whose answer was lost in a crash:
// with the ticket as it is now.
func lostTicket[In any](a *api) rest.Option {
	return rest.Again(func(ctx context.Context, _ In) (core.TicketView, error) {
		e, err := a.desk.LostEvent(ctx)
		if err != nil || e.TicketID == nil {
			return core.TicketView{}, answerLost(err)
		}
		t, err := a.desk.Tickets.Get(ctx, *e.TicketID)
		return a.one(ctx, t, err)
	})
}

// lostReply is lostTicket for replies.
func lostReply[In any](a *api) rest.Option {
	return rest.Again(func(ctx context.Context, _ In) (core.ReplyView, error) {
		e, err := a.desk.LostEvent(ctx)
		if err != nil || e.TicketID == nil {
			return core.ReplyView{}, answerLost(err)
		}
		var added core.ReplyAdded
		if err := json.Unmarshal([]byte(e.Payload), &added); err != nil {
			return core.ReplyView{}, err
		}
		_, r, err := a.desk.Replies.Get(ctx, *e.TicketID, added.Reply.ID)
		return a.oneReply(ctx, r, err)
	})
}

func answerLost(err error) error {
	if err != nil {
		return err
	}
	return core.Errorf(core.Conflict, "this request was carried out, but its answer was lost: read what it changed")
}
