package core

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
)

// The view types are what leaves the desk: in the API, in streams, mails and
// pages. Those of customers have no field in which a note or an agent's
// private matter could stand.

// PersonView is a person as agents see one.
type PersonView struct {
	ID     int64   `json:"id"`
	UserID *string `json:"user_id"`
	Name   string  `json:"name"`
	Email  string  `json:"email"`
	Role   Role    `json:"role"`
}

// View is the person as agents see one.
func (p Person) View() PersonView { return PersonView{p.ID, p.UserID, p.Name, p.Email, p.Role} }

// NameView is a person, or the like, as customers see one.
type NameView struct {
	Name string `json:"name"`
}

// DepartmentView is a department beside a ticket.
type DepartmentView struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// AgentTicket is a ticket as agents see it.
type AgentTicket struct {
	ID              int64           `json:"id"`
	Reference       string          `json:"reference"`
	Subject         string          `json:"subject"`
	Status          Status          `json:"status"`
	Priority        Priority        `json:"priority"`
	Type            string          `json:"type"`
	Channel         Channel         `json:"channel"`
	Requester       PersonView      `json:"requester"`
	Assignee        *PersonView     `json:"assignee"`
	Department      *DepartmentView `json:"department"`
	Tags            []Tag           `json:"tags"`
	Version         int             `json:"version"`
	IsOpen          bool            `json:"is_open"`
	ReplyCount      int             `json:"reply_count" doc:"public replies, without the opening message"`
	LastReplyAt     *Time           `json:"last_reply_at"`
	FirstResponseAt *Time           `json:"first_response_at"`
	ResolvedAt      *Time           `json:"resolved_at"`
	ClosedAt        *Time           `json:"closed_at"`
	MergedIntoID    *int64          `json:"merged_into_id"`
	SplitFromID     *int64          `json:"split_from_id"`
	CreatedAt       Time            `json:"created_at"`
	UpdatedAt       Time            `json:"updated_at"`
	DeletedAt       *Time           `json:"deleted_at"`
	Extras          Extras          `json:"extras,omitempty" doc:"what plugins know of the ticket, by plugin"`
}

// CustomerTicket is a ticket as its requester sees it.
type CustomerTicket struct {
	ID           int64           `json:"id"`
	Reference    string          `json:"reference"`
	Subject      string          `json:"subject"`
	Status       Status          `json:"status"`
	Priority     Priority        `json:"priority"`
	Type         string          `json:"type"`
	Requester    NameView        `json:"requester"`
	Assignee     *NameView       `json:"assignee"`
	Department   *DepartmentView `json:"department"`
	Version      int             `json:"version"`
	IsOpen       bool            `json:"is_open"`
	ReplyCount   int             `json:"reply_count" doc:"without the opening message"`
	LastReplyAt  *Time           `json:"last_reply_at"`
	ResolvedAt   *Time           `json:"resolved_at"`
	ClosedAt     *Time           `json:"closed_at"`
	MergedIntoID *int64          `json:"merged_into_id"`
	CreatedAt    Time            `json:"created_at"`
	UpdatedAt    Time            `json:"updated_at"`
	Extras       Extras          `json:"extras,omitempty" doc:"what plugins tell of the ticket, by plugin"`
}

// TicketView is an AgentTicket or a CustomerTicket, by who asks.
type TicketView struct {
	Agent    *AgentTicket
	Customer *CustomerTicket
}

// MarshalJSON writes the one that is set.
func (v TicketView) MarshalJSON() ([]byte, error) { return marshalOne(v.Agent, v.Customer) }

// OneOf lists the forms for OpenAPI.
func (TicketView) OneOf() []any { return []any{AgentTicket{}, CustomerTicket{}} }

// ETag is the ticket's version, for If-Match.
func (v TicketView) ETag() string {
	if v.Agent != nil {
		return strconv.Quote(strconv.Itoa(v.Agent.Version))
	}
	return strconv.Quote(strconv.Itoa(v.Customer.Version))
}

func marshalOne[A, C any](a *A, c *C) ([]byte, error) {
	if a != nil {
		return json.Marshal(a)
	}
	return json.Marshal(c)
}

// Extras is what plugins add to a ticket, by plugin.
type Extras map[string]json.RawMessage

// TicketsShown is a page of tickets on its way to Actor. A handler of
// Ticket.Show adds what its plugin knows of them, to all of them at once.
type TicketsShown struct {
	Actor   Actor
	Tickets []Ticket
	extras  map[int64]Extras
}

// Add puts value, as JSON, beside the ticket under the plugin's name. What it
// says must be fit for Actor's eyes.
func (s *TicketsShown) Add(ticket int64, plugin string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("shown by %s: %w", plugin, err)
	}
	if s.extras[ticket] == nil {
		s.extras[ticket] = Extras{}
	}
	s.extras[ticket][plugin] = text
	return nil
}

// Clone copies what handlers can change.
func (s TicketsShown) Clone() TicketsShown {
	extras := map[int64]Extras{}
	for id, e := range s.extras {
		extras[id] = maps.Clone(e)
	}
	s.extras = extras
	return s
}

// View turns tickets into what the actor of ctx may see of them, by one query
// for all of them.
func (s Tickets) View(ctx context.Context, tickets ...Ticket) ([]TicketView, error) {
	beside, err := s.d.neighbours(ctx, besideTickets(tickets, ActorFrom(ctx).IsAgent()))
	if err != nil {
		return nil, err
	}
	return s.view(ctx, beside, tickets...)
}

func (s Tickets) view(ctx context.Context, beside neighbours, tickets ...Ticket) (_ []TicketView, err error) {
	shown := TicketsShown{Actor: ActorFrom(ctx), Tickets: tickets, extras: map[int64]Extras{}}
	s.d.hooks.Ticket.Show.Run(ctx, &shown)
	v, agent := &viewer{neighbours: beside, extras: shown.extras}, ActorFrom(ctx).IsAgent()
	if !agent {
		if v.own, err = s.ownTargets(ctx, tickets); err != nil {
			return nil, err
		}
	}
	out := make([]TicketView, len(tickets))
	for i, t := range tickets {
		if agent {
			out[i].Agent = v.agent(t)
		} else {
			out[i].Customer = v.customer(t)
		}
	}
	return out, nil
}

// viewer holds what the views of a page need.
type viewer struct {
	neighbours
	own    map[int64]bool // targets of merges that the actor may know
	extras map[int64]Extras
}

// besideTickets are the neighbours of tickets; tags are for agents.
func besideTickets(tickets []Ticket, tags bool) (ids neighbourIDs) {
	for _, t := range tickets {
		ids.people = append(ids.people, t.RequesterID)
		if t.AssigneeID != nil {
			ids.people = append(ids.people, *t.AssigneeID)
		}
		if t.DepartmentID != nil {
			ids.departments = append(ids.departments, *t.DepartmentID)
		}
		if tags && t.TagCount > 0 {
			ids.tagged = append(ids.tagged, t.ID)
		}
	}
	return ids
}

// ownTargets finds which merge targets belong to the same requester.
func (s Tickets) ownTargets(ctx context.Context, tickets []Ticket) (map[int64]bool, error) {
	own := map[int64]bool{}
	for _, t := range tickets {
		if t.MergedIntoID == nil {
			continue
		}
		into, err := byID[Ticket](ctx, s.d.store, "ticket", *t.MergedIntoID)
		if err != nil {
			return nil, err
		}
		own[into.ID] = into.RequesterID == t.RequesterID
	}
	return own, nil
}

func (v *viewer) department(t Ticket) *DepartmentView {
	if t.DepartmentID == nil {
		return nil
	}
	return &DepartmentView{*t.DepartmentID, v.departments[*t.DepartmentID]}
}

func (v *viewer) agent(t Ticket) *AgentTicket {
	out := &AgentTicket{
		ID: t.ID, Reference: t.Reference(), Subject: t.Subject, Status: t.Status, Priority: t.Priority, Type: t.Type, Channel: t.Channel,
		Requester: v.people[t.RequesterID], Department: v.department(t), Tags: v.tags[t.ID], Version: t.Version, IsOpen: t.IsOpen,
		ReplyCount: t.ReplyCount, LastReplyAt: t.LastReplyAt, FirstResponseAt: t.FirstResponseAt, ResolvedAt: t.ResolvedAt, ClosedAt: t.ClosedAt,
		MergedIntoID: t.MergedIntoID, SplitFromID: t.SplitFromID, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, DeletedAt: t.DeletedAt,
		Extras: v.extras[t.ID],
	}
	if out.Tags == nil {
		out.Tags = []Tag{}
	}
	if t.AssigneeID != nil {
		p := v.people[*t.AssigneeID]
		out.Assignee = &p
	}
	return out
}

func (v *viewer) customer(t Ticket) *CustomerTicket {
	out := &CustomerTicket{
		ID: t.ID, Reference: t.Reference(), Subject: t.Subject, Status: t.Status, Priority: t.Priority, Type: t.Type,
		Requester: NameView{v.people[t.RequesterID].Name}, Department: v.department(t), Version: t.Version, IsOpen: t.IsOpen,
		ReplyCount: t.ReplyCount, LastReplyAt: t.LastReplyAt, ResolvedAt: t.ResolvedAt, ClosedAt: t.ClosedAt,
		CreatedAt: t.CreatedAt, UpdatedAt: t.PublicAt, Extras: v.extras[t.ID],
	}
	if t.AssigneeID != nil {
		out.Assignee = &NameView{v.people[*t.AssigneeID].Name}
	}
	if t.MergedIntoID != nil && v.own[*t.MergedIntoID] {
		out.MergedIntoID = t.MergedIntoID
	}
	return out
}
