package core

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/hookdesk/hookdesk/hooks"
)

// Activity is the service of what has happened.
type Activity struct{ d *Desk }

// ActivityItem is one thing that happened to a ticket.
type ActivityItem struct {
	ID      int64           `json:"id"`
	Type    string          `json:"type"`
	Actor   hooks.Actor     `json:"actor"`
	At      Time            `json:"at"`
	Changes []FieldChange   `json:"changes,omitempty"`
	Data    json.RawMessage `json:"data,omitempty" doc:"the whole event, for agents"`
}

// List returns a page of a ticket's activity, oldest first, and the cursor of
// the next. Requesters are told of what they can see, without the event's data.
func (s Activity) List(ctx context.Context, ticket int64, p Page) ([]ActivityItem, string, error) {
	t, err := s.d.Tickets.Get(ctx, ticket)
	if err != nil {
		return nil, "", err
	}
	q := Query{Where: append(s.audience(ctx), Is("ticket_id", t.ID)), Order: []Order{{Column: "id"}}, Limit: p.limit() + 1}
	if p.Cursor != "" {
		last, err := p.id()
		if err != nil {
			return nil, "", err
		}
		q.After = []any{last}
	}
	events, err := find[Event](ctx, s.d.store, q)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(events) > p.limit() {
		events = events[:p.limit()]
		next = cursorOf(events[len(events)-1].ID)
	}
	items := make([]ActivityItem, 0, len(events))
	for _, e := range events {
		item, _, err := s.item(ctx, e)
		if err != nil {
			return nil, "", err
		}
		items = append(items, item)
	}
	return items, next, nil
}

// audience holds the actor to the events that are for such actors.
func (s Activity) audience(ctx context.Context) []Cond {
	switch a := ActorFrom(ctx); {
	case a.Kind >= Admin:
		return nil
	case a.IsAgent():
		return []Cond{Where("audience", LessOrEqual, AgentsOnly)}
	}
	return []Cond{Is("audience", Everybody)}
}

func (s Activity) item(ctx context.Context, e Event) (ActivityItem, int, error) {
	envelope, err := e.envelope(0)
	if err != nil {
		return ActivityItem{}, 0, err
	}
	var changed TicketChanged
	if err := json.Unmarshal(envelope.Data, &changed); err != nil {
		return ActivityItem{}, 0, err
	}
	item := ActivityItem{ID: e.ID, Type: e.Type, Actor: envelope.Actor, At: e.CreatedAt, Changes: changed.Changes, Data: envelope.Data}
	if !ActorFrom(ctx).IsAgent() {
		item.Data, item.Actor = nil, hooks.Actor{Kind: envelope.Actor.Kind, Name: envelope.Actor.Name}
		item.Changes = publicChanges(changed.Changes)
	}
	return item, changed.Ticket.Version, nil
}

// publicChanges are those that requesters are told of: people are names to them,
// not numbers.
func publicChanges(changes []FieldChange) []FieldChange {
	return slices.DeleteFunc(slices.Clone(changes), func(c FieldChange) bool { return c.Field == "assignee_id" })
}

// maxSince bounds what a Conflict tells.
const maxSince = 50

// since returns the changes that took t beyond version, oldest first.
func (s Activity) since(ctx context.Context, t Ticket, version int) ([]ActivityItem, error) {
	events, err := find[Event](ctx, s.d.store, Query{
		Where: append(s.audience(ctx), Is("ticket_id", t.ID), Where("type", In, []string{
			"ticket.updated", "ticket.status_changed", "ticket.assigned", "ticket.tagged", "ticket.deleted", "ticket.restored", "ticket.merged", "ticket.unmerged",
		})),
		Order: []Order{{"id", true}}, Limit: maxSince,
	})
	if err != nil {
		return nil, err
	}
	items := []ActivityItem{}
	for _, e := range slices.Backward(events) {
		item, at, err := s.item(ctx, e)
		if err != nil {
			return nil, err
		}
		if item.Data = nil; at > version || at == 0 {
			items = append(items, item)
		}
	}
	return items, nil
}

// DashboardCount is a number of tickets; Capped says that there are more.
type DashboardCount struct {
	Count  int  `json:"count"`
	Capped bool `json:"capped"`
}

// Dashboard is what an agent starts the day with: open tickets by status, own
// ones, and those of nobody.
type Dashboard struct {
	ByStatus   map[string]DashboardCount `json:"by_status"`
	Mine       DashboardCount            `json:"mine"`
	Unassigned DashboardCount            `json:"unassigned"`
}

// dashboardCap bounds the work of a dashboard, however many tickets there are.
const dashboardCap = 1000

// Dashboard counts the open tickets that the actor sees. Agents only.
func (s Tickets) Dashboard(ctx context.Context) (Dashboard, error) {
	out := Dashboard{ByStatus: map[string]DashboardCount{}}
	if err := s.d.can(ctx, ReadDirectory, nil); err != nil {
		return out, err
	}
	open := true
	for status := StatusOpen; status <= StatusReopened; status++ {
		if status.Done() {
			continue
		}
		n, err := s.countUpTo(ctx, TicketQuery{Status: []Status{status}, Open: &open})
		if err != nil {
			return out, err
		}
		out.ByStatus[status.String()] = n
	}
	var err error
	if out.Mine, err = s.countUpTo(ctx, TicketQuery{Assignee: []int64{ActorFrom(ctx).Person.ID}, Open: &open}); err != nil {
		return out, err
	}
	out.Unassigned, err = s.countUpTo(ctx, TicketQuery{Unassigned: true, Open: &open})
	return out, err
}

// countUpTo counts what a list would show. Where the host judges each ticket,
// it counts one page.
func (s Tickets) countUpTo(ctx context.Context, q TicketQuery) (DashboardCount, error) {
	q.actor, q.Sort = ActorFrom(ctx), "-updated"
	s.d.hooks.Ticket.List.Run(ctx, &q)
	w, err := s.walk(ctx, q)
	if err != nil {
		return DashboardCount{}, err
	}
	if w.drops() {
		page, err := w.page(ctx, maxLimit, "")
		return DashboardCount{len(page.Tickets), page.NextCursor != ""}, err
	}
	lane := w.lanes[0]
	lane.Limit, lane.Order = dashboardCap+1, nil
	n, err := s.d.store.Count(ctx, &Ticket{}, lane)
	return DashboardCount{min(n, dashboardCap), n > dashboardCap}, err
}
